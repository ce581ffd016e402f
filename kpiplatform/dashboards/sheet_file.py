"""Tables as files for spreadsheets: exact numbers, and no text that a spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from django.http import HttpResponse

from kpiplatform.cells import Cell, written


def as_csv(head: Iterable[str], lines: Iterable[Iterable[Cell]]) -> str:
    """Return comma-separated lines with a point as decimal mark."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(map(written, head))
    for line in lines:
        writer.writerow(map(written, line))
    return out.getvalue()


def csv_response(text: str, *, name: str) -> HttpResponse:
    """Send comma-separated lines as a file to be saved."""
    # The mark tells spreadsheets that the file is UTF-8.
    response = HttpResponse("\ufeff" + text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response
