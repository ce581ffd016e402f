"""Telling people that values wait for their approval: one mail for all that gather within some minutes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from alerts.models import Delivery, Message
from alerts.signals import deliveries_owed
from kpiplatform.accounts.models import User
from kpis.models import ProposedValue
from objectives.queries import organisation

GATHERED = timedelta(minutes=10)  # a column is typed value by value


def note_proposals(*, proposed: Sequence[ProposedValue], now: datetime) -> int:
    """Owe everybody who is to decide about the values a mail, and return how many are new.

    Belongs into the transaction that stored the values. A mail that is still owed tells of them, too: what it lists is
    read when it is written.
    """
    people = sorted({pk for one in proposed for pk in _deciding(one)})
    with transaction.atomic():
        # One at a time looks whether a mail is owed.
        held = list(User.objects.select_for_update(no_key=True).filter(pk__in=people, is_active=True).order_by("pk"))
        owed = Delivery.objects.filter(
            recipient__in=held, message__kind=Message.Kind.APPROVAL, state=Delivery.State.PENDING
        )
        told = set(owed.values_list("recipient_id", flat=True))
        new = [person for person in held if person.pk not in told]
        for person in new:
            message = Message.objects.create(
                dedup_key=f"approval|{person.pk}|{now.isoformat()}",
                kind=Message.Kind.APPROVAL,
                facts={"organisation": organisation().name},
                created_at=now,
            )
            Delivery.objects.create(message=message, recipient=person, next_attempt_at=now + GATHERED, created_at=now)
        if new:
            transaction.on_commit(lambda: deliveries_owed.send(sender=None), robust=True)
    return len(new)


def _deciding(one: ProposedValue) -> set[int]:
    """The owner decides about what others entered, deputy and steward about what the owner did."""
    kpi = one.kpi
    deciding = {kpi.deputy_id, kpi.steward_id} if one.entered_by_id == kpi.owner_id else {kpi.owner_id}
    return {pk for pk in deciding if pk is not None and pk != one.entered_by_id}
