"""Who can see this? The people who can open a KPI or an objective, each with the reason."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from kpiplatform.dashboards.configuration.entry import admins_only, today
from kpiplatform.htmx import page
from kpis.models import Kpi
from kpis.who_sees import who_sees_kpi
from objectives.models import Objective
from objectives.who_sees import Sees, who_sees_objective

TEMPLATE = "configuration/access.html"
LISTED = 200


@require_safe
@admins_only
def access(request: HttpRequest) -> HttpResponse:
    """Lead to the KPIs and objectives whose readers can be asked for."""
    words = request.GET.get("q", "").strip()[:80]
    kpis = Kpi.objects.exclude(status=Kpi.Status.RETIRED).select_related("unit").order_by("name")
    objectives = Objective.objects.filter(status=Objective.Status.ACTIVE).select_related("unit").order_by("name")
    if words:
        kpis, objectives = kpis.filter(name__icontains=words), objectives.filter(name__icontains=words)
    listed = {"kpis": list(kpis[: LISTED + 1]), "objectives": list(objectives[: LISTED + 1])}
    context = {
        "words": words,
        "listed": LISTED,
        "has_more": any(len(found) > LISTED for found in listed.values()),
        **{name: found[:LISTED] for name, found in listed.items()},
    }
    return page(request, "configuration/access_list.html", context, partial="list")


@require_safe
@admins_only
def kpi_access(request: HttpRequest, code: str) -> HttpResponse:
    """Show who can open a KPI."""
    kpi = get_object_or_404(Kpi.objects.select_related("unit"), code=code)
    rule = (
        _("Executives see strategic KPIs everywhere; managers, team members, auditors those of their unit and below.")
        if kpi.tier == Kpi.Tier.STRATEGIC
        else _(
            "Managers, team members and auditors see the KPIs of their unit and below; executives strategic ones only."
        )
    )
    seen_by = who_sees_kpi(kpi, today=today())
    return _page(request, kpi.name, seen_by, rule=rule, unit=kpi.unit, url=reverse("kpi", args=[kpi.code]))


@require_safe
@admins_only
def objective_access(request: HttpRequest, code: str) -> HttpResponse:
    """Show who can open an objective."""
    objective = get_object_or_404(Objective.objects.select_related("unit"), code=code)
    rule = _("Executives see every objective; managers, team members and auditors those of their unit and below.")
    return _page(
        request, objective.name, who_sees_objective(objective, today=today()), rule=rule, unit=objective.unit, url=""
    )


def _page(request: HttpRequest, name: str, seen_by: list[Sees], **context: Any) -> HttpResponse:
    return page(request, TEMPLATE, {"name": name, "seen_by": seen_by, **context}, partial="list")
