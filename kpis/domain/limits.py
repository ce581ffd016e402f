"""The numbers a value is judged against, and how they come from target and thresholds.

Always those in force for the period judged, never today's. A refusal says what is wrong as a `Flaw`; whoever
shows it finds the words in the person's language.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

Mode = Literal["absolute", "offset", "percent"]
HUNDRED = Decimal(100)
ZERO = Decimal(0)
HIGHEST_SCORE = Decimal(10)


class Flaw(StrEnum):
    """Why numbers can't judge a value."""

    NOT_FINITE = "not_finite"
    RED_FLAG_IS_GOAL = "red_flag_is_goal"
    RED_FLAG_ABOVE_GOAL = "red_flag_above_goal"
    RED_FLAG_BELOW_GOAL = "red_flag_below_goal"
    RANGE_FALLS = "range_falls"
    NO_RED_FLAG = "no_red_flag"
    NO_RED_FLAGS = "no_red_flags"
    NO_TARGET = "no_target"
    TARGET_EMPTY = "target_empty"
    TARGET_ZERO = "target_zero"
    UNSCORED = "unscored"
    NO_OPTION = "no_option"
    SCORE_OUTSIDE = "score_outside"


class LimitsRefused(ValueError):
    """Numbers that can't judge a value."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Goal and red flag in force for one period, in the KPI's unit. Their order is the polarity."""

    goal: Decimal
    red_flag: Decimal

    def __post_init__(self) -> None:
        _refuse_unless_finite(self.goal, self.red_flag)
        if self.goal == self.red_flag:
            raise LimitsRefused(Flaw.RED_FLAG_IS_GOAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeLimits:
    """A goal range and the red flags outside it, in the KPI's unit."""

    goal_low: Decimal
    goal_high: Decimal
    red_low: Decimal
    red_high: Decimal

    def __post_init__(self) -> None:
        _refuse_unless_finite(self.goal_low, self.goal_high, self.red_low, self.red_high)
        if not self.red_low < self.goal_low <= self.goal_high < self.red_high:
            raise LimitsRefused(Flaw.RANGE_FALLS)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionScale:
    """The score of each option of a yes/no or text scale; options are stored as numbers."""

    scores: Mapping[Decimal, Decimal]

    def __post_init__(self) -> None:
        if not self.scores:
            raise LimitsRefused(Flaw.NO_OPTION)
        _refuse_unless_finite(*self.scores, *self.scores.values())
        if not all(ZERO <= score <= HIGHEST_SCORE for score in self.scores.values()):
            raise LimitsRefused(Flaw.SCORE_OUTSIDE)


type AnyLimits = Limits | RangeLimits | OptionScale


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRow:
    """One version of a target: a value, or a low and a high end. No number: from its day on nothing is wanted."""

    effective_from: date
    recorded_at: datetime
    value: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def is_end(self) -> bool:
        """Whether the target before it ends, and none follows."""
        return self.value is None and self.low is None and self.high is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRow:
    """One version of how limits derive from the target or stand alone.

    Absolute: the numbers themselves, a goal of None being the target. Offset: signed distances
    from the target in units. Percent: signed percentages of |target|. In both, a goal of None is
    the target itself. Options with `scores` need none of the other numbers.
    """

    effective_from: date
    recorded_at: datetime
    mode: Mode = "absolute"
    goal: Decimal | None = None
    red_flag: Decimal | None = None
    goal_low: Decimal | None = None
    goal_high: Decimal | None = None
    red_low: Decimal | None = None
    red_high: Decimal | None = None
    scores: Mapping[Decimal, Decimal] | None = None


def in_force[Row: (TargetRow, ThresholdRow)](
    rows: Iterable[Row], period_start: date, known_at: datetime | None = None
) -> Row | None:
    """Return the row that applies to the period, as known at `known_at` (None: as known now).

    The greatest `effective_from` not after the period's start wins, then the latest `recorded_at`.
    Rows recorded after `known_at` do not exist for the answer. Of two recorded at the same moment
    the later in `rows` wins. Where a target has ended there is none.
    """
    best: Row | None = None
    for row in rows:
        if row.effective_from > period_start or (known_at is not None and row.recorded_at > known_at):
            continue
        if best is None or (row.effective_from, row.recorded_at) >= (
            best.effective_from,
            best.recorded_at,
        ):
            best = row
    return None if isinstance(best, TargetRow) and best.is_end else best


def limits_for(
    polarity: str, target_row: TargetRow | None, threshold_row: ThresholdRow | None
) -> tuple[AnyLimits | None, str]:
    """Return the limits, and "" or the reason why there are none.

    Reasons: `unscored`, `no_thresholds`, `no_target`, `target_zero`, and `wrong_order` where the
    numbers contradict the polarity (a target moved past an absolute red flag does that).
    """
    if polarity == "unscored":
        return None, "unscored"
    if threshold_row is None:
        return None, "no_thresholds"
    if threshold_row.scores:
        return OptionScale(scores=threshold_row.scores), ""
    if polarity == "within_range":
        return _range_limits(target_row, threshold_row)
    return _directional_limits(polarity, target_row, threshold_row)


def _directional_limits(polarity: str, target: TargetRow | None, threshold: ThresholdRow) -> tuple[Limits | None, str]:
    target_value = target.value if target is not None else None
    goal, reason = _placed(threshold.mode, threshold.goal, target_value)
    if reason:
        return None, reason
    if threshold.red_flag is None:
        return None, "no_thresholds"
    red_flag, reason = _placed(threshold.mode, threshold.red_flag, target_value)
    if reason:
        return None, reason
    if not (goal > red_flag if polarity == "higher_is_better" else goal < red_flag):
        return None, "wrong_order"
    return Limits(goal=goal, red_flag=red_flag), ""


def _range_limits(target: TargetRow | None, threshold: ThresholdRow) -> tuple[RangeLimits | None, str]:
    low = high = None
    if target is not None:
        # A target of one number is the range that begins and ends there.
        low = target.low if target.low is not None else target.value
        high = target.high if target.high is not None else target.value
    if threshold.red_low is None or threshold.red_high is None:
        return None, "no_thresholds"
    placed = [
        _placed(threshold.mode, threshold.goal_low, low),
        _placed(threshold.mode, threshold.goal_high, high),
        _placed(threshold.mode, threshold.red_low, low),
        _placed(threshold.mode, threshold.red_high, high),
    ]
    for _, reason in placed:
        if reason:
            return None, reason
    goal_low, goal_high, red_low, red_high = (number for number, _ in placed)
    if not red_low < goal_low <= goal_high < red_high:
        return None, "wrong_order"
    limits = RangeLimits(goal_low=goal_low, goal_high=goal_high, red_low=red_low, red_high=red_high)
    return limits, ""


def _placed(mode: Mode, number: Decimal | None, target: Decimal | None) -> tuple[Decimal, str]:
    """Return where a threshold's number lies in the KPI's unit, or 0 and the reason it lies nowhere.

    A number of None is the target itself.
    """
    if mode == "absolute" and number is not None:
        return number, ""
    if target is None:
        return ZERO, "no_target"
    if mode == "percent":
        # Also for the goal alone: a goal without a red flag judges nothing.
        if target == 0:
            return ZERO, "target_zero"
        return target + abs(target) * (number or ZERO) / HUNDRED, ""
    if mode == "offset":
        return target + (number or ZERO), ""
    return target, ""


def validate_thresholds(*, polarity: str, threshold: ThresholdRow, target: TargetRow | None = None) -> None:
    """Raise LimitsRefused if these thresholds could not judge a value.

    Without `target` only what the thresholds say by themselves is checked, since the target may
    come later; with it, the limits the two make together.
    """
    _refuse_unless_finite(*_numbers(threshold))
    if polarity == "unscored":
        raise LimitsRefused(Flaw.UNSCORED)
    if threshold.scores:
        OptionScale(scores=threshold.scores)
        return
    if target is not None:
        _refuse_unless_finite(*_numbers(target))
        if not _numbers(target):
            raise LimitsRefused(Flaw.TARGET_EMPTY)
    elif threshold.mode != "absolute" or _needs_target(polarity, threshold):
        # Offsets have the same order from every target; 100 stands in for the one to come.
        if threshold.mode == "absolute":
            _refuse_missing_red_flag(polarity, threshold)
            return
        target = TargetRow(
            effective_from=threshold.effective_from,
            recorded_at=threshold.recorded_at,
            value=HUNDRED,
        )
    _refuse_missing_red_flag(polarity, threshold)
    _refuse_wrong_limits(polarity, target, threshold)


def _refuse_missing_red_flag(polarity: str, threshold: ThresholdRow) -> None:
    if polarity == "within_range":
        if threshold.red_low is None or threshold.red_high is None:
            raise LimitsRefused(Flaw.NO_RED_FLAGS)
    elif threshold.red_flag is None:
        raise LimitsRefused(Flaw.NO_RED_FLAG)


def _refuse_wrong_limits(polarity: str, target: TargetRow | None, threshold: ThresholdRow) -> None:
    _, reason = limits_for(polarity, target, threshold)
    match reason:
        case "no_target":
            raise LimitsRefused(Flaw.NO_TARGET)
        case "target_zero":
            raise LimitsRefused(Flaw.TARGET_ZERO)
        case "wrong_order" if polarity == "within_range":
            raise LimitsRefused(Flaw.RANGE_FALLS)
        case "wrong_order" if _goal_and_red_flag_coincide(target, threshold):
            raise LimitsRefused(Flaw.RED_FLAG_IS_GOAL)
        case "wrong_order" if polarity == "higher_is_better":
            raise LimitsRefused(Flaw.RED_FLAG_ABOVE_GOAL)
        case "wrong_order":
            raise LimitsRefused(Flaw.RED_FLAG_BELOW_GOAL)


def _goal_and_red_flag_coincide(target: TargetRow | None, threshold: ThresholdRow) -> bool:
    value = target.value if target is not None else None
    return _placed(threshold.mode, threshold.goal, value) == _placed(threshold.mode, threshold.red_flag, value)


def _needs_target(polarity: str, threshold: ThresholdRow) -> bool:
    if polarity == "within_range":
        return threshold.goal_low is None or threshold.goal_high is None
    return threshold.goal is None


def _numbers(row: TargetRow | ThresholdRow) -> list[Decimal]:
    values = (getattr(row, field.name) for field in fields(row))
    return [value for value in values if isinstance(value, Decimal)]


def _refuse_unless_finite(*numbers: Decimal) -> None:
    if not all(number.is_finite() for number in numbers):
        raise LimitsRefused(Flaw.NOT_FINITE)
