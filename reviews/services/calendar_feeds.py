"""The address of a person's calendar: a secret of their own, signed, so that it can be shown again and made void."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.core.signing import BadSignature, Signer

from kpiplatform.accounts.models import User
from reviews.models import CalendarFeed

SALT = "reviews.calendar"


def calendar_token(*, user: User) -> str:
    """Return the token of the person's calendar address, "" before there is one.

    It holds the secret's signature, not the secret: whoever reads the database cannot make an address of it.
    """
    feed = CalendarFeed.objects.filter(user=user).first()
    return _token(feed) if feed else ""


def renew_calendar(*, user: User, now: datetime) -> str:
    """Give the person a new calendar address and return its token; the old address opens nothing from now on."""
    feed, _ = CalendarFeed.objects.update_or_create(
        user=user, defaults={"secret": secrets.token_urlsafe(32), "renewed_at": now}
    )
    return _token(feed)


def stop_calendar(*, user: User) -> None:
    """Take the person's calendar address away."""
    CalendarFeed.objects.filter(user=user).delete()


def person_of_calendar(*, token: str) -> User | None:
    """Return whose calendar the token opens, None if it is no such token or the person may not sign in."""
    user_id, _, signature = token.partition("-")
    if not user_id.isdecimal() or not user_id.isascii() or len(user_id) > 18:
        return None
    feed = CalendarFeed.objects.filter(user=int(user_id), user__is_active=True).select_related("user").first()
    if feed is None:
        return None
    try:
        Signer(salt=SALT, sep=":").unsign(f"{_signed(feed)}:{signature}")
    except BadSignature:
        return None
    return feed.user


def _token(feed: CalendarFeed) -> str:
    signature = Signer(salt=SALT, sep=":").signature(_signed(feed))
    return f"{feed.pk}-{signature}"


def _signed(feed: CalendarFeed) -> str:
    return f"{feed.pk}.{feed.secret}"
