"""Sending a list of KPIs, looking at what it would become, and importing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from kpiplatform.accounts.services import NotActive
from kpiplatform.dashboards.configuration.entry import admins_only, today
from kpiplatform.dashboards.kpi_list.forms import COLUMN, ReadingForm
from kpiplatform.dashboards.kpi_list.heads import head_row_of, heads_of, sheet_of
from kpiplatform.dashboards.kpi_list.importing import import_lines
from kpiplatform.dashboards.kpi_list.lines import DryRun, Line
from kpiplatform.dashboards.kpi_list.presenter import shown
from kpiplatform.dashboards.models import SentFile
from kpiplatform.dashboards.sending import SendForm, keep_sent
from kpiplatform.htmx import changed, page
from kpiplatform.sent_files.reading import FileRefused, Rows, restored
from kpis.services.refusal import Refused

SEND, READ = "dashboards/kpi_list/send.html", "dashboards/kpi_list/read.html"
SHOWN = 200
SEE_OTHER = 303


@require_http_methods(["GET", "POST"])
@admins_only
def send(request: HttpRequest) -> HttpResponse:
    """Take a list; nothing is made of it before it was looked at."""
    form = SendForm(request.POST, request.FILES) if request.method == "POST" else SendForm()
    if form.is_valid():
        try:
            kept = keep_sent(
                file=form.cleaned_data["file"],
                purpose=SentFile.Purpose.KPIS,
                author=request.user,
                now=timezone.now(),
            )
        except FileRefused as refused:
            form.add_error("file", str(refused))
        else:
            return HttpResponseRedirect(reverse("kpi_list:read", args=[kept.pk]), status=SEE_OTHER)
    return page(request, SEND, {"form": form}, partial="send", status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@admins_only
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what each line would become; POST looks again with other choices, or with import=1 makes the KPIs."""
    file = get_object_or_404(SentFile, pk=pk, author=request.user, purpose=SentFile.Purpose.KPIS)
    if file.done_at is not None:
        return page(request, READ, _done(file), partial="read")
    sheets = restored(file.sheets)
    begins = _begins(request, sheets)
    rows = sheets.get(begins.sheet, [])
    # What is recognised by itself is a choice like any other: the first look is a dry run already.
    form = ReadingForm(_said(request, begins, list(sheets)), sheets=list(sheets), heads=begins.heads, chosen={})
    lines: list[Line] = []
    if form.is_valid():
        wanted = form.wanted(locale=request.user.locale, now=timezone.now(), today=today())
        lines = DryRun(wanted).lines(rows, head=begins.row)
        # What is imported is what was looked at: lines of another place were not.
        if "import" in request.POST and not begins.is_new and any(line.is_good for line in lines):
            try:
                file = import_lines(file=file, lines=lines, wanted=wanted, by=request.user)
            except (NotActive, Refused) as refused:
                form.add_error(None, str(refused))
            else:
                context = _done(file)
                return changed(request, READ, context, partial="read", fact="kpis-imported", message=context["said"])
    refused_form = request.method == "POST" and not form.is_valid()
    context = _context(file, form, lines, locale=request.user.locale)
    return page(request, READ, context, partial="read", status=422 if refused_form else 200)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begins:
    """Where the list begins; `is_new` where the columns that were chosen are those of another place."""

    sheet: str
    row: int
    heads: list[str]
    is_new: bool

    @property
    def columns_of(self) -> str:
        return f"{self.sheet} {self.row}"


def _begins(request: HttpRequest, sheets: dict[str, Rows]) -> _Begins:
    """Return where the list begins: where somebody said, else where the heads are recognised."""
    asked, before = request.POST.get("sheet", ""), request.POST.get("columns_of", "")
    sheet = asked if asked in sheets else sheet_of(sheets)
    rows, row = sheets.get(sheet, []), request.POST.get("head_row", "")
    is_same_sheet = before.rpartition(" ")[0] == sheet
    place = int(row) - 1 if is_same_sheet and row.isdecimal() and 0 < int(row) <= len(rows) else head_row_of(rows)
    heads = heads_of(rows, place)
    return _Begins(sheet=sheet, row=place, heads=heads, is_new=before != f"{sheet} {place}")


def _said(request: HttpRequest, begins: _Begins, sheets: list[str]) -> dict[str, Any]:
    """Return what was chosen; columns of another place are recognised anew."""
    blank = ReadingForm(sheets=sheets, heads=begins.heads, chosen={})
    units = blank.fields["unit"].choices
    found = {name: value for name, value in blank.initial.items() if value}
    said: dict[str, Any] = {"unit": units[0][0] if units else "", **found}
    if request.method == "POST":
        kept = {name: text for name, text in request.POST.items() if not (begins.is_new and name.startswith(COLUMN))}
        said = {**kept, **(found if begins.is_new else {})}
    return {**said, "sheet": begins.sheet, "head_row": begins.row + 1, "columns_of": begins.columns_of}


def _context(file: SentFile, form: ReadingForm, lines: list[Line], *, locale: str) -> dict[str, Any]:
    good = sum(line.is_good for line in lines)
    first = sorted(lines, key=lambda line: line.is_good)[:SHOWN]
    return {
        "file": file,
        "form": form,
        "lines": shown(first, activate=bool(form.cleaned_data.get("activate")), locale=locale) if lines else [],
        "more": max(len(lines) - SHOWN, 0),
        "good": good,
        "refused": len(lines) - good,
        "imports": ngettext("Import %(n)d KPI", "Import %(n)d KPIs", good) % {"n": good},
    }


def _done(file: SentFile) -> dict[str, Any]:
    names = ("number", "name", "why")
    left_out = [dict(zip(names, one, strict=True)) for one in file.outcome.get("left_out", [])]
    return {"file": file, "said": _outcome(file), "left_out": left_out}


def _outcome(file: SentFile) -> str:
    made, refused = file.outcome["made"], file.outcome["refused"]
    sentences = [
        ngettext("%(n)d KPI was made", "%(n)d KPIs were made", made) % {"n": made},
        ngettext("%(n)d of them is active.", "%(n)d of them are active.", file.outcome["active"])
        % {"n": file.outcome["active"]},
    ]
    if refused:
        sentences.append(ngettext("%(n)d line was left out.", "%(n)d lines were left out.", refused) % {"n": refused})
    return f"{sentences[0]}; {' '.join(sentences[1:])}"
