"""Reviews, decisions and actions as lists show them: ready strings, and what the reader may do with each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from initiatives.queries import initiatives_visible_to
from kpiplatform.accounts.models import User
from kpis.dates import day
from kpis.domain.periods import WorkingDays
from kpis.queries import kpis_visible_to
from objectives.queries import objectives_visible_to
from reviews import words
from reviews.models import Action, Decision, Forum, Review
from reviews.queries import DAY, begins_at, cadence_of, kpis_reviewed_in, may_run, may_settle, meetings_after

LOOKED_AT = 5  # days of a rule: so many may be over already when meetings were held ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who reads, on which day of the organisation, and on which clock."""

    user: User
    today: date
    zone: tzinfo
    organisation_zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingRow:
    """The next meeting of a forum."""

    forum: Forum
    url: str
    on: date | None
    when: str
    far: str
    cadence: str
    review: Review | None
    may_run: bool
    takes_part: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRow:
    """One review in a list."""

    url: str
    forum: str
    when: str
    state: str
    decisions: int
    actions: int
    open_actions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRow:
    """One action in a list."""

    action: Action
    due: str
    is_late: bool
    asked: str
    about: str
    done: str
    may_settle: bool
    edit_url: str
    tick_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One decision in a list."""

    decision: Decision
    due: str
    is_late: bool
    about: str
    taken: str
    may_settle: bool
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """A KPI on a forum's table; `url` is empty for a reader who may not open it."""

    code: str
    name: str
    unit: str
    band: str
    owner: str
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ForumDates:
    """A forum with its rule in plain words and its next dates."""

    forum: Forum
    cadence: str
    days: tuple[date, ...]
    dates: tuple[dict[str, str], ...]

    @property
    def sentence(self) -> str:
        """Like “Operations board, every Thursday; next 26 Nov 2026”."""
        if not self.days:
            return f"{self.forum.name}, {self.cadence}"
        words = {"forum": self.forum.name, "cadence": self.cadence, "day": day(self.days[0])}
        return _("%(forum)s, %(cadence)s; next %(day)s") % words


def forum_dates(forum: Forum, working: WorkingDays, *, today: date, count: int) -> ForumDates:
    """Return the rule of a forum and its next `count` dates, today included."""
    days = meetings_after(forum, today - DAY, count, working)
    return ForumDates(
        forum=forum,
        cadence=words.in_words(cadence_of(forum)),
        days=tuple(days),
        dates=tuple({"when": words.dated(on), "far": words.how_far(on, today)} for on in days),
    )


def table_rows(forum: Forum, viewer: Viewer) -> list[TableRow]:
    """Return the KPIs on the forum's table by unit and name."""
    opened = Exists(kpis_visible_to(viewer.user, today=viewer.today).filter(pk=OuterRef("pk")))
    # Any: the types know only the latest of two annotations.
    kpis: QuerySet[Any] = kpis_reviewed_in(forum).annotate(opens=opened).select_related("unit", "owner", "state")
    return [
        TableRow(
            code=kpi.code,
            name=kpi.name,
            unit=kpi.unit.name,
            band=kpi.state.band if hasattr(kpi, "state") else "",
            owner=kpi.owner.name,
            url=reverse("kpi", args=[kpi.code]) if kpi.opens else "",
            is_chosen=kpi.is_chosen,
        )
        for kpi in kpis.order_by("unit__path", "name")
    ]


