"""Somebody leaves: what they answer for is handed over first, then the account is closed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from kpiplatform.accounts.models import User
from kpiplatform.accounts.services import NotActive, reopen_account
from kpiplatform.dashboards.configuration.entry import admins_only, today
from kpiplatform.dashboards.configuration.people.forms import HandOverForm
from kpiplatform.dashboards.configuration.people.holdings import (
    KINDS,
    Giving,
    close,
    give_away,
    holdings,
    stands_in_for,
)
from kpiplatform.htmx import changed, page
from kpis.services import aiming
from objectives.services.refusal import Refused

TEMPLATE = "configuration/leaving.html"


@require_http_methods(["GET", "POST"])
@admins_only
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a person answers for, each with a form to hand it over; POST closes the account."""
    someone = get_object_or_404(User, pk=pk)
    if request.method != "POST":
        return page(request, TEMPLATE, _context(someone), partial="leaving")
    try:
        close(person=someone, by=request.user, today=today())
    except Refused as refused:
        return page(request, TEMPLATE, _context(someone, refused=str(refused)), partial="leaving", status=422)
    return _back_to_person(request, someone, _("%(name)s may not sign in any more.") % {"name": someone.name})


@require_POST
@admins_only
def give(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand one thing over, or with kind=all everything, to one person."""
    someone = get_object_or_404(User, pk=pk)
    kind, said = request.POST.get("kind", ""), request.POST.get("pk", "")
    form = HandOverForm(request.POST, leaving=someone)
    if form.is_valid() and (kind == "all" or (kind in KINDS and said.isdecimal())):
        to = Giving(
            owner=form.cleaned_data["to"],
            by=request.user,
            today=today(),
            now=timezone.now(),
            reason=_("handed over by %(name)s, who leaves") % {"name": someone.name},
        )
        wanted = [(kind, int(said))] if kind != "all" else _everything(someone)
        try:
            given = [give_away(person=someone, kind=one, pk=number, to=to) for one, number in wanted]
        except (aiming.Refused, Refused, NotActive) as refused:
            return page(request, TEMPLATE, _context(someone, refused=str(refused)), partial="leaving", status=422)
        words = {"what": given[0] if len(given) == 1 else _("Everything"), "name": to.owner.name}
        return changed(
            request,
            TEMPLATE,
            _context(someone),
            partial="leaving",
            fact="owner-changed",
            message=_("%(what)s belongs to %(name)s now.") % words if any(given) else _("It was handed over already."),
            to=reverse("configuration:leave", args=[someone.pk]),
        )
    refused = _("Choose who is to have it.")
    return page(request, TEMPLATE, _context(someone, refused=refused), partial="leaving", status=422)


@require_POST
@admins_only
def come_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a person sign in again."""
    someone = get_object_or_404(User, pk=pk)
    reopen_account(person=someone)
    return _back_to_person(request, someone, _("%(name)s may sign in again.") % {"name": someone.name})


def _everything(someone: User) -> list[tuple[str, int]]:
    return [(row.kind, row.pk) for group in holdings(someone) for row in group.rows]


def _context(someone: User, *, refused: str = "") -> dict[str, Any]:
    groups = holdings(someone)
    choices = [(str(pk), name) for pk, name in _others(someone)]
    return {
        "someone": someone,
        "groups": groups,
        "left": sum(len(group.rows) for group in groups),
        "choices": choices,
        "stands_in_for": stands_in_for(someone),
        "refused": refused,
    }


def _others(someone: User) -> Any:
    return User.objects.filter(is_active=True).exclude(pk=someone.pk).order_by("name").values_list("pk", "name")


def _back_to_person(request: HttpRequest, someone: User, message: str) -> HttpResponse:
    messages.success(request, message)
    response = HttpResponseRedirect(reverse("configuration:person", args=[someone.pk]))
    response.status_code = 303
    return response
