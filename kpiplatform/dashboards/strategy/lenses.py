"""Perspectives and themes: short lists of names, one form to a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.dashboards.configuration.entry import admins_only, posted
from kpiplatform.dashboards.strategy.forms import NameForm, code_of
from kpiplatform.dashboards.strategy.queries import active_plan
from kpiplatform.dashboards.strategy.views import go
from kpiplatform.htmx import page
from objectives.models import Perspective, StrategyPlan, Theme
from objectives.services.refusal import Refused
from objectives.services.strategy import (
    add_perspective,
    add_theme,
    drop_perspective,
    drop_theme,
    rename_theme,
    save_perspective,
)


@require_http_methods(["GET", "POST"])
@admins_only
def perspectives(request: HttpRequest) -> HttpResponse:
    """Show the perspectives in their order; POST adds, names, moves or takes away one."""
    plan = active_plan()
    if plan is None:
        return go("strategy:plan")
    rows = list(plan.perspectives.all())
    chosen = _chosen(request, rows)
    if chosen is not None and "drop" in request.POST:
        try:
            drop_perspective(perspective=chosen)
        except Refused as refused:
            return _names(request, rows, refusal=str(refused))
        messages.success(request, _("“%(name)s” was taken away.") % {"name": chosen.name})
        return go("strategy:perspectives")
    sent = _sent(request, chosen)
    if sent is not None and sent.is_valid() and _perspective_saved(sent, plan, request.POST.get("place", "")):
        messages.success(request, _("“%(name)s” was saved.") % sent.cleaned_data)
        return go("strategy:perspectives")
    return _names(request, rows, sent)


@require_http_methods(["GET", "POST"])
@admins_only
def themes(request: HttpRequest) -> HttpResponse:
    """Show the themes; POST adds, names or takes away one."""
    plan = active_plan()
    if plan is None:
        return go("strategy:plan")
    rows = list(plan.themes.all())
    chosen = _chosen(request, rows)
    if chosen is not None and "drop" in request.POST:
        drop_theme(theme=chosen)
        messages.success(request, _("“%(name)s” was taken away; its objectives stay.") % {"name": chosen.name})
        return go("strategy:themes")
    sent = _sent(request, chosen)
    if sent is not None and sent.is_valid() and _theme_saved(sent, plan):
        messages.success(request, _("“%(name)s” was saved.") % sent.cleaned_data)
        return go("strategy:themes")
    return _names(request, rows, sent)


def _perspective_saved(form: NameForm, plan: StrategyPlan, place: str) -> bool:
    """Save a name; with `place`, put the perspective there as well. False shows the form again."""
    said = form.cleaned_data
    if form.row is None:
        codes = set(plan.perspectives.values_list("code", flat=True))
        add_perspective(plan=plan, code=code_of(said["name"], codes), name=said["name"])
        return True
    try:
        save_perspective(perspective=form.row, **said, place=int(place) if place.isdecimal() else None)
    except ChangedMeanwhile as error:
        refuse_as_changed(form, error, timezone.now())
    return not form.errors


def _theme_saved(form: NameForm, plan: StrategyPlan) -> bool:
    said = form.cleaned_data
    if form.row is None:
        add_theme(plan=plan, code=code_of(said["name"], set(plan.themes.values_list("code", flat=True))), **said)
        return True
    try:
        rename_theme(theme=form.row, **said)
    except ChangedMeanwhile as error:
        refuse_as_changed(form, error, timezone.now())
    return not form.errors


def _chosen[Lens: (Perspective, Theme)](request: HttpRequest, rows: Sequence[Lens]) -> Lens | None:
    return next((row for row in rows if str(row.pk) == request.POST.get("row")), None)


def _sent(request: HttpRequest, chosen: Perspective | Theme | None) -> NameForm | None:
    """Return the form that was sent, with what was typed. A name whose row is gone is kept as one to add."""
    if request.method != "POST":
        return None
    sent = NameForm(posted(request), row=chosen)
    if chosen is None and request.POST.get("row"):
        sent.full_clean()
        sent.add_error(None, _("It was taken away meanwhile. What you typed stands below: add it to have it again."))
    return sent


def _names(
    request: HttpRequest, rows: Sequence[Any], sent: NameForm | None = None, *, refusal: str = ""
) -> HttpResponse:
    """Show a form for each name and one for a new one; that which was sent holds what was typed."""
    kind = request.resolver_match.url_name
    forms = [sent if sent and sent.row == row else NameForm(row=row) for row in rows]
    context = {
        "rows": [
            {"form": form, "up": place - 1, "down": place + 1 if place < len(rows) else 0}
            for place, form in enumerate(forms, start=1)
        ],
        "form": sent if sent and sent.row is None else NameForm(),
        "sent": sent,
        "refusal": refusal,
    }
    status = 422 if sent or refusal else 200
    return page(request, f"dashboards/strategy/{kind}.html", context, partial="body", status=status)
