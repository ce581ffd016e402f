"""How values came to be: what their grades of confidence are made from, read for many values in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connection

from kpis.bulk import as_arrays
from kpis.domain.confidence import Evidence
from kpis.domain.periods import Frequency, Period, WorkingDays, due_on

PERIODS_COVERED = 12
COVERED_NOW = """
SELECT period_start AS start FROM kpis_measurement
WHERE kpi_id = w.kpi_id AND period_start <= w.start AND (value IS NOT NULL OR state = 'not_applicable')
"""
COVERED_THEN = """
SELECT period_start AS start FROM (
    SELECT DISTINCT ON (period_start) period_start, value, state FROM kpis_measurementrevision
    WHERE kpi_id = w.kpi_id AND period_start <= w.start AND recorded_at < w.known_at
    ORDER BY period_start DESC, seq DESC
) AS known
WHERE value IS NOT NULL OR state = 'not_applicable'
"""
DEFINED_NOW = "JOIN kpis_kpi k ON k.id = w.kpi_id"
DEFINED_THEN = """
JOIN kpis_kpi present ON present.id = w.kpi_id
CROSS JOIN LATERAL jsonb_populate_record(present, coalesce((
    SELECT definition FROM kpis_kpiversion
    WHERE kpi_id = w.kpi_id AND recorded_at < w.known_at ORDER BY version DESC LIMIT 1
), '{}')) AS k
"""
# A value is late by the day on which it was first reported. What the first pull of a source brought, or lies before
# the KPI was expected at all, was never due. How many of the last periods are there is told by the days they span.
# What is computed from other KPIs has no evidence of its own: it is worth as much as they are (`kpis.grades`).
STATEMENT = """
SELECT w.number, r.period_end, k.frequency, k.reporting_lag_days, k.stale_after_days,
    r.kinds[1], r.approvers[1] IS NOT NULL, r.corrections,
    CASE WHEN f.since IS NULL AND f.id IS NOT NULL OR w.start < coalesce(k.active_from, k.created_at::date)
        THEN NULL ELSE (r.arrived_at AT TIME ZONE o.time_zone)::date END,
    coalesce(p.rules_checked, 0), coalesce(p.rules_checked - p.rules_broken, 0), p.reconciled,
    c.present, round((r.period_end - c.first) / l.days),
    coalesce(k.review_by >= w.day, false),
    CASE WHEN p.begins_on > w.start AND p.begins_on < r.period_end
            OR p.ends_on >= w.start AND p.ends_on < r.period_end - 1
        THEN least(coalesce(p.ends_on + 1, r.period_end), r.period_end)
            - greatest(coalesce(p.begins_on, w.start), w.start) END,
    CASE WHEN k.lag_in_working_days THEN y.working_weekdays END,
    CASE WHEN k.lag_in_working_days
        THEN ARRAY(SELECT day FROM kpis_holiday WHERE calendar_id = k.calendar_id AND day > w.start) END
FROM unnest(%(ids)s::bigint[], %(starts)s::date[], %(moments)s::timestamptz[], %(days)s::date[])
    WITH ORDINALITY AS w(kpi_id, start, known_at, day, number)
{defined}
JOIN kpis_periodcalendar y ON y.id = k.calendar_id
JOIN (VALUES ('day', 1.0), ('week', 7.0), ('month', 30.4), ('quarter', 91.3), ('half_year', 182.6), ('year', 365.2))
    AS l(frequency, days) ON l.frequency = k.frequency
CROSS JOIN (SELECT coalesce((SELECT time_zone FROM objectives_organisation LIMIT 1), 'UTC') AS time_zone) AS o
CROSS JOIN LATERAL (
    SELECT max(period_end) AS period_end,
        array_agg(kind::text ORDER BY seq DESC) AS kinds, array_agg(pull_id ORDER BY seq DESC) AS pulls,
        array_agg(approved_by_id ORDER BY seq DESC) AS approvers,
        min(recorded_at) FILTER (WHERE state <> 'provisional') AS arrived_at,
        greatest(count(*) FILTER (WHERE state <> 'provisional') - 1, 0) AS corrections
    FROM ({revisions}) AS recorded
) AS r
CROSS JOIN LATERAL (
    SELECT count(*) AS present, min(start) AS first
    FROM ({covered} ORDER BY 1 DESC LIMIT %(periods)s) AS last
) AS c
LEFT JOIN kpis_pull p ON p.id = r.pulls[1]
LEFT JOIN kpis_pull f ON f.id = r.pulls[cardinality(r.pulls)]
WHERE r.kinds[1] <> 'derived'
"""
RECORDED_NOW = "SELECT * FROM kpis_measurementrevision WHERE kpi_id = w.kpi_id AND period_start = w.start"
RECORDED_THEN = f"{RECORDED_NOW} AND recorded_at < w.known_at"
# A value that waits, as if somebody had approved it at a moment.
RECORDED_THEN_APPROVED = """
SELECT seq, period_end, state, kind, pull_id, approved_by_id, recorded_at FROM kpis_measurementrevision
WHERE kpi_id = w.kpi_id AND period_start = w.start
UNION ALL
SELECT 2147483647, waits.period_end, waits.state, waits.kind, NULL, waits.entered_by_id, w.known_at
"""
WAITING = f"""
{DEFINED_NOW}
JOIN kpis_proposedvalue waits ON waits.kpi_id = w.kpi_id AND waits.period_start = w.start
    AND waits.outcome = '' AND waits.value IS NOT NULL
"""
COVERED_ONCE_APPROVED = f"{COVERED_NOW} UNION SELECT w.start"
NOW = STATEMENT.format(defined=DEFINED_NOW, covered=COVERED_NOW, revisions=RECORDED_NOW)
THEN = STATEMENT.format(defined=DEFINED_THEN, covered=COVERED_THEN, revisions=RECORDED_THEN)
ONCE_APPROVED = STATEMENT.format(defined=WAITING, covered=COVERED_ONCE_APPROVED, revisions=RECORDED_THEN_APPROVED)

type Key = tuple[int, date]


class Version(NamedTuple):
    """The value of a KPI in the period that starts on a day, as it was known at a moment, None for now, on a day."""

    kpi_id: int
    start: date
    known_at: datetime | None
    day: date


def evidence_of(versions: Iterable[Version]) -> dict[Version, Evidence]:
    """Return what is known about values, or was known about them by the definition of then.

    One query for those of now, and one for those of then.
    """
    wanted = list(versions)
    return _read(NOW, [one for one in wanted if one.known_at is None]) | _read(
        THEN, [one for one in wanted if one.known_at is not None]
    )


def evidence_once_approved(keys: Iterable[Key], *, now: datetime, today: date) -> dict[Key, Evidence]:
    """Return what will be known about values that wait if somebody approves them now, in one query."""
    found = _read(ONCE_APPROVED, [Version(kpi_id, start, now, today) for kpi_id, start in keys])
    return {(one.kpi_id, one.start): its for one, its in found.items()}


def _read(statement: str, versions: Sequence[Version]) -> dict[Version, Evidence]:
    if not versions:
        return {}
    ids, starts, moments, days = as_arrays(versions)
    parameters: dict[str, Any] = {
        "ids": ids,
        "starts": starts,
        "moments": moments,
        "days": days,
        "periods": PERIODS_COVERED,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found = ((versions[number - 1], row) for number, *row in cursor.fetchall())
        return {version: _evidence(version.start, *row) for version, row in found}


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
    days_there: int | None,
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
        days_there=days_there,
        days=(end - start).days,
    )
