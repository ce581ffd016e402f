"""The state of a KPI: its latest closed period, what came before, and the open period, from its judged periods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from kpis.domain.judged import Judged
from kpis.domain.periods import Calendar, period_of, previous_period
from kpis.domain.sparkline import Spark, sparkline
from kpis.domain.xmr import NaturalLimits, latest_is_signal, natural_limits

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


def band_since(closed: Sequence[Judged]) -> date:
    """Return the first period of the band of the latest of the closed periods, which come newest first."""
    since = closed[0].period_start
    for row in closed:
        if row.band != closed[0].band:
            break
        since = row.period_start
    return since


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
    starts = _starts(last.period_start, frequency, calendar)
    oldest_first = [row.value for row in reversed(closed) if row.value is not None]
    limits = natural_limits(oldest_first[:-1])  # of what came before: a jump must not widen the limits it is judged by
    return State(
        last=last,
        previous_value=next((row.value for row in closed if row.period_start == starts[-2]), None),
        signal=latest_is_signal(oldest_first, limits),
        spark=_spark(starts, closed, limits),
        running=running,
        no_band_reason=last.no_band_reason,
    )


@lru_cache(maxsize=4096)
def _starts(last: date, frequency: str, calendar: Calendar) -> tuple[date, ...]:
    """Return the starts of the periods up to the one that starts on `last`; most KPIs of a rhythm share them."""
    period = period_of(last, frequency, calendar)
    starts = [period.start]
    for _ in range(SPARK_PERIODS - 1):
        period = previous_period(period, calendar)
        starts.append(period.start)
    return tuple(reversed(starts))


def _spark(starts: Sequence[date], closed: list[Judged], limits: NaturalLimits | None) -> Spark | None:
    by_start = {row.period_start: row.value for row in closed}
    return sparkline(
        [by_start.get(start) for start in starts],
        goal=closed[0].goal,
        range_low=limits.lower if limits else None,
        range_high=limits.upper if limits else None,
        band=closed[0].band,
    )
