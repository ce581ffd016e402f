"""Setting what is wanted: targets, thresholds, and who is accountable. Nothing is overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import cast

from django.db import transaction
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpis.domain.limits import LimitsRefused, Mode, TargetRow, ThresholdRow, in_force, validate_thresholds
from kpis.domain.parsing import to_storage
from kpis.domain.replay import Proposal, proposed
from kpis.models import Kpi, KpiOwnership, Target, ThresholdSet
from kpis.queries import rules_of
from kpis.services.closing import rejudge_what_is_open
from kpis.services.refusal import Refused
from kpis.signals import kpis_staffed
from kpis.words import why_no_limits

LIMIT_NAMES = ("goal", "red_flag", "goal_low", "goal_high", "red_low", "red_high")


def set_target(
    *,
    kpi: Kpi,
    effective_from: date,
    value: Decimal | None = None,
    low: Decimal | None = None,
    high: Decimal | None = None,
    reason: str,
    by: User,
    now: datetime,
) -> Target:
    """Want `value`, or a range, in every period from `effective_from` on, and judge these periods again.

    Raises Refused without a number, with half a range, where the thresholds in force could not judge by it, or where
    locked periods would be judged otherwise.
    """
    if value is None and (low is None or high is None):
        raise Refused(_("A target needs a number, or both ends of a range. The target in force was kept."))
    row = TargetRow(
        effective_from=effective_from, recorded_at=now, value=_finite(value), low=_finite(low), high=_finite(high)
    )
    if row.low is not None and row.high is not None and row.low > row.high:
        raise Refused(_("The range of the target ends below its beginning. The target in force was kept."))
    with transaction.atomic():
        thresholds = in_force(rules_of([kpi])[kpi.pk].thresholds, effective_from)
        if thresholds is not None:
            _refuse_unless_judging(kpi, thresholds, row, _("The target in force was kept."))
        target = Target.objects.create(
            kpi=kpi,
            effective_from=effective_from,
            value=row.value,
            low=row.low,
            high=row.high,
            reason=reason,
            recorded_at=now,
            recorded_by=by,
        )
        rejudge_what_is_open(kpi=kpi, since=effective_from, now=now)
    return target


def set_thresholds(
    *,
    kpi: Kpi,
    effective_from: date,
    mode: str,
    limits: Mapping[str, Decimal | None],
    reason: str,
    by: User,
    now: datetime,
) -> ThresholdSet:
    """Draw the lines between the bands from `effective_from` on, and judge these periods again.

    `limits` has goal and red_flag, or goal_low, goal_high, red_low and red_high. Raises Refused with a sentence
    for limits that could not judge a value, such as a red flag equal to the goal, and where locked periods would be
    judged otherwise.
    """
    numbers = {name: _finite(limits.get(name)) for name in LIMIT_NAMES}
    row = ThresholdRow(
        effective_from=effective_from,
        recorded_at=now,
        mode=cast("Mode", mode),
        goal=numbers["goal"],
        red_flag=numbers["red_flag"],
        goal_low=numbers["goal_low"],
        goal_high=numbers["goal_high"],
        red_low=numbers["red_low"],
        red_high=numbers["red_high"],
    )
    with transaction.atomic():
        target = in_force(rules_of([kpi])[kpi.pk].targets, effective_from)
        _refuse_unless_judging(kpi, row, target, _("The thresholds in force were kept."))
        thresholds = ThresholdSet.objects.create(
            kpi=kpi, effective_from=effective_from, mode=mode, reason=reason, recorded_at=now, recorded_by=by, **numbers
        )
        rejudge_what_is_open(kpi=kpi, since=effective_from, now=now)
    return thresholds


def set_aim(*, kpi: Kpi, proposal: Proposal, reason: str, by: User, now: datetime) -> None:
    """Set a target with its end, and thresholds that go with it, and judge the periods from their date on again.

    Raises Refused with a sentence where the two could not judge a value, or locked periods would be judged otherwise.
    """
    with transaction.atomic():
        rules = proposed(rules_of([kpi])[kpi.pk], proposal)
        target = in_force(rules.targets, proposal.effective_from)
        threshold = in_force(rules.thresholds, proposal.effective_from)
        if threshold is not None:
            _refuse_unless_judging(kpi, threshold, target, _("What was in force was kept."))
        common = {
            "kpi": kpi,
            "effective_from": proposal.effective_from,
            "reason": reason,
            "recorded_at": now,
            "recorded_by": by,
        }
        for row in proposal.targets:
            wanted = {name: _finite(getattr(row, name)) for name in ("value", "low", "high")}
            Target.objects.create(**common | {"effective_from": row.effective_from}, **wanted)
        if proposal.threshold is not None:
            numbers = {name: _finite(getattr(proposal.threshold, name)) for name in LIMIT_NAMES}
            ThresholdSet.objects.create(**common, mode=proposal.threshold.mode, **numbers)
        rejudge_what_is_open(kpi=kpi, since=proposal.effective_from, now=now)


def hand_over(*, kpi: Kpi, owner: User, effective_from: date, reason: str, by: User, now: datetime) -> None:
    """Make `owner` accountable for the KPI. Raises Refused for a person who may not sign in."""
    with transaction.atomic():
        if not User.objects.select_for_update().get(pk=owner.pk).is_active:
            names = {"owner": owner.name, "present": kpi.owner.name}
            raise Refused(_("%(owner)s is not active and can't own a KPI. %(present)s stays the owner.") % names)
        Kpi.objects.filter(pk=kpi.pk).update(owner=owner)
        KpiOwnership.objects.create(
            kpi=kpi, owner=owner, effective_from=effective_from, reason=reason, recorded_at=now, recorded_by=by
        )
        kpis_staffed.send(sender=None, kpi_ids=[kpi.pk])


def _refuse_unless_judging(kpi: Kpi, thresholds: ThresholdRow, target: TargetRow | None, kept: str) -> None:
    try:
        validate_thresholds(polarity=kpi.polarity, threshold=thresholds, target=target)
    except LimitsRefused as refused:
        raise Refused(f"{why_no_limits(refused)} {kept}") from refused


def _finite(number: Decimal | None) -> Decimal | None:
    if number is None:
        return None
    try:
        return to_storage(number)
    except ValueError as error:
        raise Refused(
            _("Only finite numbers of at most 20 digits before the mark are taken. Nothing was changed.")
        ) from error
