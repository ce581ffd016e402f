"""What the frame of every page needs: the organisation's name, the main navigation, the demo's sign-ins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from alerts.queries import undelivered_mails
from kpiplatform.demo.sign_ins import SAMPLE_PASSWORD, sign_ins
from objectives.queries import organisation

DEAD_MAILS_SHOWN_FOR, DEAD_MAILS_SHOWN = timedelta(days=7), 3


def chrome(request: HttpRequest) -> dict[str, Any]:
    """Return the context of the page frame; two queries."""
    user = getattr(request, "user", None)
    context: dict[str, Any] = {"organisation": organisation().name, "nav": []}
    if user is not None and user.is_authenticated:
        context["nav"] = _navigation(request.path)
        dead = undelivered_mails(user, since=timezone.now() - DEAD_MAILS_SHOWN_FOR)
        context["undelivered"] = dead.order_by("-finished_at")[:DEAD_MAILS_SHOWN]
    elif settings.DEMO:
        context["demo_sign_ins"] = [
            {"role": role, "email": email, "password": SAMPLE_PASSWORD} for role, email in sign_ins()
        ]
    return context


def _navigation(path: str) -> list[dict[str, Any]]:
    pages = [(_("Scorecard"), reverse("scorecard")), (_("My KPIs"), reverse("my:kpis"))]
    if settings.KPI_MAILBOX_DIR:
        pages.append((_("Mailbox"), reverse("alerts:mailbox")))
    return [{"label": label, "url": url, "current": path.startswith(url)} for label, url in pages]
