"""The mailbox of the demo."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.csp import CSP
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

from alerts import mailbox
from kpis.dates import moment

# A mail may bring its own style and its own pictures; it runs nothing, sends nothing and fetches nothing.
MAIL_CSP = {
    "default-src": [CSP.NONE],
    "style-src": [CSP.UNSAFE_INLINE],
    "img-src": ["data:", CSP.SELF],
    "frame-ancestors": [CSP.SELF],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


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
