"""How far a value can be trusted: a grade from A to E, with every point that led to it.

The grade says nothing about whether the value is good. Only what applies to a value counts: nobody approves what a
source brought, and no rule is held against what a person typed. What was computed is worth as much as the weakest value
that it was computed from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

# The least share of the points that apply, in percent.
GRADES = ((85, "A"), (70, "B"), (55, "C"), (40, "D"), (0, "E"))
PULLED, TYPED = frozenset({"pull"}), frozenset({"manual", "upload", "correction", "undo"})
OF_ENTRY = {"pull": 20, "api": 20, "upload": 12, "manual": 4, "correction": 4, "undo": 4}
OF_CORRECTIONS = (10, 6, 3)
ENTRY, ARRIVAL, COVERAGE, WHOLE, OTHER = 20, 15, 15, 15, 10
HUNDRED = 100


class Criterion(StrEnum):
    """What points are given for."""

    ENTRY = "entry"
    ARRIVAL = "arrival"
    COVERAGE = "coverage"
    WHOLE = "whole"
    RULES = "rules"
    TOTAL = "total"
    CORRECTIONS = "corrections"
    APPROVAL = "approval"
    DEFINITION = "definition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known about how a value came to be.

    `kind` is how it came in. `days_late` is None for values that were there before anybody expected them, `grace_days`
    how late is not yet stale. `present` of the `due` last periods have a value. `reconciled` is whether control totals
    agreed, None without one. `days_there` is of how many of its `days` the source had rows, None where of the whole.
    """

    kind: str
    days_late: int | None
    grace_days: int
    present: int
    due: int
    rules_checked: int
    rules_kept: int
    reconciled: bool | None
    corrections: int
    is_approved: bool
    is_reviewed: bool
    days_there: int | None = None
    days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What one criterion gave, of at most how many points."""

    criterion: Criterion
    got: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The weakest value of a KPI among those that a value was computed from, and what is known about it."""

    kpi_id: int
    start: date
    evidence: Evidence
    points: tuple[Point, ...]

    @property
    def got(self) -> int:
        return sum(point.got for point in self.points)

    @property
    def most(self) -> int:
        return sum(point.most for point in self.points)

    @property
    def grade(self) -> str:
        got, most = HUNDRED * self.got, self.most
        return next(grade for least, grade in GRADES if got >= least * most)

    def is_weaker_than(self, other: Source) -> bool:
        """Return whether it has a lesser share of its points than another; of two alike the newer one counts."""
        mine, others = self.got * other.most, other.got * self.most
        return mine < others or (mine == others and self.start > other.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """The grade of a value, and the values it comes from: the value itself, or what it was computed from."""

    sources: tuple[Source, ...]
    is_computed: bool = False

    @property
    def grade(self) -> str:
        """The grade of the weakest."""
        return max(source.grade for source in self.sources)


def confidence(evidence: Evidence, *, of: int, start: date) -> Confidence:
    """Return the grade of a value of a KPI with its points, in the order in which they weigh."""
    return Confidence(sources=(Source(kpi_id=of, start=start, evidence=evidence, points=_points(evidence)),))


def inherited(inputs: Iterable[Confidence]) -> Confidence | None:
    """Return the grade of what was computed from graded values, the weakest KPI first; None if there are none."""
    weakest: dict[int, Source] = {}
    for source in (source for one in inputs for source in one.sources):
        before = weakest.get(source.kpi_id)
        if before is None or source.is_weaker_than(before):
            weakest[source.kpi_id] = source
    if not weakest:
        return None
    return Confidence(sources=tuple(sorted(weakest.values(), key=_share)), is_computed=True)


def _share(source: Source) -> float:
    return source.got / source.most


@lru_cache(maxsize=4096)
def _points(its: Evidence) -> tuple[Point, ...]:
    """Most values of a file came in like others of it."""
    is_pulled, is_typed = its.kind in PULLED, its.kind in TYPED
    points = [Point(criterion=Criterion.ENTRY, got=OF_ENTRY[its.kind], most=ENTRY)]
    if its.days_late is not None:
        points.append(Point(criterion=Criterion.ARRIVAL, got=_in_time(its.days_late, its.grace_days), most=ARRIVAL))
    points.append(Point(criterion=Criterion.COVERAGE, got=COVERAGE * its.present // max(its.due, 1), most=COVERAGE))
    if its.days_there is not None:
        points.append(Point(criterion=Criterion.WHOLE, got=0, most=WHOLE))
    if is_pulled:
        kept = OTHER * its.rules_kept // its.rules_checked if its.rules_checked else 0
        points.append(Point(criterion=Criterion.RULES, got=kept, most=OTHER))
        points.append(Point(criterion=Criterion.TOTAL, got=OTHER if its.reconciled else 0, most=OTHER))
    corrected = OF_CORRECTIONS[its.corrections] if its.corrections < len(OF_CORRECTIONS) else 0
    points.append(Point(criterion=Criterion.CORRECTIONS, got=corrected, most=OTHER))
    if is_typed:
        points.append(Point(criterion=Criterion.APPROVAL, got=OTHER if its.is_approved else 0, most=OTHER))
    points.append(Point(criterion=Criterion.DEFINITION, got=OTHER if its.is_reviewed else 0, most=OTHER))
    return tuple(points)


def _in_time(days_late: int, grace_days: int) -> int:
    if days_late <= 0:
        return ARRIVAL
    return ARRIVAL // 2 if days_late <= grace_days else 0
