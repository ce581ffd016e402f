"""The state row of each KPI: what a scorecard shows, ready to read. Derived from its latest evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import orjson
from django.db import connection

from kpis.almanac import Almanac
from kpis.bulk import as_array, as_arrays
from kpis.domain.periods import Calendar
from kpis.domain.state import SPARK_PERIODS, Trend, trend_of
from kpis.services.health import healths_of

LOOK_BACK = 26  # periods read per KPI: enough for natural limits and the spark

# Of the newest judged periods those that are closed and have a value, newest first, and the running one. Before the
# last change of definition that broke the series, as seen from the latest closed period, nothing compares.
NEWEST = f"""
WITH kpi AS MATERIALIZED (SELECT unnest(%s::bigint[]) AS kpi_id),
broken AS MATERIALIZED (
    SELECT v.kpi_id, array_agg(v.effective_from) AS days
    FROM kpis_kpiversion v JOIN kpi USING (kpi_id) WHERE v.breaks_series GROUP BY v.kpi_id
)
SELECT k.kpi_id, d.frequency, d.calendar_id, n.*
FROM kpi AS k JOIN kpis_kpi d ON d.id = k.kpi_id LEFT JOIN broken b ON b.kpi_id = k.kpi_id
CROSS JOIN LATERAL (
    SELECT (array_agg(period_start) FILTER (WHERE is_closed))[:{SPARK_PERIODS}],
           array_agg(value) FILTER (WHERE is_closed),
           (array_agg(goal) FILTER (WHERE is_closed))[1], (array_agg(band) FILTER (WHERE is_closed))[1],
           max(period_start) FILTER (WHERE is_provisional AND value IS NOT NULL), (array_agg(no_band_reason))[1]
    FROM (
        SELECT *, NOT is_provisional AND value IS NOT NULL AS is_closed
        FROM kpis_evaluation e
        WHERE e.kpi_id = k.kpi_id AND (b.days IS NULL OR NOT EXISTS (
            SELECT FROM unnest(b.days) AS broke(day) WHERE e.period_start < broke.day AND broke.day <= (
                SELECT max(c.period_start) FROM kpis_evaluation c
                WHERE c.kpi_id = k.kpi_id AND NOT c.is_provisional AND c.value IS NOT NULL
            )
        ))
        ORDER BY period_start DESC LIMIT %s
    ) AS e
) AS n
"""
# The band holds since the closed period after the last one with another. Where the row said so before and no period
# that was judged now contradicts, that is not searched for again.
STORE = """
UPDATE kpis_kpistate s
SET period_start = e.period_start, period_end = e.period_end, value = e.value, previous_value = t.previous_value,
    goal = e.goal, red_flag = e.red_flag, goal_high = e.goal_high, red_high = e.red_high, score = e.score,
    band = coalesce(e.band, ''), no_band_reason = coalesce(e.no_band_reason, t.why_none),
    band_since = CASE WHEN e.band = s.band AND s.period_start < t.judged_from AND NOT EXISTS (
            SELECT 1 FROM kpis_evaluation o
            WHERE o.kpi_id = t.kpi_id AND o.period_start >= t.judged_from AND NOT o.is_provisional
              AND o.value IS NOT NULL AND o.band <> e.band
        ) THEN s.band_since ELSE (
            SELECT min(o.period_start) FROM kpis_evaluation o
            WHERE o.kpi_id = t.kpi_id AND NOT o.is_provisional AND o.value IS NOT NULL AND o.period_start > coalesce((
                SELECT max(b.period_start) FROM kpis_evaluation b
                WHERE b.kpi_id = t.kpi_id AND NOT b.is_provisional AND b.value IS NOT NULL AND b.band <> e.band
            ), '-infinity')
        ) END,
    signal = t.signal, spark = t.spark::jsonb,
    open_start = r.period_start, open_value = r.value, open_band = coalesce(r.band, ''),
    health = t.health, days_late = t.days_late, next_due_on = t.next_due_on,
    dirty_from = NULL, dirty_since = NULL, evaluated_at = %s
FROM unnest(%s::bigint[], %s::date[], %s::date[], %s::date[], %s::numeric[], %s::text[], %s::text[], %s::text[],
            %s::text[], %s::int[], %s::date[])
     AS t(kpi_id, judged_from, last_start, running_start, previous_value, why_none, signal, spark,
          health, days_late, next_due_on)
LEFT JOIN kpis_evaluation e ON e.kpi_id = t.kpi_id AND e.period_start = t.last_start
LEFT JOIN kpis_evaluation r ON r.kpi_id = t.kpi_id AND r.period_start = t.running_start
WHERE s.kpi_id = t.kpi_id
"""


class Newest(NamedTuple):
    """The newest judged periods of a KPI."""

    kpi_id: int
    frequency: str
    calendar_id: int
    starts: list[date] | None
    values: list[Decimal] | None
    goal: Decimal | None
    band: str | None
    running_start: date | None
    why_none: str | None


def refresh_states(*, judged_from: Mapping[int, date], almanac: Almanac, now: datetime) -> None:
    """Write the state rows of the KPIs anew, with no judgement owed; the caller holds them locked.

    `judged_from` has the first period of each that was judged now.
    """
    with connection.cursor() as cursor:
        cursor.execute(NEWEST, [as_array(judged_from), LOOK_BACK + 1])
        newest = [Newest(*row) for row in cursor.fetchall()]
    health = healths_of(kpi_ids=list(judged_from), almanac=almanac, now=now)
    calendars = almanac.calendars
    rows = [(row.kpi_id, judged_from[row.kpi_id], *_stated(row, calendars), *health[row.kpi_id]) for row in newest]
    with connection.cursor() as cursor:
        cursor.execute(STORE, [now, *as_arrays(rows)])


def _stated(row: Newest, calendars: Mapping[int, Calendar]) -> Sequence[object]:
    """Return the latest closed and the running period, previous value, why there is no band, signal and spark."""
    if not row.starts or not row.values:
        return None, row.running_start, None, row.why_none or "", "", "{}"
    trend = trend_of(
        row.starts,
        row.values,
        goal=row.goal,
        band=row.band or "",
        frequency=row.frequency,
        calendar=calendars[row.calendar_id],
    )
    last = row.starts[0]
    running = row.running_start if row.running_start and row.running_start > last else None
    return last, running, trend.previous_value, "", trend.signal, _as_json(trend)


def _as_json(trend: Trend) -> str:
    return orjson.dumps(trend.spark or {}).decode()
