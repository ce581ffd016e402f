"""Writing on the page of an initiative: milestones, promised effects, risks.

Each address shows the whole page with the form in its place; htmx gets the part alone.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from initiatives.forms import ImpactForm, MilestoneForm, RiskForm
from initiatives.models import Initiative
from initiatives.presenter import context_of
from initiatives.queries import may_edit_milestone
from initiatives.services import parts
from initiatives.views.opening import editable, page_of, today_at, visible
from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.htmx import changed, page
from kpis.queries import kpis_visible_to
from objectives.queries import colleagues_of

TEMPLATE = "initiatives/initiative.html"


@require_http_methods(["GET", "POST"])
def milestones(request: HttpRequest, code: str) -> HttpResponse:
    """Add a milestone."""
    initiative, today = editable(request, code), today_at(timezone.now())
    form = MilestoneForm(_said(request), initiative=initiative, people=_people(request))
    if form.is_valid():
        parts.add_milestone(initiative=initiative, said=form.cleaned_data)
        message = _("“%(name)s” is a milestone now.") % form.cleaned_data
        return _done(request, initiative, "milestones", "milestone-added", message, today)
    return _asked(request, initiative, "milestones", {"milestone_form": form}, form, today)


@require_http_methods(["GET", "POST"])
def milestone(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Change a milestone: done, open again, or another name, owner or day."""
    now, initiative = timezone.now(), visible(request, code)
    today = today_at(now)
    step = get_object_or_404(initiative.milestones.all(), pk=pk)
    step.initiative = initiative
    if not may_edit_milestone(request.user, step, today=today):
        raise PermissionDenied
    if request.POST.get("done") in {"0", "1"}:
        is_done = request.POST["done"] == "1"
        parts.tick_milestone(milestone=step, is_done=is_done, today=today)
        message = _("“%(name)s” is done.") if is_done else _("“%(name)s” is open again.")
        told = message % {"name": step.name}
        return _done(request, initiative, "milestones", "milestone-ticked", told, today, focus="")
    form = MilestoneForm(_said(request), initiative=initiative, people=_people(request), milestone=step)
    if request.POST.get("remove"):
        try:
            parts.remove_milestone(milestone=step)
        except parts.PlanStands:
            form.add_error(None, _("The plan was approved with it: a milestone may be moved, but not removed."))
        else:
            message = _("“%(name)s” is removed.") % {"name": step.name}
            return _done(request, initiative, "milestones", "milestone-removed", message, today)
    elif form.is_valid():
        token = form.cleaned_data.pop("seen")
        try:
            parts.change_milestone(milestone=step, said=form.cleaned_data, token=token)
        except ChangedMeanwhile as error:
            refuse_as_changed(form, error, now)
        else:
            message = _("“%(name)s” is changed; its first date is kept.") % form.cleaned_data
            return _done(request, initiative, "milestones", "milestone-moved", message, today)
    shown = {"milestone_form": form, "edited_milestone": step}
    return _asked(request, initiative, "milestones", shown, form, today)


@require_http_methods(["GET", "POST"])
def impacts(request: HttpRequest, code: str) -> HttpResponse:
    """Promise a KPI a change, before it begins."""
    now, initiative = timezone.now(), editable(request, code)
    today = today_at(now)
    visible_kpis = kpis_visible_to(request.user, today=timezone.localdate())
    form = ImpactForm(
        _said(request),
        kpis=visible_kpis.exclude(impacts__initiative=initiative),
        initiative=initiative,
        today=today,
        locale=request.user.locale,
        kpi=visible_kpis.filter(code=request.GET.get("kpi", "")).first(),
    )
    if form.is_valid():
        parts.promise(initiative=initiative, said=form.cleaned_data, today=today, now=now)
        message = _("The promise for %(name)s is registered.") % {"name": form.cleaned_data["kpi"].name}
        return _done(request, initiative, "impacts", "impact-registered", message, today)
    return _asked(request, initiative, "impacts", {"impact_form": form}, form, today)


