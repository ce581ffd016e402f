"""Forums and reviews for tests: plain functions with visible defaults."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from kpiplatform.accounts.models import User
from reviews.models import Action, Decision, Forum, Review
from reviews.services.reviewing import close_review, open_review, plan_review
from tests.factories import NOW, a_person, the_company

WEEK = timedelta(days=7)


def a_forum(
    name: str = "Operations board", *, chair: User | None = None, participants: list[User] | None = None, **fields: Any
) -> Forum:
    defaults: dict[str, Any] = {
        "code": name.lower().replace(" ", "-"),
        "tier": "operational",
        "rule": "weekly",
        "anchor": date(2026, 1, 1),
        "starts_at": time(9),
    }
    fields = {**defaults, **fields}
    if "unit" not in fields:
        fields["unit"] = the_company()
    forum = Forum.objects.create(name=name, chair=chair or a_person("Daniel Reyes"), **fields)
    forum.participants.set(participants or [])
    return forum


def a_planned_review(forum: Forum, *, on: date | None = None) -> Review:
    return plan_review(forum=forum, held_on=on or NOW.date())


def an_open_review(forum: Forum, *, at: datetime = NOW) -> Review:
    return open_review(review_id=a_planned_review(forum, on=at.date()).pk, now=at)


def a_held_review(forum: Forum, *, at: datetime = NOW - WEEK, summary: str = "All went well.") -> Review:
    review = an_open_review(forum, at=at)
    return close_review(review_id=review.pk, summary=summary, by=forum.chair, now=at + timedelta(hours=1))


def an_action(review: Review, text: str = "Ask the carriers", *, owner: User | None = None, **fields: Any) -> Action:
    fields.setdefault("due_on", review.held_on + WEEK)
    return Action.objects.create(review=review, text=text, owner=owner or review.forum.chair, **fields)


def a_decision(forum: Forum, title: str = "Fund the crew", *, owner: User | None = None, **fields: Any) -> Decision:
    fields.setdefault("due_on", NOW.date())
    return Decision.objects.create(forum=forum, title=title, owner=owner or forum.chair, **fields)
