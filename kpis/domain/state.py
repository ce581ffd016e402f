"""The state of a KPI: its latest closed period, what came before, and the open period, from its judged periods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from kpis.domain.judged import Judged
from kpis.domain.periods import Calendar, period_of, previous_period
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


class Trend(NamedTuple):
    """How the latest closed value stands to those before it."""

    previous_value: Decimal | None
    signal: str
    spark: Spark | None


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


def comparable_since(breaks: Iterable[date], latest: date) -> date:
    """Return from which day on periods compare with the latest one: since the last change of definition before it."""
    return max((day for day in breaks if day <= latest), default=date.min)


def state_of(newest_first: Sequence[Judged], frequency: str, calendar: Calendar, breaks: Sequence[date] = ()) -> State:
    """Return the state after the given judged periods; about 27 of them make the natural limits sound.

    The open period is shown only if it lies after the latest closed one. `previous_value` is that of the period
    just before; a gap there leaves it empty. `breaks` are the days on which the definition changed so that values
    before and after do not compare: only those since the last one are looked at.
    """
    closed = closed_periods(newest_first)
    running = next((row for row in newest_first if row.is_provisional and row.value is not None), None)
    if not closed:
        why_none = newest_first[0].no_band_reason if newest_first else ""
        return State(running=running, no_band_reason=why_none)
    last = closed[0]
    if running is not None and running.period_start <= last.period_start:
        running = None
    since = comparable_since(breaks, last.period_start)
    alike = [row for row in closed if row.period_start >= since]
    places = places_of([row.period_start for row in alike], frequency, calendar)
    values = [row.value for row in alike if row.value is not None]
    trend = trend_of(values, places, goal=last.goal, band=last.band)
    return State(
        last=last,
        previous_value=trend.previous_value,
        signal=trend.signal,
        spark=trend.spark,
        running=running,
        no_band_reason=last.no_band_reason,
    )


def trend_of(values: Sequence[Decimal], places: Sequence[int], *, goal: Decimal | None, band: str) -> Trend:
    """Return how the latest of some values of closed periods, newest first, stands to those before it.

    `places` may end before `values` do: only those of the sparkline are looked at.
    """
    by_place = dict(zip(places, values, strict=False))
    oldest_first = values[::-1]
    limits = natural_limits(oldest_first[:-1])  # of what came before: a jump must not widen the limits it is judged by
    return Trend(
        by_place.get(1),
        latest_is_signal(oldest_first, limits),
        sparkline(
            [by_place.get(place) for place in reversed(range(SPARK_PERIODS))],
            goal=goal,
            range_low=limits.lower if limits else None,
            range_high=limits.upper if limits else None,
            band=band,
        ),
    )


def places_of(starts: Sequence[date], frequency: str, calendar: Calendar) -> tuple[int, ...]:
    """Return how many periods before the first each of the starts lies, which come newest first; -1 is nowhere near."""
    places = {start: place for place, start in enumerate(last_starts(starts[0], frequency, calendar))}
    return tuple([places.get(start, -1) for start in starts[:SPARK_PERIODS]])


@lru_cache(maxsize=4096)
def last_starts(day: date, frequency: str, calendar: Calendar) -> tuple[date, ...]:
    """Return where the period of a day and those before it start that a sparkline shows, newest first."""
    period = period_of(day, frequency, calendar)
    starts = [period.start]
    for _ in range(SPARK_PERIODS - 1):
        period = previous_period(period, calendar)
        starts.append(period.start)
    return tuple(starts)
