"""What a column of texts seems to hold. A guess for the person who declares it, never a decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
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
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
)
NUMBER_FORMATS = tuple(
    NumberFormat(decimal=decimal, grouping=grouping, percent=True, accounting=True)
    for decimal, grouping in ((".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a column can hold: days in one of `date_formats`, numbers in one of `number_formats`, or texts.

    More than one format means that the cells fit several and read differently in them (03/04/2026,
    1.234): only a person knows.
    """

    kind: Literal["day", "number", "text", "empty"]
    date_formats: tuple[str, ...] = ()
    number_formats: tuple[NumberFormat, ...] = ()

    @property
    def is_ambiguous(self) -> bool:
        """Whether a person has to say how the column is written."""
        return len(self.date_formats) > 1 or len(self.number_formats) > 1


def guess(cells: Sequence[str]) -> Guess:
    """Return what every cell that is not empty can be read as."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled:
        return Guess(kind="empty")
    distinct = list(dict.fromkeys(filled))
    days = tuple(pattern for pattern in DATE_FORMATS if _all_days(distinct, pattern))
    if days:
        return Guess(kind="day", date_formats=_differing_days(distinct, days))
    numbers = [(fmt, read) for fmt in NUMBER_FORMATS if (read := _all_numbers(distinct, fmt)) is not None]
    if numbers:
        seen: dict[tuple[object, ...], NumberFormat] = {}
        for fmt, read in numbers:
            seen.setdefault(tuple(read), fmt)
        return Guess(kind="number", number_formats=tuple(seen.values()))
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
