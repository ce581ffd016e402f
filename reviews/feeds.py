"""The meetings of one person as events of a calendar."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpis.domain.periods import WorkingDays
from reviews import words
from reviews.domain.icalendar import Event
from reviews.models import Forum, Review
from reviews.queries import DAY, begins_at, cadence_of, forums_of, meetings_after, organisation_zone, working_days

LASTS = timedelta(hours=1)
AHEAD, AHEAD_AT_MOST = timedelta(days=366), 60
BACK = timedelta(days=90)


def events_of(user: User, *, now: datetime) -> list[Event]:
    """Return the meetings of the forums that `user` takes part in and may see today: a year ahead, a quarter back."""
    zone = organisation_zone()
    today, working = now.astimezone(zone).date(), working_days()
    forums = list(forums_of(user, today=today).select_related("unit", "chair"))
    known: dict[int, dict[date, Review]] = {forum.pk: {} for forum in forums}
    for review in Review.objects.filter(forum__in=forums, held_on__gte=today - BACK):
        known[review.forum_id][review.held_on] = review
    return [event for forum in forums for event in _events(forum, known[forum.pk], today, working, zone)]


def _events(forum: Forum, known: dict[date, Review], today: date, working: WorkingDays, zone: ZoneInfo) -> list[Event]:
    by_rule = [on for on in meetings_after(forum, today - DAY, AHEAD_AT_MOST, working) if on < today + AHEAD]
    return [_event(forum, on, known.get(on), zone) for on in sorted({*by_rule, *known})]


def _event(forum: Forum, on: date, review: Review | None, zone: ZoneInfo) -> Event:
    path = reverse("reviews:review", args=[review.pk]) if review else reverse("reviews:forum", args=[forum.code])
    facts = {"cadence": words.in_words(cadence_of(forum)), "unit": forum.unit.name, "chair": forum.chair.name}
    return Event(
        uid=f"forum-{forum.pk}-{on:%Y%m%d}@{urlsplit(settings.BASE_URL).hostname}",
        starts_at=begins_at(forum, on, zone),
        lasts=LASTS,
        title=forum.name,
        text=_("%(unit)s, %(cadence)s. Chair: %(chair)s.") % facts,
        url=f"{settings.BASE_URL}{path}",
    )
