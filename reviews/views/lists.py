"""What is coming, what was held, and what is owed: for everybody, and for one forum."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from kpiplatform.htmx import page
from objectives.queries import may_configure
from reviews import words
from reviews.forms import PlanForm
from reviews.models import Decision, Review
from reviews.queries import (
    DAY,
    begins_at,
    cadence_of,
    forums_of,
    forums_visible_to,
    may_run,
    meetings_after,
    open_actions,
    owed_by,
    people_of,
    reviews_visible_to,
    working_days,
)
from reviews.rows import Viewer, action_row, decision_row, meeting_rows, review_row, table_rows
from reviews.views.viewing import viewer_of

HELD_AT_ONCE = 12
DATES_SHOWN = 5


@require_safe
def reviews(request: HttpRequest) -> HttpResponse:
    """Show the next meetings, the open reviews, the held ones, and what the reader owes."""
    viewer = viewer_of(request, timezone.now())
    user, today = viewer.user, viewer.today
    forums = forums_visible_to(user, today=today).filter(is_active=True).select_related("unit", "chair")
    visible = reviews_visible_to(user, today=today).select_related("forum")
    near = visible.filter(Q(state=Review.State.PLANNED, held_on__gte=today - 14 * DAY) | Q(held_on__gte=today))
    own = set(forums_of(user, today=today).values_list("pk", flat=True))
    actions, decisions = owed_by(user)
    context = {
        "meetings": meeting_rows(forums, near, viewer, working_days(), own),
        "open_reviews": [review_row(row, viewer) for row in visible.filter(state=Review.State.OPEN)],
        "actions": [action_row(row, viewer) for row in actions],
        "decisions": [decision_row(row, viewer) for row in decisions],
        "may_configure": may_configure(user, today=today),
    }
    return page(request, "reviews/reviews.html", context | _held(request, visible, viewer), partial="held")


@require_safe
def forum(request: HttpRequest, code: str) -> HttpResponse:
    """Show one forum: its rule, its next dates, its people, its history, what is open."""
    viewer = viewer_of(request, timezone.now())
    user, today = viewer.user, viewer.today
    visible = forums_visible_to(user, today=today).select_related("unit", "chair")
    its = get_object_or_404(visible, code=code)
    dates = meetings_after(its, today - DAY, DATES_SHOWN, working_days())
    due = its.decisions.filter(state=Decision.State.DUE).select_related("owner", "kpi", "objective", "initiative")
    held = its.reviews.select_related("forum")
    on_table = table_rows(its, viewer)
    context = {
        "forum": its,
        "on_table": len(on_table),
        "chosen": [row for row in on_table if row.is_chosen],
        "cadence": words.in_words(cadence_of(its)),
        "dates": [
            {
                "when": words.meeting_time(begins_at(its, on, viewer.organisation_zone), viewer.zone),
                "far": words.how_far(on, today),
            }
            for on in dates
        ],
        "people": people_of(its),
        "waiting": [review_row(row, viewer) for row in held.exclude(state=Review.State.CLOSED)],
        "actions": [action_row(row, viewer) for row in open_actions(its)],
        "decisions": [decision_row(row, viewer) for row in due],
        "may_run": may_run(user, its, today=today),
        "may_configure": may_configure(user, today=today),
        "plan_form": PlanForm(today=today, initial={"held_on": dates[0] if dates else today}),
    }
    return page(request, "reviews/forum.html", context | _held(request, held, viewer), partial="held")


def _held(request: HttpRequest, reviews: QuerySet[Review], viewer: Viewer) -> dict[str, Any]:
    """Return one stretch of the history, and where the next one begins."""
    held = reviews.filter(state=Review.State.CLOSED).annotate(
        decided=Count("decisions", filter=Q(decisions__state=Decision.State.TAKEN), distinct=True),
        asked=Count("actions", distinct=True),
        still_open=Count("actions", filter=Q(actions__done_on__isnull=True), distinct=True),
    )
    before = _place_in_history(request.GET.get("before", ""))
    if before:
        day, pk = before
        held = held.filter(Q(held_on__lt=day) | Q(held_on=day, pk__lt=pk))
    rows = list(held.order_by("-held_on", "-pk")[: HELD_AT_ONCE + 1])
    more = rows[HELD_AT_ONCE:]
    last = rows[HELD_AT_ONCE - 1] if more else None
    return {
        "held": [review_row(row, viewer) for row in rows[:HELD_AT_ONCE]],
        "earlier": f"{last.held_on}.{last.pk}" if last else "",
    }


def _place_in_history(text: str) -> tuple[date, int] | None:
    """Return day and id of the review after which the next stretch begins, None for what names none."""
    day, _, pk = text.partition(".")
    try:
        return date.fromisoformat(day), int(pk)
    except ValueError:
        return None
