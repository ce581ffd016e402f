"""What a column of texts seems to hold. A guess for the person who declares it, never a decision."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from kpis.domain.parsing import NumberFormat, Refused, parse_day, parse_number

DATE_FORMATS = (
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    # The first day of a month, a week or a quarter.
    "%Y-%m",
    "%m.%Y",
    "%m/%Y",
    "%b %Y",
    "%B %Y",
    "%b %y",
    "%b-%y",
    "%b-%Y",
    "%G-W%V",
    "%Y-Q%q",
    "Q%q %Y",
    "Q%q %y",
    "Q%q/%Y",
)
# A column of days or numbers may have a few words in it: a total, or that something is not there.
WORDS_AT_MOST = 10  # one of so many cells
NUMBER_FORMATS = tuple(
    NumberFormat(decimal=decimal, grouping=grouping)
    for decimal, grouping in ((".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a column can hold: days in one of `date_formats`, numbers in one of `number_formats`, or texts.

    More than one format means that the cells fit several and read differently in them (03/04/2026,
    1.234): only a person knows. `fits` are all that numbers fit, also those that read alike.
    """

    kind: Literal["day", "number", "text", "empty"]
    date_formats: tuple[str, ...] = ()
    number_formats: tuple[NumberFormat, ...] = ()
    fits: tuple[NumberFormat, ...] = ()

    @property
    def is_ambiguous(self) -> bool:
        """Whether a person has to say how the column is written."""
        return len(self.date_formats) > 1 or len(self.number_formats) > 1


def guess(cells: Sequence[str]) -> Guess:
    """Return what every cell that is not empty can be read as; a few without any digit do not count."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled:
        return Guess(kind="empty")
    told = [cell for cell in filled if any(character.isdigit() for character in cell)]
    distinct = list(dict.fromkeys(told if (len(filled) - len(told)) * WORDS_AT_MOST <= len(filled) else filled))
    days = tuple(pattern for pattern in DATE_FORMATS if _all_days(distinct, pattern))
    if days:
        return Guess(kind="day", date_formats=_differing_days(distinct, days))
    percent, accounting = any("%" in cell for cell in distinct), any("(" in cell for cell in distinct)
    formats = [replace(fmt, percent=percent, accounting=accounting) for fmt in NUMBER_FORMATS]
    numbers = [(fmt, read) for fmt in formats if (read := _all_numbers(distinct, fmt)) is not None]
    if numbers:
        seen: dict[tuple[object, ...], NumberFormat] = {}
        for fmt, read in numbers:
            seen.setdefault(tuple(read), fmt)
        return Guess(kind="number", number_formats=tuple(seen.values()), fits=tuple(fmt for fmt, _read in numbers))
    return Guess(kind="text")


def _all_days(cells: Sequence[str], pattern: str) -> bool:
    return all(_is_day(cell, pattern) for cell in cells)


def _is_day(cell: str, pattern: str) -> bool:
    try:
        parse_day(cell, pattern)
    except Refused:
        return pattern == "%Y-%m-%d" and _is_moment(cell)
    return True


def _is_moment(cell: str) -> bool:
    try:
        datetime.fromisoformat(cell)
    except ValueError:
        return False
    return len(cell) > 10


def _differing_days(cells: Sequence[str], patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return one pattern for each way in which the cells read differently."""
    seen: dict[tuple[object, ...], str] = {}
    for pattern in patterns:
        seen.setdefault(tuple(cell if _is_moment(cell) else parse_day(cell, pattern) for cell in cells), pattern)
    return tuple(seen.values())


def _all_numbers(cells: Sequence[str], fmt: NumberFormat) -> list[object] | None:
    try:
        return [parse_number(cell, fmt) for cell in cells]
    except Refused:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How a text file seems to be written: its encoding, and what parts its columns."""

    encoding: str
    delimiter: str


DELIMITERS = (",", ";", "\t", "|")
LINES_COMPARED = 50
HALVES_COMPARED = 2000


def guess_writing(sample: bytes) -> Writing:
    """Return how a file that begins with `sample` seems to be written.

    What parts columns is the mark by which most lines have as many fields as the first; of two alike the one that
    gives more.
    """
    encoding, text = _decoded(sample)
    lines = text.splitlines()
    if len(lines) > 1:
        lines = lines[:-1]  # the last one may be cut
    best = max(DELIMITERS, key=lambda mark: _fit(lines[:LINES_COMPARED], mark))
    return Writing(encoding=encoding, delimiter=best)


def _decoded(sample: bytes) -> tuple[str, str]:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", codecs.getincrementaldecoder("utf-16")("replace").decode(sample)
    for encoding, place in (("utf-16-le", 1), ("utf-16-be", 0)):
        halves = sample[place:HALVES_COMPARED:2]
        if halves.count(0) * 2 > len(halves):  # letters of the West in two bytes, without the mark of their order
            return encoding, codecs.getincrementaldecoder(encoding)("replace").decode(sample)
    try:
        return "utf-8", codecs.getincrementaldecoder("utf-8-sig")().decode(sample)  # a character may be cut at the end
    except UnicodeDecodeError:
        return "cp1252", sample.decode("cp1252", "replace")


def _fit(lines: Sequence[str], mark: str) -> tuple[float, int]:
    """Return which share of the lines has as many fields as the first, and how many that are."""
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
    except csv.Error:
        return 0, 0
    if not widths or widths[0] < 2:
        return 0, 0
    return sum(width == widths[0] for width in widths) / len(widths), widths[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the rows of a workbook seem to be: the sheet, and the row of the column names, counted from 1."""

    sheet: str
    header_row: int


HEADS_WITHIN = 30
HEADS_AT_LEAST = 2


def guess_layout(sheets: Sequence[tuple[str, Sequence[Sequence[object]]]]) -> Layout | None:
    """Return where the largest table of a workbook seems to begin, None where there is none.

    Column names are different texts or days, and nearly as many as the rows below are wide: a title is one cell.
    """
    found: list[tuple[int, Layout]] = []
    for name, rows in sheets:
        widths = [sum(cell is not None for cell in row) for row in rows]
        for place, row in enumerate(rows[:HEADS_WITHIN]):
            below = sorted(widths[place + 1 :])
            if below and _are_heads(row) and 2 * widths[place] >= below[-1]:
                found.append((sum(below), Layout(sheet=name, header_row=place + 1)))
                break
    return max(found, key=lambda pair: pair[0], default=(0, None))[1]


def _are_heads(row: Sequence[object]) -> bool:
    filled = [cell for cell in row if cell is not None]
    texts = [cell.strip() if isinstance(cell, str) else cell for cell in filled if isinstance(cell, str | date)]
    return len(filled) >= HEADS_AT_LEAST and len(set(texts)) == len(filled) and "" not in texts
