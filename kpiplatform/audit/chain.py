"""Verifying the audit trail."""

from __future__ import annotations

from django.db import connection


def first_broken_entry() -> int | None:
    """Return the id of the first entry whose hash does not follow from its content and predecessor, or None."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM (
                SELECT id, hash, previous_hash,
                       lag(hash, 1, ''::bytea) OVER (ORDER BY id) AS expected_previous,
                       audit_hash(previous_hash, id, at, actor, "table", "row", action, before, after) AS expected
                FROM audit_auditentry
            ) AS chain
            WHERE previous_hash <> expected_previous OR hash <> expected
            ORDER BY id LIMIT 1
            """
        )
        row = cursor.fetchone()
    return None if row is None else row[0]
