"""The page of one KPI, and its values as a file."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from alerts.panel import kpi_panel
from alerts.queries import alerts_of
from kpiplatform.dashboards.as_known import AsKnown, known_in
from kpiplatform.dashboards.kpi_page import presenter, queries
from kpiplatform.dashboards.kpi_page.chart import all_notes
from kpiplatform.dashboards.kpi_page.choice import TABLE, Choice
from kpiplatform.dashboards.kpi_page.facts import Facts
from kpiplatform.dashboards.kpi_page.table import LATEST, as_csv
from kpiplatform.dashboards.kpi_page.timeline import timeline
from kpiplatform.dashboards.kpi_page.wording import Wording
from kpiplatform.dashboards.sheet_file import csv_response
from kpiplatform.dashboards.taking import note_taken
from kpiplatform.htmx import page
from kpis.forms import AnnotationForm, CommentForm
from kpis.models import Kpi

# The newest values that are graded where the page shows the last twelve periods, and the open one.
GRADED = LATEST + 2


@require_safe
def kpi(request: HttpRequest, code: str) -> HttpResponse:
    """Show a KPI: its values, what judges them, who answers for them and what is being done."""
    now = timezone.now()
    choose = Choice.from_query(request.GET, known_in(request, now=now))
    graded = None if choose.view == TABLE else GRADED
    facts = _facts_or_404(request, code, now=now, known=choose.known, all_revisions=choose.all_revisions, graded=graded)
    context = presenter.kpi_page(facts, choose)
    if not facts.known.on:
        context["panel"] = kpi_panel(
            alerts=alerts_of(facts.kpi, reader=request.user),
            kpi=facts.kpi,
            may_acknowledge=facts.may_edit,
            now=now,
            zone=timezone.get_current_timezone(),
        )
    if facts.may_comment:
        context |= {"note_form": AnnotationForm(today=facts.today), "comment_form": CommentForm()}
    return page(request, "kpis/kpi.html", context, partial="body")


@require_safe
def table(request: HttpRequest, code: str) -> HttpResponse:
    """Send every period of a KPI as a file for spreadsheets."""
    now = timezone.now()
    facts = _facts_or_404(request, code, now=now, known=known_in(request, now=now), graded=None)
    cells = timeline(facts)
    text = as_csv(facts=facts, cells=cells, notes=all_notes(facts, Wording.of(facts)))
    name = facts.kpi.code + (f"-known-{facts.known.on}" if facts.known.on else "")
    note_taken(request, name=f"{name}.csv", rows=len(cells), kpi=facts.kpi)
    return csv_response(text, name=name)


def _facts_or_404(request: HttpRequest, code: str, *, now: datetime, known: AsKnown, **choose: Any) -> Facts:
    asked = {"user": request.user, "code": code, "now": now, "today": timezone.localdate(now)}
    try:
        return queries.kpi_facts(**asked, known=known, **choose)
    except Kpi.DoesNotExist:
        raise Http404 from None
