"""Reading crossings, incidents and what became of the mails."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, When

from alerts.models import BandCrossing, Delivery, Incident, Subscription
from kpiplatform.accounts.models import User
from kpis.domain.periods import WorkingDays
from kpis.grades import INSTANT, grades_then
from kpis.models import Commentary, Holiday, Kpi, PeriodCalendar
from kpis.queries import kpis_editable_by, kpis_visible_to
from objectives.queries import may_configure, objectives_visible_to, organisation, organisations_day, units_visible_to

WITH_A_LINE = ("kpi__unit", "kpi__calendar", "kpi__owner")
State = Delivery.State

# Rows with what was read along: an Incident with `is_explained`, in the inbox with `is_own`; a BandCrossing with the
# `incident_id` it belongs to.
type IncidentRead = Any
type CrossingRead = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The stretch of trouble that a KPI is in: what its owner has said of it, or owes."""

    pk: int
    acknowledged_at: datetime | None
    acknowledged_by: str
    explanation_due_on: date | None
    is_explained: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """How alerting stands for one KPI: the confirmed band and since when, who was told, what is open."""

    band: str
    since: date | None
    pending: int
    announced_at: datetime | None
    undelivered: int
    follows: bool
    incident: Trouble | None


# Written as SQL because every page of a KPI asks it: through the ORM, writing it costs several times its answer.
ALERTING = """
SELECT coalesce(a.confirmed_band, ''), a.confirmed_since, coalesce(jsonb_array_length(a.pending), 0),
    (SELECT max(told_at) FROM alerts_announcement WHERE kpi_id = k.id AND seq = a.seq),
    (
        SELECT count(*) FROM alerts_bandcrossing c JOIN alerts_message m ON m.crossing_id = c.id
        JOIN alerts_delivery d ON d.message_id = m.id
        WHERE c.kpi_id = k.id AND c.seq = a.seq AND d.state = 'dead'
    ),
    EXISTS (SELECT FROM alerts_subscription WHERE kpi_id = k.id AND user_id = %(reader)s AND is_active),
    i.id, i.acknowledged_at, coalesce(u.name, ''), i.explanation_due_on,
    EXISTS (
        SELECT FROM kpis_commentary
        WHERE kpi_id = k.id AND kind = 'explanation' AND created_at >= i.explanation_asked_at
    )
FROM kpis_kpi k LEFT JOIN alerts_alertstate a ON a.kpi_id = k.id
LEFT JOIN alerts_incident i ON i.kpi_id = k.id AND i.closed_at IS NULL
LEFT JOIN accounts_user u ON u.id = i.acknowledged_by_id
WHERE k.id = %(kpi)s
"""


def alerts_of(kpi: Kpi, *, reader: User) -> Alerts:
    """Return what the KPI's page shows of its alerts, in one query; `follows` is whether `reader` is told of them."""
    with connection.cursor() as cursor:
        cursor.execute(ALERTING, {"kpi": kpi.pk, "reader": reader.pk})
        band, since, pending, announced_at, undelivered, follows, *incident = cursor.fetchone()
    pk, acknowledged_at, acknowledged_by, due_on, is_explained = incident
    trouble = Trouble(
        pk=pk,
        acknowledged_at=acknowledged_at,
        acknowledged_by=acknowledged_by,
        explanation_due_on=due_on,
        is_explained=is_explained,
    )
    return Alerts(
        band=band,
        since=since,
        pending=pending,
        announced_at=announced_at,
        undelivered=undelivered,
        follows=follows,
        incident=trouble if pk else None,
    )


def incidents_visible_to(user: User, *, today: date) -> QuerySet[Incident]:
    """Return the stretches of trouble, open and past, of the KPIs that `user` may open."""
    return Incident.objects.filter(kpi__in=kpis_visible_to(user, today=today))


def with_a_page(incidents: QuerySet[Incident]) -> QuerySet[IncidentRead]:
    """Return the incidents with all that the page of one shows around its story."""
    around = ("kpi__alert_state", "kpi__state", "kpi__deputy", "opened_by", "acknowledged_by")
    return incidents.annotate(is_explained=_explained()).select_related(*WITH_A_LINE, *around)


def inbox_of(user: User, *, today: date, mine: bool) -> QuerySet[IncidentRead]:
    """Return the open incidents that `user` may see, or only those of KPIs they answer for, with what a line says.

    `is_own` is 1 for the latter; `is_explained` says whether somebody gave cause, action and recovery date.
    """
    incidents = (
        with_a_page(incidents_visible_to(user, today=today))
        .filter(closed_at__isnull=True)
        .annotate(is_own=_is_own(user))
    )
    return incidents.filter(is_own=1) if mine else incidents


