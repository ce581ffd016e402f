"""A spreadsheet to fill in goes out, comes back, is looked at and confirmed."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from kpiplatform.dashboards.fill_in import book, places
from kpiplatform.dashboards.fill_in.coming_back import said_in
from kpiplatform.dashboards.fill_in.forms import BookForm, ConfirmForm
from kpiplatform.dashboards.fill_in.preview import (
    CHANGES_AT_MOST,
    KEPT,
    NEW,
    REFUSED,
    Preview,
    TooMany,
    graded,
    preview,
)
from kpiplatform.dashboards.fill_in.recording import record_preview
from kpiplatform.dashboards.models import SentFile
from kpiplatform.dashboards.my_kpis.presenter import viewer_of
from kpiplatform.dashboards.my_kpis.sheet import Viewer
from kpiplatform.dashboards.sending import SendForm, keep_sent
from kpiplatform.dashboards.taking import note_taken
from kpiplatform.htmx import changed, page
from kpiplatform.sent_files.reading import FileRefused, restored
from kpis.domain.entry_checks import EntryRefused, language_of
from kpis.domain.figures import MARKS
from kpis.readings import Conflict, PeriodLocked
from objectives.queries import may_configure

START, LOOK = "dashboards/fill_in/start.html", "dashboards/fill_in/look.html"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHOWN = 300
SEE_OTHER = 303


@require_http_methods(["GET", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Offer the spreadsheet; POST takes one back. Nothing is recorded before it was looked at."""
    viewer = viewer_of(request)
    form = (
        SendForm(request.POST, request.FILES, accept=".xlsx") if request.method == "POST" else SendForm(accept=".xlsx")
    )
    if form.is_valid():
        try:
            kept = keep_sent(
                file=form.cleaned_data["file"],
                purpose=SentFile.Purpose.VALUES,
                author=viewer.user,
                now=viewer.now,
            )
            said_in(restored(kept.sheets))
        except FileRefused as refused:
            form.add_error("file", str(refused))
        else:
            return HttpResponseRedirect(reverse("my:look", args=[kept.pk]), status=SEE_OTHER)
    return page(request, START, _start(viewer, form), partial="start", status=422 if form.is_bound else 200)


@require_safe
def spreadsheet(request: HttpRequest) -> HttpResponse:
    """Send the spreadsheet, filled in with what stands."""
    viewer = viewer_of(request)
    form = BookForm(request.GET, chooses_all=_chooses_all(viewer))
    if not form.is_valid():
        return page(request, START, _start(viewer, SendForm(accept=".xlsx"), form), partial="start", status=422)
    said = form.cleaned_data
    kpis = places.fillable(viewer, said.get("whose", places.MINE))
    if len(kpis) * said["periods"] > book.VALUES_AT_MOST:
        form.add_error("periods", _too_many(len(kpis)))
        return page(request, START, _start(viewer, SendForm(accept=".xlsx"), form), partial="start", status=422)
    content = book.workbook(places.lines_of(kpis, viewer, said["periods"]), layout=said["layout"], viewer=viewer)
    name = f"values-{viewer.today}.xlsx"
    note_taken(request, name=name, rows=len(kpis))
    response = HttpResponse(content, content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "POST"])
