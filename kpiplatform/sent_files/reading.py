"""Reading a spreadsheet that somebody sent, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import BinaryIO, Literal

from django.utils.translation import gettext as _

from kpiplatform.sent_files.child import COLUMNS_AT_MOST, MEMORY, ROWS_AT_MOST, SHEETS_AT_MOST, UNPACKED_AT_MOST

SIZE_AT_MOST = 8 * 1024**2
SECONDS_AT_MOST = 30
# By its path: as a part of the package it would load the whole platform with it.
COMMAND = (sys.executable, "-I", str(Path(__file__).with_name("child.py")))
# Nothing of our own environment: it holds the secrets of the installation.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


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
    with tempfile.TemporaryFile() as question, tempfile.TemporaryFile() as answer:
        question.write(content)
        question.seek(0)
        command = subprocess.Popen(
            [*COMMAND, kind],
            cwd="/",
            env=ENVIRONMENT,
            stdin=question,
            stdout=answer,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            command.wait(SECONDS_AT_MOST)
        except subprocess.TimeoutExpired:
            raise FileRefused(_in_words("time")) from None
        finally:
            command.kill()
            command.wait()
        answer.seek(0)
        return _sheets(answer.read())


def stored(sheets: dict[str, Rows]) -> dict[str, list[list[list[str] | None]]]:
    """Return the sheets as plain data, to be kept."""
    return {
        name: [[[cell.kind, cell.text] if cell else None for cell in row] for row in rows]
        for name, rows in sheets.items()
    }


def restored(kept: dict[str, list[list[list[str] | None]]]) -> dict[str, Rows]:
    """Return the sheets from plain data."""
    return {
        str(name): [[Cell(cell[0], str(cell[1])) if cell else None for cell in row] for row in rows]  # type: ignore[arg-type]
        for name, rows in kept.items()
    }


def _sheets(answer: bytes) -> dict[str, Rows]:
    try:
        said = json.loads(answer)
    except ValueError:
        # The process was stopped at one of its limits before it could say so.
        raise FileRefused(_in_words("memory")) from None
    if "refused" in said:
        raise FileRefused(_in_words(said["refused"]))
    return restored(said["sheets"])


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
        "memory": MEMORY // 1024**2,
        "seconds": SECONDS_AT_MOST,
        "unpacked": UNPACKED_AT_MOST // 1024**2,
        "sheets": SHEETS_AT_MOST,
        "rows": ROWS_AT_MOST,
        "columns": COLUMNS_AT_MOST,
    }
    broken = _("The file can't be read: it is damaged, protected by a password, or no spreadsheet.")
    return words.get(code, broken) % bounds
