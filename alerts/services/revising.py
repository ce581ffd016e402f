"""Who changed a value that was already judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import connection

from kpis.bulk import as_array

# Of each KPI the revision recorded last, if it replaced a value that was not provisional: closing a period and
# filling a gap correct nothing.
REVISED = """
SELECT kpi_id, period_start, was, value, kind, note, person, source, recorded_at FROM (
    SELECT DISTINCT ON (r.kpi_id) r.kpi_id, r.period_start, before.value AS was, r.value, r.kind, r.note,
           person.name AS person, source.name AS source, r.recorded_at, before.state AS before_state
    FROM unnest(%s::bigint[], %s::date[]) AS changed(kpi_id, since)
    JOIN kpis_measurementrevision r ON r.kpi_id = changed.kpi_id AND r.period_start >= changed.since
    LEFT JOIN kpis_measurementrevision before
         ON before.kpi_id = r.kpi_id AND before.period_start = r.period_start AND before.seq = r.seq - 1
    LEFT JOIN accounts_user person ON person.id = r.recorded_by_id
    LEFT JOIN kpis_pull pull ON pull.id = r.pull_id
    LEFT JOIN kpis_datasource source ON source.id = pull.source_id
    ORDER BY r.kpi_id, r.recorded_at DESC, (before.state = 'reported') DESC NULLS LAST, r.period_start DESC
) AS latest
WHERE before_state = 'reported'
"""


@dataclass(frozen=True, slots=True)
class Revision:
    """One value that was replaced by another: when, by whom and why."""

    period_start: date
    was: Decimal | None
    value: Decimal | None
    kind: str
    note: str
    person: str | None
    source: str | None
    recorded_at: datetime


def revisions_behind(*, since: Mapping[int, date]) -> dict[int, Revision]:
    """Return for each KPI the revision that made it be judged again from the given period on, if it was one."""
    if not since:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(REVISED, [as_array(since), as_array(since.values())])
        return {kpi_id: Revision(*columns) for kpi_id, *columns in cursor.fetchall()}
