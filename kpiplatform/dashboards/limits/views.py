"""The editor of targets and thresholds, with its preview."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kpiplatform.dashboards.as_known import NOW, AsKnown, known_in
from kpiplatform.dashboards.kpi_page.wording import Wording
from kpiplatform.dashboards.limits import presenter
from kpiplatform.dashboards.limits.forms import Known, LimitsForm
from kpiplatform.dashboards.limits.history import history_of
from kpiplatform.dashboards.limits.preview import Preview, preview
from kpiplatform.htmx import page
from kpis.domain.entry_checks import language_of
from kpis.domain.figures import MARKS
from kpis.domain.limits import in_force
from kpis.domain.periods import next_period, period_of
from kpis.models import Kpi, Target, ThresholdSet
from kpis.queries import calendar_of, kpis_configured_by, kpis_visible_to, rules_of, values_of
from kpis.services.aiming import set_aim
from kpis.services.refusal import Refused

ROWS = (Target, ThresholdSet)
TEMPLATE = "dashboards/limits/limits.html"


@require_http_methods(["GET", "POST"])
def limits(request: HttpRequest, code: str) -> HttpResponse:
    """Show the limits of a KPI and what a proposal would do; POST saves, with `preview` it only shows."""
    now = timezone.now()
    today = timezone.localdate(now)
    kpi = _kpi_or_refuse(request, code, today)
    known = _known(kpi, request, today, now)
    then = known_in(request, now=now)
    if then.on and request.method == "GET":
        return page(request, TEMPLATE, _context(known, None, then=then), partial="editor")
    if not _editable(known):
        if request.method == "POST":
            raise Http404
        return page(request, TEMPLATE, _context(known, None), partial="editor")
    if request.method == "GET":
        return page(request, TEMPLATE, _context(known, LimitsForm(known=known)), partial="editor")
    if "convert" in request.POST:
        return page(request, TEMPLATE, _context(known, _converted(request, known)), partial="editor")
    form = LimitsForm(request.POST, known=known)
    valid = form.is_valid()
    shown = preview(kpi=kpi, proposal=form.proposal, today=today, now=now) if valid else None
    if "preview" in request.POST:
        live = request.POST["preview"] == "live"
        context, part = _context(known, form, shown), "preview" if live else "editor"
        return page(request, TEMPLATE, context, partial=part, status=200 if valid or live else 422)
    if shown is not None and _saved(form, shown, request, now):
        messages.success(request, _("The limits of %(name)s were set.") % {"name": kpi.name})
        return HttpResponseRedirect(request.path, status=303)
    return page(request, TEMPLATE, _context(known, form, shown), partial="editor", status=422)


def _saved(form: LimitsForm, shown: Preview, request: HttpRequest, now: datetime) -> bool:
    """Return whether the limits stand as proposed; otherwise the form says why they don't."""
    proposal, known, said = form.proposal, form.known, form.cleaned_data
    if proposal.is_empty and said["seen"] != known.seen:
        return True  # the second press of the button
    if proposal.is_empty:
        form.add_error(None, _("These are the limits in force: change a number, or leave them as they are."))
    elif shown.refused:
        form.add_error("effective_from", shown.refused)
    elif shown.betters and not said["reason"]:
        form.add_error("reason", _("The change betters a colour: say why."))
    elif shown.last_day and not said["reason"]:
        form.add_error("reason", _("The target ends: say why."))
    if form.errors:
        return False
    with transaction.atomic():
        kpi = Kpi.objects.select_for_update(of=("self",), no_key=True).select_related("objective").get(pk=known.kpi.pk)
        stands = _seen(kpi)
        if stands != said["seen"]:
            form.add_error(None, _changed_meanwhile(kpi))
            form.data = form.data.copy()
            form.data["seen"] = stands
            return False
        try:
            set_aim(kpi=kpi, proposal=proposal, reason=said["reason"], by=request.user, now=now)
        except Refused as refused:
            form.add_error(None, str(refused))
    return not form.errors


