"""Setting up KPIs: the list, the definition sheet, who answers, the life from draft to retired, the weight."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from kpiplatform.accounts.services.people import NotActive
from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.dashboards.as_known import known_in
from kpiplatform.dashboards.configuration.entry import admins_only, posted, today
from kpiplatform.dashboards.kpi_setup import presenter
from kpiplatform.dashboards.kpi_setup.changing import defined
from kpiplatform.dashboards.kpi_setup.forms import DefinitionForm, PeopleForm, WeightForm
from kpiplatform.dashboards.kpi_setup.queries import MANY, Filters, named, part_of_list, siblings, weight_of
from kpiplatform.htmx import page
from kpis.domain.formula.errors import FormulaError
from kpis.formula_words import sentence
from kpis.models import Kpi
from kpis.queries import kpis_configured_by
from kpis.services.defining import FOLLOWING, move_on, set_weight, staff, what_is_missing
from kpis.services.refusal import Refused

LIST, SHEET, NAMED, PEOPLE, LIFE, WEIGHT = (
    f"dashboards/kpi_setup/{name}.html" for name in ("list", "definition", "_named", "people", "life", "weight")
)


@require_safe
@admins_only
def configure(request: HttpRequest) -> HttpResponse:
    """List every KPI by its objective, with what it lacks."""
    filters = Filters.from_query(request.GET)
    part = part_of_list(filters, after=request.GET.get("after", ""), today=today())
    return page(request, LIST, presenter.listed(part, filters), partial="list")


@require_safe
@admins_only
def named_kpis(request: HttpRequest) -> HttpResponse:
    """Suggest KPIs where one is named by its code; the parameter has the name of the field that is typed in."""
    typed = next(iter(request.GET.values()), "")
    active = Kpi.objects.filter(status=Kpi.Status.ACTIVE)
    return page(request, NAMED, {"found": named(typed, among=active)}, partial="named")


@require_http_methods(["GET", "POST"])
@admins_only
def definition(request: HttpRequest, code: str) -> HttpResponse:
    """Show the definition sheet; POST changes it, as a new version if the KPI is active."""
    now, kpi = timezone.now(), _kpi(request, code)
    form = DefinitionForm(posted(request), kpi=kpi, today=today(), locale=request.user.locale)
    if form.is_valid() and defined(form, by=request.user, now=now):
        _warn_of_many(request, kpi)
        return _done(request, _("The definition of %(name)s was saved.") % {"name": form.cleaned_data["name"]}, kpi)
    context = presenter.about(kpi, today=today(), zone=timezone.get_current_timezone()) | {"form": form}
    return page(request, SHEET, context, partial="body", status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@admins_only
def people(request: HttpRequest, code: str) -> HttpResponse:
    """Show who answers for the KPI and who did; POST hands it over."""
    now, kpi = timezone.now(), _kpi(request, code)
    form = PeopleForm(posted(request), kpi=kpi, today=today())
    if form.is_valid() and _staffed(form, request, now):
        owner = form.cleaned_data["owner"]
        return _done(request, _("%(name)s answers for %(kpi)s.") % {"name": owner.name, "kpi": kpi.name}, kpi)
    context = {"kpi": kpi, "form": form, "owners": presenter.owners(kpi, timezone.get_current_timezone())}
    return page(request, PEOPLE, context, partial="body", status=422 if form.is_bound else 200)


def _staffed(form: PeopleForm, request: HttpRequest, now: datetime) -> bool:
    try:
        staff(kpi=form.kpi, by=request.user, now=now, **form.cleaned_data)
    except ChangedMeanwhile as error:
        refuse_as_changed(form, error, now)
    except (NotActive, Refused) as refused:
        form.add_error("owner", str(refused))
    return not form.errors


@require_http_methods(["GET", "POST"])
@admins_only
def life(request: HttpRequest, code: str) -> HttpResponse:
    """Ask whether the KPI shall enter another state of its life; POST does it."""
    now, kpi = timezone.now(), _kpi(request, code)
    asked = request.POST if request.method == "POST" else request.GET
    to, refusal = asked.get("to", ""), ""
    if request.method == "POST":
        try:
            move_on(kpi=kpi, to=to if to in Kpi.Status.values else "", by=request.user, now=now)
        except (Refused, NotActive) as refused:
            refusal = str(refused)
        except FormulaError as error:
            refusal = sentence(error)
        else:
            _warn_of_many(request, kpi)
            said = {"name": kpi.name, "state": Kpi.Status(to).label}
            return _done(request, _("%(name)s is %(state)s now.") % said, kpi)
    context = {
        "kpi": kpi,
        "refusal": refusal,
        "to": to if to in FOLLOWING[Kpi.Status(kpi.status)] else "",
        "moves": presenter.moves(kpi),
        "missing": what_is_missing(kpi),
    }
    return page(request, LIFE, context, partial="body", status=422 if refusal else 200)


@require_http_methods(["GET", "POST"])
@admins_only
def weight(request: HttpRequest, code: str) -> HttpResponse:
    """Show how the KPIs of the objective weigh; POST weighs this one anew from a day on."""
    kpi, now = _kpi(request, code), timezone.now()
    stands = weight_of(kpi, today=today()) or Decimal(1)
    form = WeightForm(posted(request), weight=stands, today=today(), locale=request.user.locale)
    if form.is_valid():
        try:
            set_weight(kpi=kpi, by=request.user, now=now, **form.cleaned_data)
        except Refused as refused:
            form.add_error("effective_from", str(refused))
        else:
            return _done(request, _("The weight of %(name)s was set.") % {"name": kpi.name}, kpi)
    known = known_in(request, now=now)
    weighed = siblings(kpi.objective, today=known.on or today(), known_at=known.at)
    context = {
        "kpi": kpi,
        "form": form,
        "rows": presenter.shares(weighed, kpi, request.user.locale),
        "history": presenter.weights(kpi, request.user.locale, known.at),
        "known": known,
        "now_url": request.path,
        "day": known.on or today(),
    }
    return page(request, WEIGHT, context, partial="body", status=422 if form.is_bound else 200)


def _kpi(request: HttpRequest, code: str) -> Kpi:
    kpis = kpis_configured_by(request.user, today=today())
    return get_object_or_404(kpis.select_related("objective", "unit", "owner", "deputy", "steward"), code=code)


def _warn_of_many(request: HttpRequest, kpi: Kpi) -> None:
    kpi.refresh_from_db()
    count = kpi.objective.kpis.exclude(status=Kpi.Status.RETIRED).count()
    if count > MANY:
        words: dict[str, Any] = {"count": count, "objective": kpi.objective.name, "many": MANY}
        told = _("“%(objective)s” now has %(count)d KPIs. More than %(many)d on one objective are rarely looked at.")
        messages.warning(request, told % words)


def _done(request: HttpRequest, message: str, kpi: Kpi) -> HttpResponse:
    messages.success(request, message)
    response = HttpResponseRedirect(reverse("kpis:definition", args=[kpi.code]))
    response.status_code = 303
    return response
