"""Migration operations that put a table under audit, or make it append-only."""

from __future__ import annotations

from django.db.migrations.operations import RunSQL


def audited(table: str) -> RunSQL:
    """Write every insert, update and delete of `table` to the audit trail."""
    return RunSQL(
        f'CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON "{table}" '
        "FOR EACH ROW EXECUTE FUNCTION audit_write()",
        f'DROP TRIGGER audit ON "{table}"',
    )


def append_only(table: str) -> RunSQL:
    """Refuse every update and delete of a row of `table`."""
    return RunSQL(
        f'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON "{table}" '
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        f'DROP TRIGGER append_only ON "{table}"',
    )
