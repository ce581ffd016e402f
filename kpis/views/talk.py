"""The thread of a KPI: comments, answers, explanations, and whom one can name."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from kpiplatform.htmx import changed, page
from kpis.forms import CommentForm, ExplanationForm, recent_periods
from kpis.models import Commentary, Kpi
from kpis.services import notes
from kpis.services.naming import people_named, people_to_name
from kpis.views.access import kpi_to_comment
from objectives.queries import organisations_day


@require_http_methods(["GET", "POST"])
def comment(request: HttpRequest, code: str) -> HttpResponse:
    """Add a comment to the thread, an answer to an entry, or with kind=explanation: cause, action, recovery date."""
    now = timezone.now()
    kpi = kpi_to_comment(request, code)
    asked = request.POST if request.method == "POST" else request.GET
    if asked.get("kind") == "explanation":
        return _explain(request, kpi, now)
    form, parent = CommentForm(request.POST if request.method == "POST" else None), _parent(kpi, asked)
    if not form.is_valid():
        context = {"kpi": kpi, "comment_form": form, "parent": parent}
        return page(request, "kpis/comment.html", context, partial="form", status=422 if form.is_bound else 200)
    body = form.cleaned_data["body"]
    notes.comment(kpi=kpi, body=body, author=request.user, now=now, answers=parent.pk if parent else None)
    message = _("The answer stands in the thread.") if parent else _("The comment stands in the thread.")
    return _said(request, kpi, now, body, message=message)


@require_safe
def nameable(request: HttpRequest, code: str) -> HttpResponse:
    """List colleagues who may open the KPI and can be named, by the beginning of a name."""
    kpi = kpi_to_comment(request, code)
    start = request.GET.get("q", "")[:60].replace("\0", "")
    found = people_to_name(kpi=kpi, author=request.user, start=start, today=timezone.localdate())
    return render(request, "kpis/_people.html", {"people": found})


def _explain(request: HttpRequest, kpi: Kpi, now: datetime) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    periods = recent_periods(kpi, today=organisations_day(now))
    form = ExplanationForm(data, periods=periods)
    if not form.is_valid():
        context = {"kpi": kpi, "explanation_form": form}
        return page(request, "kpis/explanation.html", context, partial="form", status=422 if form.is_bound else 200)
    said = form.cleaned_data
    start = date.fromisoformat(said.pop("period"))
    notes.explain(kpi=kpi, period_start=start, author=request.user, now=now, **said)
    return _said(
        request,
        kpi,
        now,
        said["cause"],
        said["action"],
        message=_("The explanation stands in the thread."),
        template="kpis/explanation.html",
        context={"explanation_form": ExplanationForm(periods=periods)},
    )


def _said(
    request: HttpRequest,
    kpi: Kpi,
    now: datetime,
    *texts: str,
    message: str,
    template: str = "kpis/comment.html",
    context: dict[str, Any] | None = None,
) -> HttpResponse:
    return changed(
        request,
        template,
        {"kpi": kpi, "comment_form": CommentForm()} | (context or {}),
        partial="form",
        fact="commentary-added",
        message=" ".join([message, *_who_was_told(request, kpi, now, texts)]),
        to=f"{reverse('kpi', args=[kpi.code])}#commentary",
    )


def _who_was_told(request: HttpRequest, kpi: Kpi, now: datetime, texts: tuple[str, ...]) -> list[str]:
    named = people_named(*texts, kpi=kpi, author=request.user, today=organisations_day(now))
    told = [person.name for person in named.told if person != request.user]
    sentences = []
    if told:
        sentences.append(_("Told by mail: %s.") % ", ".join(told))
    if named.not_told:
        names = ", ".join(person.name for person in named.not_told)
        sentence = ngettext(
            "%s may not open this KPI and was not told.",
            "%s may not open this KPI and were not told.",
            len(named.not_told),
        )
        sentences.append(sentence % names)
    return sentences


def _parent(kpi: Kpi, asked: Any) -> Commentary | None:
    """The entry that is answered, if any; it belongs to the same thread."""
    answers = asked.get("answers", "")
    if not answers.isdecimal():
        return None
    return get_object_or_404(Commentary.objects.select_related("author"), kpi=kpi, pk=answers)
