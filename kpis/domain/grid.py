"""The values of a KPI in the columns of a grid, whose periods are its own or longer ones; each judged.

A period lies in the column that holds its last day, like weeks in months. A sum is judged by the sum of the limits of
its periods, everything else by the limits of the last period that has a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from kpis.domain.aggregation import Aggregate, Value, aggregate
from kpis.domain.limits import AnyLimits, Limits, RangeLimits
from kpis.domain.periods import Calendar, Period, periods_between
from kpis.domain.scoring import judge

ZERO, ONE = Decimal(0), Decimal(1)
SUMS = {"sum", "count"}
NO_ROLL_UP = {"none", "formula"}

# value; n/a by its reason; due and not there; not due yet; before the KPI existed; not to be added up
type Kind = Literal["value", "na", "missing", "not_due", "before", "no_rollup"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What is recorded of one period: state is reported, provisional or not_applicable."""

    value: Decimal | None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    state: str = "reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A KPI as the grid needs it: its recorded periods by first day, and what judges and expects them.

    `limits` says what judges the period that starts on a day, `due` the last day on which its value is in time. Of a
    cumulative KPI both values and limits are those to date: the last one stands for any longer time. `over` gives the
    value of any days of a KPI that is computed from others: the inputs first, then the formula.
    """

    samples: Mapping[date, Sample]
    limits: Callable[[date], AnyLimits | None]
    due: Callable[[Period], date]
    method: str
    factor: Decimal = ONE
    is_cumulative: bool = False
    over: Callable[[date, date], Aggregate] | None = None
    active_from: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One KPI in one column. `present` of `expected` periods have a value; fewer make it provisional.

    `made_of` are the first days of the periods whose values it is made of, oldest first.
    """

    kind: Kind
    value: Decimal | None = None
    band: str = ""
    score: Decimal | None = None
    goal: Decimal | None = None
    goal_high: Decimal | None = None
    is_provisional: bool = False
    present: int = 0
    expected: int = 0
    made_of: tuple[date, ...] = ()


def periods_in(columns: Sequence[Period], frequency: str, calendar: Calendar) -> list[list[Period]]:
    """Return for each column the periods of `frequency` whose last day lies in it."""
    found = []
    for column in columns:
        touching = periods_between(column.start, column.end, frequency, calendar)
        found.append([period for period in touching if column.start <= period.last_day < column.end])
    return found


def cell(series: Series, column: Period, periods: Sequence[Period], *, today: date) -> Cell:
    """Return what stands in a column; `periods` are the KPI's own that lie in it."""
    since = series.active_from
    own = [period for period in periods if since is None or period.end > since]
    if not own:
        return Cell(kind="before")
    recorded = {period.start: series.samples[period.start] for period in own if period.start in series.samples}
    applying = [
        period for period in own if period.start not in recorded or recorded[period.start].state != "not_applicable"
    ]
    if not applying:
        return Cell(kind="na")
    present = [period for period in applying if period.start in recorded and recorded[period.start].value is not None]
    expected = [period for period in applying if series.due(period) < today]
    if not present:
        return Cell(kind="missing" if expected else "not_due", expected=len(expected))
    is_computed = len(own) > 1 and series.over is not None and not series.is_cumulative
    if len(own) > 1 and series.method in NO_ROLL_UP and not series.is_cumulative and not is_computed:
        return Cell(kind="no_rollup", present=len(present))
    there = {period.start for period in present}
    gaps = sum(period.start not in there for period in expected)
    if is_computed:
        value, limits = _computed(series, own), series.limits(present[-1].start)
        if value is None:
            return Cell(kind="missing", expected=len(expected))
    else:
        value, limits = _value_and_limits(series, present, recorded, gaps)
    judgement = judge(value, limits) if value is not None and limits is not None else None
    return Cell(
        kind="value",
        value=value,
        band=judgement.band.value if judgement else "",
        score=judgement.score if judgement else None,
        goal=_goal(limits),
        goal_high=limits.goal_high if isinstance(limits, RangeLimits) else None,
        is_provisional=gaps > 0
        or column.end > today
        or any(recorded[period.start].state == "provisional" for period in present),
        present=len(present),
        expected=max(len(expected), len(present)),
        made_of=tuple(period.start for period in present),
    )


def _value_and_limits(
    series: Series, present: Sequence[Period], recorded: Mapping[date, Sample], gaps: int
) -> tuple[Decimal | None, AnyLimits | None]:
    last = present[-1]
    if series.is_cumulative or series.method in NO_ROLL_UP or (len(present) == 1 and not gaps):
        return recorded[last.start].value, series.limits(last.start)
    found = [_value(recorded[period.start]) for period in present]
    value = aggregate([*found, *[None] * gaps], series.method, series.factor).value
    if series.method in SUMS:
        return value, _total([series.limits(period.start) for period in present])
    return value, series.limits(last.start)


def _computed(series: Series, own: Sequence[Period]) -> Decimal | None:
    return series.over(own[0].start, own[-1].end).value if series.over is not None else None


def _value(sample: Sample) -> Value:
    return Value(
        value=sample.value, numerator=sample.numerator, denominator=sample.denominator, weight=sample.denominator
    )


def _total(limits: Sequence[AnyLimits | None]) -> Limits | None:
    """Return the sum of the limits of all periods, or None where one has none to add."""
    own = [one for one in limits if isinstance(one, Limits)]
    if len(own) < len(limits):
        return None
    goal, red_flag = sum((one.goal for one in own), ZERO), sum((one.red_flag for one in own), ZERO)
    return None if goal == red_flag else Limits(goal=goal, red_flag=red_flag)


def _goal(limits: AnyLimits | None) -> Decimal | None:
    if isinstance(limits, Limits):
        return limits.goal
    return limits.goal_low if isinstance(limits, RangeLimits) else None
