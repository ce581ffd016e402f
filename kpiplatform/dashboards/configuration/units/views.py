"""The tree of units: add, rename, move, order, close, open again."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from initiatives.models import Initiative
from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.dashboards.configuration.entry import admins_only, posted
from kpiplatform.dashboards.configuration.tree import in_order
from kpiplatform.dashboards.configuration.units.forms import OrganisationForm, UnitForm
from kpiplatform.htmx import changed, page
from kpis.models import Kpi
from objectives.models import Organisation, Unit
from objectives.services.organising import edit_organisation
from objectives.services.refusal import Refused
from objectives.services.units import add_unit, close_unit, edit_unit, order_unit, reopen_unit
from reviews.models import Forum

UNITS, UNIT, ORGANISATION = (f"configuration/{name}.html" for name in ("units", "unit", "organisation"))
ALIVE = [Initiative.Status.PROPOSED, Initiative.Status.APPROVED, Initiative.Status.RUNNING]


@require_http_methods(["GET", "POST"])
@admins_only
def units(request: HttpRequest) -> HttpResponse:
    """Show the tree; POST adds a unit."""
    form = UnitForm(posted(request))
    if form.is_valid():
        said = form.cleaned_data
        try:
            unit = add_unit(name=said["name"], parent=said["parent"], code=said["code"])
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            message = _("%(name)s is added.") % {"name": unit.name}
            return changed(request, UNITS, _tree(UnitForm()), partial="units", fact="unit-added", message=message)
    return page(request, UNITS, _tree(form), partial="units", status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@admins_only
def unit(request: HttpRequest, code: str) -> HttpResponse:
    """Show a unit; POST renames it or hangs it below another."""
    row = get_object_or_404(Unit, code=code)
    form = UnitForm(posted(request), unit=row)
    if form.is_valid():
        said = form.cleaned_data
        try:
            row = edit_unit(unit=row, seen=said["seen"], name=said["name"], parent=said.get("parent"))
        except ChangedMeanwhile as conflict:
            refuse_as_changed(form, conflict, timezone.now())
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            message = _("%(name)s is saved.") % {"name": row.name}
            return changed(request, UNIT, _unit(row), partial="unit", fact="unit-changed", message=message)
    return page(request, UNIT, _unit(row, form), partial="unit", status=422 if form.is_bound else 200)


@require_POST
@admins_only
def order(request: HttpRequest, code: str) -> HttpResponse:
    """Move a unit up or down among its siblings."""
    order_unit(unit=get_object_or_404(Unit, code=code), up=request.POST.get("to") == "up")
    to = reverse("configuration:units")
    return changed(request, UNITS, _tree(UnitForm()), partial="units", fact="unit-moved", to=to)


@require_POST
@admins_only
def close(request: HttpRequest, code: str) -> HttpResponse:
    """Close an empty unit, or with open=1 open it again."""
    row, opens = get_object_or_404(Unit, code=code), "open" in request.POST
    try:
        with transaction.atomic():
            if opens:
                reopen_unit(unit=row)
            else:
                Unit.objects.select_for_update().get(pk=row.pk)
                close_unit(unit=row, holds=_holds(row))
    except Refused as refused:
        return page(request, UNIT, _unit(row, refused=str(refused)), partial="unit", status=422)
    row.refresh_from_db()
    message = _("%(name)s is open again.") if opens else _("%(name)s is closed.")
    return changed(
        request,
        UNIT,
        _unit(row),
        partial="unit",
        fact="unit-reopened" if opens else "unit-closed",
        message=message % {"name": row.name},
        to=reverse("configuration:unit", args=[row.code]),
    )


@require_http_methods(["GET", "POST"])
@admins_only
def edit(request: HttpRequest) -> HttpResponse:
    """Show what the organisation is called and where its days begin; POST changes it."""
    row = get_object_or_404(Organisation)
    form = OrganisationForm(posted(request), organisation=row)
    if form.is_valid():
        said = form.cleaned_data
        try:
            row = edit_organisation(seen=said["seen"], name=said["name"], time_zone=said["time_zone"])
        except ChangedMeanwhile as conflict:
            refuse_as_changed(form, conflict, timezone.now())
        else:
            context = {"form": OrganisationForm(organisation=row)}
            message = _("The organisation is saved.")
            return changed(request, ORGANISATION, context, partial="form", fact="organisation-changed", message=message)
    return page(request, ORGANISATION, {"form": form}, partial="form", status=422 if form.is_bound else 200)


def _holds(unit: Unit) -> str:
    """Say what is in a unit that the apps above the tree know of."""
    found = [
        _("KPIs") if Kpi.objects.filter(unit=unit).exclude(status=Kpi.Status.RETIRED).exists() else "",
        _("initiatives") if Initiative.objects.filter(unit=unit, status__in=ALIVE).exists() else "",
        _("forums") if Forum.objects.filter(unit=unit, is_active=True).exists() else "",
    ]
    return ", ".join(word for word in found if word)


def _tree(form: UnitForm) -> dict[str, Any]:
    alive = Q(kpis__isnull=False) & ~Q(kpis__status=Kpi.Status.RETIRED)
    rows = Unit.objects.annotate(
        kpis_count=Count("kpis", filter=alive, distinct=True),
        people_count=Count("roles__user", filter=Q(roles__user__is_active=True), distinct=True),
    )
    ordered = in_order(rows)
    siblings: dict[int | None, list[int]] = {}
    for _depth, row in ordered:
        if row.is_active:
            siblings.setdefault(row.parent_id, []).append(row.pk)
    return {
        "form": form,
        "rows": [
            {
                "unit": row,
                "depth": min(depth, 6),
                "kpis": ngettext("%d KPI", "%d KPIs", row.kpis_count) % row.kpis_count if row.kpis_count else "",
                "people": ngettext("%d person", "%d people", row.people_count) % row.people_count
                if row.people_count
                else "",
                "up": row.is_active and siblings[row.parent_id][0] != row.pk,
                "down": row.is_active and siblings[row.parent_id][-1] != row.pk,
            }
            for depth, row in ordered
        ],
    }


def _unit(row: Unit, form: UnitForm | None = None, *, refused: str = "") -> dict[str, Any]:
    roles = row.roles.filter(user__is_active=True).select_related("user").order_by("user__name")
    return {
        "unit": row,
        "form": form or UnitForm(unit=row),
        "refused": refused,
        "roles": [{"person": role.user, "name": role.get_role_display()} for role in roles],
        "kpis": Kpi.objects.filter(unit=row).exclude(status=Kpi.Status.RETIRED).order_by("name"),
        "below": Unit.objects.filter(parent=row, is_active=True).order_by("position", "name"),
    }