def _changed_meanwhile(kpi: Kpi) -> str:
    rows = [model.objects.filter(kpi=kpi).select_related("recorded_by").last() for model in ROWS]
    latest = max((row for row in rows if row), key=lambda row: row.recorded_at)
    return _(
        "%(who)s changed these limits meanwhile. Nothing of theirs was overwritten and yours is still here: "
        "compare, then send again to add yours."
    ) % {"who": latest.recorded_by.name}


def _converted(request: HttpRequest, known: Known) -> LimitsForm:
    """Return the form with its numbers said in the mode that was chosen."""
    form = LimitsForm(request.POST, known=known)
    data = request.POST.copy()
    if form.chosen_mode != data.get("mode_shown"):
        for name, text in form.numbers_in(form.chosen_mode).items():
            data[name] = text
    return LimitsForm(data, known=known)


def _context(
    known: Known, form: LimitsForm | None, shown: Preview | None = None, then: AsKnown = NOW
) -> dict[str, object]:
    kpi, calendar = known.kpi, calendar_of(known.kpi.calendar)
    wording = Wording.of_kpi(kpi, locale=known.locale, today=known.today)
    reader = presenter.Reader(kpi=kpi, calendar=calendar, wording=wording, zone=timezone.get_current_timezone())
    context: dict[str, object] = {
        "kpi": kpi,
        "form": form,
        "back": _back(kpi),
        "history": history_of(kpi, reader, today=then.on or known.today, known_at=then.at),
        "known": then,
        "now_url": reverse("kpi_limits", args=[kpi.code]),
        "day": then.on or known.today,
    }
    if form is None:
        return context
    if shown is None and (not form.is_bound or form.is_valid()):
        shown = preview(kpi=kpi, proposal=form.proposal, today=known.today, now=known.now)
    values = [row.value for row in values_of(kpi)[-400:] if row.value is not None]
    notes, ends = presenter.in_force_notes(form, wording), presenter.sliders(form, values)
    for name, attributes in ends.items():
        form.fields[name].widget.attrs |= attributes

    def fields(names: tuple[str, ...]) -> list[dict[str, object]]:
        return [{"field": form[name], "unit": form.unit_of(name), "note": notes.get(name, "")} for name in names]

    return context | {
        "target_fields": fields(form.target_names),
        "limit_fields": fields(form.limit_names),
        "preview": presenter.shown(shown, reader) if shown else None,
        "betters": bool(shown and shown.betters),
        "mark": MARKS.get(language_of(known.locale), MARKS["en"])[1],
    }


def _editable(known: Known) -> bool:
    stands = in_force(known.rules.thresholds, known.next_start)
    return known.kpi.polarity != Kpi.Polarity.UNSCORED and not (stands and stands.scores)


def _known(kpi: Kpi, request: HttpRequest, today: date, now: datetime) -> Known:
    calendar = calendar_of(kpi.calendar)
    first = kpi.evaluations.order_by("period_start").values_list("period_start", flat=True).first()
    began = min(day for day in (kpi.active_from, first, today - timedelta(days=366)) if day)
    return Known(
        kpi=kpi,
        rules=rules_of([kpi])[kpi.pk],
        seen=_seen(kpi),
        first_day=began,
        next_start=next_period(period_of(today, kpi.frequency, calendar), calendar).start,
        today=today,
        now=now,
        locale=request.user.locale,
    )


def _seen(kpi: Kpi) -> str:
    """Return which rows there are: they are never changed, so their last ids tell."""
    last = (model.objects.filter(kpi=kpi).order_by("-pk").values_list("pk", flat=True).first() for model in ROWS)
    return "-".join(str(pk or 0) for pk in last)


def _kpi_or_refuse(request: HttpRequest, code: str, today: date) -> Kpi:
    """Return the KPI for whoever sets it up; who may only read it is refused, for others it does not exist."""
    related = ("objective", "calendar")
    kpi = kpis_configured_by(request.user, today=today).select_related(*related).filter(code=code).first()
    if kpi is not None:
        return kpi
    if kpis_visible_to(request.user, today=today).filter(code=code).exists():
        raise PermissionDenied
    raise Http404


def _back(kpi: Kpi) -> str:
    return reverse("kpi", args=[kpi.code]) if kpi.status != Kpi.Status.RETIRED else reverse("kpis:configure")
