"""Sending a list of KPIs, looking at what it would become, and importing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from kpiplatform.accounts.services import NotActive
from kpiplatform.dashboards.configuration.entry import admins_only, today
from kpiplatform.dashboards.kpi_list.dry_run import lines_of, token_of
from kpiplatform.dashboards.kpi_list.forms import COLUMN, ReadingForm
from kpiplatform.dashboards.kpi_list.heads import head_row_of, heads_of, sheet_of
from kpiplatform.dashboards.kpi_list.importing import import_lines
from kpiplatform.dashboards.kpi_list.lines import Line, Wanted
from kpiplatform.dashboards.kpi_list.present import as_workbook
from kpiplatform.dashboards.kpi_list.presenter import shown
from kpiplatform.dashboards.kpi_setup.changing import NEEDS_REASON
from kpiplatform.dashboards.models import SentFile
from kpiplatform.dashboards.sending import SendForm, keep_sent
from kpiplatform.dashboards.taking import note_taken
from kpiplatform.htmx import changed, page
from kpiplatform.sent_files.reading import FileRefused, Rows, restored
from kpis.models import Kpi
from kpis.queries import kpis_configured_by
from kpis.services.refusal import Refused

SEND, READ = "dashboards/kpi_list/send.html", "dashboards/kpi_list/read.html"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
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


@require_safe
@admins_only
def present(request: HttpRequest) -> FileResponse:
    """Send the KPIs that there are as a list, with the limits of today, to be changed and sent again."""
    kpis = kpis_configured_by(request.user, today=today()).exclude(status=Kpi.Status.RETIRED)
    found = list(kpis.select_related("objective", "unit", "owner").order_by("objective__code", "position", "code"))
    name = f"kpi-list-{today()}.xlsx"
    note_taken(request, name=name, rows=len(found))
    return FileResponse(as_workbook(found, day=today()), as_attachment=True, filename=name, content_type=XLSX)


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
        wanted = form.wanted(by=request.user, now=timezone.now(), today=today())
        lines = lines_of(rows, head=begins.row, wanted=wanted)
        # What is imported is what was looked at: lines of another place were not.
        if "import" in request.POST and not begins.is_new and any(line.is_new or line.is_change for line in lines):
            done = _imported(file, form, lines, wanted)
            if done is not None:
                context = _done(done)
                return changed(request, READ, context, partial="read", fact="kpis-imported", message=context["said"])
    refused_form = request.method == "POST" and bool(form.errors)
    form.data = {**form.data, "looked_at": token_of(lines)}
    form.fields["reason"].required = any(line.needs_reason for line in lines)
    context = _context(file, form, lines, locale=request.user.locale)
    return page(request, READ, context, partial="read", status=422 if refused_form else 200)


def _imported(file: SentFile, form: ReadingForm, lines: list[Line], wanted: Wanted) -> SentFile | None:
    """Import the lines, or say on the form why nothing was."""
    if form.cleaned_data["looked_at"] != token_of(lines):
        form.add_error(
            None, _("What would change is not what you looked at any more. Nothing was imported: look at it again.")
        )
    elif not wanted.reason and any(line.needs_reason for line in lines):
        form.add_error("reason", NEEDS_REASON)
    else:
        try:
            return import_lines(file=file, lines=lines, wanted=wanted)
        except (NotActive, Refused) as refused:
            form.add_error(None, str(refused))
    return None


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
    new, changing = sum(line.is_new for line in lines), sum(line.is_change for line in lines)
    refused = sum(not line.is_good for line in lines)
    first = sorted(lines, key=lambda line: (line.is_good, not (line.is_new or line.is_change)))[:SHOWN]
    return {
        "file": file,
        "form": form,
        "found": _found(new, changing, len(lines) - new - changing - refused),
        "lines": shown(first, activate=bool(form.cleaned_data.get("activate")), locale=locale) if lines else [],
        "more": max(len(lines) - SHOWN, 0),
        "changing": changing,
        "refused": refused,
        "imports": _imports(new, changing),
    }


def _found(new: int, changing: int, unchanged: int) -> str:
    sentences = [
        ngettext("%(n)d line can become a KPI.", "%(n)d lines can become KPIs.", new) % {"n": new},
        ngettext("%(n)d line changes a KPI.", "%(n)d lines change KPIs.", changing) % {"n": changing},
        _stands(unchanged),
    ]
    counted = (new or not (changing or unchanged), changing, unchanged)
    return " ".join(said for said, count in zip(sentences, counted, strict=True) if count)


def _stands(unchanged: int) -> str:
    told = ngettext("%(n)d line says what stands already.", "%(n)d lines say what stands already.", unchanged)
    return told % {"n": unchanged}


def _imports(new: int, changing: int) -> str:
    """Return what the button says, nothing where there is nothing to import."""
    if not changing:
        return ngettext("Import %(n)d KPI", "Import %(n)d KPIs", new) % {"n": new} if new else ""
    if not new:
        return ngettext("Change %(n)d KPI", "Change %(n)d KPIs", changing) % {"n": changing}
    return _("Import %(new)d and change %(changing)d KPIs") % {"new": new, "changing": changing}


def _done(file: SentFile) -> dict[str, Any]:
    names = ("number", "name", "why")
    left_out = [dict(zip(names, one, strict=True)) for one in file.outcome.get("left_out", [])]
    return {"file": file, "said": _outcome(file), "left_out": left_out}


def _outcome(file: SentFile) -> str:
    said = file.outcome
    made, altered, stays, refused = (said.get(name, 0) for name in ("made", "changed", "unchanged", "refused"))
    sentences = []
    if made or not altered:
        active = ngettext("%(n)d of them is active", "%(n)d of them are active", said["active"]) % {"n": said["active"]}
        told = ngettext("%(n)d KPI was made; %(active)s.", "%(n)d KPIs were made; %(active)s.", made)
        sentences.append(told % {"n": made, "active": active})
    if altered:
        sentences.append(ngettext("%(n)d KPI was changed.", "%(n)d KPIs were changed.", altered) % {"n": altered})
    if stays:
        sentences.append(_stands(stays))
    if refused:
        sentences.append(ngettext("%(n)d line was left out.", "%(n)d lines were left out.", refused) % {"n": refused})
    return " ".join(sentences)
