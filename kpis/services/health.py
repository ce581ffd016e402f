"""Keeping the health of KPIs true: is the number there, and until when must the next one be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import batched
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from kpis.almanac import Almanac, almanac
from kpis.bulk import as_array, as_arrays
from kpis.domain.health import Health, days_late, health_of
from kpis.domain.periods import Calendar, WorkingDays, due_on, period_of, periods_between
from kpis.models import DataSource, Kpi
from kpis.services.locking import ensure_states, lock_states

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
# A gap before the latest value of a source is no delay: the source had its chance, and nobody can fill it by hand.
# People are asked for every period. The newest values may be among those that were judged.
WATCHED = """
       k.id, k.calendar_id, k.frequency, k.reporting_lag_days, k.lag_in_working_days, k.stale_after_days,
       coalesce(k.active_from, (k.created_at AT TIME ZONE 'UTC')::date), s.next_due_on, k.entry = 'source',
       coalesce(newest.value_end, (
           SELECT m.period_end FROM kpis_measurement m WHERE m.kpi_id = k.id AND m.value IS NOT NULL
           ORDER BY m.period_start DESC LIMIT 1)),
       coalesce(newest.final_end, (
           SELECT m.period_end FROM kpis_measurement m WHERE m.kpi_id = k.id AND m.state <> 'provisional'
           ORDER BY m.period_start DESC LIMIT 1)),
       EXISTS (SELECT 1 FROM kpis_sourcemapping f JOIN kpis_datasource d ON d.id = f.source_id
               WHERE f.kpi_id = k.id AND d.is_enabled AND d.consecutive_failures > 0)
"""
OF_THESE = f"""
SELECT {WATCHED}
FROM unnest(%s::bigint[]) AS asked(kpi_id)
JOIN kpis_kpi k ON k.id = asked.kpi_id
JOIN kpis_kpistate s ON s.kpi_id = k.id
LEFT JOIN LATERAL (
    SELECT CASE WHEN value IS NOT NULL THEN period_end END AS value_end,
           CASE WHEN state <> 'provisional' THEN period_end END AS final_end
    FROM kpis_measurement m WHERE m.kpi_id = k.id ORDER BY m.period_start DESC LIMIT 1
) AS newest ON true
"""
STORE = """
UPDATE kpis_kpistate s SET health = h.health, days_late = h.days_late, next_due_on = h.next_due_on
FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::date[]) AS h(kpi_id, health, days_late, next_due_on)
WHERE s.kpi_id = h.kpi_id
  AND (s.health::text, s.days_late, s.next_due_on) IS DISTINCT FROM (h.health, h.days_late, h.next_due_on)
"""


class Watched(NamedTuple):
    """What the health of a KPI depends on, but for the values that are missing."""

    kpi_id: int
    calendar_id: int
    frequency: str
    lag: int
    lag_in_working_days: bool
    stale_after: int
    expected_from: date
    next_due_on: date | None
    is_pulled: bool
    value_end: date | None
    final_end: date | None
    is_failing: bool


@dataclass(slots=True, kw_only=True)
class _Grid:
    """A calendar with its working days, and what was asked of it before: most KPIs of a rhythm ask the same."""

    calendar: Calendar
    working: WorkingDays
    today: date
    _starts: dict[tuple[str, date], list[date]] = field(default_factory=dict)
    _due: dict[tuple[str, date, int, bool], date] = field(default_factory=dict)

    def closed_starts(self, frequency: str, since: date) -> list[date]:
        """Return where the periods start that are over by today, from the one that holds `since` on."""
        if (frequency, since) not in self._starts:
            periods = periods_between(since, self.today, frequency, self.calendar)
            self._starts[frequency, since] = [period.start for period in periods if period.end <= self.today]
        return self._starts[frequency, since]

    def due(self, frequency: str, day: date, lag: int, in_working_days: bool) -> date:
        """Return when the value of the period that holds a day is due."""
        asked = (frequency, day, lag, in_working_days)
        if asked not in self._due:
            period = period_of(day, frequency, self.calendar)
            self._due[asked] = due_on(period, lag, self.working if in_working_days else None)
        return self._due[asked]


def refresh_health(*, now: datetime, kpi_ids: Sequence[int] | None = None) -> int:
    """Bring the health of KPIs up to date and return how many changed; safe to repeat.

    Without `kpi_ids` those that time or a source can have changed: a due date has passed, a source
    fails or works again, nothing is known yet. Periods before `next_due_on` count as present, so
    whoever changes when values are expected (frequency, calendar, lag, first day) sets it to NULL.
    """
    days = almanac()
    if kpi_ids is None:
        kpi_ids = list(_candidates(days.today(now)))
        ensure_states(kpi_ids=kpi_ids)
    changed = 0
    for batch in batched(sorted(kpi_ids), BATCH):
        with transaction.atomic():
            lock_states(kpi_ids=batch)
            watched = [Watched(*row) for row in _rows(OF_THESE, [as_array(batch)])]
            health = healths_of(watched=watched, almanac=days, now=now)
            rows = [(kpi_id, *row) for kpi_id, row in health.items()]
            with connection.cursor() as cursor:
                cursor.execute(STORE, as_arrays(rows) if rows else ["{}"] * 4)
                changed += cursor.rowcount
    return changed


def healths_of(*, watched: Sequence[Watched], almanac: Almanac, now: datetime) -> dict[int, tuple[Health, int, date]]:
    """Return for each KPI its health, by how many days it is late, and when the oldest missing value is or was due."""
    grids = _grids(almanac, almanac.today(now))
    alike: dict[tuple[Any, ...], list[Watched]] = defaultdict(list)  # most KPIs of a rhythm differ in nothing else
    for row in watched:
        alike[row[1:]].append(row)
    asked = [
        (row.kpi_id, start)
        for first, *rest in alike.values()
        for start in _asked_of(first, grids[first.calendar_id])
        for row in (first, *rest)
    ]
    missing = dict(_rows(OLDEST_MISSING, as_arrays(asked))) if asked else {}
    healths = {}
    for rows in alike.values():
        known: dict[date | None, tuple[Health, int, date]] = {}
        for row in rows:
            oldest = missing.get(row.kpi_id)
            if oldest not in known:
                known[oldest] = _health(row, oldest, grids[row.calendar_id])
            healths[row.kpi_id] = known[oldest]
    return healths


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


def _grids(almanac: Almanac, today: date) -> dict[int, _Grid]:
    return {
        pk: _Grid(calendar=calendar, working=almanac.working[pk], today=today)
        for pk, calendar in almanac.calendars.items()
    }


def _asked_of(row: Watched, grid: _Grid) -> list[date]:
    """Return where the closed periods start among which the oldest missing one is."""
    since = row.expected_from
    if row.next_due_on is not None:
        # The oldest missing period ended a lag before its due date; a working day takes some days more.
        lag = row.lag * 7 + 30 if row.lag_in_working_days else row.lag
        since = max(since, row.next_due_on - lag * DAY)
    if row.is_pulled and row.final_end is not None:
        since = max(since, row.final_end)
    return [start for start in grid.closed_starts(row.frequency, since) if start >= row.expected_from]


def _health(row: Watched, missing: date | None, grid: _Grid) -> tuple[Health, int, date]:
    asked_for = missing or max(grid.today, row.expected_from)
    due = grid.due(row.frequency, asked_for, row.lag, row.lag_in_working_days)
    oldest_due = due if missing else None
    health = health_of(row.value_end, oldest_due, grid.today, row.stale_after, row.is_failing)
    return health, days_late(oldest_due, grid.today), due


def _rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()
