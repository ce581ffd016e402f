"""The chain of crossings where one period confirms and no margin is asked: one statement of PostgreSQL.

It says what `alerts.domain.fold` says under the default rule; the tests compare them on random histories.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from django.db import connection

from alerts.domain.announce import Cause
from alerts.domain.fold import default_confirm
from alerts.services.incidents import FOLLOWED, explained_by
from kpis.almanac import Almanac
from kpis.bulk import as_array
from kpis.domain.periods import Frequency

# The newest judged period of a KPI up to a day, where not only new ones were judged.
NEWEST_TO = """
SELECT period_start, band FROM kpis_evaluation
WHERE NOT a.ahead AND kpi_id = j.kpi_id AND period_start <= {day} AND band <> '' AND NOT is_provisional
ORDER BY period_start DESC LIMIT 1
"""

# Every judged period with another band than the one before is a step, and the last period closes them: a chain that
# ends elsewhere is moved there, at its newest crossing at the earliest. Read is only what lies behind the fold; where
# something before has changed, what lies behind the newest crossing, and the period that held when it was recorded.
# A value that changes the settled past may be a correction, with more to be known of it: that is left to the fold.
# What is stored of a KPI is looked up for each: a plan made for empty tables would read all crossings for every state.
# All steps are of KPIs that stand; a FULL JOIN hashes them, however few are expected.
CHAIN = f"""
WITH standing AS MATERIALIZED (
    SELECT j.kpi_id, s.confirmed_band, s.confirmed_since, s.folded_through AS settled, coalesce(s.seq, 0) AS seq,
           c.to_band AS chain, c.period_start AS newest, c.period_end AS newest_end, a.ahead,
           CASE WHEN a.ahead THEN s.confirmed_band ELSE settled.band END AS settled_band,
           CASE WHEN a.ahead THEN s.confirmed_band ELSE held.band END AS held_band,
           CASE WHEN a.ahead THEN s.folded_through + 1 ELSE coalesce(held.period_start, '-infinity') END AS since
    FROM unnest(%(kpi_ids)s::bigint[], %(judged_from)s::date[]) AS j(kpi_id, judged_from)
    CROSS JOIN LATERAL (SELECT FROM kpis_kpi WHERE id = j.kpi_id AND frequency = ANY(%(frequencies)s) OFFSET 0) AS k
    LEFT JOIN LATERAL (SELECT * FROM alerts_alertstate WHERE kpi_id = j.kpi_id OFFSET 0) AS s ON true
    LEFT JOIN LATERAL (
        SELECT * FROM alerts_bandcrossing WHERE kpi_id = s.kpi_id AND seq = s.seq OFFSET 0
    ) AS c ON true
    CROSS JOIN LATERAL (SELECT coalesce(j.judged_from > s.folded_through, false) AS ahead) AS a
    LEFT JOIN LATERAL ({NEWEST_TO.format(day="s.folded_through")}) AS settled ON true
    LEFT JOIN LATERAL ({NEWEST_TO.format(day="c.period_start")}) AS held ON true
    WHERE (SELECT true FROM alerts_alertrule r WHERE r.kpi_id = j.kpi_id LIMIT 1) IS NULL
      AND (c.kpi_id IS NULL) = (s.folded_through IS NULL) AND NOT (a.ahead AND c.period_start > s.folded_through)
      AND (a.ahead OR s.folded_through IS NULL OR settled.band = s.confirmed_band OR %(cause)s = 'edit')
), step AS MATERIALIZED (
    SELECT t.kpi_id, t.chain, t.newest, t.newest_end, t.settled, e.*
    FROM standing t
    CROSS JOIN LATERAL (
        SELECT *, max(period_start) FILTER (WHERE is_change) OVER periods AS changed_on,
               t.seq + count(*) FILTER (WHERE band <> from_band) OVER periods AS seq
        FROM (
            SELECT *, coalesce(lag(band) OVER periods, t.chain, '') AS from_band
            FROM (
                SELECT period_start, period_end, band, value, goal, red_flag,
                       band IS DISTINCT FROM coalesce(lag(band) OVER periods, t.held_band) AS is_change,
                       lead(band) OVER periods IS NULL AS is_last
                FROM kpis_evaluation
                WHERE kpi_id = t.kpi_id AND period_start >= t.since AND band <> '' AND NOT is_provisional
                WINDOW periods AS (ORDER BY period_start)
            ) AS judged
            WHERE is_change OR is_last
            WINDOW periods AS (ORDER BY period_start)
        ) AS turned
        WINDOW periods AS (ORDER BY period_start)
    ) AS e
), recorded AS (
    INSERT INTO alerts_bandcrossing (kpi_id, seq, from_band, to_band, period_start, period_end, cause, value, goal,
        red_flag, rule_version, recorded_at)
    SELECT kpi_id, seq, from_band, band, greatest(period_start, newest),
           CASE WHEN period_start <= newest THEN newest_end ELSE period_end END,
           CASE WHEN from_band = '' THEN 'first' WHEN greatest(period_start, newest) > settled THEN 'value'
                ELSE %(cause)s END,
           CASE WHEN period_start < newest THEN NULL ELSE value END,
           CASE WHEN period_start < newest THEN NULL ELSE goal END,
           CASE WHEN period_start < newest THEN NULL ELSE red_flag END, 0, %(now)s
    FROM step WHERE band <> from_band ORDER BY kpi_id, seq
    RETURNING id, kpi_id, seq, to_band
), {FOLLOWED}, stood AS (
    SELECT t.*, e.band, e.period_start AS through, e.seq AS last_seq, CASE
               WHEN e.changed_on IS NOT NULL THEN e.changed_on WHEN t.ahead THEN t.confirmed_since
               ELSE (SELECT min(period_start) FROM kpis_evaluation
                     WHERE kpi_id = t.kpi_id AND band <> '' AND NOT is_provisional AND period_start > coalesce((
                         SELECT max(period_start) FROM kpis_evaluation
                         WHERE kpi_id = t.kpi_id AND band <> '' AND NOT is_provisional AND band <> e.band), '-infinity')
               ) END AS band_since
    FROM standing t FULL JOIN (SELECT * FROM step WHERE is_last) AS e ON e.kpi_id = t.kpi_id
), stored AS (
    INSERT INTO alerts_alertstate AS s (kpi_id, confirmed_band, confirmed_since, pending, folded_through, seq)
    SELECT kpi_id, coalesce(band, ''), CASE WHEN band IS NOT NULL THEN band_since END, '[]', through,
           coalesce(last_seq, seq)
    FROM stood WHERE band IS NOT NULL OR NOT ahead ORDER BY kpi_id
    ON CONFLICT (kpi_id) DO UPDATE SET
        confirmed_band = excluded.confirmed_band, confirmed_since = excluded.confirmed_since,
        pending = excluded.pending, folded_through = excluded.folded_through, seq = excluded.seq
    WHERE (s.confirmed_band, s.confirmed_since, s.pending, s.folded_through, s.seq)
          IS DISTINCT FROM (excluded.confirmed_band, excluded.confirmed_since, excluded.pending,
                            excluded.folded_through, excluded.seq)
)
SELECT kpi_id, coalesce(last_seq, seq) - seq,
       settled IS NULL OR (settled_band IS DISTINCT FROM confirmed_band AND band IS NOT DISTINCT FROM settled_band)
FROM stood
"""


class Chained(NamedTuple):
    """How many crossings a KPI got, and whether they are of the past: the first judgement, or what an edit changed."""

    kpi_id: int
    crossings: int
    is_past: bool


def chain(*, judged_from: Mapping[int, date], cause: Cause, almanac: Almanac, now: datetime) -> list[Chained]:
    """Record the crossings of the KPIs that need no more than this, with their incidents, and return which they are.

    Belongs into a transaction that holds the state rows of the KPIs.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            CHAIN,
            {
                "kpi_ids": as_array(judged_from),
                "judged_from": as_array(judged_from.values()),
                "frequencies": [frequency.value for frequency in Frequency if default_confirm(frequency) == 1],
                "cause": cause,
                **explained_by(almanac, now),
            },
        )
        return [Chained(*row) for row in cursor.fetchall()]
