"""The life of one review: planned, opened with its pack, closed with its minutes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from initiatives.queries import initiatives_visible_to
from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed, seen
from kpiplatform.htmx import changed, page
from kpis.dates import moment
from kpis.queries import kpis_visible_to
from reviews.domain.frozen import fingerprint
from reviews.forms import CloseForm, PlanForm
from reviews.models import Forum, Minutes, Pack, Review
from reviews.on_the_table import table_of
from reviews.queries import begins_at, forums_visible_to, may_contribute, may_run, open_actions, reviews_visible_to
from reviews.restated import restated_after
from reviews.rows import Viewer, action_row, decision_row
from reviews.services import reviewing
from reviews.showing import Reader, minutes_shown, table_shown
from reviews.views.viewing import viewer_of
from reviews.words import dated, meeting_time


@require_POST
def plan(request: HttpRequest, code: str) -> HttpResponse:
    """Plan a review of a forum for a day; a day that has one leads to it."""
    viewer = viewer_of(request, timezone.now())
    forum = get_object_or_404(forums_visible_to(viewer.user, today=viewer.today), code=code)
    _only_who_runs(viewer, forum)
    form = PlanForm(request.POST, today=viewer.today)
    if form.is_valid():
        review = reviewing.plan_review(forum=forum, held_on=form.cleaned_data["held_on"])
        return _see_other("reviews:review", review)
    context = {"form": form, "forum": forum, "review": None}
    return page(request, "reviews/plan.html", context, partial="form", status=422)


@require_safe
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a review: what would be on its table, what is, or what it came to."""
    now = timezone.now()
    viewer, its = _review_or_404(request, pk, now)
    context = head_of(its, viewer) | {"table": table_of_review(its, viewer, now)}
    context |= {"minutes": _minutes(its), "outcomes": outcomes_of(its, viewer)}
    if its.state == Review.State.PLANNED and context["may_run"]:
        initial = {"held_on": its.held_on, "seen": seen(its)}
        context["plan_form"] = PlanForm(today=viewer.today, initial=initial)
    return page(request, "reviews/review.html", context, partial="body")


@require_POST
def open_review(request: HttpRequest, pk: int) -> HttpResponse:
    """Open a review: its pack is frozen now."""
    now = timezone.now()
    viewer, its = _review_or_404(request, pk, now)
    _only_who_runs(viewer, its.forum)
    reviewing.open_review(review_id=its.pk, now=now)
    return _see_other("reviews:live", its)


@require_POST
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a planned review to another day, or with cancel=1 take it back."""
    now = timezone.now()
    viewer, its = _review_or_404(request, pk, now)
    _only_who_runs(viewer, its.forum)
    if request.POST.get("cancel"):
        return _cancelled(request, its)
    form = PlanForm(request.POST, today=viewer.today)
    if form.is_valid():
        said = form.cleaned_data
        try:
            reviewing.move_review(review_id=its.pk, seen=said["seen"], held_on=said["held_on"])
        except ChangedMeanwhile as error:
            refuse_as_changed(form, error, now)
        except reviewing.DayTaken:
            form.add_error("held_on", _("The forum has another review on that day."))
        except reviewing.NotNow:
            form.add_error(None, _("The review has been opened: its day stays."))
        else:
            return _see_other("reviews:review", its)
    context = {"form": form, "forum": its.forum, "review": its}
    return page(request, "reviews/plan.html", context, partial="form", status=422)


def _cancelled(request: HttpRequest, its: Review) -> HttpResponse:
    try:
        reviewing.cancel_review(review_id=its.pk)
    except reviewing.NotNow:
        return _see_other("reviews:review", its)
    said = _("The review of %(day)s is cancelled. It can be prepared again at any time.") % {"day": dated(its.held_on)}
    messages.success(request, said)
    response = HttpResponseRedirect(reverse("reviews:forum", args=[its.forum.code]))
    response.status_code = 303
    return response


@require_http_methods(["GET", "POST"])
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the minutes will say; POST closes the review and sends them."""
    now = timezone.now()
    viewer, its = _review_or_404(request, pk, now)
    _only_who_runs(viewer, its.forum)
    if its.state == Review.State.PLANNED:
        return _see_other("reviews:review", its)
    form = CloseForm(request.POST if request.method == "POST" else None)
    context = head_of(its, viewer) | {"form": form, "outcomes": outcomes_of(its, viewer)}
    if its.state == Review.State.CLOSED and not form.is_bound:
        return _see_other("reviews:review", its)
    if form.is_valid():
        reviewing.close_review(review_id=its.pk, summary=form.cleaned_data["summary"], by=viewer.user, now=now)
        return changed(
            request,
            "reviews/close.html",
            context,
            partial="form",
            fact="review-closed",
            message=_("The review is closed. Its minutes are on their way to everybody who took part."),
            to=reverse("reviews:review", args=[its.pk]),
        )
    return page(request, "reviews/close.html", context, partial="form", status=422 if form.is_bound else 200)


