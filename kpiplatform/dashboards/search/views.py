"""The search page; the command palette asks it for its options."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from kpiplatform.dashboards.search.finding import find
from kpiplatform.dashboards.search.matching import asked
from kpiplatform.htmx import page, wants_partial

ON_THE_PAGE, IN_THE_PALETTE = 20, 5


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Show what fits; the palette gets the best of each kind as options."""
    limit = IN_THE_PALETTE if wants_partial(request) else ON_THE_PAGE
    typed = request.GET.get("q", "")
    groups = find(typed, request.user, today=timezone.localdate(), limit=limit)
    context = {"groups": groups, "q": asked(typed).typed, "count": sum(len(group.results) for group in groups)}
    return page(request, "dashboards/search.html", context, partial="options")
