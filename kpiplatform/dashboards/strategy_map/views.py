"""The strategy map."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from kpiplatform.dashboards.as_known import known_in
from kpiplatform.dashboards.strategy_map.presenter import map_page
from kpiplatform.dashboards.strategy_map.queries import strategy
from kpiplatform.htmx import page


@require_safe
def strategy_map(request: HttpRequest) -> HttpResponse:
    """Show the objectives in their perspectives and the hypotheses between them, one objective opened beside."""
    today, known = timezone.localdate(), known_in(request, now=timezone.now())
    is_list = request.GET.get("view") == "list"
    selected = request.GET.get("objective", "")
    found = strategy(request.user, selected=selected, is_list=is_list, today=today, known=known)
    context = map_page(found, is_list=is_list, today=today)
    return page(request, "dashboards/map.html", context, partial="map")