def crossings_of(user: User, *, today: date, mine: bool) -> QuerySet[CrossingRead]:
    """Return the changes of band of the KPIs that `user` may see, or only of those they answer for.

    A first judgement is no change. Each comes with the `incident_id` it belongs to, if there is one.
    """
    still_open = Q(closed_at__isnull=True) | Q(closed_at__gte=OuterRef("recorded_at"))
    within = Incident.objects.filter(still_open, kpi=OuterRef("kpi"), opened_by__seq__lte=OuterRef("seq"))
    crossings = (
        BandCrossing.objects.filter(kpi__in=kpis_visible_to(user, today=today))
        .exclude(cause=BandCrossing.Cause.FIRST)
        .annotate(incident_id=Subquery(within.order_by("-opened_by__seq").values("pk")[:1]))
        .select_related(*WITH_A_LINE)
    )
    return crossings.filter(Q(kpi__owner=user) | Q(kpi__deputy=user)) if mine else crossings


def grades_of_crossings(crossings: Iterable[BandCrossing], *, now: datetime) -> dict[int, str]:
    """Return the grade of confidence in the value of each change of band by its id, as it was known when it was noted.

    There is none for a value that was withdrawn.
    """
    asked = {
        one.pk: (one.kpi_id, one.period_start, one.recorded_at + INSTANT) for one in crossings if one.value is not None
    }
    grades = grades_then(asked.values(), now=now, zone=ZoneInfo(organisation().time_zone)) if asked else {}
    return {pk: grades[one] for pk, one in asked.items() if one in grades}


def deliveries_visible_to(user: User, *, today: date) -> QuerySet[Delivery]:
    """Return the mails that `user` may read of: their own, those about KPIs they own, for administrators all."""
    deliveries = Delivery.objects.select_related("message__kpi", "message__source", "recipient")
    if may_configure(user, today=today):
        return deliveries
    return deliveries.filter(Q(recipient=user) | Q(message__kpi__owner=user))


def subscriptions_of(user: User, *, today: date) -> QuerySet[Subscription]:
    """Return what `user` has asked to be told, those as an owner first, as far as they may still see it."""
    visible = (
        Q(kpi__in=kpis_visible_to(user, today=today))
        | Q(objective__in=objectives_visible_to(user, today=today))
        | Q(unit__in=units_visible_to(user, today=today))
    )
    return (
        Subscription.objects.filter(visible, user=user)
        .select_related("kpi__unit", "objective", "unit")
        .order_by("-as_owner", "kpi__name", "objective__name", "unit__name", "pk")
    )


def incidents_to_acknowledge(user: User, *, today: date) -> QuerySet[Incident]:
    """Return the open incidents of KPIs that `user` owns or deputises and nobody has acknowledged, oldest first."""
    kpis = kpis_editable_by(user, today=today).filter(Q(owner=user) | Q(deputy=user))
    return (
        Incident.objects.filter(kpi__in=kpis, closed_at__isnull=True, acknowledged_at__isnull=True)
        .select_related("kpi__calendar", "opened_by")
        .order_by("opened_at", "kpi__code")
    )


def recent_crossings(kpis: QuerySet[Kpi], *, since: datetime) -> QuerySet[BandCrossing]:
    """Return the changes of band of the given KPIs recorded since then, newest first; a first judgement is none."""
    return (
        BandCrossing.objects.filter(kpi__in=kpis, recorded_at__gte=since)
        .exclude(cause=BandCrossing.Cause.FIRST)
        .select_related("kpi__calendar", "kpi__unit", "kpi__owner")
        .order_by("-recorded_at", "kpi__code", "-seq")
    )


def _is_own(user: User) -> Case:
    return Case(When(Q(kpi__owner=user) | Q(kpi__deputy=user), then=1), default=0)


def _explained() -> Exists:
    """Whether an incident was explained since that was last asked."""
    return Exists(
        Commentary.objects.filter(
            kind=Commentary.Kind.EXPLANATION,
            kpi_id=OuterRef("kpi_id"),
            created_at__gte=OuterRef("explanation_asked_at"),
        )
    )


def local_date(now: datetime) -> date:
    """Return the organisation's date: in its time zone the day may have changed already, or not yet."""
    return organisations_day(now)


def working_days() -> dict[int, WorkingDays]:
    """Return the working days of each calendar by its id."""
    holidays: dict[int, set[date]] = defaultdict(set)
    for calendar_id, day in Holiday.objects.values_list("calendar_id", "day"):
        holidays[calendar_id].add(day)
    return {
        pk: WorkingDays(weekdays=frozenset(weekdays), holidays=frozenset(holidays[pk]))
        for pk, weekdays in PeriodCalendar.objects.values_list("pk", "working_weekdays")
    }
