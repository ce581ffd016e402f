"""What the process that reads a spreadsheet does; `kpiplatform/apart` starts and bounds it.

It knows nothing of the installation.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, BinaryIO

UNPACKED_AT_MOST = 100 * 1024**2
SHEETS_AT_MOST, ROWS_AT_MOST, COLUMNS_AT_MOST, LONGEST_CELL = 20, 20_000, 500, 4000
DELIMITERS = ",;\t"


class Refused(Exception):
    """The file is not taken; the argument is a code that `reading.py` has the words for."""


def answer(request: Mapping[str, Any], content: BinaryIO, send: Callable[..., None]) -> None:
    """Send the sheets of the file, or why it is refused."""
    file = content.read()
    try:
        sheets = sheets_of_workbook(file) if request["kind"] == "xlsx" else [("", rows_of_csv(file))]
        send({"sheets": dict(sheets)})
    except Refused as why:
        send({"refused": str(why)})
    except MemoryError:
        raise
    except Exception:
        # Whatever a broken or hostile file makes the reader stumble over.
        send({"refused": "broken"})


def sheets_of_workbook(content: bytes) -> Iterator[tuple[str, list[list[Any]]]]:
    """Yield name and rows of each sheet; formulas count with their stored results."""
    from openpyxl import load_workbook

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(part.file_size for part in archive.infolist()) > UNPACKED_AT_MOST:
            raise Refused("unpacked")
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    if len(book.sheetnames) > SHEETS_AT_MOST:
        raise Refused("sheets")
    for name in book.sheetnames:
        sheet = book[name]
        sheet.reset_dimensions()
        yield name, bounded(sheet.iter_rows(values_only=True))


def rows_of_csv(content: bytes) -> list[list[Any]]:
    """Return the rows of a comma-, semicolon- or tab-separated file in UTF-8."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("encoding") from None
    head = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=head.count)
    return bounded(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def bounded(rows: Iterable[Iterable[Any]]) -> list[list[Any]]:
    """Return the rows without the empty cells at their ends, and without the empty rows at the end."""
    found: list[list[Any]] = []
    for row in rows:
        cells = [plain(cell) for cell in row]
        while cells and cells[-1] is None:
            cells.pop()
        if len(cells) > COLUMNS_AT_MOST:
            raise Refused("columns")
        found.append(cells)
        if len(found) > ROWS_AT_MOST:
            raise Refused("rows")
    while found and not found[-1]:
        found.pop()
    return found


def plain(cell: Any) -> Any:
    """Return a cell as its kind and text, None for an empty one."""
    match cell:
        case None:
            return None
        case bool():
            return ["text", "yes" if cell else "no"]
        case int() | float():
            return ["number", repr(cell)]
        case datetime():
            return ["day", cell.date().isoformat()]
        case date():
            return ["day", cell.isoformat()]
    text = str(cell).replace("\0", "").strip()[:LONGEST_CELL]  # no text of the database holds NUL
    return ["text", text] if text else None
