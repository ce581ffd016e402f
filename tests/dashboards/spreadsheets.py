"""Spreadsheets as people send them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import Workbook, load_workbook


def a_workbook(*rows: Sequence[Any], name: str = "list.xlsx", **sheets: Sequence[Sequence[Any]]) -> SimpleUploadedFile:
    """Return a workbook whose first sheet has these rows."""
    book = Workbook()
    first = book.active
    assert first is not None
    for row in rows:
        first.append(list(row))
    for title, others in sheets.items():
        sheet = book.create_sheet(title)
        for row in others:
            sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return SimpleUploadedFile(name, out.getvalue())


def a_csv(text: str, name: str = "list.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode())


def taken_along(client: Any, **choices: Any) -> Workbook:
    response = client.get(reverse("my:spreadsheet"), {"layout": "columns", "periods": 8} | choices)
    assert response.status_code == 200
    return load_workbook(io.BytesIO(response.content))


def sent_back(client: Any, book: Workbook) -> str:
    out = io.BytesIO()
    book.save(out)
    response = client.post(reverse("my:fill_in"), {"file": SimpleUploadedFile("values.xlsx", out.getvalue())})
    assert response.status_code == 303, response.content.decode().partition("error-summary")[2][:500]
    return response["Location"]


def place(book: Workbook, key: str, start: date, sheet: str = "Weekly") -> Any:
    """Return the cell of a KPI and part, like OTP|value, in the column of a period."""
    rows = list(book[sheet].iter_rows())
    (column,) = [cell.column for cell in rows[0] if cell.value == start.isoformat()]
    (row,) = [row[0].row for row in rows if row[0].value == key]
    return book[sheet].cell(row, column)


def confirmed(client: Any, path: str, *, follow: bool = False, **said: Any) -> Any:
    form = client.get(path).context["form"]
    return client.post(path, {"looked_at": form["looked_at"].value()} | said, follow=follow)


def lines_of(client: Any, path: str) -> dict[str, tuple[str, str, str]]:
    """Return status, what will be and the remark of each line by its place in the file."""
    return {line.place: (line.status, line.will, line.says) for line in client.get(path).context["lines"]}
