"""From the scores of children to the score of a parent, and which child decides it.

Bands are plain strings here; the words are those of the KPIs' bands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Literal

Method = Literal["weighted_average", "worst_child", "manual"]

ON_TRACK, AT_RISK, OFF_TRACK, NO_BAND = "on_track", "at_risk", "off_track", ""
ZERO = Decimal(0)
HIGHEST = Decimal(10)
STEP = Decimal("0.0001")
# Two thirds and one third of ten, as a score is stored: to four places.
GOAL_LINE = Decimal("6.6667")
RED_FLAG_LINE = Decimal("3.3333")
# What a band turns into next: a better one, and on track the one that is lost to.
_NEXT = {OFF_TRACK: AT_RISK, AT_RISK: ON_TRACK, ON_TRACK: AT_RISK}
_SPAN = {
    ON_TRACK: (GOAL_LINE, HIGHEST),
    AT_RISK: (RED_FLAG_LINE, GOAL_LINE - STEP),
    OFF_TRACK: (ZERO, RED_FLAG_LINE - STEP),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A KPI or lower objective under a parent, with the score it has or None."""

    key: str
    name: str
    score: Decimal | None
    weight: Decimal
    band: str

    def __post_init__(self) -> None:
        if not (self.weight.is_finite() and self.weight >= 0):
            raise ValueError(f"The weight of {self.name} must be 0 or more.")
        if self.score is not None and not self.score.is_finite():
            raise ValueError(f"The score of {self.name} must be a finite number.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """What one child adds to the parent: its share of the weight times its score."""

    key: str
    share: Decimal
    contribution: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The smallest change of one child's score that gives the parent another band, and which."""

    band: str
    change: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RollUp:
    """A parent's score and band, and beside them always average, worst child and coverage."""

    score: Decimal | None
    band: str
    average: Decimal | None
    worst_score: Decimal | None
    worst_key: str | None
    coverage: Decimal
    with_data: int
    total: int
    counts: dict[str, int]


def stored_score(score: Decimal) -> Decimal:
    """Return the score with the four places it is stored with, rounded half-even."""
    return score.quantize(STEP, ROUND_HALF_EVEN)


def band_for_score(score: Decimal | None) -> str:
    """Return the band of a score, judged as it is stored, so 20/3 and 6.6667 are both on track."""
    if score is None:
        return NO_BAND
    stored = stored_score(score)
    if stored >= GOAL_LINE:
        return ON_TRACK
    return AT_RISK if stored >= RED_FLAG_LINE else OFF_TRACK


def roll_up(
    children: Sequence[Child],
    method: Method = "weighted_average",
    minimum_coverage: Decimal = Decimal("0.5"),
    manual_score: Decimal | None = None,
) -> RollUp:
    """Return the parent's score by `method`, with everything that must be shown beside it.

    Children without a score count only against coverage; a weight of 0 makes a child count for
    nothing but the counts. Below `minimum_coverage` the score stays and the band is none, except
    for a manual score, which is a person's judgement and not a computation.
    """
    scored = _scored(children)
    all_weight = sum((child.weight for child in children), ZERO)
    weight = sum((child.weight for child, _ in scored), ZERO)
    coverage = weight / all_weight if all_weight else ZERO
    average = worst_score = None
    worst_key = None
    if scored:
        average = stored_score(sum((child.weight * score for child, score in scored), ZERO) / weight)
        worst, lowest = min(scored, key=lambda pair: pair[1])
        worst_key, worst_score = worst.key, stored_score(lowest)
    match method:
        case "weighted_average":
            score = average
        case "worst_child":
            score = worst_score
        case "manual":
            score = _manual(manual_score)
        case _:
            raise ValueError(f"There is no roll-up method {method}.")
    covered = method == "manual" or coverage >= minimum_coverage
    counts = dict.fromkeys((ON_TRACK, AT_RISK, OFF_TRACK, NO_BAND), 0)
    for child in children:
        counts[child.band] += 1
    return RollUp(
        score=score,
        band=band_for_score(score) if covered else NO_BAND,
        average=average,
        worst_score=worst_score,
        worst_key=worst_key,
        coverage=coverage,
        with_data=sum(child.score is not None for child in children),
        total=len(children),
        counts=counts,
    )


def terms(children: Sequence[Child], method: Method) -> tuple[Term, ...]:
    """Return what each child with a score and weight adds; under `worst_child` the binding child adds all of it."""
    scored = _scored(children)
    weight = sum((child.weight for child, _ in scored), ZERO)
    binding = min(scored, key=lambda pair: pair[1])[0] if scored and method == "worst_child" else None
    shares = [child.weight / weight if binding is None else Decimal(child is binding) for child, _ in scored]
    return tuple(
        Term(key=child.key, share=share, contribution=share * score)
        for (child, score), share in zip(scored, shares, strict=True)
    )


def smallest_change(children: Sequence[Child], key: str, wanted_band: str, method: Method) -> Decimal | None:
    """Return the smallest change of one child's score that gives the parent `wanted_band`.

    Zero if the parent has that band already; None if this child alone cannot bring it about
    within 0 to 10, has no score or weight, or the parent's score is manual. Coverage is not
    considered: a change of score does not change it.
    """
    scored = _scored(children)
    mine = next((pair for pair in scored if pair[0].key == key), None)
    if mine is None or method == "manual":
        return None
    if band_for_score(_computed(scored, method)) == wanted_band:
        return ZERO
    child, score = mine
    others = [pair for pair in scored if pair[0] is not child]
    by_average = method == "weighted_average"
    reach = _reach_of_average(child, others, wanted_band) if by_average else _reach_of_worst(others, wanted_band)
    if reach is None:
        return None
    low, high = max(reach[0], ZERO), min(reach[1], HIGHEST)
    # The step is whole: a score has four places, and rounding must not fall short of the line.
    if score < low:
        change = (low - score).quantize(STEP, rounding=ROUND_CEILING)
    else:
        change = (high - score).quantize(STEP, rounding=ROUND_FLOOR)
    return change if low <= score + change <= high else None


def turn(children: Sequence[Child], key: str, method: Method) -> Turn | None:
    """Return what of one child would bring the parent to the next better band; on track, what would lose it that.

    None where this child alone cannot, as in `smallest_change`.
    """
    scored = _scored(children)
    if not scored or method == "manual":
        return None
    wanted = _NEXT[band_for_score(_computed(scored, method))]
    change = smallest_change(children, key, wanted, method)
    return None if change is None else Turn(band=wanted, change=change)


def _scored(children: Sequence[Child]) -> list[tuple[Child, Decimal]]:
    """Return the children that count, each with its score kept within 0 to 10."""
    return [
        (child, min(max(child.score, ZERO), HIGHEST))
        for child in children
        if child.score is not None and child.weight > 0
    ]


def _computed(scored: Sequence[tuple[Child, Decimal]], method: Method) -> Decimal:
    if method == "worst_child":
        return min(score for _, score in scored)
    weight = sum((child.weight for child, _ in scored), ZERO)
    return sum((child.weight * score for child, score in scored), ZERO) / weight


def _reach_of_average(
    child: Child, others: Sequence[tuple[Child, Decimal]], wanted_band: str
) -> tuple[Decimal, Decimal]:
    """Return the scores of `child` between which the average lies in the wanted band."""
    weight = child.weight + sum((other.weight for other, _ in others), ZERO)
    rest = sum((other.weight * score for other, score in others), ZERO)
    low, high = _SPAN[wanted_band]
    return (low * weight - rest) / child.weight, (high * weight - rest) / child.weight


def _reach_of_worst(others: Sequence[tuple[Child, Decimal]], wanted_band: str) -> tuple[Decimal, Decimal] | None:
    """Return the scores of a child between which the worst child lies in the wanted band."""
    worst_other = min((score for _, score in others), default=HIGHEST)
    low, high = _SPAN[wanted_band]
    if worst_other < low:
        return None
    return (low, HIGHEST) if worst_other <= high else (low, high)


def _manual(score: Decimal | None) -> Decimal | None:
    if score is None:
        return None
    if not (score.is_finite() and ZERO <= score <= HIGHEST):
        raise ValueError("A manual score lies between 0 and 10.")
    return stored_score(score)
