"""Values that were restated since the last review: the latest of `kpis.restatements`, as a line of the page says them.

Written as SQL because the page is read often: through the ORM these few rows cost as much as all rows of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection

from kpis.grades import Then, grades_then

AT_MOST = 5

STATEMENT = """
SELECT k.id, k.code, k.name, k.decimals, k.measure_unit, k.frequency, k.calendar_id,
    r.period_start, before.value, r.value, r.note, coalesce(u.name, s.name, ''), r.recorded_at, (
        SELECT recorded_at FROM kpis_measurementrevision
        WHERE kpi_id = r.kpi_id AND period_start = r.period_start AND seq = r.seq + 1
            AND (%(known_at)s::timestamptz IS NULL OR recorded_at < %(known_at)s)
    )
FROM kpis_measurementrevision r
JOIN kpis_measurementrevision before
    ON before.kpi_id = r.kpi_id AND before.period_start = r.period_start AND before.seq = r.seq - 1
JOIN kpis_kpi k ON k.id = r.kpi_id
LEFT JOIN accounts_user u ON u.id = r.recorded_by_id
LEFT JOIN kpis_pull p ON p.id = r.pull_id
LEFT JOIN kpis_datasource s ON s.id = p.source_id
WHERE r.kpi_id = ANY(%(kpis)s) AND r.seq > 1 AND r.recorded_at > %(since)s
    AND (%(known_at)s::timestamptz IS NULL OR r.recorded_at < %(known_at)s)
    AND r.period_end <= %(before)s AND before.state <> 'provisional'
    AND (r.recorded_at AT TIME ZONE %(zone)s)::date >= r.period_end AND r.value IS DISTINCT FROM before.value
ORDER BY r.recorded_at DESC, r.id DESC LIMIT %(most)s
"""


class Restated(NamedTuple):
    """A value that replaced what had been reported as final; `by` is the person or the source, "" for a computation.

    `ended_at` is when another took its place, None if none did. Both values have the grade with which they ended.
    """

    kpi_id: int
    code: str
    name: str
    decimals: int
    measure_unit: str
    frequency: str
    calendar_id: int
    period_start: date
    was: Decimal | None
    value: Decimal | None
    note: str
    by: str
    recorded_at: datetime
    ended_at: datetime | None
    was_grade: str = ""
    grade: str = ""


def restated_since(
    *,
    kpi_ids: Sequence[int],
    since: datetime,
    known_at: datetime | None,
    before: date,
    now: datetime,
    zone: ZoneInfo,
) -> list[Restated]:
    """Return the latest values recorded since then, and before `known_at`, in place of other ones.

    Those of periods that end after the day `before` are none of what is looked at.
    """
    when = {"since": since, "known_at": known_at, "before": before, "zone": str(zone)}
    parameters = {"kpis": list(kpi_ids), "most": AT_MOST, **when}
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, parameters)
        rows = [Restated(*row) for row in cursor.fetchall()]
    was = {row: (row.kpi_id, row.period_start, row.recorded_at) for row in rows if row.was is not None}
    value = {row: (row.kpi_id, row.period_start, row.ended_at or known_at) for row in rows if row.value is not None}
    grades = grades_then({*was.values(), *value.values()}, now=now, zone=zone)

    def grade(asked: Mapping[Restated, Then], row: Restated) -> str:
        return grades.get(asked[row], "") if row in asked else ""

    return [row._replace(was_grade=grade(was, row), grade=grade(value, row)) for row in rows]
