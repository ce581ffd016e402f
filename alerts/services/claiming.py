"""Who sends which delivery: one sender at a time, and of several about one KPI only the newest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop

from alerts.models import Delivery, Message
from alerts.services.superseding import BY, PERHAPS_TOLD

SIGN_IN_REFUSED = gettext_noop("sign-in refused: ")
PERHAPS = gettext_noop("perhaps accepted before; ")
ANOTHER_CLAIM = timedelta(seconds=1)  # claims are short

State = Delivery.State


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """The delivery to send, if any is due, and how many were set aside on the way to it."""

    delivery: Delivery | None
    suppressed: int


def is_paused(*, now: datetime) -> bool:
    """Return whether the server refused our sign-in a moment ago: the delivery that met it waits until then."""
    return Delivery.objects.filter(
        state=State.PENDING, next_attempt_at__gt=now, reply__contains=SIGN_IN_REFUSED
    ).exists()


def claim(*, at: datetime, lease: timedelta) -> Claimed:
    """Take the delivery that is due longest, with its attempt and lease committed on return.

    A claim whose lease ran out is taken over: its sender died, and the mail may have been accepted.
    """
    suppressed = 0
    while True:
        with transaction.atomic():
            delivery = _due(at).first()
            if delivery is None:
                return Claimed(delivery=None, suppressed=suppressed)
            suppressed += _make_way(delivery, at)
            if delivery.state == State.SUPPRESSED or delivery.next_attempt_at > at:
                continue
            delivery.reply = PERHAPS if _perhaps_accepted(delivery) else ""
            delivery.state, delivery.attempts = State.LEASED, delivery.attempts + 1
            delivery.lease_until = delivery.next_attempt_at = at + lease
            delivery.save(update_fields=["state", "attempts", "lease_until", "next_attempt_at", "reply"])
        return Claimed(delivery=delivery, suppressed=suppressed)


def renew(*, delivery: Delivery, until: datetime) -> bool:
    """Prolong a claim and return whether it was still ours."""
    own = Delivery.objects.filter(pk=delivery.pk, state=State.LEASED, lease_until=delivery.lease_until)
    if not own.update(lease_until=until, next_attempt_at=until):
        return False
    delivery.lease_until = until
    return True


def _due(at: datetime) -> QuerySet[Delivery]:
    """Deliveries owed by now; a claimed one is due again when its lease ends, since the two times are the same."""
    return (
        Delivery.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("recipient", "message__subscription")
        .filter(state__in=[State.PENDING, State.LEASED], next_attempt_at__lte=at)
        .order_by("next_attempt_at", "message_id")
    )


def _make_way(delivery: Delivery, at: datetime) -> int:
    """Let only the newest of what is owed to one person about one KPI be sent; return how many were set aside.

    A delivery that another sender has in hand is waited for, so that mails arrive in the order of what they say.
    """
    if delivery.message.kind not in Message.ABOUT_BANDS:
        return 0
    siblings = list(
        _siblings(delivery).filter(
            Q(state__in=[State.PENDING, State.LEASED]) | Q(state=State.SENT, message_id__gt=delivery.message_id)
        )
    )
    in_hand = [one.next_attempt_at for one in siblings if one.state == State.LEASED and one.next_attempt_at > at]
    if in_hand:
        _postpone(delivery, max(in_hand))
        return 0
    newer = [one for one in siblings if one.message_id > delivery.message_id]
    if newer:
        _supersede(delivery, max(newer, key=lambda one: one.message_id), at)
        return 1
    older = Delivery.objects.select_for_update(skip_locked=True).filter(pk__in=[one.pk for one in siblings])
    locked = list(older)
    if len(locked) < len(siblings):
        _postpone(delivery, at + ANOTHER_CLAIM)
        return 0
    for one in locked:
        _supersede(one, delivery, at)
    return len(locked)


def _siblings(delivery: Delivery) -> QuerySet[Delivery]:
    """What else was owed to the same person about the band of the same KPI."""
    about_the_same = Delivery.objects.filter(
        recipient=delivery.recipient_id,
        channel=delivery.channel,
        message__kpi=delivery.message.kpi_id,
        message__kind__in=Message.ABOUT_BANDS,
    )
    return about_the_same.exclude(pk=delivery.pk)


def _postpone(delivery: Delivery, until: datetime) -> None:
    delivery.next_attempt_at = until
    delivery.save(update_fields=["next_attempt_at"])


def _supersede(older: Delivery, newer: Delivery, at: datetime) -> None:
    """Set `older` aside for `newer`, together with all that was set aside for it."""
    perhaps = PERHAPS_TOLD if _perhaps_accepted(older) else ""
    for earlier in _siblings(older).filter(state=State.SUPPRESSED, reply__startswith=f"{BY}{older.pk}"):
        earlier.reply = earlier.reply.replace(str(older.pk), str(newer.pk))
        earlier.save(update_fields=["reply"])
    older.state, older.reply = State.SUPPRESSED, f"{BY}{newer.pk}{perhaps}"
    older.lease_until, older.finished_at = None, at
    older.save(update_fields=["state", "reply", "lease_until", "finished_at"])


def _perhaps_accepted(delivery: Delivery) -> bool:
    """Whether a sender died with it in hand, or had no answer after handing it over."""
    return delivery.state == State.LEASED or delivery.reply.startswith(PERHAPS)
