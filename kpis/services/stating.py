"""The state row of each KPI: what a scorecard shows, ready to read. Derived from its latest evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import compress
from typing import NamedTuple

from django.db import connection

from kpis.almanac import Almanac
from kpis.bulk import as_array, as_arrays
from kpis.domain.periods import Calendar
from kpis.domain.state import SPARK_PERIODS, comparable_since, last_starts, places_of
from kpis.domain.trends import PLACES, Series, Told, trends_of
from kpis.services.health import WATCHED, Watched, healths_of

LOOK_BACK = 26  # periods read per KPI: enough for natural limits and the spark
UNTOLD = Told(None, "", "{}")  # the trend of a KPI that has no closed value

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
       to_char(CASE WHEN newest.closed_start IS NOT NULL THEN newest.running_start ELSE (
           SELECT max(period_start) FROM kpis_evaluation e
           WHERE e.kpi_id = asked.kpi_id AND e.period_start > coalesce(older.period_start, '-infinity')
             AND e.is_provisional AND e.value IS NOT NULL) END, 'YYYY-MM-DD'),
       b.days
FROM unnest(%(ids)s::bigint[], %(since)s::date[]) AS asked(kpi_id, since)
JOIN kpis_kpi k ON k.id = asked.kpi_id
JOIN kpis_kpistate s ON s.kpi_id = k.id
CROSS JOIN LATERAL (
    SELECT string_agg(to_char(period_start, 'YYYY-MM-DD'), ',') AS starts,
           string_agg(coalesce(closed_value::text, ''), ',') AS closed_values,
           max(period_end) FILTER (WHERE value IS NOT NULL) AS value_end,
           max(period_end) FILTER (WHERE NOT is_provisional) AS final_end,
           (array_agg(no_band_reason))[1] AS why_none,
           max(period_start) FILTER (WHERE closed_value IS NOT NULL) AS closed_start,
           (array_agg(goal) FILTER (WHERE closed_value IS NOT NULL))[1] AS goal,
           (array_agg(band) FILTER (WHERE closed_value IS NOT NULL))[1] AS band,
           max(period_start) FILTER (WHERE is_provisional AND value IS NOT NULL) AS running_start
    FROM (
        SELECT *, CASE WHEN NOT is_provisional THEN trim_scale(value) END AS closed_value
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
# the latest were judged now, too, or the latest again with another band than before, and where the row did not say so
# before or what was judged contradicts it.
STORE = """
UPDATE kpis_kpistate s
SET period_start = e.period_start, period_end = e.period_end, value = e.value, previous_value = t.previous_value,
    goal = e.goal, red_flag = e.red_flag, goal_high = e.goal_high, red_high = e.red_high, score = e.score,
    band = coalesce(e.band, ''), no_band_reason = coalesce(e.no_band_reason, t.why_none),
    band_since = CASE
        WHEN s.period_start <= t.judged_from AND t.judged_from = e.period_start AND e.band = s.band THEN s.band_since
        WHEN s.period_start < t.judged_from AND t.judged_from = e.period_start THEN e.period_start
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
FROM unnest(%s::bigint[], %s::date[], %s::text[], %s::date[], %s::date[], %s::text[], %s::numeric[], %s::text[],
            %s::text[], %s::int[], %s::date[], string_to_array(%s, E'\n'))
     AS t(kpi_id, judged_from, recent, last_start, running_start, why_none, previous_value, signal, health, days_late,
          next_due_on, spark)
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
    running: str | None
    breaks: list[date] | None


class Stated(NamedTuple):
    """The newest judged periods of a KPI as they are kept, the last closed and the running one, and why no band."""

    recent: str
    last: str | None
    running: str | None
    why_none: str


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
    stated, told = _stated(watched, [Newest(*row[of_health:]) for row in found], judged_from, almanac)
    rows = [
        (kpi.kpi_id, judged_from[kpi.kpi_id], *state, trend.previous_value, trend.signal, *health[kpi.kpi_id])
        for kpi, state, trend in zip(watched, stated, told, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(STORE, [now, *as_arrays(rows), "\n".join([trend.spark for trend in told])])
        return {kpi_id: (score, band) for kpi_id, score, band in cursor.fetchall()}


def _stated(
    watched: Sequence[Watched], newest: Sequence[Newest], judged_from: Mapping[int, date], almanac: Almanac
) -> tuple[list[Stated], list[Told]]:
    """Return the state of each KPI and its trend."""
    rhythms = _Rhythms(almanac.calendars)
    stated: list[Stated] = []
    series: list[Series] = []
    for kpi, row in zip(watched, newest, strict=True):
        starts, values = _newest(row, judged_from[kpi.kpi_id])
        recent = f"{','.join(starts)};{','.join(values)}" if starts else ""
        if "" in values:
            starts, values = list(compress(starts, values)), list(filter(None, values))
        if not starts:
            stated.append(Stated(recent, None, row.running, row.why_none))
            continue
        last = starts[0]
        stated.append(Stated(recent, last, row.running if row.running and row.running > last else None, ""))
        if row.breaks:  # what came before the last change of definition that broke the series does not compare
            since = str(comparable_since(row.breaks, date.fromisoformat(last)))
            alike = sum(start >= since for start in starts)
            starts, values = starts[:alike], values[:alike]
        series.append(Series(values, rhythms.places(kpi, starts), row.goal, row.band))
    trends = iter(trends_of(series))
    return stated, [next(trends) if state.last else UNTOLD for state in stated]


class _Rhythms:
    """Where the last periods start that a sparkline shows; KPIs of the same rhythm share them."""

    def __init__(self, calendars: Mapping[int, Calendar]) -> None:
        self._calendars = calendars
        self._starts: dict[tuple[int, str, str], list[str]] = {}

    def places(self, kpi: Watched, starts: Sequence[str]) -> tuple[int, ...]:
        """Return where the periods of a KPI that start so, the latest first, stand in its sparkline."""
        rhythm = (kpi.calendar_id, kpi.frequency, starts[0])
        calendar = self._calendars[kpi.calendar_id]
        if rhythm not in self._starts:
            day = date.fromisoformat(starts[0])
            self._starts[rhythm] = [str(start) for start in last_starts(day, kpi.frequency, calendar)]
        if starts[:SPARK_PERIODS] == self._starts[rhythm][: len(starts)]:  # as nearly always: there are no gaps
            return PLACES[: len(starts)]
        return places_of([date.fromisoformat(start) for start in starts[:SPARK_PERIODS]], kpi.frequency, calendar)


def _newest(row: Newest, since: date) -> tuple[list[str], list[str]]:
    """Return where the newest judged periods start, the latest first, and the values of those that are closed or ""."""
    starts = row.starts.split(",") if row.starts is not None else []
    values = row.values.split(",") if row.values is not None else []
    if row.recent:
        kept_starts, kept_values = [part.split(",") for part in row.recent.split(";")]
        until = since.isoformat()
        if kept_starts[0] >= until:  # these were judged again
            again = sum(start >= until for start in kept_starts)
            kept_starts, kept_values = kept_starts[again:], kept_values[again:]
        starts, values = starts + kept_starts, values + kept_values
    return starts[: LOOK_BACK + 1], values[: LOOK_BACK + 1]
