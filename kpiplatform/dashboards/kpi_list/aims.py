"""What a line says of targets and red flags: from nothing, or against what is in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from kpiplatform.dashboards.kpi_list.columns import LIMITS, LIMITS_OF_RANGE
from kpis.domain.judged import Rules
from kpis.domain.limits import (
    Limits,
    LimitsRefused,
    RangeLimits,
    TargetRow,
    ThresholdRow,
    in_force,
    limits_for,
    validate_thresholds,
)
from kpis.domain.replay import Proposal
from kpis.models import Kpi
from kpis.words import why_no_limits

Said = Mapping[str, Decimal]
RED_FLAGS = ("red_low", "red_high")


class AimRefused(ValueError):
    """The limits make no sense; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What is proposed, and each limit that changes, as it was and will be."""

    proposal: Proposal
    changed: Mapping[str, tuple[Decimal | None, Decimal | None]]


def aim_of(said: Said, *, polarity: str, rules: Rules, day: date, now: datetime) -> Aim | None:
    """Return what the limits of a line change from a day on, None for nothing. Raises AimRefused.

    Of a KPI without limits all that belong together are wanted.
    """
    of_polarity = LIMITS_OF_RANGE if polarity == Kpi.Polarity.RANGE else LIMITS
    _refuse_limits_of_others(said, polarity, of_polarity)
    target, threshold = in_force(rules.targets, day), in_force(rules.thresholds, day)
    if not said:
        return None
    if threshold is not None and threshold.scores:
        raise AimRefused(_("It is judged by a scale of options: change that on the page of its limits."))
    stands = _Stands(polarity, target, threshold)
    common: dict[str, Any] = {"effective_from": day, "recorded_at": now}
    new_target, new_threshold = (_ends if polarity == Kpi.Polarity.RANGE else _one)(said, stands, common)
    if new_target is None and new_threshold is None:
        return None
    proposal = Proposal(effective_from=day, target=new_target, threshold=new_threshold)
    after = _Stands(polarity, new_target or target, new_threshold or threshold)
    if after.threshold is None or (after.target is None and not after.has_own_goal):
        raise AimRefused(_missing(polarity))
    refuse_unless_judging(polarity, after.target, after.threshold)
    before, then = stands.numbers, after.numbers
    changed = {name: (before[name], then[name]) for name in of_polarity if before[name] != then[name]}
    return Aim(proposal=proposal, changed=changed)


def limits_in_force(polarity: str, rules: Rules, day: date) -> dict[str, Decimal | None]:
    """Return the limits of a day by the columns of a list that such a KPI has."""
    numbers = _Stands(polarity, in_force(rules.targets, day), in_force(rules.thresholds, day)).numbers
    wanted = {Kpi.Polarity.RANGE: LIMITS_OF_RANGE, Kpi.Polarity.UNSCORED: ()}.get(Kpi.Polarity(polarity), LIMITS)
    return {name: numbers[name] for name in wanted}


def refuse_unless_judging(polarity: str, target: TargetRow | None, threshold: ThresholdRow | None) -> None:
    """Raise AimRefused where limits could not judge a KPI of that direction."""
    if threshold is None or polarity == Kpi.Polarity.UNSCORED:
        return
    try:
        validate_thresholds(polarity=polarity, threshold=threshold, target=target)
    except LimitsRefused as refused:
        raise AimRefused(why_no_limits(refused)) from None


@dataclass(frozen=True, slots=True)
class _Stands:
    """What is in force."""

    polarity: str
    target: TargetRow | None
    threshold: ThresholdRow | None

    @property
    def has_own_goal(self) -> bool:
        """Whether the goal is a number of its own, and no target."""
        row = self.threshold
        return row is not None and row.mode == "absolute" and (row.goal is not None or row.goal_low is not None)

    @property
    def numbers(self) -> dict[str, Decimal | None]:
        """The limits in the unit of the KPI; what is no number yet is None."""
        limits, target = limits_for(self.polarity, self.target, self.threshold)[0], self.target
        if isinstance(limits, RangeLimits):
            return {name: getattr(limits, name) for name in LIMITS_OF_RANGE}
        if isinstance(limits, Limits):
            return {"target": limits.goal if target is None else target.value, "red_flag": limits.red_flag}
        plain = self.threshold is not None and self.threshold.mode == "absolute"
        red_flags = {name: getattr(self.threshold, name) if plain else None for name in ("red_flag", *RED_FLAGS)}
        if target is None:
            return red_flags | dict.fromkeys(("target", "goal_low", "goal_high"))
        low, high = (target.value if end is None else end for end in (target.low, target.high))
        return red_flags | {"target": target.value, "goal_low": low, "goal_high": high}


def _refuse_limits_of_others(said: Said, polarity: str, of_polarity: tuple[str, ...]) -> None:
    if said and polarity == Kpi.Polarity.UNSCORED:
        raise AimRefused(_("What is not scored takes neither target nor red flag: leave them empty."))
    if set(said) - set(of_polarity):
        if polarity == Kpi.Polarity.RANGE:
            raise AimRefused(_("A range has its own four limits: goal from and to, red flag below and above."))
        raise AimRefused(_("Only what is good within a range has a goal from and to, and red flags below and above."))


def _missing(polarity: str) -> str:
    if polarity == Kpi.Polarity.RANGE:
        return _("The four limits of a range come together, or none.")
    return _("Target and red flag come together, or neither.")


def _one(said: Said, stands: _Stands, common: dict[str, Any]) -> tuple[TargetRow | None, ThresholdRow | None]:
    """Return another target, and other thresholds, of a KPI with one goal and one red flag."""
    before, wanted, red_flag = stands.numbers, said.get("target"), said.get("red_flag")
    new_target = None
    if wanted is not None and wanted != before["target"]:
        _refuse_own_goal(stands)
        new_target = TargetRow(**common, value=wanted)
    # A red flag that is a distance from the target moved with it.
    then = _Stands(stands.polarity, new_target or stands.target, stands.threshold)
    if red_flag is None or red_flag == then.numbers["red_flag"]:
        return new_target, None
    goal = stands.threshold.goal if stands.threshold is not None and stands.has_own_goal else None
    return new_target, ThresholdRow(**common, mode="absolute", goal=goal, red_flag=red_flag)


def _ends(said: Said, stands: _Stands, common: dict[str, Any]) -> tuple[TargetRow | None, ThresholdRow | None]:
    """Return another target, and other thresholds, of a KPI that is good within a range."""
    before = {name: stands.numbers[name] for name in LIMITS_OF_RANGE}
    then = {name: said.get(name, before[name]) for name in LIMITS_OF_RANGE}
    if then == before:
        return None, None
    low, high = then["goal_low"], then["goal_high"]
    if low is None or high is None or None in then.values():
        raise AimRefused(_missing(stands.polarity))
    if low > high:
        raise AimRefused(_("The range of the goal ends below its beginning."))
    row, ends = stands.threshold, {"red_low": then["red_low"], "red_high": then["red_high"]}
    new_target = None
    if (low, high) != (before["goal_low"], before["goal_high"]):
        _refuse_own_goal(stands)
        new_target = TargetRow(**common, low=low, high=high)
    elif row is not None and stands.has_own_goal:
        ends |= {"goal_low": row.goal_low, "goal_high": row.goal_high}
    return new_target, ThresholdRow(**common, mode="absolute", **ends)


def _refuse_own_goal(stands: _Stands) -> None:
    if stands.has_own_goal:
        raise AimRefused(_("Its goal is set apart from its target: change them on the page of its limits."))
