"""Reading all that the owner's page shows, in a number of queries that does not grow with the KPIs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from alerts.models import Incident
from kpiplatform.accounts.models import User
from kpis.domain.periods import WorkingDays
from kpis.models import (
    Commentary,
    Evaluation,
    Holiday,
    KeptValue,
    Kpi,
    Measurement,
    MeasurementRevision,
    PeriodLock,
    PeriodReopening,
    ProposedValue,
)
from kpis.queries import kpis_editable_by, proposed_values_decided_by

RECENT = timedelta(hours=12)  # what was typed since then counts as this sitting
HOLIDAYS_SINCE = timedelta(days=400)  # what can delay the due date of a period in the grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The latest revision of a value that a person made: who, when, and what stood there before."""

    period_start: date
    seq: int
    kind: str
    value: Decimal | None
    before: Decimal | None
    note: str
    by_id: int
    by: str
    at: datetime


def editable_kpis(user: User, *, now: datetime, today: date) -> QuerySet[Kpi]:
    """Return the KPIs whose values `user` may change, with lock, re-openings and holidays that hold for each.

    `locked_until` is a day or None: periods that end by then are locked, but for those starting on a day in
    `reopened`.
    """
    locks = (
        PeriodLock.objects.alias(path=ExpressionWrapper(OuterRef("unit__path"), output_field=CharField()))
        .filter(
            Q(unit=None) | Q(path__startswith=F("unit__path")),
            calendar=OuterRef("calendar"),
            locked_at__gte=OuterRef("created_at"),
        )
        .order_by("-locked_until")
    )
    holidays = Holiday.objects.filter(calendar=OuterRef("calendar"), day__gt=today - HOLIDAYS_SINCE)
    reopenings = PeriodReopening.objects.filter(kpi=OuterRef("pk"), approved_by__isnull=False, expires_at__gt=now)
    return (
        kpis_editable_by(user, today=today)
        .select_related("unit", "calendar", "owner", "deputy", "state")
        .annotate(
            locked_until=Subquery(locks.values("locked_until")[:1]),
            reopened=ArraySubquery(reopenings.values("period_start")),
            holidays=ArraySubquery(holidays.values("day")),
        )
        .order_by("unit__path", "position", "code")
    )


def own_kpis(user: User, *, now: datetime, today: date) -> QuerySet[Kpi]:
    """Return the KPIs that `user` owns, deputises or stewards; none for those who may not write."""
    mine = Q(owner=user) | Q(deputy=user) | Q(steward=user)
    return editable_kpis(user, now=now, today=today).filter(mine)


def working_days(kpis: Iterable[Kpi]) -> dict[int, WorkingDays]:
    """Return the working days of the calendars in use, by calendar id; the KPIs bring their holidays along."""
    return {
        kpi.calendar_id: WorkingDays(
            weekdays=frozenset(kpi.calendar.working_weekdays), holidays=frozenset(kpi.holidays)
        )
        for kpi in kpis
    }


def values_since(since: Mapping[int, date]) -> dict[tuple[int, date], Measurement]:
    """Return the values of each KPI from its day on, each with its `band`, "" where there is none."""
    judged = Evaluation.objects.filter(kpi_id=OuterRef("kpi_id"), period_start=OuterRef("period_start"))
    rows = Measurement.objects.filter(_from(since)).annotate(band=Coalesce(Subquery(judged.values("band")), Value("")))
    return {(row.kpi_id, row.period_start): row for row in rows}


def changes_since(since: Mapping[int, date], *, now: datetime) -> dict[int, list[Change]]:
    """Return per KPI what people changed lately, the latest change of each period, newest first."""
    before = MeasurementRevision.objects.filter(
        kpi_id=OuterRef("kpi_id"), period_start=OuterRef("period_start"), seq=OuterRef("seq") - 1
    )
    later = MeasurementRevision.objects.filter(
        kpi_id=OuterRef("kpi_id"), period_start=OuterRef("period_start"), seq__gt=OuterRef("seq")
    )
    rows = (
        MeasurementRevision.objects.filter(_from(since), ~Exists(later), recorded_at__gt=now - RECENT)
        .filter(recorded_by__isnull=False)
        .annotate(before=Subquery(before.values("value")))
        .order_by("kpi_id", "-recorded_at", "-period_start")
        .values_list(
            "kpi_id",
            "period_start",
            "seq",
            "kind",
            "value",
            "before",
            "note",
            "recorded_by_id",
            "recorded_by__name",
            "recorded_at",
        )
    )
    changes: dict[int, list[Change]] = defaultdict(list)
    for kpi_id, start, seq, kind, value, old, note, by_id, by, at in rows:
        changes[kpi_id].append(
            Change(
                period_start=start,
                seq=seq,
                kind=kind,
                value=value,
                before=old,
                note=note,
                by_id=by_id,
                by=by,
                at=at,
            )
        )
    return changes


