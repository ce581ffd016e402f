"""Figures as people read them: numbers, units, differences, dates. Pure, by locale and without Django.

Minus is U+2212. Between a number and its unit stands a narrow no-break space (U+202F), so that they stay on
one line. A missing figure is an en dash, never a zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

MINUS = "\u2212"
NARROW_SPACE = "\u202f"
MISSING = "\u2013"
POINTS = "pts"

# (thousands, decimal mark) by language; a language that isn't listed reads like English.
MARKS = {
    "en": (",", "."),
    "de": (".", ","),
    "es": (".", ","),
    "it": (".", ","),
    "nl": (".", ","),
    "pt": (".", ","),
    "fr": (NARROW_SPACE, ","),
    "pl": ("\u00a0", ","),
    "sv": ("\u00a0", ","),
}
FEW_DIGITS = {"es": 5, "pl": 5, "pt": 5}  # these languages group from five digits on: 1234, 12.345
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(value: Decimal | None, decimals: int, *, locale: str = "en") -> str:
    """Return `value` rounded half up to `decimals` places, grouped and marked as in `locale`."""
    if value is None:
        return MISSING
    rounded = _rounded(value, decimals)
    return MINUS + _unsigned(rounded, locale) if rounded < 0 else _unsigned(rounded, locale)


def signed(value: Decimal | None, decimals: int, *, locale: str = "en") -> str:
    """Return `value` with its sign always shown; what rounds to zero is ±0."""
    if value is None:
        return MISSING
    rounded = _rounded(value, decimals)
    if rounded == 0:
        return "±0"
    return ("+" if rounded > 0 else MINUS) + _unsigned(rounded, locale)


def plain(value: Decimal, *, locale: str = "en") -> str:
    """Return `value` in digits with the decimal mark of `locale`, without grouping, exponent or trailing zeros."""
    digits = f"{value:f}"
    return digits.rstrip("0").rstrip(".").replace(".", _written_in(locale)[1]) if "." in digits else digits


def with_unit(figure: str, unit: str) -> str:
    """Return a printed figure followed by its unit; a missing figure and a KPI without unit stay alone."""
    if not unit or figure == MISSING:
        return figure
    return f"{figure}{NARROW_SPACE}{unit}"


def delta_unit(unit: str) -> str:
    """Return the unit of a difference: two percentages differ by points, not by per cent."""
    return POINTS if unit == "%" else unit


def delta(value: Decimal | None, unit: str, decimals: int, *, locale: str = "en") -> str:
    """Return a difference with its sign and unit, like “−2.4 pts”."""
    return with_unit(signed(value, decimals, locale=locale), delta_unit(unit))


def is_better(change: Decimal, polarity: str) -> bool | None:
    """Return whether a change is for the better, None when it is neither.

    Colour a change by this, never by its sign. Within a range, no direction is better in itself.
    """
    if change == 0 or polarity not in {"higher_is_better", "lower_is_better"}:
        return None
    return (change > 0) == (polarity == "higher_is_better")


def day(value: date, months: Sequence[str] = MONTHS) -> str:
    """Return a date that can't be misread, like “22 Nov 2026”."""
    return f"{value.day} {months[value.month - 1]} {value.year}"


def short_day(value: date, months: Sequence[str] = MONTHS) -> str:
    """Return day and month, like “22 Nov”, where the year is plain from the place."""
    return f"{value.day} {months[value.month - 1]}"


def moment(value: datetime, tz: tzinfo, months: Sequence[str] = MONTHS) -> str:
    """Return an aware time as read on the clock of `tz`, like “22 Nov 2026, 06:10”."""
    local = value.astimezone(tz)
    return f"{day(local, months)}, {local:%H:%M}"


def _rounded(value: Decimal, decimals: int) -> Decimal:
    return value.quantize(_last_place(decimals), rounding=ROUND_HALF_UP)


@lru_cache(maxsize=64)
def _last_place(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)


def _unsigned(rounded: Decimal, locale: str) -> str:
    thousands, mark, few = _written_in(locale)
    whole, _, fraction = f"{rounded:f}".removeprefix("-").partition(".")
    if len(whole) >= few:
        whole = f"{int(whole):,}".replace(",", thousands)
    return whole + (mark + fraction if fraction else "")


@lru_cache(maxsize=64)
def _written_in(locale: str) -> tuple[str, str, int]:
    """Return the marks of a language, and from how many digits on it groups them."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return (*MARKS.get(language, MARKS["en"]), FEW_DIGITS.get(language, 4))
