"""The past judged by other limits: what a proposal would have said, before anything is saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from kpis.domain.bands import severity
from kpis.domain.judged import Judged, Rules, Valued, judge_periods
from kpis.domain.limits import TargetRow, ThresholdRow, in_force

ALWAYS = date.min


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A target, thresholds, or both, from a day on; None keeps what is in force.

    `ends` are the rows of later days that make the target end where it should, and not earlier.
    """

    effective_from: date
    target: TargetRow | None = None
    threshold: ThresholdRow | None = None
    ends: tuple[TargetRow, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether all is in force already."""
        return self.target is None and self.threshold is None and not self.ends

    @property
    def targets(self) -> list[TargetRow]:
        """The rows that are to be added to the targets."""
        return [*([self.target] if self.target else []), *self.ends]


class Moved(NamedTuple):
    """A period that gets another band."""

    period_start: date
    old: str
    new: str

    @property
    def is_better(self) -> bool:
        """Whether the colour improves; a band where there was none improves nothing."""
        return bool(self.old and self.new) and severity(self.new) < severity(self.old)


def proposed(rules: Rules, proposal: Proposal) -> Rules:
    """Return the rules as they would be after saving the proposal."""
    targets = [*rules.targets, *proposal.targets]
    thresholds = [*rules.thresholds, proposal.threshold] if proposal.threshold else rules.thresholds
    return Rules(polarity=rules.polarity, targets=targets, thresholds=thresholds)


def as_if_always(rules: Rules, day: date) -> Rules:
    """Return rules by which what holds for a period that starts on `day` has held in every period."""
    target, threshold = in_force(rules.targets, day), in_force(rules.thresholds, day)
    return Rules(
        polarity=rules.polarity,
        targets=[replace(target, effective_from=ALWAYS)] if target else [],
        thresholds=[replace(threshold, effective_from=ALWAYS)] if threshold else [],
    )


def replayed(values: Sequence[Valued], rules: Rules, fiscal_years: Sequence[date] | None) -> list[Judged]:
    """Return the closed periods with a value, judged by `rules`, oldest first."""
    judged = judge_periods(values, rules, fiscal_years=fiscal_years)
    return [row for row in judged if row.value is not None and not row.is_provisional]


def moved(old: Iterable[Judged], new: Iterable[Judged], *, since: date = ALWAYS) -> list[Moved]:
    """Return the periods from `since` on whose band differs; both judge the same periods in the same order."""
    pairs = zip(old, new, strict=True)
    return [
        Moved(before.period_start, before.band, after.band)
        for before, after in pairs
        if before.band != after.band and before.period_start >= since
    ]


def band_counts(judged: Iterable[Judged]) -> Counter[str]:
    """Return how many periods have each band."""
    return Counter(row.band for row in judged)
