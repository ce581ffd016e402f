"""What a person owes beside values: milestones, actions, decisions of reviews and about held pulls. Ready strings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from initiatives.models import Milestone
from initiatives.queries import milestones_owed_by
from kpiplatform.dashboards.my_kpis import links, words
from kpiplatform.dashboards.my_kpis.sheet import Viewer
from kpis.domain.periods import Period, period_of
from kpis.models import PeriodReopening, Pull
from kpis.queries import calendar_of, held_pulls_of
from kpis.reopenings import reopenings_decided_by
from kpis.words import in_words
from reviews.models import Action, Decision
from reviews.queries import owed_by


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedItem:
    """A milestone to reach, an action to do or a decision to bring; `tick_url` is where an action is ticked off."""

    due_on: date
    when: str
    is_late: bool
    what: str
    text: str
    url: str
    verb: str
    tick_url: str = ""


def owed(viewer: Viewer) -> list[OwedItem]:
    """Return what the person owes, the earliest first; four queries, however much it is."""
    actions, decisions = owed_by(viewer.user)
    items = [
        *_milestones(milestones_owed_by(viewer.user), viewer),
        *(_action(row, viewer) for row in actions),
        *(_decision(row, viewer) for row in decisions),
        *_requests(viewer),
        *(_held(row, viewer) for row in held_pulls_of(viewer.user)),
    ]
    return sorted(items, key=lambda item: item.due_on)


def _milestones(rows: Iterable[Milestone], viewer: Viewer) -> list[OwedItem]:
    return [
        OwedItem(
            due_on=row.due_on,
            when=_when(row.due_on, viewer),
            is_late=row.due_on < viewer.today,
            what=row.name,
            text=_("Milestone of %(initiative)s.") % {"initiative": row.initiative.name},
            url=links.milestone(row.initiative.code, row.pk),
            verb=_("Open"),
        )
        for row in rows
    ]


def _action(row: Action, viewer: Viewer) -> OwedItem:
    return OwedItem(
        due_on=row.due_on,
        when=_when(row.due_on, viewer),
        is_late=row.due_on < viewer.today,
        what=row.text,
        text=_("Action of %(forum)s.") % {"forum": row.review.forum.name},
        url=links.action(row.pk),
        verb=_("Done"),
        tick_url=links.tick(row.pk),
    )


def _decision(row: Decision, viewer: Viewer) -> OwedItem:
    return OwedItem(
        due_on=row.due_on,
        when=_when(row.due_on, viewer),
        is_late=row.due_on < viewer.today,
        what=row.title,
        text=_("Decision to bring to %(forum)s.") % {"forum": row.forum.name},
        url=links.decision(row.pk),
        verb=_("Decide"),
    )


def _requests(viewer: Viewer) -> list[OwedItem]:
    """Requests to reopen a locked period wait from the day on which they were made."""
    waiting = reopenings_decided_by(viewer.user, today=viewer.today).select_related("kpi__calendar", "requested_by")
    return [
        OwedItem(
            due_on=asked_on,
            when=words.weekday_of(asked_on),
            is_late=False,
            what=_("Reopen %(period)s of %(kpi)s?") % {"period": words.name_of(_period_of(row)), "kpi": row.kpi.name},
            text=_("Asked by %(name)s: %(reason)s") % {"name": row.requested_by.name, "reason": row.reason},
            url=links.reopening(row.pk),
            verb=_("Decide"),
        )
        for row in waiting
        for asked_on in [row.requested_at.astimezone(viewer.tz).date()]
    ]


def _period_of(row: PeriodReopening) -> Period:
    return period_of(row.period_start, row.kpi.frequency, calendar_of(row.kpi.calendar))


def _held(pull: Pull, viewer: Viewer) -> OwedItem:
    held_on = pull.slot.astimezone(viewer.tz).date()
    return OwedItem(
        due_on=held_on,
        when=_when(held_on, viewer),
        is_late=held_on < viewer.today,
        what=_("A pull of %(source)s is held") % {"source": pull.source.name},
        text=in_words(pull.error, locale=viewer.user.locale),
        url=links.held_pull(pull.source.code, pull.pk),
        verb=_("Decide"),
    )


def _when(due: date, viewer: Viewer) -> str:
    return words.days_late(due, viewer.today) or words.weekday_of(due)
