"""How values came to be: what their grades of confidence are made from, read for many values in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.db import connection

from kpis.domain.confidence import Evidence, confidence
from kpis.domain.periods import Frequency, Period, WorkingDays, due_on

PERIODS_COVERED = 12
# A value is late by the day on which it was first reported. What the first pull of a source brought, or lies before
# the KPI was expected at all, was never due. How many of the last periods are there is told by the days they span.
# What is computed from other KPIs has no evidence of its own: it is worth as much as they are.
STATEMENT = """
SELECT m.kpi_id, m.period_start, m.period_end, k.frequency, k.reporting_lag_days, k.stale_after_days,
    r.kinds[1], r.approvers[1] IS NOT NULL, r.corrections,
    CASE WHEN f.since IS NULL AND f.id IS NOT NULL OR m.period_start < coalesce(k.active_from, k.created_at::date)
        THEN NULL ELSE (r.arrived_at AT TIME ZONE o.time_zone)::date END,
    coalesce(p.rules_checked, 0), coalesce(p.rules_checked - p.rules_broken, 0), p.reconciled,
    c.present, round((m.period_end - c.first) / l.days),
    coalesce(k.review_by >= %(today)s, false),
    CASE WHEN k.lag_in_working_days THEN y.working_weekdays END,
    CASE WHEN k.lag_in_working_days
        THEN ARRAY(SELECT day FROM kpis_holiday WHERE calendar_id = k.calendar_id AND day > m.period_start) END
FROM unnest(%(ids)s::bigint[], %(starts)s::date[]) AS w(kpi_id, start)
JOIN kpis_measurement m ON m.kpi_id = w.kpi_id AND m.period_start = w.start
JOIN kpis_kpi k ON k.id = m.kpi_id
JOIN kpis_periodcalendar y ON y.id = k.calendar_id
JOIN (VALUES ('day', 1.0), ('week', 7.0), ('month', 30.4), ('quarter', 91.3), ('half_year', 182.6), ('year', 365.2))
    AS l(frequency, days) ON l.frequency = k.frequency
CROSS JOIN (SELECT coalesce((SELECT time_zone FROM objectives_organisation LIMIT 1), 'UTC') AS time_zone) AS o
CROSS JOIN LATERAL (
    SELECT array_agg(kind::text ORDER BY seq DESC) AS kinds, array_agg(pull_id ORDER BY seq DESC) AS pulls,
        array_agg(approved_by_id ORDER BY seq DESC) AS approvers,
        min(recorded_at) FILTER (WHERE state <> 'provisional') AS arrived_at,
        greatest(count(*) FILTER (WHERE state <> 'provisional') - 1, 0) AS corrections
    FROM kpis_measurementrevision WHERE kpi_id = m.kpi_id AND period_start = m.period_start
) AS r
CROSS JOIN LATERAL (
    SELECT count(*) AS present, min(start) AS first FROM (
        SELECT period_start AS start FROM kpis_measurement
        WHERE kpi_id = m.kpi_id AND period_start <= m.period_start AND (value IS NOT NULL OR state = 'not_applicable')
        ORDER BY period_start DESC LIMIT %(periods)s
    ) AS last
) AS c
LEFT JOIN kpis_pull p ON p.id = r.pulls[1]
LEFT JOIN kpis_pull f ON f.id = r.pulls[cardinality(r.pulls)]
WHERE r.kinds[1] <> 'derived'
"""


def evidence_of(keys: Iterable[tuple[int, date]], *, today: date) -> dict[tuple[int, date], Evidence]:
    """Return what is known about the values of KPIs in the periods that start on a day, as (KPI, day), in one query."""
    wanted = list(keys)
    if not wanted:
        return {}
    parameters: dict[str, Any] = {
        "ids": [kpi_id for kpi_id, _ in wanted],
        "starts": [start for _, start in wanted],
        "today": today,
        "periods": PERIODS_COVERED,
    }
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, parameters)
        return {(kpi_id, start): _evidence(start, *row) for kpi_id, start, *row in cursor.fetchall()}


def grades_of(latest: Mapping[int, date | None], *, today: date) -> dict[int, str]:
    """Return the grade of confidence in one value of each KPI, named by the first day of its period, in one query."""
    keys = [(kpi_id, start) for kpi_id, start in latest.items() if start is not None]
    return {kpi_id: confidence(its).grade for (kpi_id, _), its in evidence_of(keys, today=today).items()}


def _evidence(
    start: date,
    end: date,
    frequency: str,
    lag_days: int,
    grace_days: int,
    kind: str,
    is_approved: bool,
    corrections: int,
    arrived_on: date | None,
    checked: int,
    kept: int,
    reconciled: bool | None,
    present: int,
    spanned: int | None,
    is_reviewed: bool,
    weekdays: list[int] | None,
    holidays: list[date] | None,
) -> Evidence:
    working = None
    if weekdays:
        working = WorkingDays(weekdays=frozenset(weekdays), holidays=frozenset(holidays or ()))
    days_late = None
    if arrived_on is not None:
        period = Period(frequency=Frequency(frequency), start=start, end=end, key="")
        days_late = (arrived_on - due_on(period, lag_days, working)).days
    return Evidence(
        kind=kind,
        days_late=days_late,
        grace_days=grace_days,
        present=present,
        due=max(int(spanned or 0), present, 1),
        rules_checked=checked,
        rules_kept=kept,
        reconciled=reconciled,
        corrections=corrections,
        is_approved=is_approved,
        is_reviewed=is_reviewed,
    )
