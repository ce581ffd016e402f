"""The KPIs on a forum's table: those its unit and tier cover, and those that were chosen for it."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kpiplatform.htmx import page
from kpis.models import Kpi
from kpis.queries import kpis_configured_by
from objectives.queries import may_configure
from reviews.forms import ChooseKpiForm
from reviews.models import Forum
from reviews.queries import forums_visible_to
from reviews.rows import Viewer, table_rows
from reviews.services.cadences import choose_forum, release_kpi
from reviews.views.viewing import viewer_of

TEMPLATE = "reviews/forum_kpis.html"


@require_http_methods(["GET", "POST"])
def forum_kpis(request: HttpRequest, code: str) -> HttpResponse:
    """List the KPIs on the table of a forum; POST chooses one for it, or takes one from it."""
    viewer = viewer_of(request, timezone.now())
    forum = get_object_or_404(forums_visible_to(viewer.user, today=viewer.today).select_related("unit"), code=code)
    if request.method == "POST" and not may_configure(viewer.user, today=viewer.today):
        raise PermissionDenied
    kpis = kpis_configured_by(viewer.user, today=viewer.today)
    if "remove" in request.POST:
        return _removed(request, forum, get_object_or_404(kpis, code=request.POST["remove"]))
    may_choose = may_configure(viewer.user, today=viewer.today)
    form = ChooseKpiForm(request.POST or None, forum=forum, kpis=kpis) if may_choose else None
    if form is not None and form.is_valid():
        return _added(request, forum, form.cleaned_data["kpi"])
    return _shown(request, forum, form, viewer)


def _shown(request: HttpRequest, forum: Forum, form: ChooseKpiForm | None, viewer: Viewer) -> HttpResponse:
    rows = table_rows(forum, viewer)
    context = {
        "forum": forum,
        "form": form,
        "chosen": [row for row in rows if row.is_chosen],
        "covered": [row for row in rows if not row.is_chosen],
    }
    return page(request, TEMPLATE, context, partial="body", status=422 if form is not None and form.errors else 200)


def _added(request: HttpRequest, forum: Forum, kpi: Kpi) -> HttpResponse:
    choose_forum(kpi=kpi, forum=forum)
    messages.success(request, _("%(kpi)s is reviewed in %(forum)s.") % {"kpi": kpi.name, "forum": forum.name})
    return _back(forum)


def _removed(request: HttpRequest, forum: Forum, kpi: Kpi) -> HttpResponse:
    words = {"kpi": kpi.name, "forum": forum.name}
    if release_kpi(kpi=kpi, forum=forum):
        messages.success(request, _("%(kpi)s is not chosen for %(forum)s any more.") % words)
    else:
        messages.info(request, _("%(kpi)s was not chosen for %(forum)s.") % words)
    return _back(forum)


def _back(forum: Forum) -> HttpResponse:
    response = HttpResponseRedirect(reverse("reviews:kpis", args=[forum.code]))
    response.status_code = 303
    return response
