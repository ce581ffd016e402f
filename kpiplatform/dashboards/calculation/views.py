"""Writing the calculation of a derived KPI, with what it comes to beside it; and explaining what it gave."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from kpiplatform.dashboards.as_known import known_in
from kpiplatform.dashboards.calculation.explanation import Reader, behind_locks, explanation
from kpiplatform.dashboards.calculation.forms import CalculationForm, NewCalculationForm, inserted
from kpiplatform.dashboards.calculation.graph import graph_of
from kpiplatform.dashboards.calculation.preview import kpis_to_refer_to, preview, problem
from kpiplatform.dashboards.configuration.entry import admins_only, posted, today
from kpiplatform.dashboards.kpi_page.wording import Wording
from kpiplatform.dashboards.kpi_setup.changing import defined
from kpiplatform.htmx import page
from kpis.calculations import shape_of
from kpis.domain.days import day_named
from kpis.domain.formula.deriving import Bounds
from kpis.domain.formula.evaluating import Missing
from kpis.models import Kpi
from kpis.queries import kpis_configured_by, kpis_editable_by, kpis_visible_to
from objectives.queries import may_configure, organisation

EXPLAINED = "dashboards/calculation/explained.html"
TEMPLATE, PREVIEW = "dashboards/calculation/calculation.html", "dashboards/calculation/_preview.html"


@require_http_methods(["GET", "POST"])
@admins_only
def calculation(request: HttpRequest, code: str) -> HttpResponse:
    """Show the calculation of a KPI and what it comes to; POST saves it, or only shows it, or inserts a reference."""
    now, kpis = timezone.now(), kpis_configured_by(request.user, today=today())
    kpi = get_object_or_404(kpis.select_related("objective", "unit", "calendar"), code=code)
    data = posted(request)
    if data is not None and data.get("insert"):
        data = data.copy()
        data["formula"] = inserted(data.get("formula", ""), data["insert"])
    among = kpis_visible_to(request.user, today=today())
    form = CalculationForm(data, kpi=kpi, shape=shape_of(kpi), among=among, today=today())
    shows = bool(data) and bool({"preview", "insert"} & data.keys())
    if form.is_valid() and not shows and defined(form, by=request.user, now=now):
        messages.success(request, _("The calculation of %(name)s was saved.") % {"name": kpi.name})
        return HttpResponseRedirect(reverse("kpis:calculation", args=[kpi.code]), status=303)
    if shows:
        form.complain_of("formula")
    live = shows and "insert" not in data and data.get("preview") == "live"
    refused = form.is_bound and not shows
    context = _context(form, request)
    return page(request, TEMPLATE, context, partial="preview" if live else "editor", status=422 if refused else 200)


@require_safe
@admins_only
def of_a_new_kpi(request: HttpRequest) -> HttpResponse:
    """Show what a formula comes to beside the step that asks for it, and which KPIs it can refer to."""
    form = NewCalculationForm(request.GET, among=kpis_visible_to(request.user, today=today()))
    form.is_valid()
    return page(request, PREVIEW, _shown(form, request), partial="shown")


@require_safe
def explained(request: HttpRequest, code: str) -> HttpResponse:
    """Show how a value of a derived KPI came about, and what is computed from what around any KPI.

    As known on a past day it is computed by the definitions and values of then; what feeds what has no history.
    """
    now = timezone.now()
    known = known_in(request, now=now)
    visible = kpis_visible_to(request.user, today=timezone.localdate(now), known_at=known.at)
    editable = kpis_editable_by(request.user, today=timezone.localdate(now))
    kpi = get_object_or_404(visible.select_related("objective", "calendar"), code=code)
    on = now.astimezone(ZoneInfo(organisation().time_zone)).date()
    reader = Reader(visible=visible, today=on, locale=request.user.locale, known=known)
    period = request.GET.get("period", "")
    kept = {"period": period} if period else {}
    context = {
        "kpi": kpi,
        "explained": explanation(kpi, day_named(period), reader),
        "behind_locks": [] if known.on else behind_locks(kpi, may_ask=editable.filter(pk=kpi.pk).exists()),
        "graph": graph_of(kpi, visible) if known.on is None else None,
        "known": known,
        "day": known.on or on,
        "kept": kept,
        "now_url": reverse("kpis:explained", args=[kpi.code], query=kept),
        "may_configure": may_configure(request.user, today=timezone.localdate(now)),
    }
    return page(request, EXPLAINED, context, partial="body")


def _context(form: CalculationForm, request: HttpRequest) -> dict[str, Any]:
    if not form.is_bound and form.kpi.formula:
        _read_stored(form)
    kpi = form.kpi
    return _shown(form, request) | {
        "kpi": kpi,
        "form": form,
        "is_versioned": kpi.status in {Kpi.Status.ACTIVE, Kpi.Status.RETIRED},
        "is_derived": kpi.entry == Kpi.Entry.DERIVED,
    }


def _shown(form: CalculationForm | NewCalculationForm, request: HttpRequest) -> dict[str, Any]:
    """Return what the formula comes to or what is wrong with it, and the KPIs that somebody looks for."""
    found = kpis_to_refer_to(form.among, form.wanted.replace("\0", ""), but=form.kpi.code)
    wrong = problem(form.error, form.text) if form.error and form.text else None
    shown = None
    if form.tree is not None:
        policy = form["missing_policy"].value()
        shown = preview(
            formula=form.tree,
            missing=Missing(policy) if policy in set(Missing) else Missing.BLANK,
            calendar=form.shape.calendar,
            frequency=form.shape.frequency,
            bounds=Bounds(least=form.kpi.minimum, most=form.kpi.maximum),
            wording=Wording.of_kpi(form.kpi, locale=request.user.locale, today=today()),
            today=today(),
        )
    return {"problem": wrong, "preview": shown, "wanted": form.wanted, "found": found}


def _read_stored(form: CalculationForm) -> None:
    """Read what is stored, so that the page shows what it comes to, or why it is no formula."""
    try:
        form.read_formula(form.kpi.formula, code=form.kpi.code, shape=form.shape, among=form.among)
    except ValidationError:
        return
