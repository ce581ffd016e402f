"""Judging one value. Pure: no ORM, no clock, no settings."""

from decimal import Decimal
from typing import NamedTuple

from kpis.domain.bands import Band
from kpis.domain.limits import AnyLimits, Limits, OptionScale, RangeLimits
from objectives.domain.rollup import GOAL_LINE, RED_FLAG_LINE, STEP, band_for_score, stored_score

ZERO, ONE, THREE, TEN = Decimal(0), Decimal(1), Decimal(3), Decimal(10)
AT_GOAL = Decimal(20) / THREE

_HIGHEST_AT_RISK = GOAL_LINE - STEP
_HIGHEST_OFF_TRACK = RED_FLAG_LINE - STEP


class UnknownOption(ValueError):
    """The value is none of the options of its scale."""


class Judgement(NamedTuple):
    """Score (as stored: four places) and band of one value; they always agree."""

    score: Decimal | None
    band: Band


_NOT_JUDGED = Judgement(score=None, band=Band.NONE)


def score(value: Decimal, limits: AnyLimits) -> Decimal:
    """Return 0-10: 3.33 at the red flag, 6.67 at the goal, linear, clamped, at full precision.

    Inside a goal range it rises to 10 at the middle. Raises UnknownOption off a scale's options.
    """
    if type(limits) is Limits:
        return _directional(value, limits.goal, limits.red_flag)
    if isinstance(limits, RangeLimits):
        return _in_range(value, limits)
    assert isinstance(limits, OptionScale)
    if value not in limits.scores:
        raise UnknownOption(f"{value} is not an option of this scale.")
    return limits.scores[value]


def band_for(value: Decimal, limits: AnyLimits) -> Band:
    """Return the band of `value`; a value on a limit earns the better band."""
    if type(limits) is Limits:
        goal, red_flag = limits.goal, limits.red_flag
        if goal > red_flag:
            if value >= goal:
                return Band.ON_TRACK
            return Band.AT_RISK if value >= red_flag else Band.OFF_TRACK
        if value <= goal:
            return Band.ON_TRACK
        return Band.AT_RISK if value <= red_flag else Band.OFF_TRACK
    if isinstance(limits, RangeLimits):
        if limits.goal_low <= value <= limits.goal_high:
            return Band.ON_TRACK
        return Band.AT_RISK if limits.red_low <= value <= limits.red_high else Band.OFF_TRACK
    return Band(band_for_score(score(value, limits)))


def judge(value: Decimal, limits: AnyLimits) -> Judgement:
    """Return score and band; none of both where the value is not an option of its scale.

    A value a hair short of a line rounds onto the line's score; it then keeps the highest score
    of its own band, so that the band can be read off the stored score.
    """
    if type(limits) is OptionScale and value not in limits.scores:
        return _NOT_JUDGED
    band = band_for(value, limits)
    stored = stored_score(score(value, limits))
    if band is not Band.ON_TRACK:
        highest = _HIGHEST_AT_RISK if band is Band.AT_RISK else _HIGHEST_OFF_TRACK
        if stored > highest:
            stored = highest
    return Judgement(score=stored, band=band)


def change_to_goal(value: Decimal, limits: AnyLimits) -> Decimal | None:
    """Return what must be added to `value` to be just on track: 0 if it is, None on a scale."""
    if isinstance(limits, OptionScale):
        return None
    if band_for(value, limits) is Band.ON_TRACK:
        return ZERO
    if isinstance(limits, Limits):
        return limits.goal - value
    return (limits.goal_low if value < limits.goal_low else limits.goal_high) - value


def value_for_score(wanted: Decimal, limits: Limits) -> Decimal:
    """Return the value that scores `wanted`, to say a change of score in the KPI's own unit."""
    return limits.red_flag + (limits.goal - limits.red_flag) * (wanted * THREE / TEN - ONE)


def _directional(value: Decimal, goal: Decimal, red_flag: Decimal) -> Decimal:
    # 10 (x - (2R - G)) / 3d, written around R: the goal and the red flag then hit their lines
    # exactly, and every step is monotone under rounding.
    raw = TEN * ((value - red_flag) / (goal - red_flag) + ONE) / THREE
    if raw >= TEN:
        return TEN
    return raw if raw > ZERO else ZERO


def _in_range(value: Decimal, limits: RangeLimits) -> Decimal:
    if value < limits.goal_low:
        return _directional(value, limits.goal_low, limits.red_low)
    if value > limits.goal_high:
        return _directional(value, limits.goal_high, limits.red_high)
    half = (limits.goal_high - limits.goal_low) / 2
    if half == 0:
        return TEN
    from_edge = min(value - limits.goal_low, limits.goal_high - value) / half
    return min(TEN * (from_edge + ONE + ONE) / THREE, TEN)
