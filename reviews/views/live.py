"""Live mode: the meeting walks the agenda, and what it says is written down where it is said."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kpiplatform.audit.editing import seen
from kpiplatform.htmx import changed, page, wants_partial
from kpis.models import Commentary, Kpi
from kpis.services import notes
from objectives.queries import colleagues_of
from reviews.forms import DecisionForm, NotesForm
from reviews.models import Action, Decision, Pack, Review
from reviews.queries import reviews_visible_to
from reviews.restated import restated_after
from reviews.rows import Viewer, action_row
from reviews.services.outcomes import add_action, add_decision
from reviews.services.reviewing import NotNow
from reviews.showing import Table, Topic
from reviews.views.meetings import head_of, outcomes_of, table_of_review
from reviews.views.viewing import viewer_of


@require_http_methods(["GET", "POST"])
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one item of the agenda in large figures; POST keeps what the form says about it.

    Once the review is closed the page leads to its minutes; what was still being typed is refused, not lost.
    """
    now = timezone.now()
    viewer = viewer_of(request, now)
    visible = reviews_visible_to(viewer.user, today=viewer.today).select_related("forum__unit", "forum__chair")
    review = get_object_or_404(visible, pk=pk)
    table = table_of_review(review, viewer, now) if review.state != Review.State.PLANNED else None
    stays = review.state == Review.State.OPEN or request.method == "POST" or wants_partial(request)
    if table is None or not stays:
        return _see_other(reverse("reviews:review", args=[review.pk]))
    head, topic = head_of(review, viewer), _topic(table, request.GET.get("item", ""))
    if request.method == "POST" and not head["may_contribute"]:
        raise PermissionDenied
    form = _form(request.POST if request.method == "POST" else None, viewer, review, topic)
    if form.is_valid() and _kept(form, review, topic, viewer, now):
        return _after_keeping(request, head, table, topic, viewer, now)
    context = head | _desk(table, topic, review, viewer, form)
    return page(request, "reviews/live.html", context, partial="desk", status=422 if form.is_bound else 200)


def _topic(table: Table, wanted: str) -> Topic | None:
    """Return the item of that number; the first one for any other word, None on an empty agenda."""
    number = int(wanted) if wanted.isdecimal() and wanted.isascii() and len(wanted) < 5 else 1
    return table.topics[number - 1] if 1 <= number <= len(table.topics) else next(iter(table.topics), None)


def _form(data: Any, viewer: Viewer, review: Review, topic: Topic | None) -> NotesForm:
    people = colleagues_of(viewer.user, today=viewer.today)
    takes_comment = topic is not None and topic.kind == "kpi"
    form = NotesForm(data, people=people, today=viewer.today, takes_comment=takes_comment)
    form.initial |= {"decision_owner": review.forum.chair_id}
    return form


def _kept(form: NotesForm, review: Review, topic: Topic | None, viewer: Viewer, now: datetime) -> bool:
    """Return whether all that was typed is stored; each part that is sent twice is stored once."""
    said, about = form.cleaned_data, _about(topic)
    if review.state != Review.State.OPEN:
        form.add_error(None, _closed_meanwhile())
        return False
    try:
        if said["decision"]:
            add_decision(
                review_id=review.pk,
                title=said["decision"],
                owner=said["decision_owner"] or review.forum.chair,
                outcome=said["outcome"],
                due_on=said["decide_by"],
                today=viewer.today,
                **about,
            )
        if said["action"]:
            subject = {name: row for name, row in about.items() if name != "objective"}
            add_action(
                review_id=review.pk,
                text=said["action"],
                owner=said["action_owner"],
                due_on=said["action_due"],
                **subject,
            )
    except NotNow:
        form.add_error(None, _closed_meanwhile())
        return False
    kpi = about.get("kpi")
    if said.get("comment") and kpi is not None and topic is not None:
        notes.comment(kpi=kpi, body=said["comment"], author=viewer.user, now=now)
    return True


def _closed_meanwhile() -> str:
    return _("The review was closed meanwhile. What you typed is still here: note it on the page of the KPI.")


def _about(topic: Topic | None) -> dict[str, Any]:
    """Return what an item is about, by the names of a decision's fields."""
    if topic is None:
        return {}
    if topic.kind == "kpi":
        return {"kpi": Kpi.objects.get(code=topic.key)}
    row: Decision | Action
    if topic.kind == "decision":
        row = Decision.objects.select_related("kpi", "objective", "initiative").get(pk=topic.key)
        return {"kpi": row.kpi, "objective": row.objective, "initiative": row.initiative}
    row = Action.objects.select_related("kpi", "initiative").get(pk=topic.key)
    return {"kpi": row.kpi, "initiative": row.initiative}


def _after_keeping(
    request: HttpRequest, head: dict[str, Any], table: Table, topic: Topic | None, viewer: Viewer, now: datetime
) -> HttpResponse:
    """Stay on the item, or go on to the next one if that was the button."""
    review: Review = head["review"]
    goes_on = "next" in request.POST and topic is not None and topic.number < len(table.topics)
    shown = table.topics[topic.number] if goes_on and topic else topic
    context = head | _desk(table, shown, review, viewer, _form(None, viewer, review, shown))
    return changed(
        request,
        "reviews/live.html",
        context,
        partial="desk",
        fact="review-noted",
        message=_("Saved."),
        to=_url(review, shown),
    )


def _desk(table: Table, topic: Topic | None, review: Review, viewer: Viewer, form: NotesForm) -> dict[str, Any]:
    number = topic.number if topic else 0
    return {
        "table": table,
        "topic": topic,
        "count": len(table.topics),
        "earlier": _url(review, table.topics[number - 2]) if number > 1 else "",
        "later": _url(review, table.topics[number]) if number < len(table.topics) else "",
        "here": _url(review, topic),
        "links": [{"topic": one, "url": _url(review, one)} for one in table.topics],
        "form": form,
        "outcomes": outcomes_of(review, viewer),
        "said": _said(topic, review),
        **_present(topic, review, viewer),
    }


def _present(topic: Topic | None, review: Review, viewer: Viewer) -> dict[str, Any]:
    """Return how an item of the agenda stands by now: what became of the value, or what can be done about it."""
    if topic is None:
        return {}
    if topic.kind == "kpi":
        frozen = Pack.objects.get(review=review)
        asked = {"frozen_at": frozen.frozen_at, "viewer": viewer, "now": timezone.now(), "code": topic.key}
        return {"restated_after": restated_after(frozen.content, **asked)}
    if topic.kind == "action":
        action = Action.objects.select_related("owner", "review__forum", "kpi", "initiative").get(pk=topic.key)
        return {"action": action_row(action, viewer)}
    decision = Decision.objects.get(pk=topic.key)
    initial = {"state": Decision.State.TAKEN, "seen": seen(decision)}
    return {"decision": decision, "decision_form": DecisionForm(today=viewer.today, initial=initial)}


def _said(topic: Topic | None, review: Review) -> list[Commentary]:
    """Return what was said about the KPI since the review was opened."""
    if topic is None or topic.kind != "kpi":
        return []
    rows = Commentary.objects.filter(kpi__code=topic.key, created_at__gte=review.opened_at)
    return list(rows.select_related("author").order_by("created_at", "pk"))


def _url(review: Review, topic: Topic | None) -> str:
    base = reverse("reviews:live", args=[review.pk])
    return f"{base}?item={topic.number}" if topic and topic.number > 1 else base


def _see_other(url: str) -> HttpResponse:
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response
