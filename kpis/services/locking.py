"""The state rows of KPIs: whoever writes values or judgements of a KPI holds its row."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from kpis.bulk import as_array


def ensure_states(*, kpi_ids: Sequence[int]) -> None:
    """Create the state rows that are missing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kpis_kpistate (kpi_id, band, no_band_reason, signal, spark, open_band, health, days_late)"
            " SELECT id, '', '', '', '{}', '', 'never', 0 FROM unnest(%s::bigint[]) AS wanted(id)"
            " WHERE NOT EXISTS (SELECT 1 FROM kpis_kpistate s WHERE s.kpi_id = wanted.id) ORDER BY id"
            " ON CONFLICT DO NOTHING",
            [as_array(kpi_ids)],
        )


def lock_states(*, kpi_ids: Sequence[int]) -> None:
    """Hold the state rows in ascending order, so that writers of overlapping sets never deadlock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kpi_id FROM kpis_kpistate WHERE kpi_id = ANY(%s) ORDER BY kpi_id FOR UPDATE", [as_array(kpi_ids)]
        )
