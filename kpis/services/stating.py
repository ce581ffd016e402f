"""The state row of each KPI: what a scorecard shows, ready to read. Derived from its latest evaluations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal

import orjson
from django.db import connection

from kpis.bulk import copy_rows
from kpis.domain.periods import Calendar, Period, period_of, previous_period
from kpis.domain.sparkline import sparkline
from kpis.domain.xmr import latest_is_signal, natural_limits
from kpis.models import Kpi

SPARK_PERIODS = 12
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


@dataclass(frozen=True, slots=True)
class Judged:
    """One judged period as the state needs it."""

    period_start: date
    period_end: date
    value: Decimal | None
    goal: Decimal | None
    red_flag: Decimal | None
    goal_high: Decimal | None
    red_high: Decimal | None
    score: Decimal | None
    band: str
    no_band_reason: str
    is_provisional: bool


def refresh_states(*, kpis: Mapping[int, Kpi], calendars: Mapping[int, Calendar], now: datetime) -> None:
    """Write the state rows of the KPIs anew; the caller holds them locked."""
    kpi_ids = sorted(kpis)
    latest: dict[int, list[Judged]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(LATEST, [kpi_ids, LOOK_BACK + 1])
        for kpi_id, *judged in cursor.fetchall():
            latest[kpi_id].append(Judged(*judged))
    since = _band_since({kpi_id: closed[0].band for kpi_id, rows in latest.items() if (closed := _closed(rows))})
    rows = [
        _state_row(kpis[kpi_id], calendars[kpis[kpi_id].calendar_id], latest[kpi_id], since.get(kpi_id))
        for kpi_id in kpi_ids
        if kpi_id in latest
    ]
    _store(rows)


def _closed(rows: Iterable[Judged]) -> list[Judged]:
    """The closed periods with a value, newest first."""
    return [row for row in rows if not row.is_provisional and row.value is not None]


def _band_since(bands: Mapping[int, str]) -> dict[int, date | None]:
    with connection.cursor() as cursor:
        cursor.execute(BAND_SINCE, [list(bands), list(bands.values())])
        return dict(cursor.fetchall())


def _state_row(kpi: Kpi, calendar: Calendar, rows: list[Judged], since: date | None) -> tuple[object, ...]:
    closed = _closed(rows)
    running = next((row for row in rows if row.is_provisional and row.value is not None), None)
    if running is not None and closed and running.period_start <= closed[0].period_start:
        running = None
    opening = (running.period_start, running.value, running.band) if running is not None else (None, None, "")
    if not closed:
        return (kpi.pk, *[None] * 9, "", rows[0].no_band_reason, None, "", orjson.dumps({}).decode(), *opening)
    last = closed[0]
    period = period_of(last.period_start, kpi.frequency, calendar)
    before = previous_period(period, calendar).start
    previous = next((row.value for row in closed if row.period_start == before), None)
    oldest_first = [row.value for row in reversed(closed) if row.value is not None]
    return (
        kpi.pk,
        last.period_start,
        last.period_end,
        last.value,
        previous,
        last.goal,
        last.red_flag,
        last.goal_high,
        last.red_high,
        last.score,
        last.band,
        last.no_band_reason,
        since,
        latest_is_signal(oldest_first),
        _spark(kpi, calendar, period, closed, oldest_first),
        *opening,
    )


def _spark(kpi: Kpi, calendar: Calendar, period: Period, closed: list[Judged], oldest_first: list[Decimal]) -> str:
    by_start = {row.period_start: row.value for row in closed}
    starts = [period.start]
    for _ in range(SPARK_PERIODS - 1):
        period = previous_period(period, calendar)
        starts.append(period.start)
    values = [by_start.get(start) for start in reversed(starts)]
    limits = natural_limits(oldest_first[:-1])
    drawn = sparkline(
        values,
        goal=closed[0].goal,
        range_low=limits.lower if limits else None,
        range_high=limits.upper if limits else None,
        band=closed[0].band,
    )
    return orjson.dumps(asdict(drawn) if drawn else {}).decode()


def _store(rows: list[tuple[object, ...]]) -> None:
    names = [name for name in COLUMNS if name != "kpi_id"]
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP TABLE IF EXISTS stated; CREATE TEMP TABLE stated ("
            + ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
            + ") ON COMMIT DROP"
        )
        copy_rows(cursor, "COPY stated FROM STDIN", rows)
        cursor.execute(
            "UPDATE kpis_kpistate s SET "
            + ", ".join(f"{name} = t.{name}" for name in names)
            + " FROM stated t WHERE s.kpi_id = t.kpi_id"
        )
