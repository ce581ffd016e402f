"""What objectives stand in: the plan, and the links between objectives."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.dashboards.configuration.entry import admins_only, posted
from kpiplatform.dashboards.strategy.forms import LinkForm, PlanForm, code_of
from kpiplatform.dashboards.strategy.queries import active_plan
from kpiplatform.dashboards.strategy.views import go
from kpiplatform.htmx import page
from objectives.models import CausalLink, StrategyPlan
from objectives.services.refusal import Refused
from objectives.services.strategy import drop_link, save_link, save_plan

PLAN, LINK = (f"dashboards/strategy/{name}.html" for name in ("plan", "link"))


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
