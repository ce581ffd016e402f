"""The page of a KPI over longer periods."""

from __future__ import annotations

from dataclasses import replace

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from kpiplatform.dashboards.as_known import NOW, beginning, known_in
from kpiplatform.dashboards.kpi_over_time.choice import Choice
from kpiplatform.dashboards.kpi_over_time.presenter import over_time as context_of
from kpiplatform.dashboards.kpi_page.queries import kpi_facts
from kpiplatform.htmx import page
from kpis.models import Kpi


@require_safe
def over_time(request: HttpRequest, code: str) -> HttpResponse:
    """Show a KPI by longer periods, with comparisons, the year to date and what makes it up, now or as known once."""
    now = timezone.now()
    known = known_in(request, now=now)
    try:
        facts = kpi_facts(user=request.user, code=code, now=now, today=timezone.localdate(now), known=known)
    except Kpi.DoesNotExist:
        raise Http404 from None
    choice = Choice.from_query(request.GET, own=facts.kpi.frequency, known=known)
    context = context_of(facts, choice) | {
        "known": known,
        "kept": choice.query,
        "day": facts.today,
        "now_url": replace(choice, known=NOW).url,
        "begins": beginning(kpi_ids=[facts.kpi.pk], known=known, kept=choice.query),
    }
    return page(request, "kpis/over_time.html", context, partial="body")
