"""Requests to reopen a locked period: asking, the list, and the decision of another person."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from kpiplatform.htmx import changed, page
from kpis.dates import moment
from kpis.domain.periods import period_of
from kpis.forms import ApproveForm, AskForm, RejectForm, period_name
from kpis.models import MeasurementRevision, PeriodReopening
from kpis.queries import calendar_of, kpis_visible_to
from kpis.reopenings import closure_of, reopenings_decided_by, reopenings_visible_to
from kpis.services.reopening import Refused, approve_reopening, ask_to_reopen, reject_reopening
from kpis.views.access import kpi_to_read, may_ask_to_reopen, period_or_404
from kpis.views.closures import closure_in_words, standing_of
from kpis.views.versions import Version, versions
from objectives.queries import manages, organisations_day

SHOWN = 100
FACT = "reopening-changed"
WITH = ("kpi__calendar", "kpi__unit", "requested_by", "approved_by", "rejected_by")


@require_http_methods(["GET", "POST"])
def reopen(request: HttpRequest, code: str, period_start: date) -> HttpResponse:
    """Ask that a locked period may be written again."""
    now, kpi = timezone.now(), kpi_to_read(request, code)
    if not may_ask_to_reopen(request, kpi):
        raise PermissionDenied
    period = period_or_404(kpi, period_start)
    form = AskForm(request.POST if request.method == "POST" else None)
    closure = closure_of(kpi, period, now=now)
    context = {
        "kpi": kpi,
        "period": period,
        "period_name": period_name(period),
        "ask_form": form,
        "closure": closure_in_words(closure, now=now),
        "may_ask": closure.is_closed and closure.waiting is None,
    }
    if form.is_valid():
        try:
            made = ask_to_reopen(kpi=kpi, period=period, reason=form.cleaned_data["reason"], by=request.user, now=now)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            message = _("The request is made. Whoever runs the unit, or an administrator, decides.")
            to = reverse("kpis:reopening", args=[made.pk])
            return changed(request, "kpis/reopen.html", context, partial="form", fact=FACT, message=message, to=to)
    return page(request, "kpis/reopen.html", context, partial="form", status=422 if form.is_bound else 200)


@require_safe
def reopenings(request: HttpRequest) -> HttpResponse:
    """List the requests that wait for the reader, and those that the reader may see."""
    now, today = timezone.now(), timezone.localdate()
    waiting = reopenings_decided_by(request.user, today=today)
    others = reopenings_visible_to(request.user, today=today).exclude(pk__in=waiting.values("pk"))
    context = {"waiting": _rows(waiting, now), "others": _rows(others, now), "shown": SHOWN}
    return page(request, "kpis/reopenings.html", context, partial="list")


@require_http_methods(["GET", "POST"])
def reopening(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a request, how it stands and what was written under it; POST decides on it, for who runs the unit."""
    now, today = timezone.now(), timezone.localdate()
    row = get_object_or_404(reopenings_visible_to(request.user, today=today).select_related(*WITH), pk=pk)
    if request.method == "POST" and not (_is_own(request, row) or manages(request.user, row.kpi.unit, today=today)):
        raise PermissionDenied
    posted, decision = request.method == "POST", request.POST.get("decision", "")
    approving = ApproveForm(request.POST if posted and decision == "approve" else None, today=organisations_day(now))
    rejecting = RejectForm(request.POST if posted and decision == "reject" else None)
    refusal = ""
    if approving.is_valid() or rejecting.is_valid():
        try:
            return _decided(request, row, approving, rejecting, now)
        except Refused as refused:
            refusal = str(refused)
            row = reopenings_visible_to(request.user, today=today).select_related(*WITH).get(pk=pk)
    context = _row(row, now) | {
        "approve_form": approving,
        "reject_form": rejecting,
        "refusal": refusal,
        "may_decide": reopenings_decided_by(request.user, today=today).filter(pk=row.pk).exists(),
        "is_own": _is_own(request, row),
        "written": _written(row, request.user.locale),
        "computed": _locked_above(request, row, now),
    }
    return page(request, "kpis/reopening.html", context, partial="request", status=422 if posted else 200)


def _is_own(request: HttpRequest, row: PeriodReopening) -> bool:
    return row.requested_by_id == request.user.pk


def _decided(
    request: HttpRequest, row: PeriodReopening, approving: ApproveForm, rejecting: RejectForm, now: datetime
) -> HttpResponse:
    if approving.is_bound:
        last_day = approving.cleaned_data["last_day"]
        row = approve_reopening(reopening=row, last_day=last_day, by=request.user, now=now)
        message = _("The period is open. It closes again by itself.")
    else:
        row = reject_reopening(reopening=row, reason=rejecting.cleaned_data["rejection"], by=request.user, now=now)
        message = _("The period stays closed.")
    context = _row(row, now) | {"written": []}
    return changed(request, "kpis/reopening.html", context, partial="request", fact=FACT, message=message)


def _rows(requests: QuerySet[PeriodReopening], now: datetime) -> list[dict[str, Any]]:
    newest = requests.select_related(*WITH).order_by("-requested_at", "-pk")[:SHOWN]
    return [_row(row, now) for row in newest]


def _row(row: PeriodReopening, now: datetime) -> dict[str, Any]:
    period = period_of(row.period_start, row.kpi.frequency, calendar_of(row.kpi.calendar))
    return {
        "request_row": row,
        "kpi": row.kpi,
        "period": period,
        "period_name": period_name(period),
        "at": moment(row.requested_at, timezone.get_current_timezone()),
        "standing": standing_of(row, now=now),
        "is_open": bool(row.expires_at and row.expires_at > now),
    }


def _locked_above(request: HttpRequest, row: PeriodReopening, now: datetime) -> list[dict[str, Any]]:
    """Return the KPIs that are computed from what is open, and whose own period is locked: they keep their value."""
    if row.expires_at is None or row.expires_at <= now:
        return []
    visible = kpis_visible_to(request.user, today=timezone.localdate()).select_related("calendar", "unit")
    found = []
    for kpi in visible.filter(inputs__input=row.kpi, inputs__is_current=True).order_by("name"):
        period = period_of(row.period_start, kpi.frequency, calendar_of(kpi.calendar))
        if closure_of(kpi, period, now=now).is_closed:
            found.append({"kpi": kpi, "period": period, "may_ask": may_ask_to_reopen(request, kpi)})
    return found


def _written(row: PeriodReopening, locale: str) -> list[Version]:
    """Return what was written while the period was open because of the request: the restatement that came of it."""
    if row.expires_at is None:
        return []
    within = MeasurementRevision.objects.filter(
        kpi=row.kpi, period_start=row.period_start, recorded_at__gte=row.decided_at, recorded_at__lt=row.expires_at
    )
    seqs = set(within.values_list("seq", flat=True))
    period = period_of(row.period_start, row.kpi.frequency, calendar_of(row.kpi.calendar))
    return [one for one in versions(row.kpi, period, locale=locale, links_pulls=False) if one.seq in seqs]
