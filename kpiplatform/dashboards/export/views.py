"""The page on which an export is chosen, and the file."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from kpiplatform.dashboards.export.files import TooManyRows, as_csv, as_json_lines, as_xlsx, too_many_rows
from kpiplatform.dashboards.export.seen import Seen
from kpiplatform.dashboards.export.tables import TABLES
from kpiplatform.dashboards.taking import note_taken
from kpiplatform.htmx import page

TEMPLATE = "dashboards/export/export.html"
KINDS = {
    "csv": ("zip", "application/zip"),
    "xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "jsonl": ("jsonl", "application/x-ndjson"),
}


class ExportForm(forms.Form):
    """Which tables, as what."""

    kind = forms.ChoiceField(
        label=gettext_lazy("As"),
        choices=[
            ("csv", gettext_lazy("CSV, one file per table in an archive")),
            ("xlsx", gettext_lazy("Excel workbook, one sheet per table")),
            ("jsonl", gettext_lazy("JSON lines")),
        ],
        widget=forms.RadioSelect,
        initial="csv",
    )
    tables = forms.MultipleChoiceField(
        label=gettext_lazy("Tables"),
        choices=[(table.name, table.label) for table in TABLES],
        widget=forms.CheckboxSelectMultiple,
        initial=[table.name for table in TABLES],
        error_messages={"required": gettext_lazy("Choose at least one table.")},
    )


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """Show what can be taken along."""
    return _page(request, ExportForm(auto_id="export-%s"))


@require_safe
def export_file(request: HttpRequest) -> HttpResponseBase:
    """Send what was chosen, of all that the person may see, while it is read."""
    form = ExportForm(request.GET, auto_id="export-%s")
    if not form.is_valid():
        return _page(request, form, status=422)
    kind, today = form.cleaned_data["kind"], timezone.localdate()
    tables = [table for table in TABLES if table.name in form.cleaned_data["tables"]]
    seen = Seen(user=request.user, today=today, now=timezone.now())
    named, count = _named(kind, today), sum(table.rows(seen).count() for table in tables)
    if kind == "xlsx":
        try:
            book = as_xlsx(tables, seen)
        except TooManyRows:
            form.add_error(None, too_many_rows())
            return _page(request, form, status=422)
        note_taken(request, name=named["filename"], rows=count)
        return FileResponse(book, content_type=KINDS[kind][1], **named)
    note_taken(request, name=named["filename"], rows=count)
    rows = as_csv(tables, seen) if kind == "csv" else as_json_lines(tables, seen)
    response = StreamingHttpResponse(rows, content_type=KINDS[kind][1])
    response["Content-Disposition"] = f'attachment; filename="{named["filename"]}"'
    return response


def _named(kind: str, today: date) -> dict[str, Any]:
    return {"as_attachment": True, "filename": f"kpis-{today}.{KINDS[kind][0]}"}


def _page(request: HttpRequest, form: ExportForm, status: int = 200) -> HttpResponse:
    return page(request, TEMPLATE, {"form": form}, partial="export", status=status)
