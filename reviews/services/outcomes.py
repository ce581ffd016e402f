"""What comes of a review: decisions and actions, written by several people at once."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import transaction

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import lock_as_seen
from reviews.models import Action, Decision, Review
from reviews.services.reviewing import NotNow


@transaction.atomic
def add_action(*, review_id: int, text: str, owner: User, due_on: date, **about: Any) -> Action:
    """Add an action to an open review; sent twice it is stored once. Raises NotNow for a review that isn't open."""
    review = _open(review_id)
    said = {"review": review, "text": text, "owner": owner, "due_on": due_on, **about}
    return Action.objects.filter(**said).first() or Action.objects.create(**said)


@transaction.atomic
def add_decision(
    *, review_id: int, title: str, owner: User, today: date, outcome: str = "", due_on: date | None = None, **about: Any
) -> Decision:
    """Note a decision: taken, with its outcome, or due on a day; sent twice it is stored once. Raises NotNow."""
    review = _open(review_id)
    said: dict[str, Any] = {"forum_id": review.forum_id, "title": title, "owner": owner, **about}
    if outcome:
        said |= {"state": Decision.State.TAKEN, "outcome": outcome, "taken_on": today, "due_on": due_on or today}
        said |= {"review": review}
    else:
        said |= {"state": Decision.State.DUE, "due_on": due_on}
    return Decision.objects.filter(**said).first() or Decision.objects.create(**said)


@transaction.atomic
def settle_decision(
    *, decision_id: int, seen: str, state: str, outcome: str, due_on: date, today: date, review: Review | None
) -> Decision:
    """Take, drop or put off a decision. Raises ChangedMeanwhile if it isn't as it was seen.

    Taken while a review of its forum is open, it belongs to that review and its minutes.
    """
    decision = lock_as_seen(Decision.objects.all(), decision_id, seen)
    decision.state, decision.outcome, decision.due_on = state, outcome, due_on
    decision.taken_on = today if state == Decision.State.TAKEN else None
    if state != Decision.State.DUE and review is not None:
        decision.review = review
    decision.save(update_fields=["state", "outcome", "due_on", "taken_on", "review"])
    return decision


@transaction.atomic
def change_action(*, action_id: int, seen: str, text: str, owner: User, due_on: date) -> Action:
    """Change words, owner or date of an action. Raises ChangedMeanwhile if it isn't as it was seen."""
    action = lock_as_seen(Action.objects.all(), action_id, seen)
    action.text, action.owner, action.due_on = text, owner, due_on
    action.save(update_fields=["text", "owner", "due_on"])
    return action


def tick_action(*, action_id: int, done_on: date | None) -> None:
    """Note that an action is done, or with None that it is open again; done already, it keeps its day."""
    rows = Action.objects.filter(pk=action_id)
    if done_on is not None:
        rows = rows.filter(done_on__isnull=True)
    rows.update(done_on=done_on)


def _open(review_id: int) -> Review:
    """Lock the review, so that two presses of a button wait for each other."""
    review = Review.objects.select_for_update(of=("self",)).get(pk=review_id)
    if review.state != Review.State.OPEN:
        raise NotNow("The review is not open: it takes no more notes.")
    return review
