"""What became of every mail, for administrators."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from alerts import services
from alerts.mail_list import CHOICES, line_of, mail_page
from alerts.models import Delivery
from alerts.queries import deliveries_visible_to
from alerts.views.incidents import wording_of
from kpiplatform.htmx import changed, page
from objectives.queries import may_configure


@require_safe
def deliveries(request: HttpRequest) -> HttpResponse:
    """List the mails by what became of them, newest first."""
    _only_admins(request)
    chosen = request.GET.get("state", "")
    context = mail_page(
        rows=deliveries_visible_to(request.user, today=timezone.localdate()),
        chosen=chosen if chosen in CHOICES else "",
        after=request.GET.get("after", ""),
        reader=request.user,
        wording=wording_of(request, timezone.now()),
    )
    return page(request, "alerts/deliveries.html", context, partial="list")


@require_POST
def retry(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    """Try a mail that was given up once more."""
    _only_admins(request)
    now = timezone.now()
    visible = deliveries_visible_to(request.user, today=timezone.localdate())
    delivery = get_object_or_404(visible, pk=delivery_id)
    revived = services.try_again(delivery_id=delivery.pk, now=now)
    delivery.refresh_from_db(fields=["state", "next_attempt_at", "finished_at", "reply", "attempts"])
    sentences = {
        True: _("The mail to %s is tried once more."),
        False: _("The mail to %s was not given up: nothing was changed."),
    }
    return changed(
        request,
        "alerts/deliveries.html",
        {"line": line_of(delivery, request.user, wording_of(request, now))},
        partial="line",
        fact="delivery-owed",
        message=sentences[revived] % delivery.recipient.name,
        to=f"{reverse('alerts:deliveries')}?state={Delivery.State.DEAD}",
    )


def _only_admins(request: HttpRequest) -> None:
    if not may_configure(request.user, today=timezone.localdate()):
        raise Http404
