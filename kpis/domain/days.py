"""The days that calendars know; others are typing errors."""

from __future__ import annotations

from datetime import date

FIRST_YEAR, LAST_YEAR = 1900, 2200


def is_known(day: date) -> bool:
    """Return whether calendars know the day."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


def day_named(text: str) -> date | None:
    """Return the day that an address or a message names like 2026-11-22; None where calendars know no such day."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if is_known(day) else None
