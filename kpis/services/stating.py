"""The state row of each KPI: what a scorecard shows, ready to read. Derived from its latest evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import compress
from typing import NamedTuple

import orjson
from django.db import connection

from kpis.almanac import Almanac
from kpis.bulk import as_array, as_arrays
from kpis.domain.state import SPARK_PERIODS, comparable_since, trend_of
from kpis.services.health import WATCHED, Watched, healths_of

LOOK_BACK = 26  # periods read per KPI: enough for natural limits and the spark

# What the state row kept of the newest periods holds up to the first that was judged now: only from there on they are
# read, or all of them where it has kept none. Of closed periods their values come along, as text. Where none of them is
# closed, an older one is the latest.
JUDGED = f"""
WITH broken AS MATERIALIZED (
    SELECT kpi_id, array_agg(effective_from) AS days
    FROM kpis_kpiversion WHERE breaks_series AND kpi_id = ANY(%(ids)s::bigint[]) GROUP BY kpi_id
)
SELECT {WATCHED}, s.recent, newest.starts, newest.closed_values, coalesce(newest.why_none, s.no_band_reason),
       coalesce(newest.goal, older.goal), coalesce(newest.band, older.band, ''),
       CASE WHEN newest.closed_start IS NOT NULL THEN newest.running_start ELSE (
           SELECT max(period_start) FROM kpis_evaluation e
           WHERE e.kpi_id = asked.kpi_id AND e.period_start > coalesce(older.period_start, '-infinity')
             AND e.is_provisional AND e.value IS NOT NULL) END,
       b.days
