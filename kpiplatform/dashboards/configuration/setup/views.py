"""The first run: an overview of the steps, one page per step, and the sample organisation instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kpiplatform.accounts.services import NotActive, follow_clock, invite
from kpiplatform.dashboards.configuration.bell import ring_invitations, ring_sample
from kpiplatform.dashboards.configuration.calendars.forms import CalendarForm
from kpiplatform.dashboards.configuration.calendars.preview import coming_periods
from kpiplatform.dashboards.configuration.entry import admins_only, posted, today
from kpiplatform.dashboards.configuration.setup.forms import (
    PERSPECTIVES,
    ObjectiveStep,
    OrganisationStep,
    PeopleStep,
    UnitsStep,
)
from kpiplatform.dashboards.configuration.setup.sample import SAMPLE_ASKED, sample_progress
from kpiplatform.dashboards.configuration.setup.steps import Step, next_step, sample_is_refused, steps
from kpiplatform.htmx import page
from kpis.models import PeriodCalendar
from kpis.queries import calendar_of
from kpis.services.calendars import add_calendar
from objectives.models import Objective, Organisation
from objectives.services.founding import first_objective, found_units
from objectives.services.organising import found_organisation
from objectives.services.refusal import Refused
from objectives.services.roles import give_role

OVERVIEW, STEP, SAMPLE = (f"configuration/{name}.html" for name in ("setup", "setup_step", "setup_sample"))


@require_safe
@admins_only
def setup(request: HttpRequest) -> HttpResponse:
    """Show how far the first run is, and lead on."""
    rows = steps()
    done = sum(step.done for step in rows)
    context = {"steps": rows, "done": done, "next": next_step(rows), "sample_refused": sample_is_refused()}
    return page(request, OVERVIEW, context, partial="setup")


@require_http_methods(["GET", "POST"])
@admins_only
def setup_step(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one step; POST does it and leads to the next."""
    rows = steps()
    step = next((row for row in rows if row.slug == slug), None)
    if step is None:
        raise Http404
    if not step.open:
        return HttpResponseRedirect(reverse("setup"))
    form = FORMS[slug](request) if slug in FORMS else None
    if form is not None and form.is_valid() and _done(slug, form, request):
        further = next_step(steps())
        to = reverse("setup_step", args=[further.slug]) if further else reverse("setup")
        response = HttpResponseRedirect(to)
        response.status_code = 303
        return response
    refused = form is not None and form.is_bound
    return page(request, STEP, _context(rows, step, form), partial="step", status=422 if refused else 200)


@require_http_methods(["GET"])
@admins_only
def setup_sample(request: HttpRequest) -> HttpResponse:
    """Show how far the loading of the sample organisation is."""
    asked = request.session.get(SAMPLE_ASKED, "")
    if not asked:
        return HttpResponseRedirect(reverse("setup"))
    return page(request, SAMPLE, {"progress": sample_progress(asked, now=timezone.now())}, partial="progress")


@require_POST
@admins_only
def load_sample(request: HttpRequest) -> HttpResponse:
    """Load the sample organisation in place of setting up one's own; only into an empty installation."""
    refused = sample_is_refused()
    if not refused and not ring_sample():
        refused = _("No worker can be reached. Start the worker and its broker, then try again.")
    if refused:
        rows = steps()
        context = {"steps": rows, "done": sum(step.done for step in rows), "next": next_step(rows)}
        return page(
            request, OVERVIEW, context | {"refused": refused, "sample_refused": refused}, partial="setup", status=422
        )
    request.session[SAMPLE_ASKED] = timezone.now().isoformat()
    response = HttpResponseRedirect(reverse("setup_sample"))
    response.status_code = 303
    return response


def _organisation(request: HttpRequest) -> forms.Form:
    row = Organisation.objects.first()
    known = {"name": row.name, "time_zone": row.time_zone} if row else {"time_zone": request.user.time_zone}
    return OrganisationStep(posted(request), **known)


def _calendar(request: HttpRequest) -> forms.Form:
    form = CalendarForm(posted(request))
    form.initial["name"] = _("Standard")
    return form


def _objective(request: HttpRequest) -> forms.Form:
    row = PeriodCalendar.objects.filter(is_default=True).first() or PeriodCalendar()
    return ObjectiveStep(posted(request), by=request.user, calendar=calendar_of(row), today=today())


FORMS: dict[str, Callable[[HttpRequest], forms.Form]] = {
    "organisation": _organisation,
    "calendar": _calendar,
    "units": lambda request: UnitsStep(posted(request)),
    "objective": _objective,
    "people": lambda request: PeopleStep(posted(request), today=today()),
}


def _done(slug: str, form: Any, request: HttpRequest) -> bool:
    """Return whether the step is done; otherwise the form says why it isn't."""
    said = form.cleaned_data
    try:
        with transaction.atomic():
            match slug:
                case "organisation":
                    founded = found_organisation(name=said["name"], time_zone=said["time_zone"])
                    follow_clock(person=request.user, time_zone=founded.time_zone)
                case "calendar":
                    add_calendar(name=said["name"], said=said)
                case "units":
                    found_units(lines=said["units"], by=request.user)
                case "objective":
                    first_objective(**said, perspectives=[str(one) for one in PERSPECTIVES])
                case "people":
                    _invite(said, request)
    except (Refused, NotActive) as refused:
        form.add_error(None, str(refused))
    except IntegrityError:  # the same form, sent twice at once: the first one did it
        form.add_error(None, _("This was done a moment ago. Look again before you send it once more."))
    return not form.errors


def _invite(said: dict[str, Any], request: HttpRequest) -> None:
    for name, email in said["people"]:
        zone = Organisation.objects.get().time_zone
        person = invite(email=email, name=name, time_zone=zone, by=request.user, now=timezone.now())
        give_role(person=person, unit=said["unit"], role=said["role"], valid_until=said["valid_until"], today=today())
    transaction.on_commit(ring_invitations)


def _context(rows: list[Step], step: Step, form: Any) -> dict[str, Any]:
    context: dict[str, Any] = {
        "steps": rows,
        "step": step,
        "form": form,
        "done": sum(one.done for one in rows),
        "further": next((one for one in rows if one.number > step.number and one.open), None),
    }
    if step.slug == "calendar":
        context |= {"groups": coming_periods(form.cut(), today()), "preview_url": _preview_url()}
    if step.slug == "kpi":
        objective = Objective.objects.filter(status=Objective.Status.ACTIVE).order_by("pk").first()
        of = f"?objective={objective.pk}" if objective else ""
        context |= {"objective": objective, "kpi_url": reverse("kpis:new") + of}
    return context


def _preview_url() -> str:
    return reverse("configuration:calendar_preview", args=[0])
