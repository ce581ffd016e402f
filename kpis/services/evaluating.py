"""Judging what is owed in one statement of PostgreSQL, which says what `kpis.domain.judged` says.

Numbers are exact in both, so they agree to the last place: the tests compare them on limits of every kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from django.db import connection

from kpis.bulk import as_array
from kpis.domain.periods import Calendar, year_of_period
from kpis.models import Measurement


def _placed(number: str, target: str) -> str:
    """Where a threshold's number lies in the KPI's unit; a number of NULL is the target itself."""
    return f"""CASE WHEN h.mode = 'absolute' THEN coalesce(h.{number}, {target})
        WHEN h.mode = 'percent' THEN nullif({target}, 0) + abs({target}) * coalesce(h.{number}, 0) * 0.01
        ELSE {target} + coalesce(h.{number}, 0) END"""


def _why_unplaced(number: str, target: str) -> str:
    """Why it lies nowhere, NULL if it does lie somewhere."""
    return f"""CASE WHEN h.mode = 'absolute' AND h.{number} IS NOT NULL THEN NULL
        WHEN {target} IS NULL THEN 'no_target' WHEN h.mode = 'percent' AND {target} = 0 THEN 'target_zero' END"""


def _line(goal: str, red_flag: str, side: str = "") -> str:
    """Return what the score of a value is read from: a third of ten at the red flag, two thirds at the goal."""
    return f"200003 * {goal} - 400003 * {red_flag} AS base{side}, 6 * ({goal} - {red_flag}) AS whole{side}"


# Limits change only where a target or thresholds take effect: from each such day on to the next they are worked out
# once. Of two rows for the same day the one recorded later holds.
LIMITS = f"""
owed AS MATERIALIZED (
    SELECT o.kpi_id, o.since, k.polarity, k.calendar_id, k.is_cumulative
    FROM unnest(%(ids)s::bigint[], %(since)s::date[]) AS o(kpi_id, since) JOIN kpis_kpi k ON k.id = o.kpi_id
), stretch AS (
    SELECT *, lead(since, 1, 'infinity') OVER (PARTITION BY kpi_id ORDER BY since) AS until
    FROM (
        SELECT * FROM owed
        UNION SELECT o.kpi_id, t.effective_from, o.polarity, o.calendar_id, o.is_cumulative
              FROM owed o JOIN kpis_target t ON t.kpi_id = o.kpi_id AND t.effective_from > o.since
        UNION SELECT o.kpi_id, h.effective_from, o.polarity, o.calendar_id, o.is_cumulative
              FROM owed o JOIN kpis_thresholdset h ON h.kpi_id = o.kpi_id AND h.effective_from > o.since
    ) AS begins
), placed AS (
    SELECT s.kpi_id, s.since, s.until, s.calendar_id, s.is_cumulative, s.polarity = 'within_range' AS is_range,
           nullif(h.scores, '{{}}') AS scores, h.id IS NULL AS no_thresholds, s.polarity,
           CASE WHEN s.polarity = 'within_range' THEN {_placed("goal_low", "t.low")}
                ELSE {_placed("goal", "t.value")} END AS goal,
           CASE WHEN s.polarity = 'within_range' THEN {_placed("red_low", "t.low")}
                ELSE {_placed("red_flag", "t.value")} END AS red_flag,
           {_placed("goal_high", "t.high")} AS goal_high,
           {_placed("red_high", "t.high")} AS red_high,
           CASE WHEN s.polarity = 'within_range' THEN CASE
                    WHEN h.red_low IS NULL OR h.red_high IS NULL THEN 'no_thresholds'
                    ELSE coalesce({_why_unplaced("goal_low", "t.low")}, {_why_unplaced("goal_high", "t.high")},
                                  {_why_unplaced("red_low", "t.low")}, {_why_unplaced("red_high", "t.high")}) END
                ELSE coalesce({_why_unplaced("goal", "t.value")},
                              CASE WHEN h.red_flag IS NULL THEN 'no_thresholds'
                                   ELSE {_why_unplaced("red_flag", "t.value")} END) END AS why_unplaced
    FROM stretch s
    LEFT JOIN LATERAL (
        SELECT value, coalesce(low, value) AS low, coalesce(high, value) AS high
        FROM kpis_target t WHERE t.kpi_id = s.kpi_id AND t.effective_from <= s.since
        ORDER BY t.effective_from DESC, t.recorded_at DESC LIMIT 1
    ) AS t ON true
    LEFT JOIN LATERAL (
        SELECT * FROM kpis_thresholdset h WHERE h.kpi_id = s.kpi_id AND h.effective_from <= s.since
        ORDER BY h.effective_from DESC, h.recorded_at DESC LIMIT 1
    ) AS h ON true
), explained AS (
    SELECT *, CASE WHEN polarity = 'unscored' THEN 'unscored' WHEN no_thresholds THEN 'no_thresholds'
                   WHEN scores IS NOT NULL THEN '' WHEN why_unplaced IS NOT NULL THEN why_unplaced
                   WHEN is_range AND red_flag < goal AND goal <= goal_high AND goal_high < red_high THEN ''
                   WHEN polarity = 'higher_is_better' AND goal > red_flag THEN ''
                   WHEN polarity = 'lower_is_better' AND goal < red_flag THEN ''
                   ELSE 'wrong_order' END AS why_none
    FROM placed
), limits AS (
    SELECT *, {_line("goal", "red_flag")}, {_line("goal_high", "red_high", "_high")}
    FROM (
        SELECT kpi_id, since, until, calendar_id, is_cumulative, why_none,
               CASE WHEN why_none = '' THEN scores END AS scores,
               CASE WHEN why_none = '' AND scores IS NULL THEN goal END AS goal,
               CASE WHEN why_none = '' AND scores IS NULL THEN red_flag END AS red_flag,
               CASE WHEN why_none = '' AND scores IS NULL AND is_range THEN goal_high END AS goal_high,
               CASE WHEN why_none = '' AND scores IS NULL AND is_range THEN red_high END AS red_high
        FROM explained OFFSET 0
    ) AS known
)"""

# The values of a stretch, looked up by their key whatever the planner takes the table for: while a first import fills
# it, an analysis may count its pages and none of its rows, and then it would be read whole for each limit.
MEASURED = """(
    SELECT * FROM kpis_measurement v
    WHERE v.kpi_id = l.kpi_id AND v.period_start >= l.since AND v.period_start < l.until OFFSET 0
)"""

# A value stands against the limits of its period; a cumulative KPI against sums over its fiscal year, where a week
# counts by its last day. Whatever lacks directional limits there has none from then on to the end of the year.
VALUED = f"""
valued AS (
    SELECT m.kpi_id, m.period_start, m.period_end, m.value, m.state = 'provisional' AS is_provisional, m.reason,
           l.goal, l.red_flag, l.goal_high, l.red_high, l.scores, l.why_none,
           l.base, l.whole, l.base_high, l.whole_high
    FROM limits l CROSS JOIN LATERAL {MEASURED} AS m
    WHERE NOT l.is_cumulative
    UNION ALL
    SELECT kpi_id, period_start, period_end, value_to_date::numeric(28,8), state = 'provisional', reason,
           goal, red_flag, NULL, NULL, NULL, coalesce(why_none_yet, ''), {_line("goal", "red_flag")}, NULL, NULL
    FROM (
        SELECT *, CASE WHEN why_none_yet IS NULL THEN goal_to_date END AS goal,
               CASE WHEN why_none_yet IS NULL THEN red_flag_to_date END AS red_flag
        FROM (
            SELECT m.kpi_id, m.period_start, m.period_end, m.state, m.reason,
                   CASE WHEN m.value IS NOT NULL THEN sum(m.value) OVER so_far END AS value_to_date,
                   sum(l.goal) OVER so_far AS goal_to_date, sum(l.red_flag) OVER so_far AS red_flag_to_date,
                   (array_agg(coalesce(nullif(l.why_none, ''), 'no_target'))
                        FILTER (WHERE l.goal IS NULL OR l.goal_high IS NOT NULL) OVER so_far)[1] AS why_none_yet
            FROM limits l CROSS JOIN LATERAL {MEASURED} AS m
            JOIN unnest(%(calendars)s::bigint[], %(years)s::text[]) AS y(calendar_id, starts) USING (calendar_id)
            WHERE l.is_cumulative
            WINDOW so_far AS (
                PARTITION BY m.kpi_id, width_bucket(m.period_end - 1, y.starts::date[]) ORDER BY m.period_start
            )
        ) AS sums
    ) AS to_date
)"""

# The score in ten-thousandths and a half is `over / parts`, 200000 * value + base being `over`: on the line through a
# third of ten at the red flag and two thirds at the goal. A goal range has such a line on either side of it, and within
# ten in the middle and two thirds at both ends. The score is rounded half-even from the exact fraction and stays below
# the line of a better band.
# Each level is computed once per row (OFFSET 0), however often the next ones name it.
JUDGED = """
judged AS (
    SELECT kpi_id, period_start, period_end, value, goal::numeric(28,8), red_flag::numeric(28,8),
           goal_high::numeric(28,8), red_high::numeric(28,8),
           (0.0001 * CASE placed WHEN 'at_risk' THEN least(rounded, 66666) WHEN 'off_track' THEN least(rounded, 33332)
                                 ELSE rounded END)::numeric(6,4) AS score,
           (CASE WHEN placed IS NOT NULL THEN placed WHEN rounded >= 66667 THEN 'on_track'
                 WHEN rounded >= 33333 THEN 'at_risk' WHEN rounded IS NOT NULL THEN 'off_track' ELSE '' END)::varchar
               AS band,
           (CASE WHEN rounded IS NOT NULL THEN ''
                 WHEN value IS NULL THEN
                     CASE WHEN reason = 'zero_denominator' THEN 'zero_denominator' ELSE 'no_value' END
                 WHEN why_none <> '' THEN why_none ELSE 'unknown_option' END)::varchar AS no_band_reason,
           is_provisional
    FROM (
        SELECT *, CASE WHEN nearest <= 0 THEN 0 WHEN nearest >= 100000 THEN 100000
                       WHEN nearest * parts = over THEN nearest - mod(nearest, 2) ELSE nearest END AS rounded
        FROM (
            SELECT *, CASE WHEN parts = 0 AND value IS NOT NULL THEN 100000 ELSE div(over, parts) END AS nearest
            FROM (
                SELECT *, CASE WHEN scores IS NOT NULL THEN (
                                   SELECT o.score::numeric * 20000 + 1
                                   FROM jsonb_each_text(scores) WITH ORDINALITY AS o(option, score, n)
                                   WHERE o.option::numeric = value ORDER BY o.n DESC LIMIT 1)
                               WHEN goal_high IS NULL OR value < goal THEN 200000 * value + base
                               WHEN value > goal_high THEN 200000 * value + base_high
                               ELSE 400000 * least(value - goal, goal_high - value) + 400003 * (goal_high - goal)
                          END AS over,
                       CASE WHEN scores IS NOT NULL THEN 2 WHEN goal_high IS NULL OR value < goal THEN whole
                            WHEN value > goal_high THEN whole_high ELSE 6 * (goal_high - goal) END AS parts,
                       CASE WHEN value IS NULL OR goal IS NULL THEN NULL
                            WHEN goal_high IS NOT NULL THEN
                                CASE WHEN value BETWEEN goal AND goal_high THEN 'on_track'
                                     WHEN value BETWEEN red_flag AND red_high THEN 'at_risk' ELSE 'off_track' END
                            WHEN goal > red_flag THEN
                                CASE WHEN value >= goal THEN 'on_track'
                                     WHEN value >= red_flag THEN 'at_risk' ELSE 'off_track' END
                            WHEN value <= goal THEN 'on_track'
                            WHEN value <= red_flag THEN 'at_risk' ELSE 'off_track' END AS placed
                FROM valued OFFSET 0
            ) AS f OFFSET 0
        ) AS n OFFSET 0
    ) AS r OFFSET 0
)"""

# One pass over what is stored of these periods: new rows are inserted, those that differ updated, others not locked.
WRITE = """
WHEN MATCHED AND (e.score, e.red_flag, e.goal, e.value, e.goal_high, e.red_high, e.band, e.no_band_reason,
                  e.is_provisional, e.period_end)
     IS DISTINCT FROM (j.score, j.red_flag, j.goal, j.value, j.goal_high, j.red_high, j.band, j.no_band_reason,
                       j.is_provisional, j.period_end)
