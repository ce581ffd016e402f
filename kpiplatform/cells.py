"""Figures and texts as they stand in files for spreadsheets and programs. Knows no app."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

Cell = str | Decimal | int | bool | date | datetime | time | None


def written(cell: Cell) -> str:
    """Return what stands in a comma-separated file: numbers in full, and texts so that no spreadsheet computes them."""
    match cell:
        case None:
            return ""
        case Decimal():
            return plain_number(cell)
        case bool():
            return "yes" if cell else "no"
        case int():
            return str(cell)
        case datetime() | date() | time():
            return cell.isoformat()
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def plain_number(number: Decimal) -> str:
    """Return every digit of a number and no more: no exponent, no trailing zeros."""
    digits = f"{number:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
