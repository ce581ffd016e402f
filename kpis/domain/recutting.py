"""What becomes of recorded periods when a calendar cuts time differently."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from kpis.domain.periods import Calendar, Frequency, period_of, year_of_period

Span = tuple[str, date, date]


def frequencies_that_move(spans: Iterable[Span], calendar: Calendar) -> set[Frequency]:
    """Return the frequencies of those (frequency, start, end) that are no periods of `calendar`."""
    moved = set()
    for frequency, start, end in spans:
        period = period_of(start, frequency, calendar)
        if (period.start, period.end) != (start, end):
            moved.add(period.frequency)
    return moved


def fiscal_years_move(ends: Iterable[date], before: Calendar, after: Calendar) -> bool:
    """Return whether any of the periods that end before these days would be counted from another first day."""
    return any(year_of_period(end, before) != year_of_period(end, after) for end in ends)
