"""Reading crossings, incidents and what became of the mails."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from alerts.models import AlertState, Announcement, BandCrossing, Delivery, Incident
from kpiplatform.accounts.models import User
from kpis.domain.periods import WorkingDays
from kpis.models import Holiday, Kpi, PeriodCalendar
from kpis.queries import kpis_editable_by
from objectives.models import Role, RoleAssignment
from objectives.queries import organisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """How alerting stands for one KPI: the confirmed band and since when, who was told, what is open."""

    band: str
    since: date | None
    pending: int
    announced_at: datetime | None
    undelivered: int
    incident: Incident | None


def alerts_of(kpi: Kpi) -> Alerts:
    """Return what the KPI's page shows of its alerts, in two queries."""
    own = Announcement.objects.filter(kpi=OuterRef("kpi"), seq=OuterRef("seq"), told_at__isnull=False)
    given_up = Delivery.objects.filter(message__kpi=OuterRef("kpi"), state=Delivery.State.DEAD)
    state = (
        AlertState.objects.filter(kpi=kpi)
        .annotate(
            announced_at=Subquery(own.order_by("-told_at").values("told_at")[:1]),
            undelivered=Subquery(
                given_up.filter(message__crossing__seq=OuterRef("seq"))
                .values("message__kpi")
                .annotate(count=Count("pk"))
                .values("count")
            ),
        )
        .first()
    )
    return Alerts(
        band=state.confirmed_band if state else "",
        since=state.confirmed_since if state else None,
        pending=len(state.pending) if state else 0,
        announced_at=state.announced_at if state else None,
        undelivered=(state.undelivered or 0) if state else 0,
        incident=open_incident(kpi),
    )


def open_incident(kpi: Kpi) -> Incident | None:
    """Return the stretch of trouble the KPI is in, None if it is in none."""
    return (
        Incident.objects.filter(kpi=kpi, closed_at__isnull=True).select_related("opened_by", "acknowledged_by").first()
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


def undelivered_mails(user: User, *, since: datetime) -> QuerySet[Delivery]:
    """Return the mails given up since then: those to `user`, for administrators those to anyone."""
    dead = Delivery.objects.filter(state=Delivery.State.DEAD, finished_at__gte=since)
    administers = RoleAssignment.objects.filter(user=user, role=Role.ADMIN)
    return dead.filter(Q(recipient=user) | Q(Exists(administers))).select_related("message__kpi", "recipient")


def local_date(now: datetime) -> date:
    """Return the organisation's date: in its time zone the day may have changed already, or not yet."""
    return now.astimezone(ZoneInfo(organisation().time_zone)).date()


def working_days() -> dict[int, WorkingDays]:
    """Return the working days of each calendar by its id."""
    holidays: dict[int, set[date]] = defaultdict(set)
    for calendar_id, day in Holiday.objects.values_list("calendar_id", "day"):
        holidays[calendar_id].add(day)
    return {
        pk: WorkingDays(weekdays=frozenset(weekdays), holidays=frozenset(holidays[pk]))
        for pk, weekdays in PeriodCalendar.objects.values_list("pk", "working_weekdays")
    }
