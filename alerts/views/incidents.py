"""The inbox, one incident with its story, and answering it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from alerts import services
from alerts.forms import AnswerForm
from alerts.inbox import Choice, inbox_page
from alerts.models import Incident
from alerts.panel import Panel, kpi_panel
from alerts.queries import alerts_of, deliveries_visible_to, incidents_visible_to, local_date, with_a_page
from alerts.story import story
from alerts.summary import summary
from alerts.wording import Wording
from kpiplatform.htmx import changed, page
from kpis.models import Kpi
from kpis.queries import edits_values_of, kpis_editable_by, kpis_visible_to
from objectives.queries import may_configure, may_write


def wording_of(request: HttpRequest, now: datetime) -> Wording:
    """Return how the person who asks reads figures and clocks."""
    return Wording(locale=request.user.locale, zone=timezone.get_current_timezone(), today=local_date(now), now=now)


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """List what is off track or at risk, own KPIs first, and what changed lately."""
    now, today = timezone.now(), timezone.localdate()
    context = inbox_page(
        user=request.user,
        choice=Choice.from_query(request.GET),
        wording=wording_of(request, now),
        today=today,
        editable=may_write(request.user, today=today),
    )
    context |= {"may_configure": may_configure(request.user, today=today)}
    return page(request, "alerts/inbox.html", context, partial="inbox")


@require_http_methods(["GET", "HEAD", "POST"])
def incident(request: HttpRequest, incident_id: int) -> HttpResponse:
    """Tell one incident in time; POST acknowledges it with cause, action and recovery date."""
    now, today = timezone.now(), timezone.localdate()
    found = get_object_or_404(with_a_page(incidents_visible_to(request.user, today=today)), pk=incident_id)
    is_editable = kpis_editable_by(request.user, today=today).filter(pk=found.kpi_id).exists()
    if request.method != "POST":
        return _shown(request, found, now, form=AnswerForm(today=local_date(now)), is_editable=is_editable)
    if not is_editable:
        raise PermissionDenied
    form = AnswerForm(request.POST, today=local_date(now))
    if not form.is_valid():
        return _shown(request, found, now, form=form, is_editable=True)
    start = services.period_to_explain(incident=found)
    services.explain(incident_id=found.pk, user=request.user, now=now, period_start=start, **form.cleaned_data)
    again = with_a_page(Incident.objects.all()).get(pk=found.pk)
    return changed(
        request,
        "alerts/incident.html",
        _context(request, again, now, form=None, is_editable=True),
        partial="incident",
        fact="incident-explained",
        message=_("Acknowledged and explained: %s") % found.kpi.name,
        to=reverse("alerts:incident", args=[found.pk]),
    )


@require_POST
def acknowledge(request: HttpRequest, incident_id: int) -> HttpResponse:
    """Note that whoever answers for the KPI has seen the alert."""
    now = timezone.now()
    kpis = kpis_editable_by(request.user, today=local_date(now))
    incident = get_object_or_404(Incident.objects.filter(kpi__in=kpis).select_related("kpi__calendar"), pk=incident_id)
    services.acknowledge(incident_id=incident.pk, user=request.user, now=now)
    panel = _panel(request, incident.kpi, now, may_acknowledge=True)
    return changed(
        request,
        "alerts/_kpi_panel.html",
        {"panel": panel, "may_comment": True},
        partial="panel",
        fact="incident-acknowledged",
        message=_("Acknowledged: %s") % incident.kpi.name,
        to=back_to(request, f"/kpis/{incident.kpi.code}/"),
    )


@require_safe
def of_kpi(request: HttpRequest, code: str) -> HttpResponse:
    """Say how alerting stands for one KPI; its page asks for this part again and again."""
    now, today = timezone.now(), timezone.localdate()
    visible = kpis_visible_to(request.user, today=today)
    kpi = get_object_or_404(visible.select_related("calendar"), code=code)
    is_editable = edits_values_of(request.user, kpi, today=today)
    context = {
        "kpi": kpi,
        "panel": _panel(request, kpi, now, may_acknowledge=is_editable),
        "may_comment": is_editable or may_write(request.user, today=today),
    }
    return page(request, "alerts/of_kpi.html", context, partial="panel")


def _panel(request: HttpRequest, kpi: Kpi, now: datetime, *, may_acknowledge: bool) -> Panel:
    return kpi_panel(
        alerts=alerts_of(kpi, reader=request.user),
        kpi=kpi,
        may_acknowledge=may_acknowledge,
        now=now,
        zone=timezone.get_current_timezone(),
    )


def back_to(request: HttpRequest, otherwise: str) -> str:
    """Return the page of ours that the person came from."""
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return wanted
    return otherwise


def _shown(
    request: HttpRequest, found: Incident, now: datetime, *, form: AnswerForm, is_editable: bool
) -> HttpResponse:
    context = _context(request, found, now, form=form, is_editable=is_editable)
    status = 422 if form.is_bound else 200
    return page(request, "alerts/incident.html", context, partial="incident", status=status)


def _context(
    request: HttpRequest, found: Incident, now: datetime, *, form: AnswerForm | None, is_editable: bool
) -> dict[str, Any]:
    today, wording = timezone.localdate(), wording_of(request, now)
    asks = is_editable and found.closed_at is None and not found.is_explained
    return {
        "incident": found,
        "summary": summary(found, wording),
        "events": story(
            found, deliveries=deliveries_visible_to(request.user, today=today), reader=request.user, wording=wording
        ),
        "answer_form": form if asks or (form and form.is_bound) else None,
        "may_acknowledge": is_editable and found.closed_at is None and found.acknowledged_at is None,
        "sees_all_mails": _sees_all_mails(request, found, today),
    }


def _sees_all_mails(request: HttpRequest, found: Incident, today: date) -> bool:
    return found.kpi.owner_id == request.user.pk or may_configure(request.user, today=today)
