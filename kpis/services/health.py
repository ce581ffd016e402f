"""Keeping the health of KPIs true: is the number there, and until when must the next one be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import batched
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from kpis.domain.health import days_late, health_of
from kpis.domain.periods import Calendar, WorkingDays, due_on, period_of, periods_between
from kpis.models import DataSource, Holiday, Kpi, KpiState, PeriodCalendar
from kpis.queries import calendar_of
from kpis.services.recording import ensure_states
from objectives.queries import organisation

BATCH = 1000
DAY = timedelta(days=1)

# Present is what was reported for the whole period; a provisional value of a period that is over is not.
OLDEST_MISSING = """
SELECT wanted.kpi_id, min(wanted.start)
FROM unnest(%s::bigint[], %s::date[]) AS wanted(kpi_id, start)
LEFT JOIN kpis_measurement m
       ON m.kpi_id = wanted.kpi_id AND m.period_start = wanted.start AND m.state <> 'provisional'
WHERE m.kpi_id IS NULL
GROUP BY wanted.kpi_id
"""
LATEST = """
SELECT asked.kpi_id,
       (SELECT m.period_end FROM kpis_measurement m WHERE m.kpi_id = asked.kpi_id AND m.value IS NOT NULL
        ORDER BY m.period_start DESC LIMIT 1),
       (SELECT m.period_end FROM kpis_measurement m WHERE m.kpi_id = asked.kpi_id AND m.state <> 'provisional'
        ORDER BY m.period_start DESC LIMIT 1)
FROM unnest(%s::bigint[]) AS asked(kpi_id)
"""
STORE = """
UPDATE kpis_kpistate s SET health = h.health, days_late = h.days_late, next_due_on = h.next_due_on
FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::date[]) AS h(kpi_id, health, days_late, next_due_on)
WHERE s.kpi_id = h.kpi_id
  AND (s.health::text, s.days_late, s.next_due_on) IS DISTINCT FROM (h.health, h.days_late, h.next_due_on)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """A calendar with its working days."""

    calendar: Calendar
    working: WorkingDays


def refresh_health(*, now: datetime, kpi_ids: Sequence[int] | None = None) -> int:
    """Bring the health of KPIs up to date and return how many changed; safe to repeat.

    Without `kpi_ids` those that time or a source can have changed: a due date has passed, a source
    fails or works again, nothing is known yet. Periods before `next_due_on` count as present, so
    whoever changes when values are expected (frequency, calendar, lag, first day) sets it to NULL.
    """
    today = now.astimezone(ZoneInfo(organisation().time_zone)).date()
    grids = _grids()
    if kpi_ids is None:
        kpi_ids = list(_candidates(today))
        ensure_states(kpi_ids=kpi_ids)
    changed = 0
    for batch in batched(sorted(kpi_ids), BATCH):
        with transaction.atomic():
            states = KpiState.objects.select_for_update(of=("self",)).select_related("kpi").filter(kpi_id__in=batch)
            changed += _refresh(list(states.order_by("kpi_id")), grids, today)
    return changed


def _candidates(today: date) -> Iterator[int]:
    failing = Exists(_failing().filter(mappings__kpi=OuterRef("pk")))
    moved = (
        Q(state__isnull=True)
        | Q(state__next_due_on__isnull=True)
        | Q(state__next_due_on__lt=today)
        | Q(state__health="source_error")
        | failing
    )
    return Kpi.objects.filter(moved, status=Kpi.Status.ACTIVE).values_list("pk", flat=True).iterator()


def _failing() -> QuerySet[DataSource]:
    return DataSource.objects.filter(is_enabled=True, consecutive_failures__gt=0)


def _grids() -> dict[int, _Grid]:
    holidays: dict[int, set[date]] = {}
    for calendar_id, day in Holiday.objects.values_list("calendar_id", "day"):
        holidays.setdefault(calendar_id, set()).add(day)
    return {
        row.pk: _Grid(
            calendar=calendar_of(row),
            working=WorkingDays(weekdays=frozenset(row.working_weekdays), holidays=frozenset(holidays.get(row.pk, ()))),
        )
        for row in PeriodCalendar.objects.all()
    }


def _refresh(states: Sequence[KpiState], grids: dict[int, _Grid], today: date) -> int:
    kpi_ids = [state.kpi_id for state in states]
    latest = {kpi_id: (value_end, final_end) for kpi_id, value_end, final_end in _rows(LATEST, [kpi_ids])}
    asked = [
        (state.kpi_id, start)
        for state in states
        for start in _closed_starts(state, grids[state.kpi.calendar_id].calendar, latest[state.kpi_id][1], today)
    ]
    parameters = [[kpi_id for kpi_id, _ in asked], [start for _, start in asked]]
    missing = dict(_rows(OLDEST_MISSING, parameters))
    failing = set(_failing().filter(mappings__kpi__in=kpi_ids).values_list("mappings__kpi", flat=True))
    rows = []
    for state in states:
        kpi, grid = state.kpi, grids[state.kpi.calendar_id]
        working = grid.working if kpi.lag_in_working_days else None
        start = missing.get(kpi.pk)
        due = due_on(
            period_of(start or max(today, _expected_from(kpi)), kpi.frequency, grid.calendar),
            kpi.reporting_lag_days,
            working,
        )
        oldest_due = due if start else None
        health = health_of(latest[kpi.pk][0], oldest_due, today, kpi.stale_after_days, kpi.pk in failing)
        rows.append((kpi.pk, health, days_late(oldest_due, today), due))
    with connection.cursor() as cursor:
        cursor.execute(STORE, [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], [], []])
        return cursor.rowcount


def _expected_from(kpi: Kpi) -> date:
    return kpi.active_from or kpi.created_at.date()


def _closed_starts(state: KpiState, calendar: Calendar, final_end: date | None, today: date) -> list[date]:
    """Return where the closed periods start among which the oldest missing one is.

    A gap before the latest value of a source is no delay: the source had its chance, and nobody can
    fill it by hand. People are asked for every period.
    """
    kpi = state.kpi
    since = expected = _expected_from(kpi)
    if state.next_due_on is not None:
        # The oldest missing period ended a lag before its due date; a working day takes some days more.
        lag = kpi.reporting_lag_days * 7 + 30 if kpi.lag_in_working_days else kpi.reporting_lag_days
        since = max(since, period_of(state.next_due_on - lag * DAY, kpi.frequency, calendar).start)
    if kpi.entry == Kpi.Entry.SOURCE and final_end is not None:
        since = max(since, final_end)
    return [
        period.start
        for period in periods_between(since, today, kpi.frequency, calendar)
        if period.start >= expected and period.end <= today
    ]


def _rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()
