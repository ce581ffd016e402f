"""The same judgement as one SQL statement: the limit that the product is compared with, and a second opinion."""

from __future__ import annotations

# Which target and which thresholds hold from when until when; of two for the same day the later recorded.
_RULES = """
WITH target AS (
    SELECT kpi_id, value, low, high, effective_from AS since,
           lead(effective_from, 1, 'infinity') OVER (PARTITION BY kpi_id ORDER BY effective_from, recorded_at) AS until
    FROM kpis_target WHERE kpi_id = ANY(%(ids)s)
), threshold AS (
    SELECT kpi_id, mode, red_flag, red_low, red_high, effective_from AS since,
           lead(effective_from, 1, 'infinity') OVER (PARTITION BY kpi_id ORDER BY effective_from, recorded_at) AS until
    FROM kpis_thresholdset WHERE kpi_id = ANY(%(ids)s)
), rule AS (
    SELECT t.kpi_id, greatest(t.since, s.since) AS since, least(t.until, s.until) AS until,
           coalesce(t.value, t.low) AS goal, t.high AS goal_high, s.red_high,
           CASE s.mode WHEN 'absolute' THEN coalesce(s.red_flag, s.red_low)
                       WHEN 'offset' THEN t.value + s.red_flag
                       ELSE t.value + abs(t.value) * s.red_flag / 100 END AS red_flag
    FROM target t JOIN threshold s USING (kpi_id)
    WHERE greatest(t.since, s.since) < least(t.until, s.until)
)
"""
# 0 to 10: a third at the red flag, two thirds at the goal; in a range by the nearer side and up to 10 in its middle.
_JUDGED = """
SELECT m.kpi_id, m.period_start, m.period_end, m.value, r.goal, r.red_flag, r.goal_high, r.red_high,
       least(round(least(greatest(raw, 0), 10), 4),
             CASE band WHEN 'on_track' THEN 10 WHEN 'at_risk' THEN 6.6666 ELSE 3.3332 END)::numeric(6,4) AS score,
       band, ''::text AS no_band_reason, m.state = 'provisional' AS is_provisional
FROM rule r
JOIN kpis_measurement m ON m.kpi_id = r.kpi_id AND m.period_start >= r.since AND m.period_start < r.until
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN r.goal_high IS NULL OR m.value < r.goal
            THEN 10 * ((m.value - r.red_flag) / (r.goal - r.red_flag) + 1) / 3
        WHEN m.value > r.goal_high
            THEN 10 * ((m.value - r.red_high) / (r.goal_high - r.red_high) + 1) / 3
        ELSE 10 * (least(m.value - r.goal, r.goal_high - m.value) / ((r.goal_high - r.goal) / 2) + 2) / 3
    END AS raw, CASE
        WHEN r.goal_high IS NOT NULL THEN
            CASE WHEN m.value BETWEEN r.goal AND r.goal_high THEN 'on_track'
                 WHEN m.value BETWEEN r.red_flag AND r.red_high THEN 'at_risk' ELSE 'off_track' END
        WHEN r.goal > r.red_flag THEN
            CASE WHEN m.value >= r.goal THEN 'on_track' WHEN m.value >= r.red_flag THEN 'at_risk' ELSE 'off_track' END
        ELSE
            CASE WHEN m.value <= r.goal THEN 'on_track' WHEN m.value <= r.red_flag THEN 'at_risk' ELSE 'off_track' END
    END AS band
) AS judged
WHERE m.period_start >= %(since)s
"""
JUDGED = _RULES + _JUDGED
STORE_EVALUATIONS = f"""
INSERT INTO kpis_evaluation (kpi_id, period_start, period_end, value, goal, red_flag, goal_high, red_high, score,
    band, no_band_reason, is_provisional, evaluated_at)
{JUDGED.replace("m.state = 'provisional' AS is_provisional", "m.state = 'provisional', %(now)s")}
ORDER BY m.kpi_id, m.period_start
"""
EVALUATED_TABLE = f"CREATE TABLE bench_evaluated AS {JUDGED}"

# What two ways of judging must agree in, to the last place.
CHECKSUM = """
SELECT count(*), sum(score), sum(value), sum(goal), sum(red_flag), sum(goal_high), sum(red_high),
       count(*) FILTER (WHERE band = 'on_track'), count(*) FILTER (WHERE band = 'at_risk'),
       count(*) FILTER (WHERE band = 'off_track'), sum(score * (period_start - DATE '2000-01-01') * kpi_id)
FROM {table} WHERE kpi_id = ANY(%(ids)s) AND period_start >= %(since)s
"""