@require_safe
def pack(request: HttpRequest, pk: int) -> HttpResponse:
    """Show everything that was on the table, as it was frozen, ready to print."""
    now = timezone.now()
    viewer, its = _review_or_404(request, pk, now)
    frozen = get_object_or_404(Pack, review=its)
    context = head_of(its, viewer) | {
        "table": table_of_review(its, viewer, now),
        "sha256": frozen.sha256,
        "is_intact": fingerprint(frozen.content) == frozen.sha256,
        "frozen": moment(frozen.frozen_at, viewer.zone),
        "restated_after": restated_after(frozen.content, frozen_at=frozen.frozen_at, viewer=viewer, now=now),
        "minutes": _minutes(its),
    }
    return page(request, "reviews/pack.html", context, partial="body")


def head_of(its: Review, viewer: Viewer) -> dict[str, Any]:
    """Return what every page of a review says above everything else."""
    begins = begins_at(its.forum, its.held_on, viewer.organisation_zone)
    return {
        "review": its,
        "forum": its.forum,
        "when": meeting_time(begins, viewer.zone),
        "day": dated(its.held_on),
        "opened": moment(its.opened_at, viewer.zone) if its.opened_at else "",
        "closed": moment(its.closed_at, viewer.zone) if its.closed_at else "",
        "may_run": may_run(viewer.user, its.forum, today=viewer.today),
        "may_contribute": may_contribute(viewer.user, its.forum, today=viewer.today),
    }


def table_of_review(its: Review, viewer: Viewer, now: datetime) -> Any:
    """Return what is on the table: from the pack, or as it would be now while the review is planned."""
    if its.state == Review.State.PLANNED:
        content = table_of(its, at=now)
    else:
        frozen = Pack.objects.filter(review=its).first()
        if frozen is None:
            return None
        content = frozen.content
    codes = [row["code"] for row in content["kpis"]]
    visible = kpis_visible_to(viewer.user, today=viewer.today).filter(code__in=codes)
    work = initiatives_visible_to(viewer.user, today=viewer.today)
    reader = Reader(
        locale=viewer.user.locale,
        may_open=frozenset(visible.values_list("code", flat=True)),
        may_open_work=frozenset(work.order_by().values_list("code", flat=True)),
    )
    return table_shown(content, reader)


def outcomes_of(its: Review, viewer: Viewer) -> dict[str, Any]:
    """Return the decisions and actions of a review as they stand, and what is carried on from earlier ones."""
    about = ("owner", "forum", "kpi", "objective", "initiative")
    decisions = its.decisions.select_related(*about).order_by("pk")
    actions = its.actions.select_related("owner", "review__forum", "kpi", "initiative").order_by("pk")
    carried = open_actions(its.forum).filter(review__held_on__lt=its.held_on)
    return {
        "decisions": [decision_row(row, viewer) for row in decisions],
        "actions": [action_row(row, viewer) for row in actions],
        "carried": [action_row(row, viewer) for row in carried],
    }


def _minutes(its: Review) -> dict[str, Any] | None:
    record = Minutes.objects.filter(review=its).first()
    return minutes_shown(record.content) if record else None


def _review_or_404(request: HttpRequest, pk: int, now: datetime) -> tuple[Viewer, Review]:
    viewer = viewer_of(request, now)
    visible = reviews_visible_to(viewer.user, today=viewer.today).select_related("forum__unit", "forum__chair")
    return viewer, get_object_or_404(visible, pk=pk)


def _only_who_runs(viewer: Viewer, forum: Forum) -> None:
    if not may_run(viewer.user, forum, today=viewer.today):
        raise PermissionDenied


def _see_other(name: str, its: Review) -> HttpResponse:
    response = HttpResponseRedirect(reverse(name, args=[its.pk]))
    response.status_code = 303
    return response
