"""Which periods of a derived KPI a changed value of an input reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import takewhile

from kpis.domain.formula.tree import Reference, Rolling, Term, ToDate
from kpis.domain.periods import Calendar, Period, fiscal_year_start, next_period, period_of


def periods_reached(
    terms: Iterable[Term], *, last_day: date, frequency: str, calendar: Calendar, today: date
) -> dict[date, Period]:
    """Return, by their start, the periods in which one of the terms takes the value of the input's period.

    `terms` are those of the formula that refer to the input, `last_day` is the last day of the period that changed.
    Periods after the first that have not begun are left out.
    """
    first = period_of(last_day, frequency, calendar)
    latest = max(today, first.start)
    found: dict[date, Period] = {}
    for term in terms:
        begun = takewhile(lambda period: period.start <= latest, _from(first, calendar))
        found |= {period.start: period for period in _reached(term, first, begun, calendar)}
    return found


def _reached(term: Term, first: Period, periods: Iterator[Period], calendar: Calendar) -> Iterator[Period]:
    year = fiscal_year_start(first.last_day, calendar)
    for place, period in enumerate(periods):
        match term:
            case Reference(back=back) if place == back:
                yield period
                return
            case Rolling(count=count) if place >= count:
                return
            case ToDate() if fiscal_year_start(period.last_day, calendar) != year:
                return
            case Rolling() | ToDate():
                yield period


def _from(period: Period, calendar: Calendar) -> Iterator[Period]:
    while True:
        yield period
        period = next_period(period, calendar)