def meeting_rows(
    forums: Iterable[Forum], reviews: Iterable[Review], viewer: Viewer, working: WorkingDays, own: set[int]
) -> list[MeetingRow]:
    """Return the next meeting of each forum, the soonest first; a review planned for an earlier day comes before.

    `reviews` are the planned ones, and those of today or later that are open or over: such a day is no next one.
    """
    waiting: dict[int, Review] = {}
    begun: set[tuple[int, date]] = set()
    for review in sorted(reviews, key=lambda review: review.held_on, reverse=True):
        if review.state == Review.State.PLANNED:
            waiting[review.forum_id] = review
        else:
            begun.add((review.forum_id, review.held_on))
    rows = []
    for forum in forums:
        days = meetings_after(forum, viewer.today - DAY, LOOKED_AT, working)
        on = next((day for day in days if (forum.pk, day) not in begun), None)
        rows.append(_meeting(forum, waiting.get(forum.pk), on, viewer, forum.pk in own))
    return sorted(rows, key=lambda row: (row.on or date.max, row.forum.name))


def _meeting(forum: Forum, review: Review | None, on: date | None, viewer: Viewer, takes_part: bool) -> MeetingRow:
    if review is not None and (on is None or review.held_on <= on):
        on = review.held_on
    elif review is not None:
        review = None
    begins = begins_at(forum, on, viewer.organisation_zone) if on else None
    return MeetingRow(
        forum=forum,
        url=reverse("reviews:forum", args=[forum.code]),
        on=on,
        when=words.meeting_time(begins, viewer.zone) if begins else "",
        far=words.how_far(on, viewer.today) if on else "",
        cadence=words.in_words(cadence_of(forum)),
        review=review,
        may_run=may_run(viewer.user, forum, today=viewer.today),
        takes_part=takes_part,
    )


def review_row(review: Review, viewer: Viewer) -> ReviewRow:
    """Return one review; `review` comes with its forum and its counts."""
    begins = review.opened_at or begins_at(review.forum, review.held_on, viewer.organisation_zone)
    return ReviewRow(
        url=reverse("reviews:review", args=[review.pk]),
        forum=review.forum.name,
        when=words.meeting_time(begins, viewer.zone),
        state=review.state,
        decisions=getattr(review, "decided", 0),
        actions=getattr(review, "asked", 0),
        open_actions=getattr(review, "still_open", 0),
    )


def action_row(action: Action, viewer: Viewer) -> ActionRow:
    """Return one action; `action` comes with its owner, its review's forum and its KPI."""
    forum = action.review.forum
    return ActionRow(
        action=action,
        due=words.due(action.due_on, viewer.today) if action.done_on is None else "",
        is_late=action.done_on is None and action.due_on < viewer.today,
        asked=_("%(forum)s, %(day)s") % {"forum": forum.name, "day": day(action.review.held_on)},
        about=str(action.kpi or action.initiative or ""),
        done=_("done %(day)s") % {"day": day(action.done_on)} if action.done_on else "",
        may_settle=may_settle(viewer.user, action.owner_id, forum, today=viewer.today),
        edit_url=reverse("reviews:action", args=[action.pk]),
        tick_url=reverse("reviews:tick", args=[action.pk]),
    )


def page_about(decision: Decision, viewer: Viewer) -> str:
    """Return the address of what the decision is about; "" for who may not open that."""
    user, today = viewer.user, viewer.today
    for name, subject, visible in (
        ("kpi", decision.kpi, kpis_visible_to),
        ("initiatives:initiative", decision.initiative, initiatives_visible_to),
        ("objective", decision.objective, objectives_visible_to),
    ):
        if subject is not None and visible(user, today=today).filter(pk=subject.pk).exists():
            return reverse(name, args=[subject.code])
    return ""


def decision_row(decision: Decision, viewer: Viewer) -> DecisionRow:
    """Return one decision; `decision` comes with its owner, its forum and its subject."""
    is_due = decision.state == Decision.State.DUE
    return DecisionRow(
        decision=decision,
        due=words.due(decision.due_on, viewer.today) if is_due else "",
        is_late=is_due and decision.due_on < viewer.today,
        about=str(decision.kpi or decision.initiative or decision.objective or ""),
        taken=day(decision.taken_on) if decision.taken_on else "",
        may_settle=may_settle(viewer.user, decision.owner_id, decision.forum, today=viewer.today),
        url=reverse("reviews:decision", args=[decision.pk]),
    )
