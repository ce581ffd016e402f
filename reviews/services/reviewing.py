"""The life of a review: planned for a day, opened with a frozen pack, closed with its minutes."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.db.models import Q

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import lock_as_seen
from reviews.domain.frozen import fingerprint
from reviews.minutes import minutes_of
from reviews.models import Decision, Forum, Minutes, Pack, Review
from reviews.on_the_table import table_of
from reviews.queries import organisation_zone, people_of
from reviews.signals import review_closed


class NotNow(Exception):
    """The review is not in the state for it; the message says why. Nothing was written."""


class DayTaken(Exception):
    """The forum has another review on that day. Nothing was written."""


def plan_review(*, forum: Forum, held_on: date) -> Review:
    """Return the forum's review of that day, planned if there was none."""
    return Review.objects.get_or_create(forum=forum, held_on=held_on)[0]


@transaction.atomic
def move_review(*, review_id: int, seen: str, held_on: date) -> Review:
    """Move a planned review to another day. Raises ChangedMeanwhile, NotNow, or DayTaken."""
    review = lock_as_seen(Review.objects.all(), review_id, seen)
    if review.state != Review.State.PLANNED:
        raise NotNow("Only a planned review can be moved.")
    if Review.objects.filter(forum=review.forum_id, held_on=held_on).exclude(pk=review.pk).exists():
        raise DayTaken
    review.held_on = held_on
    review.save(update_fields=["held_on"])
    return review


@transaction.atomic
def cancel_review(*, review_id: int) -> None:
    """Take a planned review back; it holds nothing yet. Raises NotNow once it was opened."""
    review = _locked(review_id)
    if review.state != Review.State.PLANNED:
        raise NotNow("Only a planned review can be cancelled.")
    review.delete()


@transaction.atomic
def open_review(*, review_id: int, now: datetime) -> Review:
    """Open a planned review and freeze what is on its table. Opened already, nothing happens.

    Held on another day than planned, it is a review of that day, unless the forum has one already.
    """
    review = _locked(review_id)
    if review.state == Review.State.PLANNED:
        review.held_on = _day_of(review, now)
        freeze_pack(review=review, at=now)
        review.state, review.opened_at = Review.State.OPEN, now
        review.save(update_fields=["held_on", "state", "opened_at"])
    return review


def freeze_pack(*, review: Review, at: datetime, knows_health: bool = True) -> Pack:
    """Freeze what is, or was, on the table of `review` at `at`; never a second time."""
    before = Pack.objects.filter(review=review).first()
    if before is not None:
        return before
    content = table_of(review, at=at, knows_health=knows_health)
    return Pack.objects.create(review=review, content=content, sha256=fingerprint(content), frozen_at=at)


@transaction.atomic
def close_review(*, review_id: int, summary: str, by: User, now: datetime) -> Review:
    """Close an open review: its minutes are composed and frozen, and `review_closed` is sent in this transaction.

    Closed already, nothing happens. Raises NotNow for a review that was never opened.
    """
    review = _locked(review_id)
    if review.state == Review.State.CLOSED:
        return review
    if review.state == Review.State.PLANNED:
        raise NotNow("The review has not been opened yet.")
    review.state, review.closed_at, review.minutes = Review.State.CLOSED, now, summary
    review.save(update_fields=["state", "closed_at", "minutes"])
    minutes = record_minutes(review=review, by=by.name, at=now)
    recipients = _took_part(review)
    review_closed.send(sender=Review, review=review, minutes=minutes.content, recipients=recipients, now=now)
    return review


def record_minutes(*, review: Review, by: str, at: datetime) -> Minutes:
    """Compose the minutes of a closed review and freeze them; never a second time."""
    found = Minutes.objects.filter(review=review).first()
    return found or Minutes.objects.create(review=review, content=minutes_of(review, by=by), recorded_at=at)


def _took_part(review: Review) -> list[User]:
    """Chair and participants, and whoever was given something to do; only people who may still sign in."""
    asked = User.objects.filter(
        Q(actions__review=review) | Q(pk__in=Decision.objects.filter(review=review).values("owner"))
    )
    people = {person.pk: person for person in [*people_of(review.forum), *asked]}
    return [person for person in people.values() if person.is_active]


def _day_of(review: Review, now: datetime) -> date:
    today = now.astimezone(organisation_zone()).date()
    taken = Review.objects.filter(forum=review.forum_id, held_on=today).exclude(pk=review.pk)
    return review.held_on if taken.exists() else today


def _locked(review_id: int) -> Review:
    return (
        Review.objects.select_for_update(of=("self",)).select_related("forum__unit", "forum__chair").get(pk=review_id)
    )
