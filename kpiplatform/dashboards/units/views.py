"""The pages of a unit."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from kpiplatform.dashboards.units.bowler import Choice, bowler_page
from kpiplatform.dashboards.units.bowler_queries import grid_of
from kpiplatform.dashboards.units.presenter import unit_page
from kpiplatform.dashboards.units.queries import first_unit, unit_facts
from kpiplatform.htmx import page
from kpis.queries import calendars
from objectives.models import Unit
from objectives.queries import organisation

DAY = timedelta(days=1)


@require_safe
def units(request: HttpRequest) -> HttpResponse:
    """Lead a reader to the first unit of theirs; tell people without one how to get one."""
    unit = first_unit(request.user, today=timezone.localdate())
    if unit is None:
        return render(request, "dashboards/no_unit.html")
    return HttpResponseRedirect(reverse("unit", args=[unit.code]))


@require_safe
def unit(request: HttpRequest, code: str) -> HttpResponse:
    """Show a unit and those below: its KPIs, what moved, what is late, what slips and what waits for a decision."""
    today = _organisations_day()
    try:
        facts = unit_facts(user=request.user, code=code, tier=request.GET.get("tier", ""), today=today)
    except Unit.DoesNotExist:
        raise Http404 from None
    context = unit_page(facts, today=today, calendars=calendars(), locale=request.user.locale)
    return page(request, "dashboards/unit.html", context, partial="board")


@require_safe
def bowler(request: HttpRequest, code: str) -> HttpResponse:
    """Show the KPIs of a unit and those below by period, as a grid of bands and figures."""
    today, known_at = _organisations_day(), None
    choice = Choice.from_query(request.GET, today=today)
    if choice.known_on:
        zone = ZoneInfo(organisation().time_zone)
        today, known_at = choice.known_on, datetime.combine(choice.known_on + DAY, time.min, zone)
    try:
        grid = grid_of(user=request.user, code=code, tier=choice.tier, today=timezone.localdate())
    except Unit.DoesNotExist:
        raise Http404 from None
    context = bowler_page(grid, choice, today=today, known_at=known_at, locale=request.user.locale)
    return page(request, "dashboards/bowler.html", context, partial="grid")


def _organisations_day() -> date:
    """The day by which periods close and values are late."""
    return timezone.now().astimezone(ZoneInfo(organisation().time_zone)).date()
