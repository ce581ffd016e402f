"""Marks on the chart: set, changed, removed and put back."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.htmx import changed, page, wants_partial
from kpis.domain.days import day_named
from kpis.forms import AnnotationForm
from kpis.models import Annotation, Kpi
from kpis.services import notes
from kpis.views.access import kpi_to_comment
from objectives.queries import may_configure, organisations_day

SALT, UNDO_FOR = "removed annotation", timedelta(hours=1)


@require_http_methods(["GET", "POST"])
def annotate(request: HttpRequest, code: str) -> HttpResponse:
    """Mark days on the chart with a remark; `day` in the address fills in the first."""
    now = timezone.now()
    kpi, today = kpi_to_comment(request, code), organisations_day(now)
    data = request.POST if request.method == "POST" else None
    form = AnnotationForm(data, today=today, first_day=day_named(request.GET.get("day", "")))
    if form.is_valid():
        day, text = form.cleaned_data["day"], form.cleaned_data["text"]
        notes.annotate(kpi=kpi, start=day, end=form.end, text=text, author=request.user, now=now)
        return _done(request, kpi, today, _("The note stands on the chart."))
    context = {"kpi": kpi, "note_form": form, "removed": _removed(request, kpi)}
    return page(request, "kpis/note.html", context, partial="form", status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def annotation(request: HttpRequest, code: str, annotation_id: int) -> HttpResponse:
    """Change one's own mark; administrators change any."""
    now = timezone.now()
    kpi, today = kpi_to_comment(request, code), organisations_day(now)
    note = _own_note(request, kpi, annotation_id)
    form = AnnotationForm(request.POST if request.method == "POST" else None, today=today, changes=note)
    if form.is_valid() and _stored(form, note, now):
        return _done(request, kpi, today, _("The note was changed."))
    context = {"kpi": kpi, "note": note, "note_form": form}
    return page(request, "kpis/note_change.html", context, partial="form", status=422 if form.is_bound else 200)


@require_POST
def remove(request: HttpRequest, code: str, annotation_id: int) -> HttpResponse:
    """Take one's own mark off the chart; what is needed to put it back comes with the answer."""
    now = timezone.now()
    kpi, today = kpi_to_comment(request, code), organisations_day(now)
    note = _own_note(request, kpi, annotation_id)
    token = signing.dumps(_kept(note), salt=f"{SALT} {kpi.pk}", compress=True)
    notes.remove_annotation(annotation_id=note.pk)
    context = {"removed": {"token": token, "text": note.text}}
    back = f"{reverse('kpis:annotate', args=[kpi.code])}?removed={token}"
    return _done(request, kpi, today, _("The note was removed."), context=context, to=back)


@require_POST
def restore(request: HttpRequest, code: str) -> HttpResponse:
    """Put a mark back that was removed within the hour."""
    kpi, today = kpi_to_comment(request, code), organisations_day(timezone.now())
    kept = _read(request.POST.get("removed", ""), kpi)
    author = User.objects.filter(pk=kept["author"]).first() if kept else None
    if kept is None or author is None or not (author == request.user or may_configure(request.user, today=today)):
        raise Http404
    notes.restore_annotation(
        kpi=kpi,
        start=date.fromisoformat(kept["start"]),
        end=date.fromisoformat(kept["end"]),
        text=kept["text"],
        author=author,
        created_at=datetime.fromisoformat(kept["at"]),
    )
    return _done(request, kpi, today, _("The note is back on the chart."))


def _stored(form: AnnotationForm, note: Annotation, now: datetime) -> bool:
    said = form.cleaned_data
    try:
        notes.change_annotation(
            annotation_id=note.pk, seen=said["seen"], start=said["day"], end=form.end, text=said["text"]
        )
    except ChangedMeanwhile as error:
        refuse_as_changed(form, error, now)
    return not form.errors


def _done(
    request: HttpRequest, kpi: Kpi, today: date, message: str, *, context: dict[str, Any] | None = None, to: str = ""
) -> HttpResponse:
    return changed(
        request,
        "kpis/note.html",
        {"kpi": kpi, "note_form": AnnotationForm(today=today)} | (context or {}),
        partial="form",
        fact="annotation-added",
        message=message,
        to=to or f"{reverse('kpi', args=[kpi.code])}#chart-panel",
    )


def _own_note(request: HttpRequest, kpi: Kpi, annotation_id: int) -> Annotation:
    """The mark, for its author and administrators; others see it on the chart and may not touch it."""
    note = get_object_or_404(Annotation, kpi=kpi, pk=annotation_id)
    if note.author_id != request.user.pk and not may_configure(request.user, today=timezone.localdate()):
        raise PermissionDenied
    return note


def _kept(note: Annotation) -> dict[str, Any]:
    return {
        "start": note.period_start.isoformat(),
        "end": note.period_end.isoformat(),
        "text": note.text,
        "author": note.author_id,
        "at": note.created_at.isoformat(),
    }


def _read(token: str, kpi: Kpi) -> dict[str, Any] | None:
    try:
        kept: dict[str, Any] = signing.loads(token, salt=f"{SALT} {kpi.pk}", max_age=UNDO_FOR)
    except signing.BadSignature:
        return None
    return kept


def _removed(request: HttpRequest, kpi: Kpi) -> dict[str, str] | None:
    token = request.GET.get("removed", "")
    kept = _read(token, kpi) if token and not wants_partial(request) else None
    return {"token": token, "text": kept["text"]} if kept else None
