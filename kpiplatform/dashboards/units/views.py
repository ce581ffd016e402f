"""The pages of a unit."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

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
    today = timezone.now().astimezone(ZoneInfo(organisation().time_zone)).date()
    try:
        facts = unit_facts(user=request.user, code=code, tier=request.GET.get("tier", ""), today=today)
    except Unit.DoesNotExist:
        raise Http404 from None
    context = unit_page(facts, today=today, calendars=calendars(), locale=request.user.locale)
    return page(request, "dashboards/unit.html", context, partial="board")