@require_http_methods(["GET", "POST"])
def impact(request: HttpRequest, code: str, kpi: str) -> HttpResponse:
    """Change a promise before its effect begins, or with withdraw=1 take it back."""
    now, initiative = timezone.now(), editable(request, code)
    today = today_at(now)
    seen_kpis = kpis_visible_to(request.user, today=timezone.localdate()).order_by()
    found = get_object_or_404(initiative.impacts.filter(kpi__in=seen_kpis).select_related("kpi"), kpi__code=kpi)
    data = _said(request)
    form = ImpactForm(
        data, kpis=seen_kpis, initiative=initiative, today=today, locale=request.user.locale, impact=found
    )
    name = {"name": found.kpi.name}
    try:
        if data is not None and data.get("withdraw"):
            parts.withdraw_promise(impact=found, today=today)
            message = _("The promise for %(name)s is withdrawn.") % name
            return _done(request, initiative, "impacts", "impact-withdrawn", message, today)
        if form.is_valid():
            token = form.cleaned_data.pop("seen")
            parts.change_promise(impact=found, said=form.cleaned_data, token=token, today=today, now=now)
            message = _("The promise for %(name)s is registered anew.") % name
            return _done(request, initiative, "impacts", "impact-registered", message, today)
    except parts.AlreadyBegun:
        form.add_error(None, _("The effect has begun: the promise stands as it was registered."))
    except ChangedMeanwhile as error:
        refuse_as_changed(form, error, now)
    return _asked(request, initiative, "impacts", {"impact_form": form, "edited_impact": found}, form, today)


@require_http_methods(["GET", "POST"])
def risks(request: HttpRequest, code: str) -> HttpResponse:
    """Add a risk."""
    initiative, today = editable(request, code), today_at(timezone.now())
    form = RiskForm(_said(request))
    if form.is_valid():
        form.cleaned_data.pop("seen")
        parts.add_risk(initiative=initiative, said=form.cleaned_data)
        return _done(request, initiative, "risks", "risk-added", _("The risk is noted."), today)
    return _asked(request, initiative, "risks", {"risk_form": form}, form, today)


@require_http_methods(["GET", "POST"])
def risk(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Change a risk."""
    now, initiative = timezone.now(), editable(request, code)
    today = today_at(now)
    found = get_object_or_404(initiative.risks.all(), pk=pk)
    form = RiskForm(_said(request), risk=found)
    if request.POST.get("remove"):
        parts.remove_risk(risk=found)
        return _done(request, initiative, "risks", "risk-removed", _("The risk is removed."), today)
    if form.is_valid():
        token = form.cleaned_data.pop("seen")
        try:
            parts.change_risk(risk=found, said=form.cleaned_data, token=token)
        except ChangedMeanwhile as error:
            refuse_as_changed(form, error, now)
        else:
            return _done(request, initiative, "risks", "risk-changed", _("The risk is changed."), today)
    return _asked(request, initiative, "risks", {"risk_form": form, "edited_risk": found}, form, today)


def _said(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _people(request: HttpRequest) -> Any:
    return colleagues_of(request.user, today=timezone.localdate())


def _done(
    request: HttpRequest,
    initiative: Initiative,
    part: str,
    fact: str,
    message: str,
    today: date,
    focus: str | None = None,
) -> HttpResponse:
    """Answer with the changed part; its heading takes the focus, because the form that had it is gone."""
    context = context_of(initiative, request.user, today=today) | {"focus": part if focus is None else focus}
    return changed(request, TEMPLATE, context, partial=part, fact=fact, message=message, to=page_of(initiative, part))


def _asked(
    request: HttpRequest, initiative: Initiative, part: str, shown: dict[str, Any], form: Form, today: date
) -> HttpResponse:
    context = context_of(initiative, request.user, today=today) | shown
    return page(request, TEMPLATE, context, partial=part, status=422 if form.is_bound else 200)
