"""Setting up a forum, with the next dates of its rule shown while it is chosen."""

from __future__ import annotations

from datetime import time
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.htmx import changed, page
from objectives.queries import may_configure
from reviews import words
from reviews.domain.cadence import Cadence, next_dates
from reviews.forms import CADENCE_FIELDS, ForumForm
from reviews.models import Forum
from reviews.queries import DAY, cadence_of, forums_visible_to, working_days
from reviews.rows import Viewer
from reviews.services.forums import CodeTaken, change_forum, create_forum, seen_forum
from reviews.views.viewing import viewer_of

DATES_SHOWN = 5
FIELDS = ("name", "unit", "tier", "chair", "rule", "interval", *CADENCE_FIELDS, "anchor", "starts_at")
SWITCHES = ("working_days_only", "is_active")


@require_http_methods(["GET", "POST"])
def new_forum(request: HttpRequest) -> HttpResponse:
    """Set up a forum."""
    viewer = viewer_of(request, timezone.now())
    if not may_configure(viewer.user, today=viewer.today):
        raise Http404
    initial = {"anchor": viewer.today, "starts_at": time(9), "weekday": viewer.today.weekday(), "rule": "weekly"}
    form = ForumForm(_typed(request), people=_people(), initial=initial)
    context = {"form": form, "forum": None}
    if "show" in request.POST:
        return _page(request, context, form.cadence(), viewer)
    if form.is_valid():
        try:
            made = create_forum(**form.said())
        except CodeTaken:
            form.add_error("code", _("Another forum has this short name."))
        else:
            return _done(request, context, made, _("%(name)s is set up."))
    return _page(request, context, form.cadence(), viewer, refused=form.is_bound)


@require_http_methods(["GET", "POST"])
def edit_forum(request: HttpRequest, code: str) -> HttpResponse:
    """Change a forum."""
    now = timezone.now()
    viewer = viewer_of(request, now)
    forum = get_object_or_404(forums_visible_to(viewer.user, today=viewer.today), code=code)
    if not may_configure(viewer.user, today=viewer.today):
        raise PermissionDenied
    form = ForumForm(_typed(request), people=_people(forum), initial=_stored(forum), code_is_set=True)
    context = {"form": form, "forum": forum}
    if "show" in request.POST:
        return _page(request, context, form.cadence(), viewer)
    if form.is_valid():
        try:
            made = change_forum(forum_id=forum.pk, seen=form.cleaned_data["seen"], **form.said())
        except ChangedMeanwhile as error:
            refuse_as_changed(form, error, now)
            form.data["seen"] = seen_forum(forum)
        else:
            return _done(request, context, made, _("%(name)s is changed."))
    cadence = form.cadence() if form.is_bound else cadence_of(forum)
    return _page(request, context, cadence, viewer, refused=form.is_bound)


def _typed(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _stored(forum: Forum) -> dict[str, Any]:
    stored = {name: getattr(forum, name) for name in (*FIELDS, *SWITCHES)}
    return stored | {"participants": list(forum.participants.all()), "seen": seen_forum(forum)}


def _people(forum: Forum | None = None) -> Any:
    """Whoever may sign in, and whoever is in the forum already."""
    people = User.objects.filter(is_active=True)
    if forum is not None:
        people |= User.objects.filter(pk__in=[forum.chair_id, *forum.participants.values_list("pk", flat=True)])
    return people


def _page(
    request: HttpRequest,
    context: dict[str, Any],
    cadence: Cadence | None,
    viewer: Viewer,
    *,
    refused: bool = False,
) -> HttpResponse:
    shows = "show" in request.POST
    dates = next_dates(cadence, viewer.today - DAY, DATES_SHOWN, working_days()) if cadence else []
    preview = {
        "words": words.in_words(cadence) if cadence else "",
        "dates": [{"when": words.dated(on), "far": words.how_far(on, viewer.today)} for on in dates],
        "shows": shows,
    }
    return page(
        request,
        "reviews/edit_forum.html",
        context | preview,
        partial="dates" if shows else "form",
        status=422 if refused else 200,
    )


def _done(request: HttpRequest, context: dict[str, Any], forum: Forum, sentence: str) -> HttpResponse:
    return changed(
        request,
        "reviews/edit_forum.html",
        context,
        partial="form",
        fact="forum-changed",
        message=sentence % {"name": forum.name},
        to=reverse("reviews:forum", args=[forum.code]),
    )
