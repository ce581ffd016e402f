"""What the cells of a line say of a KPI: texts, choices, numbers and days, or why a cell can't be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from kpiplatform.cells import FORMULA_STARTS, plain_number
from kpiplatform.dashboards.kpi_list.columns import (
    BY_NAME,
    CHOICES,
    LIMITS,
    LIMITS_OF_RANGE,
    NUMBERS,
    TEXTS,
    choice_of,
    words_for,
)
from kpiplatform.dashboards.kpi_setup.fields import why_not_a_number
from kpiplatform.sent_files.child import LONGEST_CELL
from kpiplatform.sent_files.reading import Cell
from kpis.domain.days import is_known
from kpis.domain.entry_checks import EntryRefused, storable, typed_number
from kpis.models import Kpi

type Said = Mapping[str, Cell]
LARGEST_FACTOR = Decimal(10) ** 8


class CellRefused(ValueError):
    """The cell is not taken; the sentence says why."""


def values_of(said: Said, *, locale: str, kpi: Kpi | None = None) -> tuple[dict[str, Any], list[str]]:
    """Return what a line says by column of the KPI, and why some of its cells are not taken.

    What is written as it stands at `kpi` is read so, whatever the locale: files of ours come back.
    """
    readers: dict[str, Callable[[str, Cell], Any]] = dict.fromkeys(TEXTS, lambda name, cell: _text(name, cell, kpi))
    readers |= dict.fromkeys(CHOICES, _choice) | {"decimals": _decimals, "active_from": _day}
    readers |= dict.fromkeys(NUMBERS, lambda name, cell: _bound(name, cell, locale, kpi))
    return _each(said, readers)


def limits_of(said: Said, *, locale: str) -> tuple[dict[str, Decimal], list[str]]:
    """Return the limits that a line says, and why some of its cells are not taken."""
    return _each(said, dict.fromkeys((*LIMITS, *LIMITS_OF_RANGE), lambda _name, cell: _number(cell, locale)))


def _each(said: Said, readers: Mapping[str, Callable[[str, Cell], Any]]) -> tuple[dict[str, Any], list[str]]:
    values, refused = {}, []
    for name, read in readers.items():
        if name in said:
            try:
                values[name] = read(name, said[name])
            except CellRefused as why:
                refused.append(str(why))
    return values, refused


def _text(name: str, cell: Cell, kpi: Kpi | None) -> str:
    text, most = cell.text, TEXTS[name]
    stands = getattr(kpi, name) if kpi is not None else ""
    # A file of ours marks what a spreadsheet would compute.
    plain = text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text
    if plain == _lines(stands) or (len(text) >= LONGEST_CELL and _lines(stands).startswith(plain)):
        return stands
    if most is not None and len(plain) > most:
        words = {"column": BY_NAME[name].label, "most": most}
        raise CellRefused(_("%(column)s is longer than %(most)d characters.") % words)
    if len(text) >= LONGEST_CELL:
        words = {"column": BY_NAME[name].label, "most": LONGEST_CELL}
        raise CellRefused(_("%(column)s is longer than the %(most)d characters that are read of a cell.") % words)
    return plain


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _choice(name: str, cell: Cell) -> str:
    chosen = choice_of(name, cell.text)
    if chosen is None:
        words = {"text": cell.text[:40], "words": words_for(name)}
        raise CellRefused(_("“%(text)s” is none of: %(words)s.") % words)
    return chosen


def _decimals(_name: str, cell: Cell) -> int:
    number = cell.number
    text = str(int(number)) if number is not None and number == number.to_integral_value() else cell.text
    if not (text.isdecimal() and int(text) <= 8):
        raise CellRefused(_("“%(text)s” is no number of decimals from 0 to 8.") % {"text": cell.text[:40]})
    return int(text)


def _day(_name: str, cell: Cell) -> date:
    try:
        day = date.fromisoformat(cell.text)
    except ValueError:
        day = None
    if day is None or not is_known(day):
        words = {"text": cell.text[:40]}
        raise CellRefused(
            _("“%(text)s” is no day as it is read here: a date of the spreadsheet, or 2026-11-28.") % words
        )
    return day


def _bound(name: str, cell: Cell, locale: str, kpi: Kpi | None) -> Decimal:
    stands = getattr(kpi, name) if kpi is not None else None
    if stands is not None and cell.text == plain_number(stands):
        return stands
    number = _number(cell, locale)
    if name == "ratio_factor" and not (0 < number < LARGEST_FACTOR and number == round(number, 4)):
        words = {"text": cell.text[:40]}
        raise CellRefused(
            _("A ratio is multiplied by a number above 0 of at most four decimals, not by “%(text)s”.") % words
        )
    return number


def _number(cell: Cell, locale: str) -> Decimal:
    try:
        number = cell.number
        return storable(typed_number(cell.text, locale=locale, percent=True) if number is None else number)
    except EntryRefused as refused:
        raise CellRefused(why_not_a_number(refused, cell.text, locale)) from None
