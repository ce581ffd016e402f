"""The list of initiatives, the page of one, proposing and changing it, and taking it to the next status."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from initiatives import listing
from initiatives.domain.status import FOLLOWING
from initiatives.forms import InitiativeForm
from initiatives.models import Initiative
from initiatives.presenter import asks, context_of, moves
from initiatives.queries import (
    initiatives_without_kpi,
    kpis_without_initiative,
    may_approve,
    objectives_to_serve,
    units_to_propose_in,
)
from initiatives.services import work
from initiatives.views.opening import editable, page_of, today_at, visible
from initiatives.words import status_word
from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.htmx import changed, page
from kpis.models import Kpi
from kpis.queries import kpis_visible_to
from objectives.models import Objective, Unit
from objectives.queries import colleagues_of, may_write

LACKING_SHOWN, AT_ONCE = 20, 100
STATES = {"", listing.LATE, *listing.ORDER}


@require_safe
def initiatives(request: HttpRequest) -> HttpResponse:
    """List the initiatives by state and slippage, and what lacks one or the other."""
    user, today = request.user, today_at(timezone.now())
    state = request.GET.get("state", "")
    state, mine = state if state in STATES else "", bool(request.GET.get("mine"))
    rows, lacking = listing.rows_of(user, today=today), kpis_without_initiative(user, today=today)
    lacking_count = lacking.count()
    chosen = listing.within(listing.of_person(rows, mine=mine), state)
    groups, last = listing.part_of(chosen, after=request.GET.get("after", ""), size=AT_ONCE)
    context = {
        "groups": groups,
        "more": listing.more_url(state, mine, after=last),
        "chips": listing.chips(rows, state=state, mine=mine),
        "summary": listing.summary(rows),
        "has_any": bool(rows),
        "lacking": lacking[:LACKING_SHOWN],
        "lacking_count": lacking_count,
        "lacking_more": max(lacking_count - LACKING_SHOWN, 0),
        "owed": listing.owed_by(user, today=today),
        "aimless": list(initiatives_without_kpi(user, today=today)),
        "may_propose": may_write(user, today=today),
    }
    return page(request, "initiatives/list.html", context, partial="board")


@require_safe
def initiative(request: HttpRequest, code: str) -> HttpResponse:
    """Show one initiative."""
    found = visible(request, code)
    context = context_of(found, request.user, today=today_at(timezone.now()))
    # Who leaves a form without sending it comes back to the heading above it.
    context["focus"] = request.GET.get("back", "")
    return page(request, "initiatives/initiative.html", context, partial="body")


@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest) -> HttpResponse:
    """Propose an initiative; with ?kpi= it is made for that KPI."""
    now, user = timezone.now(), request.user
    today = timezone.localdate()
    if not may_write(user, today=today):
        raise PermissionDenied
    asked = request.POST if request.method == "POST" else request.GET
    kpi = kpis_visible_to(user, today=today).filter(code=asked.get("kpi", "").replace("\0", "")).first()
    form = _form(request, initial=_suggested(kpi, request))
    if form.is_valid():
        made = work.propose(said=form.cleaned_data, by=user, now=now)
        messages.success(request, _("%(name)s waits for approval.") % {"name": made.name})
        promise = reverse("initiatives:impacts", args=[made.code])
        return redirect(f"{promise}?kpi={kpi.code}#impacts" if kpi else page_of(made))
    return render(request, "initiatives/form.html", {"form": form, "kpi": kpi}, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, code: str) -> HttpResponse:
    """Change what an initiative is."""
    now, found = timezone.now(), editable(request, code)
    form = _form(request, found)
    if form.is_valid():
        token = form.cleaned_data.pop("seen")
        try:
            work.change(initiative=found, said=form.cleaned_data, token=token)
        except ChangedMeanwhile as error:
            refuse_as_changed(form, error, now)
        else:
            messages.success(request, _("%(name)s is changed.") % {"name": form.cleaned_data["name"]})
            return redirect(page_of(found))
    context = {"form": form, "initiative": found}
    return render(request, "initiatives/form.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def step(request: HttpRequest, code: str, status: str) -> HttpResponse:
    """Ask before a step that can't be taken back; POST takes it."""
    found, today = visible(request, code), today_at(timezone.now())
    allowed = {move.status for move in moves(found, request.user, today=today)}
    if not may_write(request.user, today=today) or (status in FOLLOWING[found.status] and status not in allowed):
        raise PermissionDenied
    if status not in allowed and found.status != status:
        words = {"name": found.name, "status": status_word(found.status)}
        messages.warning(request, _("%(name)s is %(status)s now: nothing was changed.") % words)
        return redirect(page_of(found))
    if request.method == "GET":
        return render(request, "initiatives/step.html", {"initiative": found, "status": status, **asks(found, status)})
    try:
        after = work.step_to(initiative=found, status=status)
    except work.NotNow as error:
        after = error.initiative
    found.status = after.status
    return changed(
        request,
        "initiatives/initiative.html",
        context_of(found, request.user, today=today) | {"focus": "head"},
        partial="body",
        fact="initiative-changed",
        message=_("%(name)s is %(status)s.") % {"name": found.name, "status": status_word(found.status)},
        to=page_of(found),
    )


def _form(request: HttpRequest, found: Initiative | None = None, **options: Any) -> InitiativeForm:
    user, today = request.user, timezone.localdate()
    # What stands in the row may be kept, whether or not its editor could choose it.
    kept = {
        "units": Q(pk__in=units_to_propose_in(user, today=today).values("pk")),
        "objectives": Q(pk__in=objectives_to_serve(user, today=today).order_by().values("pk")),
    }
    if found is not None:
        kept["units"] |= Q(pk=found.unit_id)
        kept["objectives"] |= Q(pk=found.objective_id)
        was_approved = found.status != Initiative.Status.PROPOSED
        options["approved_by_others"] = was_approved and not may_approve(user, found, today=today)
    return InitiativeForm(
        request.POST if request.method == "POST" else None,
        units=Unit.objects.filter(kept["units"]),
        objectives=Objective.objects.filter(kept["objectives"]),
        people=colleagues_of(user, today=today),
        locale=user.locale,
        initiative=found,
        **options,
    )


def _suggested(kpi: Kpi | None, request: HttpRequest) -> dict[str, Any]:
    suggested: dict[str, Any] = {"owner": request.user.pk, "currency": "USD"}
    if kpi is not None:
        suggested |= {"unit": kpi.unit_id, "objective": kpi.objective_id}
    return suggested
