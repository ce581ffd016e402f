"""Days and periods in the reader's language: the domain prints them, the months are named here."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from functools import lru_cache

from django.utils.dates import MONTHS_3, WEEKDAYS_ABBR
from django.utils.translation import get_language

from kpis.domain import figures, periods
from kpis.domain.periods import Period


def day(value: date) -> str:
    """Return a date that can't be misread, like “22 Nov 2026”."""
    return figures.day(value, months())


def short_day(value: date) -> str:
    """Return day and month, like “22 Nov”, where the year is plain from the place."""
    return figures.short_day(value, months())


def moment(value: datetime, tz: tzinfo) -> str:
    """Return an aware time as read on the clock of `tz`, like “22 Nov 2026, 06:10”."""
    return figures.moment(value, tz, months())


def short_label(period: Period) -> str:
    """Return the name people use: W46, Nov 2026, Q4 2026."""
    return periods.short_label(period, months())


def span_label(period: Period) -> str:
    """Return first and last day of a period, as short as it stays clear."""
    return periods.span_label(period, months())


def weekday(value: date) -> str:
    """Return the day of the week, like “Mon”."""
    return str(WEEKDAYS_ABBR[value.weekday()])


def months() -> tuple[str, ...]:
    """Return the short names of the months, January first."""
    return _months_in(get_language())


@lru_cache(maxsize=64)
def _months_in(language: str | None) -> tuple[str, ...]:
    return tuple(str(MONTHS_3[number]).title() for number in range(1, 13))
