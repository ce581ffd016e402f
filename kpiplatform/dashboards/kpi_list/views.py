"""Sending a list of KPIs, looking at what it would become, and importing it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from kpiplatform.accounts.services import NotActive
from kpiplatform.dashboards.configuration.entry import admins_only, today
from kpiplatform.dashboards.kpi_list.forms import ReadingForm
from kpiplatform.dashboards.kpi_list.importing import import_lines
from kpiplatform.dashboards.kpi_list.lines import DryRun, Line, heads_of
from kpiplatform.dashboards.models import SentFile
from kpiplatform.dashboards.sending import SendForm, keep_sent
from kpiplatform.htmx import changed, page
from kpiplatform.sent_files.reading import FileRefused, restored
from kpis.services.aiming import Refused

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
        return page(request, READ, {"file": file, "said": _outcome(file)}, partial="read")
    sheets = restored(file.sheets)
    sheet = request.POST.get("sheet", "")
    rows = sheets.get(sheet) or next(iter(sheets.values()), [])
    # What is recognised by itself is a choice like any other: the first look is a dry run already.
    form = ReadingForm(_said(request, rows, list(sheets)), sheets=list(sheets), heads=heads_of(rows), chosen={})
    lines: list[Line] = []
    if form.is_valid():
        wanted = form.wanted(locale=request.user.locale, now=timezone.now(), today=today())
        lines = DryRun(wanted).lines(rows)
        if "import" in request.POST and any(line.is_good for line in lines):
            try:
                file = import_lines(file=file, lines=lines, wanted=wanted, by=request.user)
            except (NotActive, Refused) as refused:
                form.add_error(None, str(refused))
            else:
                context = {"file": file, "said": _outcome(file)}
                return changed(request, READ, context, partial="read", fact="kpis-imported", message=context["said"])
    refused_form = request.method == "POST" and not form.is_valid()
    return page(request, READ, _context(file, form, lines), partial="read", status=422 if refused_form else 200)


def _said(request: HttpRequest, rows: Any, sheets: list[str]) -> Any:
    if request.method == "POST":
        return request.POST
    blank = ReadingForm(sheets=sheets, heads=heads_of(rows), chosen={})
    units = blank.fields["unit"].choices
    return {name: value for name, value in blank.initial.items() if value} | {"unit": units[0][0] if units else ""}


def _context(file: SentFile, form: ReadingForm, lines: list[Line]) -> dict[str, Any]:
    good = sum(line.is_good for line in lines)
    return {
        "file": file,
        "form": form,
        "lines": sorted(lines, key=lambda line: line.is_good)[:SHOWN],
        "more": max(len(lines) - SHOWN, 0),
        "good": good,
        "refused": len(lines) - good,
        "imports": ngettext("Import %(n)d KPI", "Import %(n)d KPIs", good) % {"n": good},
    }


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
