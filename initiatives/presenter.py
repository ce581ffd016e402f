"""The page of one initiative: how it stands, what it consists of, what it is meant to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _

from initiatives.domain.earned_value import EarnedValue, earned_value
from initiatives.domain.progress import Progress, days_late, progress
from initiatives.domain.status import APPROVED, DONE, FOLLOWING, PROPOSED, RUNNING, STOPPED, may_decide
from initiatives.history import events_of
from initiatives.impacts import impacts_of
from initiatives.models import Initiative, Milestone, Risk
from initiatives.queries import may_edit, may_edit_milestone
from initiatives.words import (
    late_words,
    money,
    on,
    slip,
    state_sentences,
    status_heading,
    worth_words,
)
from kpiplatform.accounts.models import User
from kpis.dates import day
from kpis.domain.figures import number
from objectives.queries import decides_for, may_write, objectives_visible_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A headline figure."""

    label: str
    value: str
    remark: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """A milestone; `first` is its first date where it moved."""

    milestone: Milestone
    due: str
    first: str
    done: str
    late: str
    is_overdue: bool
    may_change: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskView:
    """A risk and how grave it is."""

    risk: Risk
    grade: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A status that may follow, for who may decide it; what can't be taken back asks first."""

    status: str
    label: str
    is_main: bool
    asks_first: bool


def context_of(initiative: Initiative, user: User, *, today: date) -> dict[str, Any]:
    """Return all that the page shows to `user`; the number of queries does not depend on the rows."""
    steps = list(initiative.milestones.select_related("owner").order_by("position", "due_on"))
    for step in steps:
        step.initiative = initiative
    done = progress(steps, today)
    worth = earned_value(budget=initiative.budget, spent=initiative.spent, progress=done)
    impacts = impacts_of(initiative, user, today=today)
    editable = may_edit(user, initiative, today=today)
    objective = initiative.objective
    shows_objective = objective and objectives_visible_to(user, today=today).filter(pk=objective.pk).exists()
    return {
        "initiative": initiative,
        "sentences": state_sentences(initiative, steps, done, worth, today=today),
        "figures": list(_figures(initiative, steps, done, worth, user.locale, today)),
        "steps": [_step(step, user, today) for step in steps],
        "impacts": impacts,
        "promises_others": not impacts and initiative.impacts.exists(),
        "reds": [view for view in impacts if view.band in {"at_risk", "off_track"}],
        "risks": [_risk(risk) for risk in initiative.risks.order_by((F("likelihood") * F("severity")).desc(), "pk")],
        "objective": objective if shows_objective else None,
        "moves": moves(initiative, user, today=today),
        "waits_for": _waits_for(initiative, user, today),
        "may_edit": editable,
        "may_promise": editable and initiative.status in FOLLOWING and bool(FOLLOWING[initiative.status]),
        "events": events_of(initiative, steps),
        "span": f"{day(initiative.starts_on)} – {day(initiative.ends_on)}",
        "first_end": day(initiative.first_ends_on) if initiative.first_ends_on else "",
        "status_heading": status_heading(initiative.status),
        "today": today,
    }


def moves(initiative: Initiative, user: User, *, today: date) -> list[Move]:
    """Return the statuses to which `user` may take the initiative now."""
    if not may_write(user, today=today):
        return []
    decides, owns = decides_for(user, initiative.unit, today=today), initiative.owner_id == user.pk
    labels = {APPROVED: _("Approve"), RUNNING: _("Start"), DONE: _("Done…"), STOPPED: _("Stop…")}
    if initiative.status == PROPOSED:
        labels[STOPPED] = _("Turn down…")
    return [
        Move(
            status=status,
            label=labels[status],
            is_main=status in {APPROVED, RUNNING},
            asks_first=status in {DONE, STOPPED},
        )
        for status in FOLLOWING[initiative.status]
        if may_decide(status, decides_for_unit=decides, is_owner=owns)
    ]


