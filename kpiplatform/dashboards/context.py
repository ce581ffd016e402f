"""What the frame of every page needs: the organisation's name, the main navigation, the demo's sign-ins."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.frame import frame_for
from kpiplatform.dashboards.navigation import items_of, navigation
from kpiplatform.demo.sign_ins import SAMPLE_PASSWORD, sign_ins
from objectives.queries import may_write, organisation


def chrome(request: HttpRequest) -> dict[str, Any]:
    """Return the context of the page frame; one query for people who are signed in."""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        today = timezone.localdate()
        frame = frame_for(user, now=timezone.now())
        waiting = {"alerts:inbox": frame.unacknowledged if may_write(user, today=today) else 0}
        return {
            "organisation": frame.organisation,
            "nav": items_of(navigation(user, request.path, today=today, counts=waiting)),
            "undelivered": frame.undelivered,
            "silent_since": frame.silent_since,
        }
    # Asked only where it is shown: on the page on which people sign in.
    context: dict[str, Any] = {"organisation": organisation().name, "nobody_yet": _nobody_yet}
    if settings.DEMO:
        context["demo_sign_ins"] = [
            {"role": role, "email": email, "password": SAMPLE_PASSWORD} for role, email in sign_ins()
        ]
    return context


def _nobody_yet() -> bool:
    return not User.objects.exists()
