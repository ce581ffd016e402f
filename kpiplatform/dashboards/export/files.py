"""An export as a file: an archive of comma-separated tables, lines of JSON, or a workbook."""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import batched
from typing import IO, Any

import orjson
import xlsxwriter
from django.utils.translation import gettext as _

from kpiplatform.cells import plain_number, written
from kpiplatform.dashboards.export.seen import Seen, Table

AT_ONCE = 500  # rows
BYTE_ORDER_MARK = "\ufeff"  # tells spreadsheets that the file is UTF-8
XLSX_ROWS_AT_MOST = 200_000  # of all sheets: a workbook is made whole before the first byte is sent


class TooManyRows(Exception):
    """The workbook would have more rows than we make in one go; nothing was made."""


class _Pipe(io.RawIOBase):
    """What is written here is taken away again, so that an archive never is in memory as a whole."""

    def __init__(self) -> None:
        self.held: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.held.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        taken = b"".join(self.held)
        self.held.clear()
        return taken


def as_csv(tables: Sequence[Table], seen: Seen) -> Iterator[bytes]:
    """Yield an archive with one comma-separated file per table."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for table in tables:
            with archive.open(f"{table.name}.csv", "w", force_zip64=True) as file:
                file.write((BYTE_ORDER_MARK + _lines([table.heads()])).encode())
                for rows in batched(table.read(seen), AT_ONCE):
                    file.write(_lines(rows).encode())
                    yield pipe.taken()
    yield pipe.taken()


def as_json_lines(tables: Sequence[Table], seen: Seen) -> Iterator[bytes]:
    """Yield one object a line; each names the table it belongs to."""
    for table in tables:
        heads = ["table", *table.heads()]
        for rows in batched(table.read(seen), AT_ONCE):
            lines = (orjson.dumps(dict(zip(heads, (table.name, *row), strict=True)), default=_in_json) for row in rows)
            yield b"\n".join(lines) + b"\n"


def as_xlsx(tables: Sequence[Table], seen: Seen) -> IO[bytes]:
    """Return a workbook with one sheet per table. Raises TooManyRows."""
    if sum(table.rows(seen).count() for table in tables) > XLSX_ROWS_AT_MOST:
        raise TooManyRows
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the response closes it)
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd",
    }
    with xlsxwriter.Workbook(file, options) as book:
        head = book.add_format({"bold": True})
        for table in tables:
            sheet = book.add_worksheet(table.name)
            sheet.freeze_panes(1, 0)
            sheet.write_row(0, 0, table.heads(), head)
            for number, row in enumerate(table.read(seen), start=1):
                for column, cell in enumerate(row):
                    _put(sheet, number, column, cell)
    file.seek(0)
    return file


def too_many_rows() -> str:
    """Return what is said instead of a workbook that would be too large."""
    return _(
        "This is more than %(most)s rows, too many for one workbook. Nothing was made: "
        "choose fewer tables, or take CSV or JSON lines, which have no such limit."
    ) % {"most": f"{XLSX_ROWS_AT_MOST:,}"}


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([[_in_text(cell) for cell in row] for row in rows])
    return out.getvalue()


def _in_text(cell: Any) -> str:
    return written(orjson.dumps(cell).decode() if isinstance(cell, dict | list) else cell)


def _in_json(cell: Any) -> str:
    """Numbers stand as texts, digit for digit."""
    return plain_number(cell) if isinstance(cell, Decimal) else str(cell)


def _put(sheet: Any, row: int, column: int, cell: Any) -> None:
    """Write a cell by its kind: a text stays a text, whatever it begins with."""
    match cell:
        case None | "":
            pass
        case bool():
            sheet.write_boolean(row, column, cell)
        case int() | Decimal():
            sheet.write_number(row, column, cell)
        case datetime() | time():
            sheet.write_string(row, column, cell.isoformat())
        case date():
            sheet.write_datetime(row, column, cell)
        case _:
            sheet.write_string(row, column, _in_text(cell) if isinstance(cell, dict | list) else cell[:32_767])
