"""Initiatives as they were known at a past moment, read from the audit trail: nothing else keeps what they were.

Written as SQL that other statements begin with: instead of the tables they read `initiatives_then`, `milestones_then`
and `impacts_then`, which have the same columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection

from initiatives.domain.status import OPEN

# A row is what its last entry before the moment says. One whose first entry came later, but which is older by its own
# account (brought in from elsewhere), is what it was when it came; so are the milestones that came with it.
THEN = """
known AS MATERIALIZED (
    SELECT DISTINCT ON ("table", "row") "table" AS kind, "row" AS pk, after AS said
    FROM audit_auditentry
    WHERE "table" IN ('initiatives_initiative', 'initiatives_milestone', 'initiatives_expectedimpact')
        AND at < %(known_at)s
    ORDER BY "table", "row", id DESC
), brought AS (
    SELECT DISTINCT ON (a."table", a."row") a."table" AS kind, a."row" AS pk, coalesce(a.before, a.after) AS said
    FROM audit_auditentry a LEFT JOIN known k ON k.kind = a."table" AND k.pk = a."row"
    WHERE a."table" IN ('initiatives_initiative', 'initiatives_milestone', 'initiatives_expectedimpact')
        AND a.at >= %(known_at)s AND k.pk IS NULL
    ORDER BY a."table", a."row", a.id
), said AS MATERIALIZED (
    SELECT kind, said FROM known WHERE said IS NOT NULL
    UNION ALL
    SELECT kind, said FROM brought
    WHERE coalesce(said ->> 'created_at', said ->> 'registered_at')::timestamptz < %(known_at)s
        OR kind = 'initiatives_milestone' AND NOT EXISTS (
            SELECT FROM known WHERE kind = 'initiatives_initiative' AND pk = brought.said ->> 'initiative_id'
        )
), initiatives_then AS (
    SELECT r.* FROM said, jsonb_populate_record(NULL::initiatives_initiative, said) AS r
    WHERE kind = 'initiatives_initiative'
), milestones_then AS (
    SELECT r.* FROM said, jsonb_populate_record(NULL::initiatives_milestone, said) AS r
    WHERE kind = 'initiatives_milestone'
), impacts_then AS (
    SELECT r.* FROM said, jsonb_populate_record(NULL::initiatives_expectedimpact, said) AS r
    WHERE kind = 'initiatives_expectedimpact'
)"""
ANSWERS = f"""
WITH {THEN}
SELECT x.kpi_id, count(*), count(*) FILTER (WHERE EXISTS (
    SELECT FROM milestones_then m WHERE m.initiative_id = i.id AND m.done_on IS NULL AND m.due_on < %(today)s
))
FROM impacts_then x JOIN initiatives_then i ON i.id = x.initiative_id
WHERE x.kpi_id = ANY(%(kpis)s) AND i.status = ANY(%(open)s)
GROUP BY x.kpi_id
"""


def answers_then(*, kpi_ids: Sequence[int], known_at: datetime, today: date) -> dict[int, tuple[int, int]]:
    """Return for each KPI how many open initiatives were to move it, and how many of them were late on the day."""
    asked: dict[str, Any] = {"kpis": list(kpi_ids), "known_at": known_at, "today": today, "open": list(OPEN)}
    with connection.cursor() as cursor:
        cursor.execute(ANSWERS, asked)
        return {kpi_id: (count, late) for kpi_id, count, late in cursor.fetchall()}
