"""What the frame of every page needs: the organisation's name, the main navigation, the demo's sign-ins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from alerts.queries import unacknowledged, undelivered_mails
from kpiplatform.accounts.models import User
from kpiplatform.dashboards.navigation import navigation
from kpiplatform.demo.sign_ins import SAMPLE_PASSWORD, sign_ins
from objectives.queries import organisation

DEAD_MAILS_SHOWN_FOR, DEAD_MAILS_SHOWN = timedelta(days=7), 3


def chrome(request: HttpRequest) -> dict[str, Any]:
    """Return the context of the page frame; three queries."""
    user = getattr(request, "user", None)
    context: dict[str, Any] = {"organisation": organisation().name, "nav": []}
    if user is not None and user.is_authenticated:
        today = timezone.localdate()
        waiting = {"alerts:inbox": unacknowledged(user, today=today)}
        context["nav"] = navigation(user, request.path, today=today, counts=waiting)
        dead = undelivered_mails(user, since=timezone.now() - DEAD_MAILS_SHOWN_FOR).order_by("-finished_at")
        named = {"to": F("recipient__name"), "about": F("message__kpi__name")}
        context["undelivered"] = dead.values("reply", **named)[:DEAD_MAILS_SHOWN]
        return context
    # Asked only where it is shown: on the page on which people sign in.
    context["nobody_yet"] = lambda: not User.objects.exists()
    if settings.DEMO:
        context["demo_sign_ins"] = [
            {"role": role, "email": email, "password": SAMPLE_PASSWORD} for role, email in sign_ins()
        ]
    return context
