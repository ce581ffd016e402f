"""Writing on the page of a KPI: a note on the chart, a comment or explanation, a corrected value."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kpiplatform.accounts.models import User
from kpiplatform.htmx import changed, page
from kpis.domain.entry_checks import EntryRefused
from kpis.domain.figures import moment, number, with_unit
from kpis.domain.periods import Period, period_of
from kpis.forms import AnnotationForm, CommentForm, CorrectionForm, ExplanationForm, period_name, recent_periods
from kpis.models import Kpi, Measurement, MeasurementRevision
from kpis.queries import calendar_of, kpis_editable_by, kpis_visible_to
from kpis.readings import Conflict, PeriodLocked
from kpis.services import notes
from kpis.services.entry import enter_measurement
from objectives.queries import may_write, organisation


@require_http_methods(["GET", "POST"])
def annotate(request: HttpRequest, code: str) -> HttpResponse:
    """Mark days on the chart with a remark."""
    now = timezone.now()
    kpi, today = _kpi_to_comment(request, code), _today(now)
    form = AnnotationForm(request.POST if request.method == "POST" else None, today=today)
    if form.is_valid():
        day, text = form.cleaned_data["day"], form.cleaned_data["text"]
        notes.annotate(kpi=kpi, start=day, end=form.end, text=text, author=request.user, now=now)
        return changed(
            request,
            "kpis/note.html",
            {"kpi": kpi, "note_form": AnnotationForm(today=today)},
            partial="form",
            fact="annotation-added",
            message=_("The note stands on the chart."),
            to=_page_of(kpi, "chart-panel"),
        )
    return _form(request, "kpis/note.html", {"kpi": kpi, "note_form": form}, refused=form.is_bound)


@require_http_methods(["GET", "POST"])
def comment(request: HttpRequest, code: str) -> HttpResponse:
    """Add a comment to the thread, or with kind=explanation: cause, action and recovery date."""
    now = timezone.now()
    kpi, today = _kpi_to_comment(request, code), _today(now)
    asked = request.POST if request.method == "POST" else request.GET
    data, explains = request.POST if request.method == "POST" else None, asked.get("kind") == "explanation"
    periods = recent_periods(kpi, today=today)
    form = ExplanationForm(data, periods=periods) if explains else CommentForm(data)
    template, name = (
        ("kpis/explanation.html", "explanation_form") if explains else ("kpis/comment.html", "comment_form")
    )
    if not form.is_valid():
        return _form(request, template, {"kpi": kpi, name: form}, refused=form.is_bound)
    said = form.cleaned_data
    if explains:
        start = date.fromisoformat(said.pop("period"))
        notes.explain(kpi=kpi, period_start=start, author=request.user, now=now, **said)
    else:
        notes.comment(kpi=kpi, author=request.user, now=now, **said)
    return changed(
        request,
        template,
        {"kpi": kpi, name: ExplanationForm(periods=periods) if explains else CommentForm()},
        partial="form",
        fact="commentary-added",
        message=_("The explanation stands in the thread.") if explains else _("The comment stands in the thread."),
        to=_page_of(kpi, "commentary"),
    )


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


def _kpi_to_comment(request: HttpRequest, code: str) -> Kpi:
    today = timezone.localdate()
    kpi = get_object_or_404(kpis_visible_to(request.user, today=today).select_related("calendar"), code=code)
    if not may_write(request.user, today=today):
        raise PermissionDenied
    return kpi


def _period_or_404(kpi: Kpi, start: date) -> Period:
    period = period_of(start, kpi.frequency, calendar_of(kpi.calendar))
    if period.start != start:
        raise Http404
    return period


def _today(now: datetime) -> date:
    return now.astimezone(ZoneInfo(organisation().time_zone)).date()


def _page_of(kpi: Kpi, part: str) -> str:
    return f"{reverse('kpi', args=[kpi.code])}#{part}"


def _form(request: HttpRequest, template: str, context: dict[str, object], *, refused: bool) -> HttpResponse:
    return page(request, template, context, partial="form", status=422 if refused else 200)
