"""Whose KPI, and which day it is."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from kpis.models import Kpi
from kpis.queries import kpis_visible_to
from objectives.queries import may_write, organisation


def kpi_to_comment(request: HttpRequest, code: str) -> Kpi:
    """Return the KPI for whoever sees it and may write; it comes with its calendar."""
    today = timezone.localdate()
    kpi = get_object_or_404(kpis_visible_to(request.user, today=today).select_related("calendar"), code=code)
    if not may_write(request.user, today=today):
        raise PermissionDenied
    return kpi


def today_of(now: datetime) -> date:
    """Return the organisation's day."""
    return now.astimezone(ZoneInfo(organisation().time_zone)).date()
