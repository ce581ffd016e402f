"""Decisions and actions after they were written: settled, changed, ticked off."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed, seen
from kpiplatform.htmx import changed, page
from objectives.queries import colleagues_of
from reviews.forms import ActionForm, DecisionForm
from reviews.models import Action, Decision, Review
from reviews.queries import actions_visible_to, decisions_visible_to, may_settle
from reviews.rows import Viewer, action_row, decision_row, page_about
from reviews.services.outcomes import change_action, settle_decision, tick_action
from reviews.views.viewing import back_to, viewer_of


@require_http_methods(["GET", "POST"])
def decision(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a decision; POST takes, drops or puts it off."""
    now = timezone.now()
    viewer = viewer_of(request, now)
    about = ("forum", "owner", "kpi", "objective", "initiative", "review")
    its = get_object_or_404(decisions_visible_to(viewer.user, today=viewer.today).select_related(*about), pk=pk)
    settles = may_settle(viewer.user, its.owner_id, its.forum, today=viewer.today)
    if request.method == "POST" and not settles:
        raise PermissionDenied
    initial = {"state": Decision.State.TAKEN, "outcome": its.outcome, "seen": seen(its)}
    form = DecisionForm(request.POST if request.method == "POST" else None, today=viewer.today, initial=initial)
    context = {"row": decision_row(its, viewer), "form": form, "settles": settles, "next": request.POST.get("next", "")}
    context["about_url"] = page_about(its, viewer)
    if form.is_valid():
        try:
            _settle(its, form, viewer)
        except ChangedMeanwhile as error:
            refuse_as_changed(form, error, now)
        else:
            to = back_to(request, reverse("reviews:decision", args=[its.pk]))
            return changed(
                request,
                "reviews/decision.html",
                context,
                partial="form",
                fact="decision-settled",
                message=_("The decision is noted."),
                to=to,
            )
    return page(request, "reviews/decision.html", context, partial="form", status=422 if form.is_bound else 200)


def _settle(its: Decision, form: DecisionForm, viewer: Viewer) -> None:
    said = form.cleaned_data
    settle_decision(
        decision_id=its.pk,
        seen=said["seen"],
        state=said["state"],
        outcome=said["outcome"],
        due_on=(said["due_on"] if said["state"] == Decision.State.DUE else None) or its.due_on,
        today=viewer.today,
        review=Review.objects.filter(forum=its.forum, state=Review.State.OPEN).order_by("held_on").first(),
    )


@require_http_methods(["GET", "POST"])
def action(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an action; POST changes its words, owner or date."""
    now = timezone.now()
    viewer = viewer_of(request, now)
    its = _action_or_404(viewer, pk)
    settles = may_settle(viewer.user, its.owner_id, its.review.forum, today=viewer.today)
    if request.method == "POST" and not settles:
        raise PermissionDenied
    initial = {"text": its.text, "owner": its.owner_id, "due_on": its.due_on, "seen": seen(its)}
    people = colleagues_of(viewer.user, today=viewer.today) | type(its.owner).objects.filter(pk=its.owner_id)
    form = ActionForm(request.POST if request.method == "POST" else None, people=people, initial=initial)
    context = {"row": action_row(its, viewer), "form": form, "settles": settles}
    if form.is_valid():
        said = form.cleaned_data
        try:
            change_action(
                action_id=its.pk, seen=said["seen"], text=said["text"], owner=said["owner"], due_on=said["due_on"]
            )
        except ChangedMeanwhile as error:
            refuse_as_changed(form, error, now)
        else:
            to = reverse("reviews:review", args=[its.review_id])
            if not actions_visible_to(viewer.user, today=viewer.today).filter(pk=its.pk).exists():
                to = reverse("reviews:reviews")
            return changed(
                request,
                "reviews/action.html",
                context,
                partial="form",
                fact="action-changed",
                message=_("The action is changed."),
                to=to,
            )
    return page(request, "reviews/action.html", context, partial="form", status=422 if form.is_bound else 200)


@require_POST
def tick(request: HttpRequest, pk: int) -> HttpResponse:
    """Tick an action off, or with undo=1 open it again."""
    viewer = viewer_of(request, timezone.now())
    its = _action_or_404(viewer, pk)
    if not may_settle(viewer.user, its.owner_id, its.review.forum, today=viewer.today):
        raise PermissionDenied
    undone = bool(request.POST.get("undo"))
    tick_action(action_id=its.pk, done_on=None if undone else viewer.today)
    row = action_row(_action_or_404(viewer, pk), viewer)
    return changed(
        request,
        "reviews/action.html",
        {"row": row},
        partial="row",
        fact="action-opened" if undone else "action-done",
        message=_("The action is open again.") if undone else _("The action is done."),
        to=back_to(request, reverse("reviews:reviews")),
    )


def _action_or_404(viewer: Viewer, pk: int) -> Action:
    rows = actions_visible_to(viewer.user, today=viewer.today)
    return get_object_or_404(rows.select_related("owner", "review__forum", "kpi", "initiative"), pk=pk)
