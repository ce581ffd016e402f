"""One incident told in time: changes of band, what was sent to whom, who acknowledged, what was explained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.inbox import cause_words
from alerts.mails import Reader, band_subject, minutes_subject
from alerts.models import BandCrossing, Delivery, Incident, Message
from alerts.queries import grades_of_crossings
from alerts.replies import reply_in_words
from alerts.wording import Wording
from kpiplatform.accounts.models import User
from kpis.models import Commentary, Kpi
from kpis.templatetags.kpi_figures import band_name

State = Delivery.State


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLine:
    """What became of one mail to one person."""

    who: str
    state: str
    tone: str
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened, at its moment; of bands, `old` and `new` are given."""

    order: tuple[datetime, int]
    at: str
    title: str
    text: str = ""
    grade: str = ""
    old: str | None = None
    new: str | None = None
    who: User | None = None
    explanation: Commentary | None = None
    recovery: str = ""
    deliveries: Sequence[DeliveryLine] = field(default_factory=tuple)


def story(incident: Incident, *, deliveries: QuerySet[Delivery], reader: User, wording: Wording) -> list[Event]:
    """Return what happened, oldest first; of the mails only those among `deliveries`."""
    kpi = incident.kpi
    crossings = _crossings(incident)
    mails = deliveries.filter(message__kpi=kpi, message__facts__incident=incident.pk).order_by("message_id", "pk")
    explanations = Commentary.objects.filter(
        kpi=kpi, kind=Commentary.Kind.EXPLANATION, created_at__gte=incident.opened_at
    ).select_related("author")
    if incident.closed_at is not None:
        explanations = explanations.filter(created_at__lte=incident.closed_at)
    grades = grades_of_crossings(crossings, now=wording.now)
    events = [_changed(one, kpi, grades.get(one.pk, ""), wording) for one in crossings]
    events += _sent(mails, reader, wording)
    events += [_explained(one, wording) for one in explanations]
    if incident.acknowledged_at is not None:
        events.append(
            Event(
                order=(incident.acknowledged_at, 2),
                at=wording.moment(incident.acknowledged_at),
                title=_("acknowledged it"),
                who=incident.acknowledged_by,
            )
        )
    return sorted(events, key=lambda event: event.order)


def _crossings(incident: Incident) -> QuerySet[BandCrossing]:
    """From the one that opened it up to the one that closed it."""
    crossings = BandCrossing.objects.filter(kpi=incident.kpi, seq__gte=incident.opened_by.seq)
    if incident.closed_at is not None:
        crossings = crossings.filter(recorded_at__lte=incident.closed_at)
    return crossings.order_by("seq")


def _changed(crossing: BandCrossing, kpi: Kpi, grade: str, wording: Wording) -> Event:
    figures = wording.against(kpi, crossing.value, crossing.goal, crossing.red_flag)
    return Event(
        order=(crossing.recorded_at, 0),
        at=wording.moment(crossing.recorded_at),
        title=_("%(band)s in %(period)s")
        % {"band": band_name(crossing.to_band), "period": wording.period(kpi, crossing.period_start)},
        text=", ".join(part for part in (figures, cause_words(crossing.cause)) if part),
        grade=grade,
        old=crossing.from_band,
        new=crossing.to_band,
    )


def _explained(said: Commentary, wording: Wording) -> Event:
    return Event(
        order=(said.created_at, 3),
        at=wording.moment(said.created_at),
        title=_("explained it"),
        who=said.author,
        explanation=said,
        recovery=wording.day(said.recovery_on) if said.recovery_on else "",
    )


def _sent(deliveries: Iterable[Delivery], reader: User, wording: Wording) -> list[Event]:
    by_subject: dict[tuple[datetime, str], list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        by_subject[delivery.message.created_at, subject_of(delivery.message, reader)].append(delivery)
    return [
        Event(
            order=(at, 1),
            at=wording.moment(at),
            title=_("Mail: %(subject)s") % {"subject": subject},
            deliveries=[delivery_line(one, wording) for one in own],
        )
        for (at, subject), own in by_subject.items()
    ]


def subject_of(message: Message, reader: User) -> str:
    """Return what a mail is about, as its subject says it, in the reader's locale."""
    facts: dict[str, Any] = message.facts
    if message.kind in Message.ABOUT_BANDS:
        named = Reader(name=reader.name, locale=reader.locale, time_zone=ZoneInfo(reader.time_zone))
        return band_subject(facts, kind=message.kind, was=facts["was"], reader=named)
    if message.kind == Message.Kind.MENTION:
        return _("%(who)s named you: %(name)s") % {"who": facts["author"], "name": facts["kpi"]["name"]}
    if message.kind == Message.Kind.MINUTES:
        return minutes_subject(facts)
    if message.kind == Message.Kind.APPROVAL:
        return _("Values wait for your approval")
    kinds: dict[str, str] = {
        Message.Kind.SOURCE_ERROR: _("%(name)s: source error"),
        Message.Kind.SUSPECT: _("%(name)s: pull held"),
    }
    return kinds.get(message.kind, "%(name)s") % {"name": facts.get("source", message.kind)}


def delivery_line(delivery: Delivery, wording: Wording) -> DeliveryLine:
    """Return what became of a mail: sent, owed, given up or set aside, with the server's last word."""
    finished = wording.moment(delivery.finished_at) if delivery.finished_at else ""
    state, tone = "", ""
    match delivery.state:
        case State.SENT:
            state = _("sent %(at)s") % {"at": finished}
        case State.DEAD:
            state, tone = _("given up %(at)s") % {"at": finished}, "worse"
        case State.SUPPRESSED:
            state = _("not sent")
        case State.LEASED:
            state = _("being sent")
        case _other if delivery.next_attempt_at <= wording.now:
            state = _("owed, goes out next")
        case _other:
            state = _("owed, next attempt %(at)s") % {"at": wording.moment(delivery.next_attempt_at)}
    if delivery.attempts > 1 or (delivery.attempts and delivery.state != State.SENT):
        attempts = ngettext("%(n)s attempt", "%(n)s attempts", delivery.attempts) % {"n": delivery.attempts}
        state = f"{state}, {attempts}"
    return DeliveryLine(who=delivery.recipient.name, state=state, tone=tone, reply=reply_in_words(delivery.reply))
