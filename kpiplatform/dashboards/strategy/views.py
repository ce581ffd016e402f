"""Objectives: the list, one objective, its judgement by hand, its end."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kpiplatform.accounts.services.people import NotActive
from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.dashboards.configuration.entry import admins_only, posted, today
from kpiplatform.dashboards.strategy import queries
from kpiplatform.dashboards.strategy.forms import JudgementForm, ObjectiveForm
from kpiplatform.htmx import page
from objectives.models import Objective, StrategyPlan
from objectives.services.refusal import Refused
from objectives.services.strategy import (
    add_objective,
    change_objective,
    judge_by_hand,
    reopen_objective,
    retire_objective,
    weigh_objective,
)

LIST, OBJECTIVE, JUDGEMENT = (f"dashboards/strategy/{name}.html" for name in ("list", "objective", "judgement"))


@require_safe
@admins_only
def objectives(request: HttpRequest) -> HttpResponse:
    """Show the whole strategy: plan, perspectives with their objectives, themes, links."""
    retired = "retired" in request.GET
    plan = queries.active_plan()
    return page(request, LIST, queries.strategy(plan, retired=retired, locale=request.user.locale), partial="list")


@require_http_methods(["GET", "POST"])
@admins_only
def new_objective(request: HttpRequest) -> HttpResponse:
    """Add an objective; without a plan or a perspective these come first."""
    plan = queries.active_plan()
    if plan is None or not plan.perspectives.exists():
        messages.warning(request, _("An objective belongs to a plan and a perspective: say these first."))
        return go("strategy:plan" if plan is None else "strategy:perspectives")
    form = _form(request, None, plan, None)
    if form.is_valid() and (objective := _added(form, plan, request, timezone.now())):
        messages.success(request, _("“%(name)s” was added.") % {"name": objective.name})
        return go("strategy:objectives")
    return page(request, OBJECTIVE, {"form": form}, partial="body", status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@admins_only
def objective(request: HttpRequest, code: str) -> HttpResponse:
    """Show an objective as it is set up; POST changes it."""
    row, now = _objective(code), timezone.now()
    form = _form(request, row, row.plan, queries.weight_of(row, today=today()))
    if form.is_valid() and _changed(form, row, request, now):
        messages.success(request, _("“%(name)s” was saved.") % {"name": form.cleaned_data["name"]})
        return go("strategy:objective", code)
    context = queries.about(row, locale=request.user.locale) | {"form": form, "objective": row}
    return page(request, OBJECTIVE, context, partial="body", status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@admins_only
def judgement(request: HttpRequest, code: str) -> HttpResponse:
    """Show how the objective was judged by hand; POST judges it anew."""
    row, now = _objective(code), timezone.now()
    form = JudgementForm(posted(request), today=today(), locale=request.user.locale)
    if form.is_valid():
        try:
            judge_by_hand(objective=row, by=request.user, now=now, **form.cleaned_data)
        except Refused as refused:
            form.add_error("effective_from", str(refused))
        else:
            messages.success(request, _("“%(name)s” was judged.") % {"name": row.name})
            return go("strategy:judgement", code)
    context = {"objective": row, "form": form, "scores": queries.judgements(row, locale=request.user.locale)}
    return page(request, JUDGEMENT, context, partial="body", status=422 if form.is_bound else 200)


@require_POST
@admins_only
def end_objective(request: HttpRequest, code: str) -> HttpResponse:
    """Take the objective out of the strategy, or with again=1 bring it back."""
    row, now = _objective(code), timezone.now()
    try:
        if "again" in request.POST:
            reopen_objective(objective=row, now=now)
            messages.success(request, _("“%(name)s” is back in the strategy.") % {"name": row.name})
        else:
            retire_objective(objective=row, now=now)
            messages.success(request, _("“%(name)s” was retired; its history stays.") % {"name": row.name})
    except Refused as refused:
        form = _form(request, row, row.plan, queries.weight_of(row, today=today()), bound=False)
        context = queries.about(row, locale=request.user.locale)
        context |= {"form": form, "objective": row, "refusal": str(refused)}
        return page(request, OBJECTIVE, context, partial="body", status=422)
    return go("strategy:objective", code)


def go(name: str, *args: Any) -> HttpResponse:
    """Send on to another page after something was written."""
    response = HttpResponseRedirect(reverse(name, args=args))
    response.status_code = 303
    return response


def _added(form: ObjectiveForm, plan: StrategyPlan, request: HttpRequest, now: datetime) -> Objective | None:
    said = form.cleaned_data
    try:
        row = add_objective(plan=plan, values=form.values | {"code": form.code_for_new()}, owner=said["owner"], now=now)
    except NotActive as refused:
        form.add_error("owner", str(refused))
        return None
    _weigh(form, row, request, now)
    return row


def _changed(form: ObjectiveForm, row: Objective, request: HttpRequest, now: datetime) -> bool:
    said = form.cleaned_data
    try:
        with transaction.atomic():
            change_objective(objective=row, seen=said["seen"], values=form.values, owner=said["owner"], now=now)
            _weigh(form, row, request, now)
    except ChangedMeanwhile as error:
        refuse_as_changed(form, error, now)
    except NotActive as refused:
        form.add_error("owner", str(refused))
    except Refused as refused:
        form.add_error("parent", str(refused))
    return not form.errors


def _weigh(form: ObjectiveForm, row: Objective, request: HttpRequest, now: datetime) -> None:
    """Weigh the objective where that was changed; without a row it weighs 1. Where it is refused nothing is kept."""
    weight, start = form.cleaned_data["weight"], form.cleaned_data["weight_from"]
    if weight is None or weight == (queries.weight_of(row, today=start) or Decimal(1)):
        return
    row.refresh_from_db()
    try:
        weigh_objective(objective=row, weight=weight, effective_from=start, by=request.user, now=now)
    except Refused as refused:
        form.add_error("weight_from", str(refused))
        transaction.set_rollback(True)


def _form(
    request: HttpRequest, row: Objective | None, plan: StrategyPlan, weight: Decimal | None, *, bound: bool = True
) -> ObjectiveForm:
    data = posted(request) if bound else None
    return ObjectiveForm(data, objective=row, plan=plan, weight=weight, today=today(), locale=request.user.locale)


def _objective(code: str) -> Objective:
    return get_object_or_404(Objective.objects.select_related("plan", "perspective", "owner", "parent"), code=code)
