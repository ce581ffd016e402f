"""The state row of each KPI: what a scorecard shows, ready to read. Derived from its latest evaluations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime

import orjson
from django.db import connection

from kpis.bulk import fill_temporary
from kpis.domain.judged import Judged
from kpis.domain.periods import Calendar
from kpis.domain.state import State, state_of
from kpis.models import Kpi

LOOK_BACK = 26  # periods read per KPI: enough for natural limits and the spark

LATEST = """
SELECT k.kpi_id, e.period_start, e.period_end, e.value, e.goal, e.red_flag, e.goal_high, e.red_high, e.score, e.band,
       e.no_band_reason, e.is_provisional
FROM unnest(%s::bigint[]) AS k(kpi_id)
CROSS JOIN LATERAL (
    SELECT * FROM kpis_evaluation e WHERE e.kpi_id = k.kpi_id ORDER BY e.period_start DESC LIMIT %s
) AS e
"""
BAND_SINCE = """
SELECT k.kpi_id, (
    SELECT min(e.period_start) FROM kpis_evaluation e
    WHERE e.kpi_id = k.kpi_id AND NOT e.is_provisional AND e.value IS NOT NULL AND e.period_start > coalesce((
        SELECT max(o.period_start) FROM kpis_evaluation o
        WHERE o.kpi_id = k.kpi_id AND NOT o.is_provisional AND o.value IS NOT NULL AND o.band <> k.band
    ), '-infinity'))
FROM unnest(%s::bigint[], %s::text[]) AS k(kpi_id, band)
"""
COLUMNS = {
    "kpi_id": "bigint",
    "period_start": "date",
    "period_end": "date",
    "value": "numeric(28,8)",
    "previous_value": "numeric(28,8)",
    "goal": "numeric(28,8)",
    "red_flag": "numeric(28,8)",
    "goal_high": "numeric(28,8)",
    "red_high": "numeric(28,8)",
    "score": "numeric(6,4)",
    "band": "text",
    "no_band_reason": "text",
    "band_since": "date",
    "signal": "text",
    "spark": "jsonb",
    "open_start": "date",
    "open_value": "numeric(28,8)",
    "open_band": "text",
}
STORE = f"""
UPDATE kpis_kpistate s
SET {", ".join(f"{name} = t.{name}" for name in COLUMNS if name != "kpi_id")},
    dirty_from = NULL, dirty_since = NULL, evaluated_at = %s
FROM stated t WHERE s.kpi_id = t.kpi_id
"""


def refresh_states(*, kpis: Mapping[int, Kpi], calendars: Mapping[int, Calendar], now: datetime) -> None:
    """Write the state rows of the KPIs anew, with no judgement owed; the caller holds them locked."""
    kpi_ids = sorted(kpis)
    latest: dict[int, list[Judged]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(LATEST, [kpi_ids, LOOK_BACK + 1])
        for kpi_id, *judged in cursor.fetchall():
            latest[kpi_id].append(Judged(*judged))
    states = {
        kpi_id: state_of(rows, kpis[kpi_id].frequency, calendars[kpis[kpi_id].calendar_id])
        for kpi_id, rows in latest.items()
    }
    since = _band_since({kpi_id: state.last.band for kpi_id, state in states.items() if state.last})
    _store([_row(kpi_id, states.get(kpi_id, State()), since.get(kpi_id)) for kpi_id in kpi_ids], now)


def _band_since(bands: Mapping[int, str]) -> dict[int, date | None]:
    with connection.cursor() as cursor:
        cursor.execute(BAND_SINCE, [list(bands), list(bands.values())])
        return dict(cursor.fetchall())


def _row(kpi_id: int, state: State, since: date | None) -> tuple[object, ...]:
    spark = orjson.dumps(asdict(state.spark) if state.spark else {}).decode()
    running, last = state.running, state.last
    opening = (running.period_start, running.value, running.band) if running else (None, None, "")
    if last is None:
        return (kpi_id, *[None] * 9, "", state.no_band_reason, None, "", spark, *opening)
    return (
        kpi_id,
        last.period_start,
        last.period_end,
        last.value,
        state.previous_value,
        last.goal,
        last.red_flag,
        last.goal_high,
        last.red_high,
        last.score,
        last.band,
        last.no_band_reason,
        since,
        state.signal,
        spark,
        *opening,
    )


def _store(rows: list[tuple[object, ...]], now: datetime) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    with connection.cursor() as cursor:
        fill_temporary(cursor, "stated", columns, rows)
        cursor.execute(STORE, [now])
