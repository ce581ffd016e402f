"""What one is told of: subscriptions as an owner, and what one follows."""

from __future__ import annotations

from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from alerts import services
from alerts.following import TOLD, following_page, line_of
from alerts.models import Subscription
from alerts.queries import subscriptions_of
from alerts.services.subscribing import Told
from alerts.views.incidents import back_to
from kpiplatform.htmx import changed, page
from kpis.models import Kpi
from kpis.queries import kpis_visible_to
from objectives.models import Objective, Unit
from objectives.queries import may_write, objectives_visible_to, units_visible_to


@require_http_methods(["GET", "HEAD", "POST"])
def subscriptions(request: HttpRequest) -> HttpResponse:
    """List what one is told of and find more; POST follows a KPI, an objective or a unit, or ends that."""
    if request.method == "POST":
        return _follow(request)
    context = following_page(user=request.user, today=timezone.localdate(), asked=without_nul(request.GET.get("q", "")))
    return page(request, "alerts/subscriptions.html", context, partial="found")


@require_POST
def subscription(request: HttpRequest, subscription_id: int) -> HttpResponse:
    """Change what one subscription tells, or end it."""
    _writers_only(request)
    row = get_object_or_404(subscriptions_of(request.user, today=timezone.localdate()), pk=subscription_id)
    what = request.POST.get("what", "")
    if request.POST.get("end"):
        services.unfollow(subscription=row)
    elif what in TOLD:
        services.tell(subscription=row, what=cast("Told", what))
    else:
        raise Http404
    again = subscriptions_of(request.user, today=timezone.localdate()).filter(pk=row.pk).first()
    return changed(
        request,
        "alerts/subscriptions.html",
        {"line": line_of(again) if again else None, "pk": subscription_id},
        partial="line",
        fact="subscription-changed",
        message=_("You are no longer told of %s.") % _name(row) if again is None else _("Saved: %s.") % _name(row),
        to=reverse("alerts:subscriptions"),
    )


def _follow(request: HttpRequest) -> HttpResponse:
    _writers_only(request)
    thing = _thing(request)
    if request.POST.get("end"):
        own = Subscription.objects.filter(user=request.user, **{thing._meta.model_name: thing}).first()
        if own is not None:
            services.unfollow(subscription=own)
        message = _("You are no longer told of %s.") % thing
    else:
        services.follow(user=request.user, thing=thing)
        message = _("You are told of every change of band from now on: %s.") % thing
    context: dict[str, Any] = {"code": getattr(thing, "code", ""), "follows": not request.POST.get("end")}
    return changed(
        request,
        "alerts/_follow.html",
        context,
        partial="follow",
        fact="subscription-changed",
        message=message,
        to=back_to(request, reverse("alerts:subscriptions")),
    )


def _thing(request: HttpRequest) -> Kpi | Objective | Unit:
    """The KPI, objective or unit that is asked for; what one may not see does not exist."""
    today = timezone.localdate()
    kinds: dict[str, QuerySet[Any]] = {
        "kpi": kpis_visible_to(request.user, today=today),
        "objective": objectives_visible_to(request.user, today=today),
        "unit": units_visible_to(request.user, today=today),
    }
    for kind, visible in kinds.items():
        if kind in request.POST:
            return get_object_or_404(visible, code=without_nul(request.POST[kind]))
    raise Http404


def without_nul(text: str) -> str:
    """Return the text as the database takes it: no name holds that character."""
    return text.replace("\0", "")


def _name(row: Subscription) -> str:
    return str(row.kpi or row.objective or row.unit)


def _writers_only(request: HttpRequest) -> None:
    if not may_write(request.user, today=timezone.localdate()):
        raise PermissionDenied