FROM unnest(%(ids)s::bigint[], %(since)s::date[]) AS asked(kpi_id, since)
JOIN kpis_kpi k ON k.id = asked.kpi_id
JOIN kpis_kpistate s ON s.kpi_id = k.id
CROSS JOIN LATERAL (
    SELECT string_agg(to_char(period_start, 'YYYY-MM-DD'), ',') AS starts,
           string_agg(coalesce(closed_value, ''), ',') AS closed_values,
           (array_agg(value))[1] AS value, (array_agg(is_provisional))[1] AS is_provisional,
           (array_agg(period_end))[1] AS period_end, (array_agg(no_band_reason))[1] AS why_none,
           max(period_start) FILTER (WHERE closed_value IS NOT NULL) AS closed_start,
           (array_agg(goal) FILTER (WHERE closed_value IS NOT NULL))[1] AS goal,
           (array_agg(band) FILTER (WHERE closed_value IS NOT NULL))[1] AS band,
           max(period_start) FILTER (WHERE is_provisional AND value IS NOT NULL) AS running_start
    FROM (
        SELECT *, CASE WHEN NOT is_provisional THEN trim_scale(value)::text END AS closed_value
        FROM kpis_evaluation e
        WHERE e.kpi_id = asked.kpi_id
          AND e.period_start >= CASE WHEN s.recent = '' THEN '-infinity' ELSE asked.since END
        ORDER BY period_start DESC LIMIT {LOOK_BACK + 1}
    ) AS e
) AS newest
LEFT JOIN LATERAL (
    SELECT period_start, goal, band FROM kpis_evaluation e
    WHERE newest.closed_start IS NULL AND e.kpi_id = asked.kpi_id AND NOT e.is_provisional AND e.value IS NOT NULL
    ORDER BY period_start DESC LIMIT 1
) AS older ON true
LEFT JOIN broken b ON b.kpi_id = asked.kpi_id
"""
# The band holds since the closed period after the last one with another. That is searched for only where periods before
# the latest were judged now, too, and where the row did not say so before or what was judged contradicts it.
STORE = """
UPDATE kpis_kpistate s
SET period_start = e.period_start, period_end = e.period_end, value = e.value, previous_value = t.previous_value,
    goal = e.goal, red_flag = e.red_flag, goal_high = e.goal_high, red_high = e.red_high, score = e.score,
    band = coalesce(e.band, ''), no_band_reason = coalesce(e.no_band_reason, t.why_none),
    band_since = CASE
        WHEN s.period_start < t.judged_from AND t.judged_from = e.period_start
            THEN CASE WHEN e.band = s.band THEN s.band_since ELSE e.period_start END
        WHEN e.band = s.band AND s.period_start < t.judged_from AND NOT EXISTS (
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
    signal = t.signal, spark = t.spark::jsonb, recent = t.recent,
    open_start = r.period_start, open_value = r.value, open_band = coalesce(r.band, ''),
    health = t.health, days_late = t.days_late, next_due_on = t.next_due_on,
    dirty_from = NULL, dirty_since = NULL, evaluated_at = %s
FROM unnest(%s::bigint[], %s::date[], %s::text[], %s::date[], %s::date[], %s::numeric[], %s::text[], %s::text[],
            %s::text[], %s::text[], %s::int[], %s::date[])
     AS t(kpi_id, judged_from, recent, last_start, running_start, previous_value, why_none, signal, spark,
          health, days_late, next_due_on)
LEFT JOIN kpis_evaluation e ON e.kpi_id = t.kpi_id AND e.period_start = t.last_start
LEFT JOIN kpis_evaluation r ON r.kpi_id = t.kpi_id AND r.period_start = t.running_start
WHERE s.kpi_id = t.kpi_id
RETURNING s.kpi_id, s.score, s.band
"""


class Newest(NamedTuple):
    """The newest judged periods of a KPI: those that its state row kept, and those that were judged since."""

    recent: str
    starts: str | None
    values: str | None
    why_none: str
    goal: Decimal | None
    band: str
    running_start: date | None
    breaks: list[date] | None


def refresh_states(
    *, judged_from: Mapping[int, date], almanac: Almanac, now: datetime
) -> dict[int, tuple[Decimal | None, str]]:
    """Write the state rows of the KPIs anew, with no judgement owed, and return the score and band of each.

    The caller holds them locked. `judged_from` has the first period of each that was judged now.
    """
    with connection.cursor() as cursor:
        cursor.execute(JUDGED, {"ids": as_array(judged_from), "since": as_array(judged_from.values())})
        found = cursor.fetchall()
    of_health = len(Watched._fields)
    watched = [Watched(*row[:of_health]) for row in found]
    health = healths_of(watched=watched, almanac=almanac, now=now)
    rows = []
    for kpi, row in zip(watched, found, strict=True):
        since = judged_from[kpi.kpi_id]
        stated = _stated(kpi, Newest(*row[of_health:]), since, almanac)
        rows.append((kpi.kpi_id, since, *stated, *health[kpi.kpi_id]))
    with connection.cursor() as cursor:
        cursor.execute(STORE, [now, *as_arrays(rows)])
        return {kpi_id: (score, band) for kpi_id, score, band in cursor.fetchall()}


def _stated(kpi: Watched, row: Newest, since: date, almanac: Almanac) -> Sequence[object]:
    """Return the newest periods, the last closed and the running one, previous value, why no band, signal and spark."""
    starts, values = _newest(row, since)
    recent = f"{','.join(starts)};{','.join(values)}" if starts else ""
    closed_starts, closed_values = list(compress(starts, values)), list(filter(None, values))
    if not closed_starts:
        return recent, None, row.running_start, None, row.why_none, "", "{}"
    last = date.fromisoformat(closed_starts[0])
    running = row.running_start if row.running_start and row.running_start > last else None
    if row.breaks:  # what came before the last change of definition that broke the series does not compare
        alike_since = str(comparable_since(row.breaks, last))
        alike = sum(start >= alike_since for start in closed_starts)
        closed_starts, closed_values = closed_starts[:alike], closed_values[:alike]
    trend = trend_of(
        [date.fromisoformat(start) for start in closed_starts[:SPARK_PERIODS]],
        [Decimal(value) for value in closed_values],
        goal=row.goal,
        band=row.band,
        frequency=kpi.frequency,
        calendar=almanac.calendars[kpi.calendar_id],
    )
    spark = orjson.dumps(trend.spark or {}).decode()
    return recent, last, running, trend.previous_value, "", trend.signal, spark


def _newest(row: Newest, since: date) -> tuple[list[str], list[str]]:
    """Return where the newest judged periods start, the latest first, and the values of those that are closed or ""."""
    starts, values = (part.split(",") if part is not None else [] for part in (row.starts, row.values))
    if row.recent:
        kept_starts, kept_values = (part.split(",") for part in row.recent.split(";"))
        first = next((place for place, start in enumerate(kept_starts) if start < str(since)), len(kept_starts))
        starts, values = starts + kept_starts[first:], values + kept_values[first:]
    return starts[: LOOK_BACK + 1], values[: LOOK_BACK + 1]
