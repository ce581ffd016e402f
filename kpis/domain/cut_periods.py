"""Periods of which rows have only a part, because they begin or end in the middle of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from kpis.domain.periods import Calendar, Period, period_of

# Rows of fewer days than this share do not tell a day that lacks from one on which nothing happened.
DENSE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A period of which only the days from `first` to `last` are there."""

    period: Period
    first: date
    last: date

    @property
    def days_there(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def days(self) -> int:
        return (self.period.end - self.period.start).days


def begins_inside(days: Sequence[date], frequency: str, calendar: Calendar) -> bool:
    """Return whether rows of these days, in order, begin in the middle of a period.

    They do where other periods have rows on the days that lack, so that a week of working days is whole.
    """
    periods = _periods(days, frequency, calendar)
    own, (first, _last) = next(iter(periods.items()), (None, (date.min, date.min)))
    if own is None or first == own.start or not _are_dense(days):
        return False
    missing = (first - own.start).days
    return _is_unusual(missing, [(one - period.start).days for period, (one, _last) in periods.items()][1:], days)


def ends_inside(days: Sequence[date], frequency: str, calendar: Calendar, *, until: date) -> bool:
    """Return whether rows of these days, in order, end in the middle of a period that is over `until` then."""
    periods = _periods(days, frequency, calendar)
    own = next(reversed(periods), None)
    if own is None or own.end > until or periods[own][1] == own.last_day or not _are_dense(days):
        return False
    missing = (own.last_day - periods[own][1]).days
    return _is_unusual(
        missing, [(period.last_day - last).days for period, (_first, last) in periods.items()][:-1], days
    )


def cuts(first: date | None, last: date | None, rhythms: Iterable[tuple[str, Calendar]]) -> list[Cut]:
    """Return the periods that rows from `first` to `last` have only a part of, short ones first; None cuts none."""
    found: dict[Period, Cut] = {}
    for frequency, calendar in rhythms:
        for day in filter(None, (first, last)):
            period = period_of(day, frequency, calendar)
            cut = Cut(
                period=period,
                first=max(period.start, first or period.start),
                last=min(period.last_day, last or period.last_day),
            )
            if cut.days_there < cut.days:
                found[period] = cut
    return sorted(found.values(), key=lambda cut: (cut.days, cut.period.start))


def _periods(days: Sequence[date], frequency: str, calendar: Calendar) -> dict[Period, tuple[date, date]]:
    """Return each period with the first and the last of the days in it."""
    found: dict[Period, tuple[date, date]] = {}
    period: Period | None = None
    for day in days:
        if period is None or day >= period.end:
            period = period_of(day, frequency, calendar)
            found[period] = (day, day)
        found[period] = (found[period][0], day)
    return found


def _are_dense(days: Sequence[date]) -> bool:
    return len(days) > 1 and len(days) >= DENSE * ((days[-1] - days[0]).days + 1)


def _is_unusual(missing: int, others: Sequence[int], days: Sequence[date]) -> bool:
    """Return whether other periods lack fewer days at this end; without others, whether no gap is as long."""
    if others:
        return 2 * sum(other < missing for other in others) >= len(others)
    longest = max((later - day for day, later in pairwise(days)), default=timedelta(days=1))
    return missing >= longest.days
