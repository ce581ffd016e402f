"""From seven answered steps to a KPI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.utils.text import slugify

from initiatives.models import ExpectedImpact
from kpiplatform.accounts.models import User
from kpiplatform.dashboards.kpi_new.steps import STEPS, Asked, Step, StepForm, TargetStep
from kpiplatform.dashboards.kpi_setup.sheet import in_columns
from kpiplatform.dashboards.models import KpiDraft
from kpis.domain.replay import Proposal
from kpis.models import Kpi
from kpis.services.aiming import set_aim
from kpis.services.defining import create_kpi, move_on, set_weight
from objectives.queries import organisations_day
from reviews.services.cadences import choose_forum

LONGEST_CODE = 40


def answered(draft: KpiDraft, asked: Asked) -> dict[str, StepForm]:
    """Return every step as it was answered, judged again: what it refers to may be gone."""
    return {step.key: step.form(draft.answers.get(step.key, {}), asked=asked) for step in STEPS}


def first_open(forms: Mapping[str, StepForm]) -> Step | None:
    """Return the first step that is not answered well, None if all are."""
    return next((step for step in STEPS if not forms[step.key].is_valid()), None)


def finish(*, draft: KpiDraft, forms: Mapping[str, StepForm], status: str, by: User, now: datetime) -> Kpi:
    """Make the KPI with its target, thresholds, people and promised effect; a draft becomes one KPI only.

    Raises Refused or NotActive with a sentence; nothing was made then.
    """
    with transaction.atomic():
        row = KpiDraft.objects.select_for_update(of=("self",)).get(pk=draft.pk)
        if row.kpi is not None:
            return row.kpi
        kpi = create_kpi(values=_sheet(forms), owner=forms["owner"].cleaned_data["owner"], by=by, now=now)
        people = {name: forms["owner"].cleaned_data[name] for name in ("deputy", "steward")}
        Kpi.objects.filter(pk=kpi.pk).update(**people)
        set_weight(kpi=kpi, weight=1, effective_from=kpi.active_from or organisations_day(now), by=by, now=now)
        _aim(kpi, forms["target"], by, now)
        _promise(kpi, forms["initiative"], now)
        choose_forum(kpi=kpi, forum=forms["rhythm"].cleaned_data["forum"])
        checklist = _checklist(forms)
        if status != Kpi.Status.DRAFT:
            reason = checklist["progress"]["purpose"][:400]
            kpi = move_on(kpi=kpi, to=status, by=by, now=now, reason=reason, checklist=checklist)
        KpiDraft.objects.filter(pk=row.pk).update(kpi=kpi, changed_at=now)
    return kpi


def free_code(name: str, wanted: str) -> str:
    """Return the code that is wanted, or one made from the name that no KPI has."""
    if wanted:
        return wanted
    base = re.sub(r"[^A-Z0-9-]", "", slugify(name).upper())[: LONGEST_CODE - 4].strip("-") or "KPI"
    taken = set(Kpi.objects.filter(code__startswith=base).values_list("code", flat=True))
    numbers = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(code for code in numbers if code not in taken)


def _sheet(forms: Mapping[str, StepForm]) -> dict[str, Any]:
    said = {name: form.cleaned_data[name] for form in forms.values() for name in form.sheet}
    progress = forms["progress"].cleaned_data
    position = Kpi.objects.filter(objective=said["objective"]).count() + 1
    return in_columns(said) | {"code": free_code(said["name"], progress["code"]), "position": position}


def _aim(kpi: Kpi, form: StepForm, by: User, now: datetime) -> None:
    assert isinstance(form, TargetStep)
    if not form.names:
        return
    target, threshold = form.rows()
    proposal = Proposal(effective_from=target.effective_from, target=target, threshold=threshold)
    set_aim(kpi=kpi, proposal=proposal, reason=form.cleaned_data["why_target"][:200], by=by, now=now)


def _promise(kpi: Kpi, form: StepForm, now: datetime) -> None:
    said = form.cleaned_data
    if said["initiative"] is None:
        return
    ExpectedImpact.objects.create(
        initiative=said["initiative"],
        kpi=kpi,
        change=said["change"],
        starts_on=organisations_day(now),
        full_effect_on=said["full_effect_on"],
        confidence=ExpectedImpact.Confidence.MEDIUM,
        rationale=said["without_initiative"],
        registered_at=now,
    )


def _checklist(forms: Mapping[str, StepForm]) -> dict[str, Any]:
    """Return the answers to the questions, step by step, as they are kept with the first version."""
    kept: dict[str, Any] = {
        key: {name: _plain(form.cleaned_data.get(name)) for name in form.checklist if form.cleaned_data.get(name)}
        for key, form in forms.items()
    }
    kept["progress"]["purpose"] = forms["progress"].cleaned_data["purpose"]
    return kept


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Model | date) else value
