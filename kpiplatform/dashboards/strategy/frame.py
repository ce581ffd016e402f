"""What objectives stand in: the plan, its perspectives and themes, and the links between objectives."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.dashboards.configuration.entry import admins_only, posted
from kpiplatform.dashboards.strategy.forms import LinkForm, NameForm, PlanForm, code_of
from kpiplatform.dashboards.strategy.queries import active_plan
from kpiplatform.dashboards.strategy.views import go
from kpiplatform.htmx import page
from objectives.models import CausalLink, Perspective, StrategyPlan, Theme
from objectives.services.refusal import Refused
from objectives.services.strategy import (
    add_perspective,
    drop_link,
    drop_perspective,
    drop_theme,
    save_link,
    save_perspectives,
    save_plan,
    save_theme,
)

PLAN, PERSPECTIVES, THEMES, LINK = (
    f"dashboards/strategy/{name}.html" for name in ("plan", "perspectives", "themes", "link")
)
MOVES = {"up": -1, "down": 1}


@require_http_methods(["GET", "POST"])
@admins_only
def plan(request: HttpRequest) -> HttpResponse:
    """Show the plan; POST changes it, or begins the first one."""
    present, now = active_plan(), timezone.now()
    form = PlanForm(posted(request), plan=present)
    if form.is_valid():
        values = dict(form.cleaned_data)
        token = values.pop("seen")
        if present is None:
            values["code"] = code_of(values["name"], set(StrategyPlan.objects.values_list("code", flat=True)))
        try:
            save_plan(plan=present, seen=token, values=values)
        except ChangedMeanwhile as error:
            refuse_as_changed(form, error, now)
        else:
            messages.success(request, _("The plan was saved."))
            return go("strategy:objectives" if present else "strategy:perspectives")
    return page(request, PLAN, {"form": form, "plan": present}, partial="body", status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@admins_only
def perspectives(request: HttpRequest) -> HttpResponse:
    """Show the perspectives in their order; POST adds, names, moves or takes away one."""
    present = active_plan()
    if present is None:
        return go("strategy:plan")
    form, refusal = NameForm(prefix="perspective"), ""
    if request.method == "POST":
        form = NameForm(request.POST, prefix="perspective")
        try:
            if _perspective_done(request, present, form):
                return go("strategy:perspectives")
        except Refused as refused:
            form, refusal = NameForm(prefix="perspective"), str(refused)
    rows = list(present.perspectives.all())
    context = {"plan": present, "rows": rows, "form": form, "refusal": refusal, "kind": _("perspective")}
    return page(request, PERSPECTIVES, context, partial="body", status=422 if form.errors or refusal else 200)


def _perspective_done(request: HttpRequest, plan: StrategyPlan, form: NameForm) -> bool:
    """Do what was asked of a perspective; False shows the form again."""
    rows = list(plan.perspectives.all())
    chosen = next((row for row in rows if str(row.pk) == request.POST.get("row")), None)
    if chosen is not None and "drop" in request.POST:
        drop_perspective(perspective=chosen)
        messages.success(request, _("“%(name)s” was taken away.") % {"name": chosen.name})
        return True
    if chosen is not None and request.POST.get("move") in MOVES:
        place = rows.index(chosen)
        rows.insert(max(0, place + MOVES[request.POST["move"]]), rows.pop(place))
        save_perspectives(plan=plan, names=[(row.pk, row.name) for row in rows])
        messages.success(request, _("“%(name)s” was moved.") % {"name": chosen.name})
        return True
    if not form.is_valid():
        return False
    name = form.cleaned_data["name"]
    if chosen is not None:
        save_perspectives(plan=plan, names=[(row.pk, name if row is chosen else row.name) for row in rows])
    else:
        codes = set(Perspective.objects.filter(plan=plan).values_list("code", flat=True))
        add_perspective(plan=plan, code=code_of(name, codes), name=name)
    messages.success(request, _("“%(name)s” was saved.") % {"name": name})
    return True


@require_http_methods(["GET", "POST"])
@admins_only
def themes(request: HttpRequest) -> HttpResponse:
    """Show the themes; POST adds, names or takes away one."""
    present = active_plan()
    if present is None:
        return go("strategy:plan")
    chosen = Theme.objects.filter(plan=present, pk=_number(request.POST.get("row"))).first()
    if chosen is not None and "drop" in request.POST:
        drop_theme(theme=chosen)
        messages.success(request, _("“%(name)s” was taken away; its objectives stay.") % {"name": chosen.name})
        return go("strategy:themes")
    form = NameForm(posted(request), prefix="theme")
    if form.is_valid():
        codes = set(Theme.objects.filter(plan=present).values_list("code", flat=True))
        name = form.cleaned_data["name"]
        save_theme(plan=present, theme=chosen, code=code_of(name, codes), name=name)
        messages.success(request, _("“%(name)s” was saved.") % {"name": name})
        return go("strategy:themes")
    context = {"plan": present, "rows": list(present.themes.all()), "form": form}
    return page(request, THEMES, context, partial="body", status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@admins_only
def link(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Show the link from one objective to another; POST saves it, or with drop takes it back."""
    present, now = active_plan(), timezone.now()
    if present is None:
        return go("strategy:plan")
    row = get_object_or_404(CausalLink, pk=pk, source__plan=present) if pk is not None else None
    if row is not None and "drop" in request.POST:
        drop_link(link=row)
        messages.success(request, _("The link was taken back."))
        return go("strategy:objectives")
    form = LinkForm(posted(request), link=row, plan=present)
    if form.is_valid() and _linked(form, row, now):
        messages.success(request, _("The link was saved."))
        return go("strategy:objectives")
    return page(request, LINK, {"form": form, "link": row}, partial="body", status=422 if form.is_bound else 200)


def _linked(form: LinkForm, row: CausalLink | None, now: datetime) -> bool:
    try:
        save_link(link=row, seen=form.cleaned_data["seen"], values=form.values)
    except ChangedMeanwhile as error:
        refuse_as_changed(form, error, now)
    except Refused as refused:
        form.add_error("target", str(refused))
    return not form.errors


def _number(text: Any) -> int | None:
    return int(text) if text and str(text).isdecimal() else None
