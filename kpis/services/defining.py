"""Changing what a KPI is: its definition sheet, its life from draft to retired, its weight. History stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils.translation import gettext as _
from orjson import loads

from kpiplatform.accounts.models import User
from kpiplatform.accounts.services import lock_active
from kpiplatform.audit.editing import lock_as_seen
from kpis.calculations import parsed_or_none
from kpis.models import Kpi, KpiOwnership, KpiState, KpiStep, KpiVersion, KpiWeight, SourceMapping
from kpis.queries import rules_of
from kpis.services.aiming import hand_over
from kpis.services.closing import refuse_to_compute_anew, refuse_to_weigh_behind, rejudge_what_is_open
from kpis.services.formulas import (
    COMPUTES,
    connect_inputs,
    follow_formulas,
    hold_formulas,
    owe_from,
    refuse_to_retire_input,
)
from kpis.services.locking import ensure_states
from kpis.services.refusal import Refused
from kpis.services.rhythm import Place, refuse_to_falsify
from kpis.services.rolling import roll_up_objectives
from kpis.signals import kpis_staffed
from objectives.queries import organisations_day

SHEET = (
    "name", "objective_id", "unit_id", "calendar_id", "purpose", "decision_informed", "formula_in_words", "inclusions",
    "measure_unit", "decimals", "numerator_label", "denominator_label", "polarity", "tier", "indicator_type",
    "frequency", "time_aggregation", "unit_aggregation", "part_of_id", "is_cumulative", "ratio_factor", "entry",
    "formula", "missing_policy", "minimum", "maximum", "reporting_lag_days", "lag_in_working_days", "stale_after_days",
    "unusual_factor", "explain_below", "needs_approval",
    "cost_to_measure", "unintended_consequences", "guard_id", "guard_reason", "baseline_value", "baseline_note",
    "benchmark_value", "benchmark_source", "benchmark_on", "review_by", "active_from",
)  # fmt: skip
PEOPLE = ("owner_id", "deputy_id", "steward_id")
# When a value is expected, what makes a band of it, and where its score goes.
SCHEDULE = {"frequency", "calendar_id", "reporting_lag_days", "lag_in_working_days", "stale_after_days", "active_from"}
JUDGEMENT = {"polarity", "is_cumulative", "frequency", "calendar_id"}
ROLLED = {"objective_id", "polarity"}
# What says of which periods values are, and which of them are locked.
RHYTHM = {"frequency", "calendar_id", "unit_id"}
# States of a KPI whose sheets are kept version by version.
VERSIONED = {Kpi.Status.ACTIVE, Kpi.Status.RETIRED}
# From each state of a KPI's life to those that may follow. Nothing is deleted.
FOLLOWING = {
    Kpi.Status.DRAFT: (Kpi.Status.PROPOSED, Kpi.Status.ACTIVE, Kpi.Status.RETIRED),
    Kpi.Status.PROPOSED: (Kpi.Status.ACTIVE, Kpi.Status.DRAFT, Kpi.Status.RETIRED),
    Kpi.Status.ACTIVE: (Kpi.Status.RETIRED,),
    Kpi.Status.RETIRED: (Kpi.Status.ACTIVE,),
}


def create_kpi(*, values: Mapping[str, Any], owner: User, by: User, now: datetime) -> Kpi:
    """Create a draft with its owner. Raises NotActive for a person who may not sign in, FormulaError."""
    with transaction.atomic():
        hold_formulas()
        lock_active(owner)
        kpi = Kpi.objects.create(**values, owner=owner, status=Kpi.Status.DRAFT, created_at=now)
        KpiOwnership.objects.create(
            kpi=kpi, owner=owner, effective_from=organisations_day(now), recorded_at=now, recorded_by=by, reason=""
        )
        ensure_states(kpi_ids=[kpi.pk])
        connect_inputs(kpi)
    return kpi


def define(
    *,
    kpi: Kpi,
    seen: str,
    values: Mapping[str, Any],
    effective_from: date,
    reason: str,
    breaks_series: bool,
    by: User,
    now: datetime,
    means_otherwise: bool = False,
) -> Kpi:
    """Change the definition sheet; of an active KPI a new version is noted, with its reason.

    With `means_otherwise` a version is noted though the sheet stays: the values come about in another way.

    Raises ChangedMeanwhile, FormulaError, and Refused where another KPI could not be computed from this one any more,
    what is recorded would be of other periods or open again, or what is locked judged or computed otherwise.
    What follows from the change follows at once: values are expected by the new schedule,
    judged by the new polarity, counted for the new objective, computed anew where they come from a formula, and no
    source feeds what is entered by hand. The same sheet again changes nothing.
    """
    with transaction.atomic():
        hold_formulas()
        row = Kpi.objects.select_for_update(of=("self",)).get(pk=kpi.pk)
        before = {name: getattr(row, name) for name in values}
        changed = {name for name, value in values.items() if before[name] != value}
        if not changed and not means_otherwise:
            return row  # also the second press of the button
        row = lock_as_seen(Kpi.objects.all(), kpi.pk, seen, SHEET)
        place = Place(unit=row.unit, calendar=row.calendar) if changed & RHYTHM else None
        for name in changed:
            setattr(row, name, values[name])
        if place is not None:
            refuse_to_falsify(row, place)
        if row.entry == Kpi.Entry.DERIVED and changed & COMPUTES:
            refuse_to_compute_anew(row, effective_from, now=now)
        note_versions([row], effective_from=effective_from, reason=reason, breaks=breaks_series, by=by, now=now)
        row.save(update_fields=[*changed, "version"])
        if row.entry == Kpi.Entry.MANUAL:
            SourceMapping.objects.filter(kpi=row).delete()
        follow_formulas(row, changed, effective_from)
        objective_ids = {before.get("objective_id", row.objective_id), row.objective_id}
        _follow(row, changed, objective_ids, since=effective_from, breaks_series=breaks_series, now=now)
    return row


def staff(
    *,
    kpi: Kpi,
    seen: str,
    owner: User,
    deputy: User | None,
    steward: User | None,
    effective_from: date,
    reason: str,
    by: User,
    now: datetime,
) -> Kpi:
    """Say who answers for the KPI; another owner is a hand-over that stays on record.

    Raises ChangedMeanwhile, and Refused or NotActive for a person who may not sign in.
    """
    with transaction.atomic():
        row = Kpi.objects.select_for_update(of=("self",)).get(pk=kpi.pk)
        asked = (owner.pk, deputy.pk if deputy else None, steward.pk if steward else None)
        if asked == (row.owner_id, row.deputy_id, row.steward_id):
            return row  # also the second press of the button
        row = lock_as_seen(Kpi.objects.all(), kpi.pk, seen, PEOPLE)
        for person in (deputy, steward):
            if person is not None:
                lock_active(person)
        row.deputy, row.steward = deputy, steward
        row.save(update_fields=["deputy", "steward"])
        if row.owner_id != owner.pk:
            hand_over(kpi=row, owner=owner, effective_from=effective_from, reason=reason, by=by, now=now)
    return row


def move_on(*, kpi: Kpi, to: str, by: User, now: datetime, reason: str = "", checklist: Any = None) -> Kpi:
    """Bring the KPI into the next state of its life; asked twice, it happens once.

    Raises Refused where that state does not follow, where an active KPI could not be judged, or where another one is
    computed from one that would be retired.
    """
    with transaction.atomic():
        hold_formulas()
        row = Kpi.objects.select_for_update(of=("self",)).get(pk=kpi.pk)
        if row.status == to:
            return row
        if to not in FOLLOWING[Kpi.Status(row.status)]:
            words = {"name": row.name, "state": row.get_status_display(), "to": to and Kpi.Status(to).label}
            raise Refused(_("%(name)s is %(state)s and can't become %(to)s now.") % words)
        if to == Kpi.Status.ACTIVE:
            _refuse_unless_complete(row)
            lock_active(row.owner)
            row.active_from = row.active_from or organisations_day(now)
        if to == Kpi.Status.RETIRED:
            refuse_to_retire_input(row)
        KpiStep.objects.create(kpi=row, was=row.status, became=to, recorded_at=now, recorded_by=by)
        row.status = to
        row.save(update_fields=["status", "active_from"])
        if to == Kpi.Status.ACTIVE and not row.versions.exists():
            first = row.active_from or organisations_day(now)
            version = _version_of(row, effective_from=first, reason=reason, breaks=False, by=by, now=now)
            if checklist:
                version.definition["checklist"] = checklist
            version.save(force_insert=True)
        if to == Kpi.Status.ACTIVE:
            connect_inputs(row)
            owe_from(row, row.active_from or organisations_day(now))
        KpiState.objects.filter(kpi=row).update(next_due_on=None)
        roll_up_objectives(objective_ids=[row.objective_id], now=now)
        if to == Kpi.Status.ACTIVE:
            kpis_staffed.send(sender=None, kpi_ids=[row.pk])
    return row


def what_is_missing(kpi: Kpi) -> list[str]:
    """Return what an active KPI needs and this one lacks, in sentences."""
    missing = []
    if kpi.polarity != Kpi.Polarity.UNSCORED:
        rules = rules_of([kpi])[kpi.pk]
        if all(row.is_end for row in rules.targets) and not any(_stands_alone(row) for row in rules.thresholds):
            missing.append(_("It has no target."))
        if not rules.thresholds:
            missing.append(_("It has no thresholds."))
    if kpi.entry == Kpi.Entry.DERIVED and parsed_or_none(kpi.formula) is None:
        missing.append(_("It is derived, but has no calculation."))
    if not kpi.owner.is_active:
        missing.append(_("Its owner %(name)s may not sign in.") % {"name": kpi.owner.name})
    return missing


def set_weight(*, kpi: Kpi, weight: Decimal, effective_from: date, by: User, now: datetime) -> None:
    """Weigh the KPI in its objective from a day on, and roll the objective up. The same again changes nothing.

    Raises Refused for a day up to which its periods are locked.
    """
    with transaction.atomic():
        Kpi.objects.select_for_update(of=("self",), no_key=True).get(pk=kpi.pk)
        stands = KpiWeight.objects.filter(kpi=kpi, effective_from__lte=effective_from)
        latest = stands.order_by("-effective_from", "-recorded_at").values_list("weight", flat=True).first()
        if latest == weight:
            return
        refuse_to_weigh_behind(kpi, effective_from)
        KpiWeight.objects.create(kpi=kpi, weight=weight, effective_from=effective_from, recorded_at=now, recorded_by=by)
        roll_up_objectives(objective_ids=[kpi.objective_id], now=now)


def _stands_alone(row: Any) -> bool:
    return row.mode == "absolute" and (row.goal is not None or row.goal_low is not None)


def _refuse_unless_complete(kpi: Kpi) -> None:
    missing = what_is_missing(kpi)
    if missing:
        raise Refused(f"{_("%(name)s can't be activated yet.") % {'name': kpi.name}} {' '.join(missing)}")


def _follow(
    kpi: Kpi, changed: set[str], objective_ids: set[int], *, since: date, breaks_series: bool, now: datetime
) -> None:
    if changed & SCHEDULE:
        KpiState.objects.filter(kpi=kpi).update(next_due_on=None)
    if changed & JUDGEMENT or breaks_series:  # what came before a break tells no signal from routine any more
        rejudge_what_is_open(kpi=kpi, since=since, now=now)
    if changed & ROLLED:
        roll_up_objectives(objective_ids=objective_ids, now=now)


def sheet_of(kpi: Kpi) -> dict[str, Any]:
    """Return the definition sheet as versions keep it."""
    return loads(DjangoJSONEncoder().encode({name: getattr(kpi, name) for name in ("code", *SHEET)}))


def note_versions(
    kpis: Iterable[Kpi], *, effective_from: date, reason: str, breaks: bool, by: User, now: datetime
) -> None:
    """Note the sheets of those of the KPIs that have versions as their next ones; the KPIs are not written."""
    known = [kpi for kpi in kpis if kpi.status in VERSIONED]
    for kpi in known:
        kpi.version += 1
    KpiVersion.objects.bulk_create(
        _version_of(kpi, effective_from=effective_from, reason=reason, breaks=breaks, by=by, now=now) for kpi in known
    )


def _version_of(kpi: Kpi, *, effective_from: date, reason: str, breaks: bool, by: User, now: datetime) -> KpiVersion:
    return KpiVersion(
        kpi=kpi,
        version=kpi.version,
        effective_from=effective_from,
        breaks_series=breaks,
        definition=sheet_of(kpi),
        reason=reason,
        recorded_at=now,
        recorded_by=by,
    )
