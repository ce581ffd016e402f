"""The state of a KPI: its latest closed period, what came before, and the open period, from its judged periods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from kpis.domain.judged import Judged
from kpis.domain.periods import Calendar, Period, period_of, previous_period
from kpis.domain.sparkline import Spark, sparkline
from kpis.domain.xmr import latest_is_signal, natural_limits

SPARK_PERIODS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a row of a scorecard shows of a KPI."""

    last: Judged | None = None
    previous_value: Decimal | None = None
    signal: str = ""
    spark: Spark | None = None
    running: Judged | None = None
    no_band_reason: str = ""


def closed_periods(newest_first: Iterable[Judged]) -> list[Judged]:
    """Return the closed periods with a value, newest first."""
    return [row for row in newest_first if not row.is_provisional and row.value is not None]


def state_of(newest_first: Sequence[Judged], frequency: str, calendar: Calendar) -> State:
    """Return the state after the given judged periods; about 27 of them make the natural limits sound.

    The open period is shown only if it lies after the latest closed one. `previous_value` is that of the period
    just before; a gap there leaves it empty.
    """
    closed = closed_periods(newest_first)
    running = next((row for row in newest_first if row.is_provisional and row.value is not None), None)
    if not closed:
        why_none = newest_first[0].no_band_reason if newest_first else ""
        return State(running=running, no_band_reason=why_none)
    last = closed[0]
    if running is not None and running.period_start <= last.period_start:
        running = None
    period = period_of(last.period_start, frequency, calendar)
    before = previous_period(period, calendar).start
    oldest_first = [row.value for row in reversed(closed) if row.value is not None]
    return State(
        last=last,
        previous_value=next((row.value for row in closed if row.period_start == before), None),
        signal=latest_is_signal(oldest_first),
        spark=_spark(calendar, period, closed, oldest_first),
        running=running,
        no_band_reason=last.no_band_reason,
    )


def _spark(calendar: Calendar, period: Period, closed: list[Judged], oldest_first: list[Decimal]) -> Spark | None:
    by_start = {row.period_start: row.value for row in closed}
    starts = [period.start]
    for _ in range(SPARK_PERIODS - 1):
        period = previous_period(period, calendar)
        starts.append(period.start)
    limits = natural_limits(oldest_first[:-1])
    return sparkline(
        [by_start.get(start) for start in reversed(starts)],
        goal=closed[0].goal,
        range_low=limits.lower if limits else None,
        range_high=limits.upper if limits else None,
        band=closed[0].band,
    )
