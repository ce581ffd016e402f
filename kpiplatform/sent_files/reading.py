"""Reading a spreadsheet that somebody sent, in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, BinaryIO, Literal

from django.utils.translation import gettext as _

from kpiplatform.apart.asking import Bounds, Stopped, ask
from kpiplatform.sent_files.child import COLUMNS_AT_MOST, ROWS_AT_MOST, SHEETS_AT_MOST, UNPACKED_AT_MOST

SIZE_AT_MOST = 8 * 1024**2
BOUNDS = Bounds(memory=512 * 1024**2, seconds=30, size=32 * 1024**2)
CHILD = Path(__file__).with_name("child.py")


class FileRefused(Exception):
    """The file is not taken; the message says why and what to do. Nothing was kept of it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell: a number as the spreadsheet has it, a day, or a text as somebody typed it."""

    kind: Literal["number", "day", "text"]
    text: str

    @property
    def number(self) -> Decimal | None:
        """The number of a numeric cell."""
        try:
            return Decimal(self.text) if self.kind == "number" else None
        except InvalidOperation:
            return None


Rows = list[list[Cell | None]]


def sheets_of(file: BinaryIO, name: str) -> dict[str, Rows]:
    """Return the rows of each sheet by its name; a CSV file is one sheet without a name. Raises FileRefused."""
    kind = name.rpartition(".")[2].lower()
    if kind not in {"xlsx", "csv"}:
        raise FileRefused(_("“%(name)s” is neither an Excel workbook (.xlsx) nor a CSV file.") % {"name": name[:80]})
    content = file.read(SIZE_AT_MOST + 1)
    if len(content) > SIZE_AT_MOST:
        raise FileRefused(_("The file is larger than %(size)d MB. Split it.") % {"size": SIZE_AT_MOST // 1024**2})
    try:
        said = next(ask(CHILD, {"kind": kind}, BOUNDS, content=content)).head
    except Stopped as stopped:
        raise FileRefused(_in_words("time" if stopped.at == "seconds" else "memory")) from None
    except (RuntimeError, StopIteration):
        raise FileRefused(_in_words("broken")) from None
    if "refused" in said:
        raise FileRefused(_in_words(said["refused"]))
    return restored(said["sheets"])


def stored(sheets: dict[str, Rows]) -> list[list[Any]]:
    """Return the sheets in their order as plain data, to be kept; an object would lose it."""
    return [
        [name, [[[cell.kind, cell.text] if cell else None for cell in row] for row in rows]]
        for name, rows in sheets.items()
    ]


def restored(kept: list[list[Any]] | dict[str, Any]) -> dict[str, Rows]:
    """Return the sheets from plain data."""
    named = kept.items() if isinstance(kept, dict) else kept  # files that came before sheets had an order
    return {
        str(name): [[Cell(cell[0], str(cell[1])) if cell else None for cell in row] for row in rows]
        for name, rows in named
    }


def _in_words(code: str) -> str:
    words = {
        "memory": _("Reading the file takes more than %(memory)d MB of memory or too long. Split it."),
        "time": _("Reading the file took longer than %(seconds)d s and was stopped. Split it."),
        "unpacked": _("Unpacked, the file is larger than %(unpacked)d MB. Split it."),
        "sheets": _("The file has more than %(sheets)d sheets."),
        "rows": _("A sheet has more than %(rows)d rows. Split it."),
        "columns": _("A sheet has more than %(columns)d columns."),
        "encoding": _("The text of the file is not UTF-8. Save it as “CSV UTF-8” or as an Excel workbook."),
    }
    bounds = {
        "memory": BOUNDS.memory // 1024**2,
        "seconds": BOUNDS.seconds,
        "unpacked": UNPACKED_AT_MOST // 1024**2,
        "sheets": SHEETS_AT_MOST,
        "rows": ROWS_AT_MOST,
        "columns": COLUMNS_AT_MOST,
    }
    broken = _("The file can't be read: it is damaged, protected by a password, or no spreadsheet.")
    return words.get(code, broken) % bounds
