"""The page of one objective."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from kpiplatform.dashboards.as_known import known_in
from kpiplatform.dashboards.objective_page.presenter import objective_page
from kpiplatform.dashboards.objective_page.queries import objective_facts
from kpiplatform.htmx import page
from objectives.models import Objective


@require_safe
def objective(request: HttpRequest, code: str) -> HttpResponse:
    """Show an objective: how it stands, what its score is made of, what is done and what it is believed to cause."""
    known = known_in(request, now=timezone.now())
    try:
        facts = objective_facts(user=request.user, code=code, today=timezone.localdate(), known=known)
    except Objective.DoesNotExist:
        raise Http404 from None
    return page(request, "dashboards/objective.html", objective_page(facts), partial="body")
