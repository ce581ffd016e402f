"""From a value to the source rows behind it."""

from __future__ import annotations

from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from alerts.queries import local_date
from kpiplatform.dashboards.kpi_rows.presenter import Asked, drilled_page, unread_page
from kpiplatform.dashboards.sheet_file import as_csv, csv_response
from kpiplatform.dashboards.taking import note_taken
from kpiplatform.htmx import page
from kpis.domain.periods import period_of
from kpis.models import Measurement
from kpis.queries import calendar_of, kpis_visible_to, may_read_rows
from kpis.services.drilling import Drilled, rows_behind
from kpis.sources.base import SourceError

TEMPLATE = "kpis/rows.html"
SHOWN, IN_A_FILE = 100, 20_000
SOURCE_UNREAD = 424  # the fault lies with the source, not with this installation


@require_safe
def rows(request: HttpRequest, code: str, start: date) -> HttpResponse:
    """Show the rows that a value is computed from, and whether the source still gives that value."""
    asked = _asked_or_404(request, code, start)
    try:
        found = _drilled(asked, request, limit=SHOWN)
    except SourceError as error:
        return page(request, TEMPLATE, unread_page(asked, error, request.user), partial="rows")
    return page(request, TEMPLATE, drilled_page(asked, found, request.user), partial="rows")


@require_safe
def rows_file(request: HttpRequest, code: str, start: date) -> HttpResponse:
    """Send the rows that a value is computed from as a file for spreadsheets, or say why there is none."""
    asked = _asked_or_404(request, code, start)
    try:
        found = _drilled(asked, request, limit=IN_A_FILE)
    except SourceError as error:
        context = unread_page(asked, error, request.user)
        return page(request, TEMPLATE, context, partial="rows", status=SOURCE_UNREAD)
    text = as_csv(["line", "day", *found.page.columns], ([line, day, *cells] for line, day, cells in found.page.rows))
    name = f"{code}-{asked.period.key}-{found.part}"
    note_taken(request, name=f"{name}.csv", rows=len(found.page.rows), kpi=asked.kpi)
    return csv_response(text, name=name)


def _drilled(asked: Asked, request: HttpRequest, *, limit: int) -> Drilled:
    after = request.GET.get("after", "")
    return rows_behind(
        kpi=asked.kpi,
        period=asked.period,
        part=request.GET.get("part", ""),
        after=int(after) if after.isascii() and after.isdigit() and len(after) < 12 else 0,
        limit=limit,
        today=asked.today,
    )


def _asked_or_404(request: HttpRequest, code: str, start: date) -> Asked:
    """Return what is asked for, to those who see the KPI and may read its rows."""
    visible = kpis_visible_to(request.user, today=timezone.localdate())
    kpi = get_object_or_404(visible.select_related("calendar", "unit", "mapping__source__agreement"), code=code)
    if not may_read_rows(request.user, kpi, today=timezone.localdate()):
        raise Http404
    period = period_of(start, kpi.frequency, calendar_of(kpi.calendar))
    today = local_date(timezone.now())
    if period.start != start or start > today:
        raise Http404
    present = Measurement.objects.filter(kpi=kpi, period_start=start).first()
    return Asked(kpi=kpi, period=period, present=present, today=today)