def values_at_revision(keys: Sequence[tuple[int, date, int]]) -> dict[tuple[int, date], MeasurementRevision]:
    """Return the given revisions (KPI, period start, seq) by KPI and period start."""
    wanted = Q(pk__in=[])
    for kpi_id, start, seq in keys:
        wanted |= Q(kpi_id=kpi_id, period_start=start, seq=seq)
    rows = MeasurementRevision.objects.filter(wanted).select_related("recorded_by", "pull__source")
    return {(row.kpi_id, row.period_start): row for row in rows}


def history_of(kpi: Kpi, period_start: date) -> list[MeasurementRevision]:
    """Return every version of one value, newest first."""
    rows = MeasurementRevision.objects.filter(kpi=kpi, period_start=period_start)
    return list(rows.select_related("recorded_by", "approved_by", "pull__source").order_by("-seq"))


def proposed_since(since: Mapping[int, date]) -> dict[tuple[int, date], ProposedValue]:
    """Return what was last proposed for each period of the KPIs from its day on, if it waits or was rejected."""
    rows = ProposedValue.objects.filter(_from(since)).select_related("entered_by", "decided_by").order_by("pk")
    latest = {(row.kpi_id, row.period_start): row for row in rows}
    shown = {ProposedValue.Outcome.WAITING, ProposedValue.Outcome.REJECTED}
    return {key: row for key, row in latest.items() if row.outcome in shown}


def kept_since(since: Mapping[int, date], user: User) -> dict[tuple[int, date], KeptValue]:
    """Return what `user` typed for the KPIs from their day on and has not explained yet."""
    rows = KeptValue.objects.filter(_from(since), entered_by=user)
    return {(row.kpi_id, row.period_start): row for row in rows}


def decided_by(user: User, proposed_ids: Collection[int]) -> set[int]:
    """Return which of the values that somebody entered `user` has decided about."""
    rows = ProposedValue.objects.filter(pk__in=proposed_ids, decided_by=user) if proposed_ids else ()
    return {row.pk for row in rows}


def proposed_values(ids: Sequence[int]) -> dict[int, ProposedValue]:
    """Return proposed values by their ids, each with its author."""
    return ProposedValue.objects.select_related("entered_by").in_bulk(ids) if ids else {}


def waiting_for(user: User, *, now: datetime, today: date) -> list[ProposedValue]:
    """Return the values that wait for the approval of `user`, the oldest first, each with its KPI and author.

    `present` and `present_seq` are the value that stands there now and its revision, None and 0 without one.
    `is_locked` tells whether the period was locked meanwhile and is not open again.
    """
    of_kpi = ExpressionWrapper(OuterRef("kpi__unit__path"), output_field=CharField())
    locks = PeriodLock.objects.alias(path=of_kpi).filter(
        Q(unit=None) | Q(path__startswith=F("unit__path")),
        calendar=OuterRef("kpi__calendar"),
        locked_until__gte=OuterRef("period_end"),
        locked_at__gte=OuterRef("kpi__created_at"),
    )
    again = PeriodReopening.objects.filter(
        kpi=OuterRef("kpi"), period_start=OuterRef("period_start"), approved_by__isnull=False, expires_at__gt=now
    )
    stands = Measurement.objects.filter(kpi_id=OuterRef("kpi_id"), period_start=OuterRef("period_start"))
    return list(
        proposed_values_decided_by(user, today=today)
        .select_related("kpi__unit", "kpi__calendar", "entered_by")
        .annotate(
            present=Subquery(stands.values("value")),
            present_seq=Coalesce(Subquery(stands.values("seq")), Value(0)),
            is_locked=Q(Exists(locks)) & ~Q(Exists(again)),
        )
        .order_by("entered_at", "pk")
    )


def open_incidents(kpi_ids: Sequence[int]) -> list[Incident]:
    """Return the open incidents of the KPIs, each with `is_explained`: whether somebody did since it began.

    One read serves both the reds to explain and the alerts to acknowledge.
    """
    explained = Commentary.objects.filter(
        kind=Commentary.Kind.EXPLANATION, kpi_id=OuterRef("kpi_id"), created_at__gte=OuterRef("explanation_asked_at")
    )
    return list(
        Incident.objects.filter(kpi__in=kpi_ids, closed_at=None)
        .annotate(is_explained=Exists(explained))
        .select_related("opened_by")
        .order_by("opened_at", "pk")
    )


def _from(since: Mapping[int, date]) -> Q:
    """Return the condition of a row of one of the KPIs that starts on its day or later."""
    by_day: dict[date, list[int]] = defaultdict(list)
    for kpi_id, day in since.items():
        by_day[day].append(kpi_id)
    condition = Q(pk__in=[])
    for day, kpi_ids in by_day.items():
        condition |= Q(kpi_id__in=kpi_ids, period_start__gte=day)
    return condition
