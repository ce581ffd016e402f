"""Who reads a page of reviews."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from reviews.queries import organisation_zone
from reviews.rows import Viewer


def viewer_of(request: HttpRequest, now: datetime) -> Viewer:
    """Return who asks, on the organisation's day of `now`."""
    zone = organisation_zone()
    return Viewer(
        user=request.user,
        today=now.astimezone(zone).date(),
        zone=timezone.get_current_timezone(),
        organisation_zone=zone,
    )


def back_to(request: HttpRequest, otherwise: str) -> str:
    """Return the page the form names as `next`, if it is one of ours."""
    wanted = request.POST.get("next", "")
    return wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}) else otherwise
