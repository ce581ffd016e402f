"""Changing the strategy: objectives, how they weigh and are judged, the plan and the lenses it is read through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Max
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpiplatform.accounts.services import lock_active
from kpiplatform.audit.editing import lock_as_seen
from objectives.models import (
    CausalLink,
    ManualScore,
    Objective,
    ObjectiveState,
    ObjectiveWeight,
    Perspective,
    StrategyPlan,
    Theme,
)
from objectives.services.refusal import Refused
from objectives.signals import objective_counts_anew, objectives_changed

ROLLED = {"parent_id", "roll_up_method", "minimum_coverage", "status"}
ASIDE = 10_000  # positions are unique: while they change places they stand up here


def add_objective(*, plan: StrategyPlan, values: Mapping[str, Any], owner: User, now: datetime) -> Objective:
    """Add an objective to the plan, last in its perspective. The same code again is the same objective."""
    with transaction.atomic():
        StrategyPlan.objects.select_for_update(no_key=True).get(pk=plan.pk)
        lock_active(owner)
        present = Objective.objects.filter(code=values["code"]).first()
        if present is not None:
            return present
        inside = Objective.objects.filter(plan=plan, perspective_id=values["perspective_id"])
        last = inside.aggregate(last=Max("position"))["last"] or 0
        objective = Objective.objects.create(plan=plan, **values, owner=owner, position=last + 1)
        _refuse_circle(objective, objective.parent_id)
        _tell([objective.pk], now)
    return objective


def change_objective(
    *, objective: Objective, seen: str, values: Mapping[str, Any], owner: User, now: datetime
) -> Objective:
    """Change an objective and roll up what it counts for. Raises ChangedMeanwhile, NotActive, or Refused for a circle.

    A circle can't come from two changes at once either: changes of a plan's objectives wait for each other.
    """
    with transaction.atomic():
        StrategyPlan.objects.select_for_update(no_key=True).get(pk=objective.plan_id)
        if _says(
            Objective.objects.select_for_update(of=("self",)).get(pk=objective.pk), {**values, "owner_id": owner.pk}
        ):
            return objective  # the second press of the button
        row = lock_as_seen(Objective.objects.all(), objective.pk, seen)
        if row.owner_id != owner.pk:
            lock_active(owner)
        _refuse_circle(row, values.get("parent_id"))
        before = row.parent_id
        changed = {name for name, value in values.items() if getattr(row, name) != value}
        for name in changed:
            setattr(row, name, values[name])
        row.owner = owner
        row.save()
        if changed & ROLLED:
            _tell([row.pk, *([before] if before else [])], now)
    return row


def retire_objective(*, objective: Objective, now: datetime) -> None:
    """Take the objective out of the strategy; its history stays. Raises Refused while something counts for it."""
    with transaction.atomic():
        row = Objective.objects.select_for_update(of=("self",)).get(pk=objective.pk)
        if row.children.filter(status=Objective.Status.ACTIVE).exists():
            raise Refused(
                _("“%(name)s” has active objectives below it: give them another parent first.") % {"name": row.name}
            )
        if row.kpis.filter(status__in=["draft", "proposed", "active"]).exists():
            raise Refused(
                _("“%(name)s” has KPIs: retire them first, or give them another objective.") % {"name": row.name}
            )
        row.status = Objective.Status.RETIRED
        row.save(update_fields=["status"])
        _tell([row.parent_id] if row.parent_id else [], now)


def reopen_objective(*, objective: Objective, now: datetime) -> None:
    """Bring a retired objective back into the strategy."""
    with transaction.atomic():
        Objective.objects.filter(pk=objective.pk).update(status=Objective.Status.ACTIVE)
        _tell([objective.pk], now)


def weigh_objective(*, objective: Objective, weight: Decimal, effective_from: date, by: User, now: datetime) -> None:
    """Weigh the objective in its parent from a day on. The same weight again changes nothing. Raises Refused."""
    with transaction.atomic():
        Objective.objects.select_for_update(of=("self",), no_key=True).get(pk=objective.pk)
        stands = ObjectiveWeight.objects.filter(objective=objective, effective_from__lte=effective_from)
        latest = stands.order_by("-effective_from", "-recorded_at").values_list("weight", flat=True).first()
        if latest == weight:
            return
        objective_counts_anew.send(sender=None, objective=objective, since=effective_from)
        ObjectiveWeight.objects.create(
            objective=objective, weight=weight, effective_from=effective_from, recorded_at=now, recorded_by=by
        )
        _tell([objective.parent_id] if objective.parent_id else [], now)


def judge_by_hand(
    *,
    objective: Objective,
    score: Decimal,
    confidence: int,
    note: str,
    effective_from: date,
    by: User,
    now: datetime,
) -> None:
    """Give the objective a score by judgement, from a day on; it counts while its method is manual. Raises Refused."""
    with transaction.atomic():
        Objective.objects.select_for_update(of=("self",), no_key=True).get(pk=objective.pk)
        said = {"score": score, "confidence": confidence, "note": note, "effective_from": effective_from}
        last = ManualScore.objects.filter(objective=objective).order_by("-recorded_at").first()
        if last is not None and all(getattr(last, name) == value for name, value in said.items()):
            return
        objective_counts_anew.send(sender=None, objective=objective, since=effective_from)
        ManualScore.objects.create(objective=objective, **said, recorded_at=now, recorded_by=by)
        _tell([objective.pk], now)


def save_plan(*, plan: StrategyPlan | None, seen: str, values: Mapping[str, Any]) -> StrategyPlan:
    """Change the plan, or begin the first one. Raises ChangedMeanwhile."""
    with transaction.atomic():
        if plan is None:
            return StrategyPlan.objects.get_or_create(is_active=True, defaults=dict(values))[0]
        if _says(StrategyPlan.objects.select_for_update().get(pk=plan.pk), values):
            return plan
        row = lock_as_seen(StrategyPlan.objects.all(), plan.pk, seen)
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
    return row


def save_perspective(*, perspective: Perspective, seen: str, name: str, place: int | None = None) -> None:
    """Name a perspective and, with `place`, put it there: 1 is the first. Raises ChangedMeanwhile."""
    with transaction.atomic():
        StrategyPlan.objects.select_for_update(no_key=True).get(pk=perspective.plan_id)
        rows = Perspective.objects.select_for_update().filter(plan_id=perspective.plan_id)
        before = [row.pk for row in rows]
        after = [pk for pk in before if pk != perspective.pk]
        after.insert(before.index(perspective.pk) if place is None else place - 1, perspective.pk)
        if after == before and _says(Perspective.objects.get(pk=perspective.pk), {"name": name}):
            return  # the second press of the button
        lock_as_seen(Perspective.objects.all(), perspective.pk, seen)
        Perspective.objects.filter(pk=perspective.pk).update(name=name)
        if after != before:
            rows.update(position=F("position") + ASIDE)
            for position, pk in enumerate(after, start=1):
                Perspective.objects.filter(pk=pk).update(position=position)


def add_perspective(*, plan: StrategyPlan, code: str, name: str) -> Perspective:
    """Add a perspective behind the others. The same name again is the same perspective."""
    with transaction.atomic():
        StrategyPlan.objects.select_for_update(no_key=True).get(pk=plan.pk)
        present = Perspective.objects.filter(plan=plan, name__iexact=name).first()
        last = Perspective.objects.filter(plan=plan).aggregate(last=Max("position"))["last"] or 0
        return present or Perspective.objects.create(plan=plan, code=code, name=name, position=last + 1)


def drop_perspective(*, perspective: Perspective) -> None:
    """Delete an empty perspective. Raises Refused while an objective, even a retired one, lies in it."""
    with transaction.atomic():
        row = Perspective.objects.select_for_update().get(pk=perspective.pk)
        if row.objectives.exists():
            raise Refused(_("“%(name)s” has objectives: give them another perspective first.") % {"name": row.name})
        row.delete()


def add_theme(*, plan: StrategyPlan, code: str, name: str) -> Theme:
    """Add a theme. The same name again is the same theme."""
    with transaction.atomic():
        StrategyPlan.objects.select_for_update(no_key=True).get(pk=plan.pk)
        present = Theme.objects.filter(plan=plan, name__iexact=name).first()
        return present or Theme.objects.create(plan=plan, code=code, name=name)


def rename_theme(*, theme: Theme, seen: str, name: str) -> None:
    """Give a theme another name. Raises ChangedMeanwhile."""
    with transaction.atomic():
        if _says(Theme.objects.select_for_update().get(pk=theme.pk), {"name": name}):
            return  # the second press of the button
        lock_as_seen(Theme.objects.all(), theme.pk, seen)
        Theme.objects.filter(pk=theme.pk).update(name=name)


def drop_theme(*, theme: Theme) -> None:
    """Delete a theme; its objectives stay, without it."""
    with transaction.atomic():
        Objective.objects.filter(theme=theme).update(theme=None)
        Theme.objects.filter(pk=theme.pk).delete()


def save_link(*, link: CausalLink | None, seen: str, values: Mapping[str, Any]) -> CausalLink:
    """Say that one objective moves another, or change what was said. Raises ChangedMeanwhile, or Refused for a twin."""
    with transaction.atomic():
        # Both ends, in order: two people who draw the same arrow wait for each other.
        ends = sorted([values["source_id"], values["target_id"]])
        list(Objective.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=ends).order_by("pk"))
        same = CausalLink.objects.filter(source_id=values["source_id"], target_id=values["target_id"])
        twin = (same.exclude(pk=link.pk) if link else same).first()
        if twin is not None and link is None and _says(twin, values):
            return twin
        if twin is not None:
            raise Refused(_("These two objectives are linked already: change that link instead."))
        if link is None:
            return CausalLink.objects.create(**values)
        if _says(CausalLink.objects.select_for_update(of=("self",)).get(pk=link.pk), values):
            return link
        row = lock_as_seen(CausalLink.objects.all(), link.pk, seen)
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
    return row


def drop_link(*, link: CausalLink) -> None:
    """Take back the hypothesis that one objective moves another."""
    CausalLink.objects.filter(pk=link.pk).delete()


def would_circle(objective: Objective, parent_id: int | None) -> bool:
    """Return whether the objective would lie below itself."""
    parents = dict(Objective.objects.filter(plan_id=objective.plan_id).values_list("pk", "parent_id"))
    step, seen = parent_id, set()
    while step is not None and step not in seen:
        if step == objective.pk:
            return True
        seen.add(step)
        step = parents.get(step)
    return False


def _says(row: Any, values: Mapping[str, Any]) -> bool:
    return all(getattr(row, name) == value for name, value in values.items())


def _refuse_circle(objective: Objective, parent_id: int | None) -> None:
    if would_circle(objective, parent_id):
        raise Refused(_("“%(name)s” would lie below itself: choose a parent outside of it.") % {"name": objective.name})


def _tell(objective_ids: Sequence[int], now: datetime) -> None:
    if objective_ids:
        objectives_changed.send(sender=ObjectiveState, objective_ids=list(objective_ids), now=now)
