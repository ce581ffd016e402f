"""Who asks, for what, and how often."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja.security import HttpBearer

from kpiplatform.api.queries import Caller, caller_of
from kpiplatform.api.services.tokens import PREFIX, count_request
from kpiplatform.api.v1.problems import Problem


class Token(HttpBearer):
    """The way in: a token that is neither over nor revoked, of somebody who may still sign in, with the scope asked."""

    openapi_bearerFormat = "kpi_…"

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__()

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:
        now = timezone.now()
        key = count_request(secret=token, now=now) if token.startswith(PREFIX) else None
        if key is None:
            return None
        row = key.token
        if row.revoked_at is not None or row.expires_at <= now or not row.user.is_active:
            return None
        if key.requests > settings.API_REQUESTS_PER_MINUTE:
            words = {"most": settings.API_REQUESTS_PER_MINUTE}
            detail = _("A token may ask %(most)d times a minute. Wait, then go on.") % words
            raise Problem(429, _("Too many requests"), detail, {"Retry-After": str(60 - now.second)})
        if not (row.may_ingest if self.scope == "ingest" else row.may_read):
            raise Problem(403, _("Not with this token"), _("The token lacks the scope “%s”.") % self.scope)
        return caller_of(row, now=now)


READ, INGEST = Token("read"), Token("ingest")
