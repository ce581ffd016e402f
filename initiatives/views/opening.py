"""Which initiative a request is about, and whether its sender may write on it."""

from __future__ import annotations

from datetime import date, datetime

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from initiatives.models import Initiative
from initiatives.queries import initiatives_visible_to, may_edit
from objectives.queries import organisations_day


def visible(request: HttpRequest, code: str) -> Initiative:
    """Return the initiative; 404 for those who may not see it."""
    initiatives = initiatives_visible_to(request.user, today=timezone.localdate())
    return get_object_or_404(initiatives.select_related("unit", "owner", "objective"), code=code)


def editable(request: HttpRequest, code: str) -> Initiative:
    """Return the initiative; 404 for those who may not see it, 403 for those who may only read it."""
    initiative = visible(request, code)
    if not may_edit(request.user, initiative, today=timezone.localdate()):
        raise PermissionDenied
    return initiative


def today_at(now: datetime) -> date:
    """Return the organisation's day, by which things are late."""
    return organisations_day(now)


def page_of(initiative: Initiative, part: str = "") -> str:
    """Return the address of the page, or of a part of it."""
    address = reverse("initiatives:initiative", args=[initiative.code])
    return f"{address}#{part}" if part else address