def _waits_for(initiative: Initiative, user: User, today: date) -> str:
    """Say whose decision a proposal waits for, to those who can't take it."""
    if initiative.status != PROPOSED:
        return ""
    if any(move.status == APPROVED for move in moves(initiative, user, today=today)):
        return ""
    if initiative.owner_id == user.pk:
        return _("It waits for whoever runs %(unit)s: nobody approves their own.") % {"unit": initiative.unit.name}
    return _("It waits for whoever runs %(unit)s.") % {"unit": initiative.unit.name}


def _figures(
    initiative: Initiative,
    steps: Sequence[Milestone],
    done: Progress,
    worth: EarnedValue | None,
    locale: str,
    today: date,
) -> list[Figure]:
    late = slip(initiative, steps, today)
    figures = [
        Figure(
            label=_("Milestones done"),
            value=_("%(done)d of %(total)d") % {"done": done.done, "total": done.total} if done.total else "–",
            remark=_("%(planned)d planned by now") % {"planned": done.planned} if done.total else _("none yet"),
        ),
        Figure(
            label=_("Against the first plan"),
            value=late_words(late) or _("in time"),
            remark=_("ends %(day)s") % {"day": on(initiative.ends_on, today)},
            tone="worse" if late else "",
        ),
    ]
    if initiative.status == PROPOSED:
        asked = money(initiative.budget, initiative.currency, locale=locale) if initiative.budget else ""
        return [*figures, Figure(label=_("Budget asked for"), value=asked or _("none"))]
    if initiative.budget or initiative.spent:
        spent = money(initiative.spent, initiative.currency, locale=locale)
        figures.append(Figure(label=_("Spent"), value=spent, remark=_of_budget(initiative, locale)))
    if worth is not None:
        figures.append(
            Figure(
                label=_("Earned so far"),
                value=money(worth.earned, initiative.currency, locale=locale),
                remark=worth_words(worth, initiative.currency, locale=locale),
                tone="worse" if worth.overspent > 0 else "",
            )
        )
    return figures


def _of_budget(initiative: Initiative, locale: str) -> str:
    if not initiative.budget:
        return _("no budget")
    words = {
        "share": number(initiative.spent * 100 / initiative.budget, 0, locale=locale),
        "budget": money(initiative.budget, initiative.currency, locale=locale),
    }
    return _("%(share)s %% of %(budget)s") % words


def _step(step: Milestone, user: User, today: date) -> StepView:
    moved = step.due_on != step.planned_on
    return StepView(
        milestone=step,
        due=on(step.due_on, today),
        first=on(step.planned_on, today) if moved else "",
        done=on(step.done_on, today) if step.done_on else "",
        late=late_words(days_late(step, today)),
        is_overdue=step.done_on is None and step.due_on < today,
        may_change=may_edit_milestone(user, step, today=today),
    )


def _risk(risk: Risk) -> RiskView:
    words = {"likelihood": risk.likelihood, "severity": risk.severity}
    return RiskView(
        risk=risk,
        grade=risk.likelihood * risk.severity,
        words=_("likelihood %(likelihood)d, severity %(severity)d") % words,
    )


def asks(initiative: Initiative, status: str) -> dict[str, str]:
    """Return the question before a step, and the word on its button."""
    name = {"name": initiative.name}
    if initiative.status == PROPOSED and status == STOPPED:
        title, label = _("Turn down %(name)s?"), _("Turn it down")
        text = _("It is kept among the stopped ones; its promises leave the charts of its KPIs.")
    else:
        title, text, label = {
            APPROVED: (_("Approve %(name)s?"), _("From then on its promises count towards the gaps."), _("Approve")),
            RUNNING: (_("Start %(name)s?"), _("The work begins."), _("Start")),
            DONE: (
                _("Is %(name)s done?"),
                _("It leaves the list of open initiatives. What it promised stays on the charts of its KPIs."),
                _("It is done"),
            ),
            STOPPED: (
                _("Stop %(name)s?"),
                _("It is kept among the stopped ones and can't be started again; its promises leave the charts."),
                _("Stop it"),
            ),
        }[status]
    return {"title": title % name, "text": text, "label": label}
