"""An initiative's dates, money and statuses in words, for one reader."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from initiatives.domain.earned_value import EarnedValue
from initiatives.domain.progress import (
    Progress,
    days_late,
    end_slipped,
    furthest_behind,
    next_step,
)
from initiatives.domain.status import APPROVED, DONE, OPEN, PROPOSED, RUNNING, STOPPED
from initiatives.models import Initiative, Milestone
from kpis.dates import day, short_day
from kpis.domain.figures import number, with_unit
from kpis.models import Kpi


def status_word(status: str) -> str:
    """Name a status, like “waiting for approval”."""
    return {
        PROPOSED: _("waiting for approval"),
        APPROVED: _("approved"),
        RUNNING: _("running"),
        DONE: _("done"),
        STOPPED: _("stopped"),
    }[status]


def status_heading(status: str) -> str:
    """Name a status as a heading."""
    return {
        PROPOSED: _("Waiting for approval"),
        APPROVED: _("Approved, not begun"),
        RUNNING: _("Running"),
        DONE: _("Done"),
        STOPPED: _("Stopped"),
    }[status]


def days(count: int) -> str:
    """Like “6 days”, in weeks from two on."""
    if count >= 14:
        return ngettext("%(count)d week", "%(count)d weeks", count // 7) % {"count": count // 7}
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}


def on(when: date, today: date) -> str:
    """A day; the year only where it is not this one."""
    return short_day(when) if when.year == today.year else day(when)


def money(amount: Decimal | None, currency: str, *, locale: str) -> str:
    """An amount without cents, with its currency."""
    return with_unit(number(amount, 0, locale=locale), currency)


def late_words(count: int) -> str:
    """Say how late something is; "" when it is in time."""
    return _("%(days)s late") % {"days": days(count)} if count > 0 else ""


def slip(initiative: Initiative, steps: Sequence[Milestone], today: date) -> int:
    """Return by how many days an initiative is late: its worst open milestone or its end against the first plan."""
    if initiative.status not in OPEN:
        return 0
    behind = furthest_behind(steps, today)
    end = end_slipped(first_end=initiative.planned_end, end=initiative.ends_on, today=today, is_open=True)
    return max(behind[1] if behind else 0, end)


def state_sentences(
    initiative: Initiative, steps: Sequence[Milestone], done: Progress, worth: EarnedValue | None, *, today: date
) -> list[str]:
    """Say how it stands: what it is doing, how far it is, what comes next, and what it cost so far."""
    said = [_standing(initiative, today)]
    if initiative.status not in OPEN:
        if done.total:
            counts = {"done": done.done, "total": done.total}
            said.append(_("%(done)d of %(total)d milestones were done.") % counts)
        return said
    if not done.total:
        return [*said, _("It has no milestones yet: nothing shows how far it is.")]
    said.append(_how_far(done))
    step = next_step(steps)
    if step is not None:
        said.append(_next(step, today))
    if worth is not None and worth.spent > 0 and worth.cost_index is not None and worth.cost_index < 1:
        said.append(_("It has cost more than the work done is worth."))
    return said


def _standing(initiative: Initiative, today: date) -> str:
    start, end = on(initiative.starts_on, today), on(initiative.ends_on, today)
    match initiative.status:
        case "proposed":
            return _("Waiting for approval, to run from %(start)s to %(end)s.") % {"start": start, "end": end}
        case "approved":
            return _("Approved, to begin on %(start)s and to end on %(end)s.") % {"start": start, "end": end}
        case "running":
            slipped = end_slipped(first_end=initiative.planned_end, end=initiative.ends_on, today=today, is_open=True)
            if slipped:
                words = {"start": start, "end": end, "days": days(slipped)}
                return _("Running since %(start)s, to end on %(end)s, %(days)s after the first plan.") % words
            return _("Running since %(start)s, to end on %(end)s.") % {"start": start, "end": end}
        case "done":
            return _("Done; it was to run from %(start)s to %(end)s.") % {"start": start, "end": end}
    return _("Stopped; it was to run from %(start)s to %(end)s.") % {"start": start, "end": end}


def _how_far(done: Progress) -> str:
    counts = {"done": done.done, "total": done.total, "planned": done.planned}
    if not done.done and not done.planned:
        return ngettext("It has %(total)d milestone.", "It has %(total)d milestones.", done.total) % counts
    if done.done < done.planned:
        return _("%(done)d of %(total)d milestones are done where %(planned)d were planned.") % counts
    return _("%(done)d of %(total)d milestones are done, as planned.") % counts


def _next(step: Milestone, today: date) -> str:
    words = {"name": step.name, "day": on(step.due_on, today), "days": days(max(days_late(step, today), 0))}
    if step.due_on < today:
        return _("“%(name)s” was due on %(day)s: %(days)s late.") % words
    if days_late(step, today) > 0:
        return _("Next is “%(name)s” on %(day)s, %(days)s after its first plan.") % words
    return _("Next is “%(name)s” on %(day)s.") % words


def spent_words(initiative: Initiative, *, locale: str) -> str:
    """Like “548,000 of 900,000 USD”."""
    if initiative.budget is None:
        return money(initiative.spent, initiative.currency, locale=locale) if initiative.spent else ""
    words = {
        "spent": number(initiative.spent, 0, locale=locale),
        "budget": money(initiative.budget, initiative.currency, locale=locale),
    }
    return _("%(spent)s of %(budget)s") % words


def worth_words(worth: EarnedValue, currency: str, *, locale: str) -> str:
    """Compare what was spent with what the work done is worth."""
    words = {"amount": money(abs(worth.overspent), currency, locale=locale)}
    if not worth.spent:
        return _("nothing spent yet")
    if worth.overspent > 0:
        return _("%(amount)s less than was spent") % words
    if worth.overspent < 0:
        return _("%(amount)s more than was spent") % words
    return _("as much as was spent")


def value_words(value: Decimal | None, kpi: Kpi, *, locale: str) -> str:
    """A value of the KPI with its unit."""
    return with_unit(number(value, kpi.decimals, locale=locale), kpi.measure_unit)
