"""Is a move a signal or routine variation: the XmR chart of single values and moving ranges.

Give values of one series in period order without gaps filled in; a gap is simply left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import sub
from statistics import median
from typing import Literal, NamedTuple

FEWEST_POINTS = 6
SOLID_POINTS = 12
RUN_LENGTH = 8
NEAR_WINDOW, NEAR_COUNT = 4, 3
# Of the mean moving range: 3/d2 and D4 for ranges of two points.
LIMITS_BY_MEAN, RANGE_BY_MEAN = Decimal("2.660"), Decimal("3.268")
LIMITS_BY_MEDIAN, RANGE_BY_MEDIAN = Decimal("3.145"), Decimal("3.865")


class NaturalLimits(NamedTuple):
    """Centre and natural limits of a series; provisional until there are twelve points."""

    centre: Decimal
    lower: Decimal
    upper: Decimal
    moving_range: Decimal
    range_limit: Decimal
    points: int
    provisional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One of Wheeler's three rules, met at the point with this index."""

    index: int
    rule: Literal["outside", "run", "near_limit"]
    side: Literal["above", "below"]


def natural_limits(values: Sequence[Decimal], ranges: Literal["mean", "median"] = "mean") -> NaturalLimits | None:
    """Return the limits of a baseline, or None for fewer than six points.

    With `ranges="median"` the median moving range sets the limits, which a single jump in the
    baseline cannot widen; the centre stays the mean.
    """
    points = len(values)
    if points < FEWEST_POINTS:
        return None
    moving = list(map(abs, map(sub, values[1:], values)))
    if ranges == "mean":
        moving_range = sum(moving, Decimal(0)) / len(moving)
        reach, range_limit = LIMITS_BY_MEAN * moving_range, RANGE_BY_MEAN * moving_range
    else:
        moving_range = median(moving)
        reach, range_limit = LIMITS_BY_MEDIAN * moving_range, RANGE_BY_MEDIAN * moving_range
    centre = sum(values, Decimal(0)) / points
    return NaturalLimits(
        centre=centre,
        lower=centre - reach,
        upper=centre + reach,
        moving_range=moving_range,
        range_limit=range_limit,
        points=points,
        provisional=points < SOLID_POINTS,
    )


def signals(values: Sequence[Decimal], limits: NaturalLimits) -> tuple[Signal, ...]:
    """Return every signal in point order: at most one per point, the plainest rule first.

    Outside a limit; the eighth or later in a row on one side of the centre; the third of four in
    a row nearer the same limit than the centre. A point on a line does not count as beyond it.
    """
    found = []
    for index in range(len(values)):
        signal = _signal_at(index, values, limits)
        if signal is not None:
            found.append(signal)
    return tuple(found)


def latest_is_signal(
    values: Sequence[Decimal], baseline: NaturalLimits | None = None
) -> Literal["signal", "routine", "too_few"]:
    """Return whether the latest value is a signal, given those before it.

    Without a frozen `baseline` the limits come from every value before the latest: a jump must
    not widen the limits it is judged by. So seven values are needed, or one and a baseline.
    """
    limits = baseline if baseline is not None else natural_limits(values[:-1])
    if limits is None or not values:
        return "too_few"
    return "routine" if _signal_at(len(values) - 1, values, limits) is None else "signal"


def _signal_at(index: int, values: Sequence[Decimal], limits: NaturalLimits) -> Signal | None:
    value = values[index]
    if value > limits.upper:
        return Signal(index=index, rule="outside", side="above")
    if value < limits.lower:
        return Signal(index=index, rule="outside", side="below")
    if value == limits.centre:
        return None
    side: Literal["above", "below"] = "above" if value > limits.centre else "below"
    run = values[max(0, index + 1 - RUN_LENGTH) : index + 1]
    if len(run) == RUN_LENGTH and (min(run) > limits.centre if side == "above" else max(run) < limits.centre):
        return Signal(index=index, rule="run", side=side)
    half_way = (limits.upper - limits.centre) / 2
    line = limits.centre + half_way if side == "above" else limits.centre - half_way
    near = [earlier > line if side == "above" else earlier < line for earlier in run[-NEAR_WINDOW:]]
    if near[-1] and sum(near) >= NEAR_COUNT:
        return Signal(index=index, rule="near_limit", side=side)
    return None