THEN UPDATE SET
    period_end = j.period_end, value = j.value, goal = j.goal, red_flag = j.red_flag, goal_high = j.goal_high,
    red_high = j.red_high, score = j.score, band = j.band, no_band_reason = j.no_band_reason,
    is_provisional = j.is_provisional, evaluated_at = %(now)s
WHEN NOT MATCHED THEN INSERT (kpi_id, period_start, period_end, value, goal, red_flag, goal_high, red_high, score,
    band, no_band_reason, is_provisional, evaluated_at)
VALUES (j.kpi_id, j.period_start, j.period_end, j.value, j.goal, j.red_flag, j.goal_high, j.red_high, j.score,
    j.band, j.no_band_reason, j.is_provisional, %(now)s)
"""
# New periods are looked up by their keys and met by their place: joined, a table that is taken for empty while a first
# import fills it would be read whole for every row.
STORE = f"""
WITH {LIMITS}, {VALUED}, {JUDGED}
MERGE INTO kpis_evaluation AS e USING (
    SELECT judged.*, known.place
    FROM judged LEFT JOIN LATERAL (
        SELECT k.ctid AS place FROM kpis_evaluation k
        WHERE k.kpi_id = judged.kpi_id AND k.period_start = judged.period_start OFFSET 0
    ) AS known ON true
) AS j ON e.ctid = j.place
{WRITE}"""
# Many periods that were judged before are joined, which takes a fifth less.
STORE_AGAIN = f"""
WITH {LIMITS}, {VALUED}, {JUDGED}
MERGE INTO kpis_evaluation AS e USING judged j ON e.kpi_id = j.kpi_id AND e.period_start = j.period_start
{WRITE}"""


class Owed(NamedTuple):
    """A KPI to be judged, and from which period on; a cumulative one from the first of its fiscal year."""

    kpi_id: int
    since: date
    calendar_id: int
    is_cumulative: bool


def evaluate(
    *, owed: Sequence[Owed], calendars: Mapping[int, Calendar], now: datetime, judged_before: bool = False
) -> int:
    """Judge what is owed of KPIs, store what differs and return how many rows that were.

    `judged_before` says that nearly all of it was judged once: it is joined with what is stored then.

    Belongs into a transaction that holds the state rows of the KPIs and looks rows up by their keys.
    """
    years = _fiscal_years([row for row in owed if row.is_cumulative], calendars)
    with connection.cursor() as cursor:
        cursor.execute(
            STORE_AGAIN if judged_before else STORE,
            {
                "ids": as_array(row.kpi_id for row in owed),
                "since": as_array(row.since for row in owed),
                "calendars": as_array(years),
                "years": as_array(as_array(sorted(starts)) for starts in years.values()),
                "now": now,
            },
        )
        return cursor.rowcount


def _fiscal_years(cumulative: Sequence[Owed], calendars: Mapping[int, Calendar]) -> dict[int, set[date]]:
    """Return the first days of the fiscal years that cumulative KPIs have values of, by calendar."""
    years: dict[int, set[date]] = defaultdict(set)
    if cumulative:
        periods = Measurement.objects.filter(
            kpi__in=[row.kpi_id for row in cumulative], period_start__gte=min(row.since for row in cumulative)
        )
        for calendar_id, end in periods.values_list("kpi__calendar_id", "period_end").distinct():
            years[calendar_id].add(year_of_period(end, calendars[calendar_id]))
    return years
