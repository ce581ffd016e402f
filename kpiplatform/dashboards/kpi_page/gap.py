"""How far a value is from the goal, in its own unit and in things that can be counted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from kpis.domain.limits import AnyLimits, Limits, RangeLimits
from kpis.domain.scoring import change_to_goal

WHOLE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What must be added to the value to be on track, 0 if it is; `count` says it in units of the numerator."""

    change: Decimal
    count: Decimal | None = None


def gap_to_goal(
    value: Decimal | None,
    limits: AnyLimits | None,
    *,
    numerator: Decimal | None = None,
    denominator: Decimal | None = None,
    factor: Decimal = WHOLE,
) -> Gap | None:
    """Return the gap, or None where nothing says what on track would be.

    The count takes the denominator as it was: so many more (or fewer, negative) of the same number.
    """
    change = None if value is None or limits is None else change_to_goal(value, limits)
    if change is None or value is None:
        return None
    if not change or numerator is None or not denominator or not factor:
        return Gap(change=change)
    wanted = (value + change) * denominator / factor
    rounding = ROUND_CEILING if change > 0 else ROUND_FLOOR
    # Values are stored with eight decimals: a wanted number that close to a whole one is that one.
    whole = wanted.quantize(Decimal("1E-6")).quantize(WHOLE, rounding)
    return Gap(change=change, count=whole - numerator)


def count_from_goal(
    limits: AnyLimits | None, *, numerator: Decimal | None, denominator: Decimal | None, factor: Decimal = WHOLE
) -> Decimal | None:
    """Return by how many of the numerator a ratio is past its goal (negative: how many it is short of it)."""
    if not isinstance(limits, Limits) or numerator is None or not denominator or not factor:
        return None
    wanted = (limits.goal * denominator / factor).quantize(Decimal("1E-6"))
    if limits.goal > limits.red_flag:
        return numerator - wanted.quantize(WHOLE, ROUND_CEILING)
    return wanted.quantize(WHOLE, ROUND_FLOOR) - numerator


def distance(value: Decimal | None, limits: AnyLimits | None) -> Decimal | None:
    """Return value minus goal; for a range, how far the value lies outside it, 0 inside."""
    if value is None or limits is None:
        return None
    if isinstance(limits, Limits):
        return value - limits.goal
    change = change_to_goal(value, limits)
    return None if change is None else -change


def to_spare(value: Decimal, limits: AnyLimits) -> Decimal | None:
    """Return how far a value on track may move the wrong way until it is at risk."""
    if isinstance(limits, Limits):
        return abs(value - limits.goal)
    if isinstance(limits, RangeLimits):
        return min(value - limits.goal_low, limits.goal_high - value)
    return None
