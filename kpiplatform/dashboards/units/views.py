"""The pages of a unit."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from kpiplatform.dashboards.as_known import PARAMETER, AsKnown, as_known
from kpiplatform.dashboards.units.bowler import Choice, bowler_page
from kpiplatform.dashboards.units.bowler_queries import grid_of
from kpiplatform.dashboards.units.presenter import unit_page
from kpiplatform.dashboards.units.queries import first_unit, unit_facts
from kpiplatform.htmx import page
from kpis.queries import calendars
from objectives.models import Unit
from objectives.queries import organisation


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
    today, zone, known = _organisations_day(request)
    asked = {"user": request.user, "code": code, "tier": request.GET.get("tier", "")}
    try:
        facts = unit_facts(**asked, today=today, known=known)
    except Unit.DoesNotExist:
        raise Http404 from None
    shown = {"calendars": calendars(), "locale": request.user.locale, "after": request.GET.get("after", "")}
    context = unit_page(facts, today=known.on or today, zone=zone, **shown)
    return page(request, "dashboards/unit.html", context, partial="board")


@require_safe
def bowler(request: HttpRequest, code: str) -> HttpResponse:
    """Show the KPIs of a unit and those below by period, as a grid of bands and figures."""
    today, _zone, known = _organisations_day(request)
    choice = Choice.from_query(request.GET, known)
    asked = {"tier": choice.tier, "frequencies": choice.frequencies, "after": choice.after, "known": known}
    try:
        grid = grid_of(user=request.user, code=code, **asked, today=timezone.localdate())
    except Unit.DoesNotExist:
        raise Http404 from None
    context = bowler_page(grid, choice, today=known.on or today, locale=request.user.locale)
    return page(request, "dashboards/bowler.html", context, partial="grid")


def _organisations_day(request: HttpRequest) -> tuple[date, ZoneInfo, AsKnown]:
    """Return the day by which periods close and values are late, where that is, and the day that the address names."""
    zone = ZoneInfo(organisation().time_zone)
    today = timezone.now().astimezone(zone).date()
    return today, zone, as_known(request.GET.get(PARAMETER, ""), today=today, zone=zone)
