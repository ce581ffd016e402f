"""Writing what an initiative consists of: milestones, promised effects, risks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from initiatives.domain.promise import may_be_changed
from initiatives.models import ExpectedImpact, Initiative, Milestone, Risk
from kpiplatform.audit.editing import lock_as_seen


class PlanStands(Exception):
    """The plan was approved with this milestone: it may move, but not disappear."""


class AlreadyBegun(Exception):
    """The promised effect has begun: it stands as it was registered."""


# --- milestones ---------------------------------------------------------------------------------


def add_milestone(*, initiative: Initiative, said: Mapping[str, Any]) -> Milestone:
    """Add a milestone at the end of the list; one of the same name is there already and stays as it is."""
    with transaction.atomic():
        Initiative.objects.select_for_update(no_key=True, of=("self",)).get(pk=initiative.pk)
        last = initiative.milestones.aggregate(last=Max("position"))["last"] or 0
        step, _ = Milestone.objects.get_or_create(
            initiative=initiative,
            name=said["name"],
            defaults={
                "owner": said["owner"],
                "planned_on": said["due_on"],
                "due_on": said["due_on"],
                "position": last + 1,
            },
        )
        return step


def change_milestone(*, milestone: Milestone, said: Mapping[str, Any], token: str) -> Milestone:
    """Store name, owner and date; the date that was planned first is kept.

    Raises ChangedMeanwhile when the row is not the one that was seen.
    """
    with transaction.atomic():
        row = lock_as_seen(Milestone.objects.all(), milestone.pk, token)
        row.name, row.owner, row.due_on = said["name"], said["owner"], said["due_on"]
        row.save()
        return row


def tick_milestone(*, milestone: Milestone, is_done: bool, today: date) -> None:
    """Mark a milestone as done today, or as open again; said twice, the first day stands."""
    rows = Milestone.objects.filter(pk=milestone.pk, done_on__isnull=is_done)
    rows.update(done_on=today if is_done else None)


def remove_milestone(*, milestone: Milestone) -> None:
    """Take a milestone out of a plan that nobody has approved yet. Raises PlanStands once somebody has."""
    with transaction.atomic():
        initiative = Initiative.objects.select_for_update(of=("self",)).get(pk=milestone.initiative_id)
        if initiative.status != Initiative.Status.PROPOSED:
            raise PlanStands
        Milestone.objects.filter(pk=milestone.pk).delete()


# --- promised effects ---------------------------------------------------------------------------


def promise(*, initiative: Initiative, said: Mapping[str, Any], today: date, now: datetime) -> ExpectedImpact:
    """Register what the initiative is to do to a KPI; registered twice, the first stands.

    Raises AlreadyBegun when the effect would begin before it is promised.
    """
    if not may_be_changed(starts_on=said["starts_on"], today=today):
        raise AlreadyBegun
    with transaction.atomic():
        Initiative.objects.select_for_update(no_key=True, of=("self",)).get(pk=initiative.pk)
        values = {name: value for name, value in said.items() if name != "kpi"}
        impact, _ = ExpectedImpact.objects.get_or_create(
            initiative=initiative, kpi=said["kpi"], defaults={**values, "registered_at": now}
        )
        return impact


def change_promise(
    *, impact: ExpectedImpact, said: Mapping[str, Any], token: str, today: date, now: datetime
) -> ExpectedImpact:
    """Register the effect anew. Raises AlreadyBegun, or ChangedMeanwhile when it is not the one that was seen."""
    with transaction.atomic():
        row = lock_as_seen(ExpectedImpact.objects.all(), impact.pk, token)
        if not (
            may_be_changed(starts_on=row.starts_on, today=today)
            and may_be_changed(starts_on=said["starts_on"], today=today)
        ):
            raise AlreadyBegun
        for name in ("change", "starts_on", "full_effect_on", "confidence", "rationale"):
            setattr(row, name, said[name])
        row.registered_at = now
        row.save()
        return row


def withdraw_promise(*, impact: ExpectedImpact, today: date) -> None:
    """Take a promise back before its effect begins; the audit trail keeps it. Raises AlreadyBegun."""
    with transaction.atomic():
        row = ExpectedImpact.objects.select_for_update(of=("self",)).filter(pk=impact.pk).first()
        if row is None:
            return
        if not may_be_changed(starts_on=row.starts_on, today=today):
            raise AlreadyBegun
        row.delete()


# --- risks --------------------------------------------------------------------------------------


def add_risk(*, initiative: Initiative, said: Mapping[str, Any]) -> Risk:
    """Add a risk; one in the same words is there already and stays as it is."""
    with transaction.atomic():
        Initiative.objects.select_for_update(no_key=True, of=("self",)).get(pk=initiative.pk)
        values = {name: value for name, value in said.items() if name != "text"}
        return Risk.objects.get_or_create(initiative=initiative, text=said["text"], defaults=values)[0]


def change_risk(*, risk: Risk, said: Mapping[str, Any], token: str) -> Risk:
    """Store the risk. Raises ChangedMeanwhile when the row is not the one that was seen."""
    with transaction.atomic():
        row = lock_as_seen(Risk.objects.all(), risk.pk, token)
        for name in ("text", "likelihood", "severity", "mitigation"):
            setattr(row, name, said[name])
        row.save()
        return row


def remove_risk(*, risk: Risk) -> None:
    """Remove a risk that is none any more; the audit trail keeps it."""
    Risk.objects.filter(pk=risk.pk).delete()
