"""When a forum meets: a rule, and the dates that follow from it."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import count as counting
from itertools import islice
from typing import Literal

from kpis.domain.periods import WorkingDays

DAY = timedelta(days=1)
LAST = -1
_MONTHS_IN_STEP = {"monthly": 1, "quarterly": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How often a forum meets, from `anchor` on; what is not said is taken from the anchor.

    Weeks, months or quarters between meetings are counted from the one that holds the anchor. A
    month without the wanted day has its last day instead. With `working_days_only` a daily forum
    counts working days; a date of any other moves to the next working day, within its month if
    the rule is about months.
    """

    rule: Literal["daily", "weekly", "monthly", "quarterly"]
    interval: int = 1
    weekday: int | None = None
    day_of_month: int | None = None
    nth_week: int | None = None
    month_of_quarter: int | None = None
    working_days_only: bool = False
    anchor: date

    def __post_init__(self) -> None:
        if self.rule not in ("daily", "weekly", "monthly", "quarterly"):
            raise ValueError("A forum meets daily, weekly, monthly or quarterly.")
        if not 1 <= self.interval <= 12:
            raise ValueError("The interval is from 1 to 12.")
        if self.weekday is not None and not 0 <= self.weekday <= 6:
            raise ValueError("A weekday is from 0 (Monday) to 6 (Sunday).")
        if self.day_of_month is not None and not 1 <= self.day_of_month <= 31:
            raise ValueError("A day of the month is from 1 to 31.")
        if self.nth_week not in (None, LAST, 1, 2, 3, 4):
            raise ValueError("A weekday of the month is the first to fourth, or the last (-1).")
        if self.nth_week is not None and self.day_of_month is not None:
            raise ValueError("Give a day of the month or a weekday of the month, not both.")
        if self.month_of_quarter not in (None, 1, 2, 3):
            raise ValueError("A month of the quarter is 1, 2 or 3.")


def next_dates(cadence: Cadence, after: date, count: int, working: WorkingDays | None = None) -> list[date]:
    """Return the next `count` meeting days after `after`, in order; none is before the anchor.

    `working` (Monday to Friday without holidays if not given) matters to `working_days_only`.
    """
    working = working or WorkingDays()
    days = _daily(cadence, working) if cadence.rule == "daily" else _moved(cadence, working)
    return list(islice((day for day in days if day > after), count))


def spelled_out(cadence: Cadence) -> Cadence:
    """Return the same rule with all that it takes from its anchor said."""
    by_date = cadence.rule in _MONTHS_IN_STEP and cadence.nth_week is None
    return replace(
        cadence,
        weekday=_weekday(cadence),
        day_of_month=cadence.day_of_month or cadence.anchor.day if by_date else None,
        month_of_quarter=_month_of_quarter(cadence) if cadence.rule == "quarterly" else None,
    )


def _daily(cadence: Cadence, working: WorkingDays) -> Iterator[date]:
    days = (cadence.anchor + step * DAY for step in counting())
    if cadence.working_days_only:
        days = (day for day in days if working.includes(day))
    return islice(days, 0, None, cadence.interval)


def _moved(cadence: Cadence, working: WorkingDays) -> Iterator[date]:
    """Return the days of a weekly or longer rule, moved to working days if it asks for them."""
    previous = None
    for nominal in _weekly(cadence) if cadence.rule == "weekly" else _by_month(cadence):
        if nominal < cadence.anchor:
            continue
        day = _working_day_near(nominal, cadence.rule, working) if cadence.working_days_only else nominal
        # Holidays of a whole week move two meetings onto one day; a month's end can move back past the anchor.
        if day != previous and day >= cadence.anchor:
            yield day
        previous = day


def _weekly(cadence: Cadence) -> Iterator[date]:
    first = cadence.anchor + (_weekday(cadence) - cadence.anchor.weekday()) * DAY
    return (first + step * cadence.interval * 7 * DAY for step in counting())


def _by_month(cadence: Cadence) -> Iterator[date]:
    anchor = cadence.anchor
    month = anchor.year * 12 + anchor.month - 1
    if cadence.rule == "quarterly":
        month += _month_of_quarter(cadence) - 1 - month % 3
    for step in counting():
        year, month_from_zero = divmod(month + step * cadence.interval * _MONTHS_IN_STEP[cadence.rule], 12)
        yield _day_in_month(year, month_from_zero + 1, cadence)


def _day_in_month(year: int, month: int, cadence: Cadence) -> date:
    first_weekday, days = monthrange(year, month)
    if cadence.nth_week is None:
        return date(year, month, min(cadence.day_of_month or cadence.anchor.day, days))
    first = 1 + (_weekday(cadence) - first_weekday) % 7
    weeks = (days - first) // 7 if cadence.nth_week == LAST else cadence.nth_week - 1
    return date(year, month, first + weeks * 7)


def _working_day_near(nominal: date, rule: str, working: WorkingDays) -> date:
    day = nominal
    while not working.includes(day):
        day += DAY
    if rule == "weekly" or day.month == nominal.month:
        return day
    day = nominal
    while not working.includes(day):
        day -= DAY
    return day


def _weekday(cadence: Cadence) -> int:
    return cadence.anchor.weekday() if cadence.weekday is None else cadence.weekday


def _month_of_quarter(cadence: Cadence) -> int:
    return cadence.month_of_quarter or (cadence.anchor.month - 1) % 3 + 1
