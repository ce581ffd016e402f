"""Acknowledging an incident, and the mailbox of the demo."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.csp import CSP
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST, require_safe

from alerts import mailbox, services
from alerts.models import Incident
from alerts.panel import kpi_panel
from alerts.queries import alerts_of, local_date
from kpiplatform.htmx import changed
from kpis.domain.figures import moment
from kpis.queries import kpis_editable_by

# A mail may bring its own style and its own pictures; it runs nothing, sends nothing and fetches nothing.
MAIL_CSP = {
    "default-src": [CSP.NONE],
    "style-src": [CSP.UNSAFE_INLINE],
    "img-src": ["data:", CSP.SELF],
    "frame-ancestors": [CSP.SELF],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


@require_POST
def acknowledge(request: HttpRequest, incident_id: int) -> HttpResponse:
    """Note that whoever answers for the KPI has seen the alert."""
    now = timezone.now()
    kpis = kpis_editable_by(request.user, today=local_date(now))
    incident = get_object_or_404(Incident.objects.filter(kpi__in=kpis).select_related("kpi__calendar"), pk=incident_id)
    services.acknowledge(incident_id=incident.pk, user=request.user, now=now)
    panel = kpi_panel(
        alerts=alerts_of(incident.kpi),
        kpi=incident.kpi,
        may_acknowledge=True,
        now=now,
        zone=timezone.get_current_timezone(),
    )
    return changed(
        request,
        "alerts/_kpi_panel.html",
        {"panel": panel},
        partial="panel",
        fact="incident-acknowledged",
        message=_("Acknowledged: %s") % incident.kpi.name,
        to=_back(request, incident),
    )


@require_safe
def mailbox_list(request: HttpRequest) -> HttpResponse:
    """List the messages that the demo's mail server keeps, newest first."""
    zone = timezone.get_current_timezone()
    envelopes = mailbox.newest(_folder_or_404(), before=request.GET.get("before", ""))
    lines = [(one, moment(one.sent_at, zone) if one.sent_at else "") for one in envelopes]
    older = envelopes[-1].name if len(envelopes) == mailbox.SHOWN else ""
    return render(request, "alerts/mailbox.html", {"lines": lines, "older": older})


@require_safe
def mailbox_message(request: HttpRequest, name: str) -> HttpResponse:
    """Show one message: headers, the HTML in a frame that may do nothing, and the plain text."""
    return render(request, "alerts/mailbox_message.html", {"letter": _letter_or_404(name)})


@require_safe
@xframe_options_sameorigin
@csp_override(MAIL_CSP)
def mailbox_html(request: HttpRequest, name: str) -> HttpResponse:
    """Send the HTML of one message for the frame of its page."""
    letter = _letter_or_404(name)
    if not letter.html:
        raise Http404
    return HttpResponse(letter.html)


def _letter_or_404(name: str) -> mailbox.Letter:
    try:
        return mailbox.letter(_folder_or_404(), name)
    except FileNotFoundError:
        raise Http404 from None


def _folder_or_404() -> Path:
    if not settings.KPI_MAILBOX_DIR:
        raise Http404
    return Path(settings.KPI_MAILBOX_DIR)


def _back(request: HttpRequest, incident: Incident) -> str:
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return wanted
    return f"/kpis/{incident.kpi.code}/"
