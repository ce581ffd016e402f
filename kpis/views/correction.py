"""Correcting the value of one period."""

from __future__ import annotations

from datetime import date, datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kpiplatform.accounts.models import User
from kpiplatform.htmx import changed, page
from kpis.dates import moment
from kpis.domain.entry_checks import EntryRefused
from kpis.domain.figures import number, with_unit
from kpis.domain.periods import Period, period_of
from kpis.forms import CorrectionForm, period_name
from kpis.models import Kpi, Measurement, MeasurementRevision
from kpis.queries import calendar_of, kpis_editable_by
from kpis.readings import Conflict, PeriodLocked
from kpis.services.entry import enter_measurement


@require_http_methods(["GET", "POST"])
def correct(request: HttpRequest, code: str, period_start: date) -> HttpResponse:
    """Show the value of one period to those who may change it; POST changes it, with the reason."""
    now = timezone.now()
    editable = kpis_editable_by(request.user, today=timezone.localdate()).exclude(entry=Kpi.Entry.DERIVED)
    kpi = get_object_or_404(editable.select_related("calendar"), code=code)
    period = _period_or_404(kpi, period_start)
    present = Measurement.objects.filter(kpi=kpi, period_start=period.start).first()
    data = request.POST if request.method == "POST" else None
    form = CorrectionForm(data, kpi=kpi, period=period, present=present, locale=request.user.locale)
    context = {"kpi": kpi, "period_name": period_name(period), "correction_form": form}
    if form.is_valid() and _stored(form, request.user, now):
        return changed(
            request,
            "kpis/correct.html",
            context,
            partial="done",
            fact="measurement-recorded",
            message=_("%(period)s is recorded.") % {"period": period_name(period)},
            to=_page_of(kpi, "table"),
        )
    context |= {"history": _history(kpi, period, request.user.locale)}
    return _form(request, "kpis/correct.html", context, refused=form.is_bound)


def _stored(form: CorrectionForm, user: User, now: datetime) -> bool:
    """Return whether the value is in the database now; otherwise the form says why it isn't."""
    said = form.cleaned_data
    try:
        enter_measurement(
            kpi=form.kpi,
            period=form.period,
            expected_seq=said["seq"],
            user=user,
            now=now,
            not_applicable=said["not_applicable"],
            note=said["note"],
            **form.numbers,
        )
    except EntryRefused as refused:
        form.refuse(refused)
    except PeriodLocked:
        period = {"period": period_name(form.period)}
        form.add_error(None, _("%(period)s is locked: its value can be changed only after it is reopened.") % period)
    except Conflict as conflict:
        # The same value sent twice is stored once: the second time there is nothing left to do.
        if form.says_the_same(Measurement.objects.filter(kpi=form.kpi, period_start=form.period.start).first()):
            return True
        form.seq_shown = conflict.seq
        form.add_error(None, _("Someone changed the value meanwhile, see below. Send yours again to replace theirs."))
    return not form.errors


def _history(kpi: Kpi, period: Period, locale: str) -> list[dict[str, str]]:
    """Return every version of the value, newest first."""
    rows = MeasurementRevision.objects.filter(kpi=kpi, period_start=period.start).order_by("-seq")
    return [
        {
            "at": moment(row.recorded_at, timezone.get_current_timezone()),
            "value": with_unit(number(row.value, kpi.decimals, locale=locale), kpi.measure_unit),
            "who": row.recorded_by.name if row.recorded_by else row.pull.source.name,
            "why": row.note or row.reason,
        }
        for row in rows.select_related("recorded_by", "pull__source")
    ]


def _period_or_404(kpi: Kpi, start: date) -> Period:
    period = period_of(start, kpi.frequency, calendar_of(kpi.calendar))
    if period.start != start:
        raise Http404
    return period


def _page_of(kpi: Kpi, part: str) -> str:
    return f"{reverse('kpi', args=[kpi.code])}#{part}"


def _form(request: HttpRequest, template: str, context: dict[str, object], *, refused: bool) -> HttpResponse:
    return page(request, template, context, partial="form", status=422 if refused else 200)