def look(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the file would change; POST records it."""
    viewer = viewer_of(request)
    file = get_object_or_404(SentFile, pk=pk, author=viewer.user, purpose=SentFile.Purpose.VALUES)
    if file.done_at is not None:
        return page(request, LOOK, _done(file), partial="look")
    try:
        seen = preview(said_in(restored(file.sheets)), viewer)
    except (FileRefused, TooMany) as refused:
        why = str(refused) or _("The file changes more than %(n)d values. Send fewer at once.") % {"n": CHANGES_AT_MOST}
        return page(request, LOOK, {"file": file, "refused": why}, partial="look", status=422)
    form = ConfirmForm(request.POST if request.method == "POST" else None, preview=seen)
    if form.is_valid() and (seen.taken or seen.kept):
        try:
            file = record_preview(
                file=file,
                seen=seen,
                reason=form.cleaned_data["reason"],
                user=viewer.user,
                today=viewer.today,
                now=viewer.now,
            )
        except (EntryRefused, PeriodLocked, Conflict):
            form.add_error(None, _("Somebody changed something at this moment. Nothing was recorded; look again."))
        else:
            context = _done(file)
            return changed(request, LOOK, context, partial="look", fact="measurement-recorded", message=context["said"])
    context = _look(file, seen, form, viewer)
    return page(request, LOOK, context, partial="look", status=422 if form.is_bound else 200)


def _too_many(kpis: int) -> str:
    """Say how many periods a file can have that is taken back: one with more rows would not be read."""
    most = book.VALUES_AT_MOST // kpis
    if most:
        return _("%(kpis)d KPIs take at most %(most)d periods in one file.") % {"kpis": kpis, "most": most}
    words = {"kpis": kpis, "most": book.VALUES_AT_MOST}
    return _("These are %(kpis)d KPIs; a file has at most %(most)d values. Send them through the API.") % words


def _chooses_all(viewer: Viewer) -> bool:
    return may_configure(viewer.user, today=viewer.today)


def _start(viewer: Viewer, form: SendForm, chosen: BookForm | None = None) -> dict[str, Any]:
    count = len(places.fillable(viewer))
    return {
        "form": form,
        "book": chosen or BookForm(chooses_all=_chooses_all(viewer)),
        "count": count,
        "chooses_all": _chooses_all(viewer),
        "mark": MARKS.get(language_of(viewer.locale), MARKS["en"])[1],
    }


def _look(file: SentFile, seen: Preview, form: ConfirmForm, viewer: Viewer) -> dict[str, Any]:
    taken, kept, refused = len(seen.taken), len(seen.kept), len(seen.of(REFUSED))
    # What is refused, kept or asked comes first: it is what somebody has to see.
    lines = sorted(seen.lines, key=lambda line: (line.entry is not None, line.status != KEPT, line.question is None))
    return {
        "file": file,
        "form": form,
        "lines": graded(lines[:SHOWN], viewer),
        "more": max(len(lines) - SHOWN, 0),
        "takes": taken + kept,
        "counts": [
            ngettext("%(n)d new value", "%(n)d new values", _new(seen)) % {"n": _new(seen)},
            ngettext("%(n)d changed", "%(n)d changed", taken - _new(seen)) % {"n": taken - _new(seen)},
            *([ngettext("%(n)d to explain", "%(n)d to explain", kept) % {"n": kept}] if kept else []),
            ngettext("%(n)d refused", "%(n)d refused", refused) % {"n": refused},
            ngettext("%(n)d as it was", "%(n)d as they were", seen.same) % {"n": seen.same},
        ],
        "records": ngettext("Record %(n)d value", "Record %(n)d values", taken) % {"n": taken}
        if taken
        else ngettext("Keep %(n)d draft", "Keep %(n)d drafts", kept) % {"n": kept},
    }


def _done(file: SentFile) -> dict[str, Any]:
    names = ("place", "kpi", "period", "says")
    left_out = [dict(zip(names, one, strict=True)) for one in file.outcome.get("left_out", [])]
    return {"file": file, "said": _outcome(file), "left_out": left_out}


def _new(seen: Preview) -> int:
    return sum(line.status == NEW for line in seen.taken)


def _outcome(file: SentFile) -> str:
    said = file.outcome
    stored = said["new"] + said["revised"]
    sentences = [ngettext("%(n)d value was recorded.", "%(n)d values were recorded.", stored) % {"n": stored}]
    if said["waiting"]:
        sentences.append(
            ngettext("%(n)d waits for approval.", "%(n)d wait for approval.", said["waiting"]) % {"n": said["waiting"]}
        )
    if kept := said.get("kept"):  # files that were recorded earlier have none
        words = ngettext(
            "%(n)d is kept as your draft: it counts once you explain it on My KPIs.",
            "%(n)d are kept as your drafts: they count once you explain them on My KPIs.",
            kept,
        )
        sentences.append(words % {"n": kept})
    if said["refused"]:
        sentences.append(
            ngettext("%(n)d was left out.", "%(n)d were left out.", said["refused"]) % {"n": said["refused"]}
        )
    return " ".join(sentences)
