"""Whose KPI, and which day it is."""

from __future__ import annotations

from datetime import date

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from kpis.domain.periods import Period, period_of
from kpis.models import Kpi
from kpis.queries import calendar_of, kpis_editable_by, kpis_visible_to, proposes_values_of
from objectives.queries import may_write


def kpi_to_comment(request: HttpRequest, code: str) -> Kpi:
    """Return the KPI for whoever sees it and may write; it comes with its calendar."""
    today = timezone.localdate()
    kpi = get_object_or_404(kpis_visible_to(request.user, today=today).select_related("calendar"), code=code)
    if not may_write(request.user, today=today):
        raise PermissionDenied
    return kpi


def kpi_to_read(request: HttpRequest, code: str) -> Kpi:
    """Return the KPI for whoever sees it; it comes with its calendar and its unit."""
    visible = kpis_visible_to(request.user, today=timezone.localdate())
    return get_object_or_404(visible.select_related("calendar", "unit"), code=code)


def may_change_values(request: HttpRequest, kpi: Kpi) -> bool:
    """Return whether the reader may change values of the KPI: what is computed from others takes none."""
    editable = kpis_editable_by(request.user, today=timezone.localdate())
    return editable.exclude(entry=Kpi.Entry.DERIVED).filter(pk=kpi.pk).exists()


def may_ask_to_reopen(request: HttpRequest, kpi: Kpi) -> bool:
    """Return whether the reader may ask to open a locked period: who answers for the KPI, also for a computed one."""
    return kpis_editable_by(request.user, today=timezone.localdate()).filter(pk=kpi.pk).exists()


def may_propose_values(request: HttpRequest, kpi: Kpi) -> bool:
    """Return whether the reader may enter values of the KPI that its owner approves."""
    return proposes_values_of(request.user, kpi, today=timezone.localdate())


def period_or_404(kpi: Kpi, start: date) -> Period:
    """Return the period of the KPI that starts on a day; on other days none does."""
    period = period_of(start, kpi.frequency, calendar_of(kpi.calendar))
    if period.start != start:
        raise Http404
    return period
