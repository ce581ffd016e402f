"""Noting which values of derived KPIs a changed value reaches, in the transaction that changed it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from kpis.bulk import Stored, as_array
from kpis.signals import derivations_owed

CHANGED = """
INSERT INTO kpis_owedderivation (kpi_id, input_id, period_start, period_end, waits_for_lock)
SELECT k.id, m.kpi_id, m.period_start, m.period_end, false
FROM unnest(%s::bigint[], %s::date[]) AS changed(kpi_id, first)
JOIN kpis_kpiinput i ON i.input_id = changed.kpi_id
JOIN kpis_kpi k ON k.id = i.kpi_id AND k.status = 'active' AND k.entry = 'derived'
JOIN kpis_measurement m ON m.kpi_id = changed.kpi_id AND m.period_start >= changed.first AND m.recorded_at = %s
"""


def owe_what_follows(stored: Sequence[Stored], *, now: datetime) -> None:
    """Owe what is derived from the values that were stored at `now`, and ask for it after the commit."""
    if not stored:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            CHANGED, [as_array(row.kpi_id for row in stored), as_array(row.first_period for row in stored), now]
        )
        is_owed = cursor.rowcount > 0
    if is_owed:
        transaction.on_commit(lambda: derivations_owed.send(sender=None), robust=True)
