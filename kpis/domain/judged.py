"""A series of values judged period by period, by the limits in force for each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from kpis.domain.cumulative import to_date
from kpis.domain.limits import AnyLimits, Limits, RangeLimits, TargetRow, ThresholdRow, in_force, limits_for
from kpis.domain.scoring import judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Every version of a KPI's targets and thresholds."""

    polarity: str
    targets: Sequence[TargetRow] = ()
    thresholds: Sequence[ThresholdRow] = ()


# Tuples, since there are hundreds of thousands of them: made four times as fast as frozen dataclasses.


class Valued(NamedTuple):
    """A value of one period as it is known: state is reported, provisional or not_applicable."""

    period_start: date
    period_end: date
    value: Decimal | None
    state: str = "reported"
    reason: str = ""


class Judged(NamedTuple):
    """A judged period: the limits used, score and band, or why there is no band.

    In a range `goal` and `red_flag` are the lower ends.
    """

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


def judge_periods(
    values: Sequence[Valued],
    rules: Rules,
    *,
    fiscal_years: Sequence[date] | None = None,
    known_at: datetime | None = None,
) -> Iterator[Judged]:
    """Judge each value by the limits in force for its period, as known at `known_at` (None: now).

    `fiscal_years`, the first day of the fiscal year of each period, makes the KPI cumulative: sums to date are
    judged by limits to date; `values` must then begin with the start of a year.
    """
    limits = list(_limits(values, rules, known_at))
    numbers: Sequence[Decimal | None] = [row.value for row in values]
    if fiscal_years is not None:
        numbers, limits = to_date(numbers, limits, fiscal_years)
    for row, number, (limit, reason) in zip(values, numbers, limits, strict=True):
        yield _judged(row, number, limit, reason)


def _limits(
    values: Sequence[Valued], rules: Rules, known_at: datetime | None
) -> Iterator[tuple[AnyLimits | None, str]]:
    """Yield the limits of each period. They change only where a row takes effect, and are worked out once between."""
    dated = {row.effective_from for row in rules.targets} | {row.effective_from for row in rules.thresholds}
    changes = sorted(dated)
    found: dict[int, tuple[AnyLimits | None, str]] = {}
    for row in values:
        start = row.period_start
        passed = bisect_right(changes, start)
        if passed not in found:
            target = in_force(rules.targets, start, known_at)
            found[passed] = limits_for(rules.polarity, target, in_force(rules.thresholds, start, known_at))
        yield found[passed]


def _judged(row: Valued, value: Decimal | None, limits: AnyLimits | None, why_none: str) -> Judged:
    goal = red_flag = goal_high = red_high = score = None
    band = ""
    if type(limits) is Limits:
        goal, red_flag = limits.goal, limits.red_flag
    elif type(limits) is RangeLimits:
        goal, red_flag, goal_high, red_high = limits.goal_low, limits.red_low, limits.goal_high, limits.red_high
    if value is None:
        why_none = "zero_denominator" if row.reason == "zero_denominator" else "no_value"
    elif limits is not None:
        judgement = judge(value, limits)
        score, band = judgement.score, judgement.band.value
        why_none = "" if band else "unknown_option"
    provisional = row.state == "provisional"
    return Judged(
        row.period_start,
        row.period_end,
        value,
        goal,
        red_flag,
        goal_high,
        red_high,
        score,
        band,
        why_none,
        provisional,
    )
