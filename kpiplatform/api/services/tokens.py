"""Giving programs a key, taking it away, and counting what is done with it."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db import transaction
from django.db.models import Case, F, Value, When

from kpiplatform.accounts.models import User
from kpiplatform.api.models import ApiToken, ApiTokenKey
from kpis.models import Kpi
from objectives.models import Unit

PREFIX = "kpi_"
HINT_LENGTH = len(PREFIX) + 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A token, and its secret if it was made just now; nobody can read the secret later."""

    token: ApiToken
    secret: str


def give_token(
    *,
    form: uuid.UUID,
    user: User,
    name: str,
    may_read: bool,
    may_ingest: bool,
    kpis: Sequence[Kpi] = (),
    units: Sequence[Unit] = (),
    expires_at: datetime,
    now: datetime,
) -> Given:
    """Make a token by which a program acts as `user`. The same form again makes no second one and has no secret."""
    secret = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        values = {
            "user": user,
            "name": name,
            "hint": secret[:HINT_LENGTH],
            "may_read": may_read,
            "may_ingest": may_ingest,
            "created_at": now,
            "expires_at": expires_at,
        }
        token, is_new = ApiToken.objects.get_or_create(form=form, defaults=values)
        if not is_new:
            return Given(token=token, secret="")
        token.kpis.set(kpis)
        token.units.set(units)
        ApiTokenKey.objects.create(token=token, digest=digest_of(secret))
    return Given(token=token, secret=secret)


def revoke_token(*, token: ApiToken, by: User, now: datetime) -> None:
    """Let the token open nothing from now on; one that is revoked already stays as it is."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now, revoked_by=by)


def count_request(*, secret: str, now: datetime) -> ApiTokenKey | None:
    """Note a use of the token and return its key with the requests of this minute, None if there is no such token."""
    minute = now.replace(second=0, microsecond=0)
    keys = ApiTokenKey.objects.filter(digest=digest_of(secret))
    found = keys.update(
        last_used_at=now,
        requests=Case(When(minute=minute, then=F("requests") + 1), default=Value(1)),
        minute=minute,
    )
    return keys.select_related("token__user").get() if found else None


def digest_of(secret: str) -> bytes:
    """Return the fingerprint. The secret is random and long: nothing slower than SHA-256 would make it safer."""
    return sha256(secret.encode()).digest()
