"""The process that reads a spreadsheet: `python -I child.py KIND`, with the file on standard input.

It knows nothing of the installation. Its memory, processor time and the size of its answer are bounded before it
looks at a byte; the answer is JSON, since who reads what strangers wrote is not trusted either.
"""

from __future__ import annotations

import csv
import io
import json
import resource
import sys
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

MEMORY, SECONDS, ANSWER = 512 * 1024**2, 20, 32 * 1024**2
UNPACKED_AT_MOST = 100 * 1024**2
SHEETS_AT_MOST, ROWS_AT_MOST, COLUMNS_AT_MOST, LONGEST_CELL = 20, 20_000, 500, 4000
DELIMITERS = ",;\t"


class Refused(Exception):
    """The file is not taken; the argument is a code that `reading.py` has the words for."""


def main(kind: str) -> None:
    """Answer with the sheets of the file, or with why it is refused."""
    for what, most in {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: SECONDS,
        resource.RLIMIT_FSIZE: ANSWER,
        resource.RLIMIT_CORE: 0,
    }.items():
        resource.setrlimit(what, (most, most))
    content = sys.stdin.buffer.read()
    try:
        answer = {"sheets": dict(sheets_of_workbook(content) if kind == "xlsx" else [("", rows_of_csv(content))])}
    except Refused as why:
        answer = {"refused": str(why)}
    except MemoryError:
        answer = {"refused": "memory"}
    except Exception:
        # Whatever a broken or hostile file makes the reader stumble over.
        answer = {"refused": "broken"}
    sys.stdout.write(json.dumps(answer))


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
    text = str(cell).strip()[:LONGEST_CELL]
    return ["text", text] if text else None


if __name__ == "__main__":
    main(sys.argv[1])
