"""Which period a date is in, what it is called, and when its value is due.

A period is half-open: it holds `start`, it does not hold `end`. Weeks follow the calendar's week
start and never nest in months, whatever the month pattern.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from kpis.domain.days import FIRST_YEAR, LAST_YEAR

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
EN_DASH = "\N{EN DASH}"
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Frequency(StrEnum):
    """How long the periods of a KPI are."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    HALF_YEAR = "half_year"
    YEAR = "year"


_PARTS_OF_YEAR = {
    Frequency.MONTH: 12,
    Frequency.QUARTER: 4,
    Frequency.HALF_YEAR: 2,
    Frequency.YEAR: 1,
}
_PART_LETTER = {Frequency.QUARTER: "Q", Frequency.HALF_YEAR: "H"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """How an organisation cuts time.

    With a week pattern (445, 454, 544) the year ends on the last or nearest `year_end_weekday` of
    `year_end_month`, `fiscal_year_start_month` is not used, and months are called P01 to P12.
    """

    fiscal_year_start_month: int = 1
    label_rule: Literal["end", "start"] = "end"
    week_start: int = 0
    pattern: Literal["calendar", "445", "454", "544"] = "calendar"
    year_end_rule: Literal["last", "nearest"] = "last"
    year_end_weekday: int = 5
    year_end_month: int = 12

    def __post_init__(self) -> None:
        for name in ("fiscal_year_start_month", "year_end_month"):
            if not 1 <= getattr(self, name) <= 12:
                raise ValueError(f"A calendar's {name} is a month from 1 to 12.")
        for name in ("week_start", "year_end_weekday"):
            if not 0 <= getattr(self, name) <= 6:
                raise ValueError(f"A calendar's {name} is a weekday from 0 (Monday) to 6 (Sunday).")
        if self.label_rule not in ("end", "start"):
            raise ValueError("A fiscal year is labelled by its 'end' or its 'start'.")
        if self.pattern not in ("calendar", "445", "454", "544"):
            raise ValueError("A calendar's pattern is 'calendar', '445', '454' or '544'.")
        if self.year_end_rule not in ("last", "nearest"):
            raise ValueError("A week-pattern year ends on the 'last' or the 'nearest' weekday.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One day, week, month, quarter, half-year or year: `[start, end)`."""

    frequency: Frequency
    start: date
    end: date
    key: str

    @property
    def last_day(self) -> date:
        return self.end - DAY


def period_of(day: date, frequency: str, calendar: Calendar) -> Period:
    """Return the one period of `frequency` that holds `day`."""
    if isinstance(day, datetime):
        raise TypeError("A period is found for a date; say in which time zone the moment is read.")
    frequency = Frequency(frequency)
    if frequency is Frequency.DAY:
        return Period(frequency=frequency, start=day, end=day + DAY, key=day.isoformat())
    if frequency is Frequency.WEEK:
        return _week_of(day, calendar)
    if frequency is Frequency.MONTH and calendar.pattern == "calendar":
        start = day.replace(day=1)
        key = f"{day.year:04d}-{day.month:02d}"
        return Period(frequency=frequency, start=start, end=_add_months(start, 1), key=key)
    year = _fiscal_year_of(day, calendar)
    bounds = _part_bounds(year, frequency, calendar)
    return _part(year, bisect_right(bounds, day), bounds, frequency)


def next_period(period: Period, calendar: Calendar) -> Period:
    """Return the period that begins where `period` ends."""
    return period_of(period.end, period.frequency, calendar)


def previous_period(period: Period, calendar: Calendar) -> Period:
    """Return the period that ends where `period` begins."""
    return period_of(period.start - DAY, period.frequency, calendar)


def periods_between(start: date, end: date, frequency: str, calendar: Calendar) -> list[Period]:
    """Return, in order, the periods that share at least one day with `[start, end)`."""
    periods: list[Period] = []
    day = start
    while day < end:
        period = period_of(day, frequency, calendar)
        periods.append(period)
        day = period.end
    return periods


def same_period_last_year(period: Period, calendar: Calendar) -> Period | None:
    """Return the period of the same number a year earlier.

    Week 53 and 29 February compare with nothing: None. A 52-week year after a 53-week one
    compares week by number.
    """
    rest = period.key[4:]
    if rest in ("-W53", "-02-29"):
        return None
    return parse_key(f"{int(period.key[:4]) - 1:04d}{rest}", calendar)


def month_of_week(period: Period, calendar: Calendar) -> Period:
    """Return the month a week is counted in: the one that holds the week's last day."""
    if period.frequency is not Frequency.WEEK:
        raise ValueError(f"{period.key} is not a week.")
    return period_of(period.last_day, Frequency.MONTH, calendar)


def fiscal_year_start(day: date, calendar: Calendar) -> date:
    """Return the first day of the fiscal year that holds `day`."""
    return _fiscal_year_of(day, calendar).start


def year_of_period(end: date, calendar: Calendar) -> date:
    """Return the first day of the fiscal year in which the period counts that ends before `end`.

    A week counts in the year that holds its last day, as it does in a month.
    """
    return fiscal_year_start(end - DAY, calendar)


def first_of_year(day: date, frequency: str, calendar: Calendar) -> date:
    """Return where the first period of the fiscal year begins in which the period counts that holds `day`.

    A week may begin before the year does.
    """
    year = year_of_period(period_of(day, frequency, calendar).end, calendar)
    return period_of(year, frequency, calendar).start


# --- keys ---------------------------------------------------------------------------------------

_KEY = re.compile(
    r"(?P<year>\d{4})"
    r"(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?|-(?P<letter>[WPQH])(?P<number>\d\d?))?",
    re.ASCII,
)
_LETTERS = {
    "W": Frequency.WEEK,
    "P": Frequency.MONTH,
    "Q": Frequency.QUARTER,
    "H": Frequency.HALF_YEAR,
}


def parse_key(key: str, calendar: Calendar) -> Period:
    """Return the period called `key`; a ValueError says in a sentence why there is none."""
    period = _period_called(key, calendar)
    if period.key != key:
        raise ValueError(f"There is no period {key}.")
    return period


def _period_called(key: str, calendar: Calendar) -> Period:
    match = _KEY.fullmatch(key)
    if match is None:
        raise ValueError(
            f"{key[:20]!r} is not a period; write it like 2026-11-22, 2026-W53, 2026-11, 2026-Q4, 2026-H2 or 2026."
        )
    year = int(match["year"])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"The year of {key} is not between {FIRST_YEAR} and {LAST_YEAR}.")
    if match["month"] is not None:
        try:
            day = date(year, int(match["month"]), int(match["day"] or 1))
        except ValueError:
            raise ValueError(f"There is no period {key}.") from None
        if match["day"] is not None:
            return period_of(day, Frequency.DAY, calendar)
        if calendar.pattern != "calendar":
            raise ValueError(f"Months here follow {calendar.pattern}; write {key} as {year}-P01.")
        return period_of(day, Frequency.MONTH, calendar)
    if match["letter"] is None:
        frequency, number = Frequency.YEAR, 1
    else:
        frequency, number = _LETTERS[match["letter"]], int(match["number"])
    if frequency is Frequency.WEEK:
        first_week = _week_of(date(year, 1, 4), calendar)
        return _week_of(first_week.start + (number - 1) * WEEK, calendar)
    if frequency is Frequency.MONTH and calendar.pattern == "calendar":
        raise ValueError(f"Months here are calendar months; write {key} as {year}-01.")
    fiscal_year = _fiscal_year_labelled(year, calendar)
    bounds = _part_bounds(fiscal_year, frequency, calendar)
    if not 1 <= number < len(bounds):
        raise ValueError(f"There is no period {key}.")
    return _part(fiscal_year, number, bounds, frequency)


# --- labels -------------------------------------------------------------------------------------


def short_label(period: Period, months: Sequence[str] = MONTH_NAMES) -> str:
    """Return the name people use: W46, Nov 2026, Q4 2026, FY27 (Jul 2026 to Jun 2027 in short)."""
    first, last = period.start, period.last_day
    year = int(period.key[:4])
    match period.frequency:
        case Frequency.DAY:
            return f"{first.day} {_month_year(first, months)}"
        case Frequency.WEEK:
            return period.key[5:]
        case Frequency.MONTH if "P" in period.key:
            return f"P{int(period.key[6:])} FY{year % 100:02d}"
        case Frequency.MONTH:
            return _month_year(first, months)
        case Frequency.YEAR if _is_calendar_year_part(period):
            return period.key
        case Frequency.YEAR if first.day == 1:
            return f"FY{year % 100:02d} ({_month_year(first, months)} {EN_DASH} {_month_year(last, months)})"
        case Frequency.YEAR:
            days = f"{first.day} {_month_year(first, months)} {EN_DASH} {last.day} {_month_year(last, months)}"
            return f"FY{year % 100:02d} ({days})"
        case _ if _is_calendar_year_part(period):
            return f"{period.key[5:]} {year}"
        case _:
            return f"{period.key[5:]} FY{year % 100:02d}"


def span_label(period: Period, months: Sequence[str] = MONTH_NAMES) -> str:
    """Return first and last day, as short as it stays clear; years only where they differ."""
    first, last = period.start, period.last_day
    end = f"{last.day} {months[last.month - 1]}"
    if first == last:
        return end
    if first.year != last.year:
        return f"{first.day} {_month_year(first, months)} {EN_DASH} {end} {last.year}"
    if first.month != last.month:
        return f"{first.day} {months[first.month - 1]} {EN_DASH} {end}"
    return f"{first.day}{EN_DASH}{end}"


def _month_year(day: date, months: Sequence[str]) -> str:
    return f"{months[day.month - 1]} {day.year}"


def _is_calendar_year_part(period: Period) -> bool:
    """Is this the quarter, half or year of that number in the calendar year of its key?"""
    months = 12 // _PARTS_OF_YEAR[period.frequency]
    number = int(period.key[6:] or 1)
    start = date(int(period.key[:4]), 1 + (number - 1) * months, 1)
    return period.start == start and period.end == _add_months(start, months)


# --- when a value is due ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingDays:
    """The weekdays people work on, less the holidays."""

    weekdays: frozenset[int] = frozenset(range(5))
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if not self.weekdays or not self.weekdays <= frozenset(range(7)):
            raise ValueError("Working days need at least one weekday from 0 (Monday) to 6.")

    def includes(self, day: date) -> bool:
        return day.weekday() in self.weekdays and day not in self.holidays


def due_on(period: Period, lag_days: int, working: WorkingDays | None) -> date:
    """Return the last day on which the value of `period` is still in time.

    Day one of the lag is the first (working) day after the period's last day, so a lag of 0 is
    the last day itself, working day or not. Without `working` every day counts.
    """
    if lag_days < 0:
        raise ValueError("A lag is 0 days or more.")
    if working is None:
        return period.last_day + lag_days * DAY
    day = period.last_day
    for _ in range(lag_days):
        day += DAY
        while not working.includes(day):
            day += DAY
    return day


# --- fiscal years, their parts, weeks -----------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _FiscalYear:
    label: int
    start: date
    end: date


def _week_of(day: date, calendar: Calendar) -> Period:
    """A week belongs to the year of its fourth day: ISO 8601 when it starts on Monday."""
    start = day - (day.weekday() - calendar.week_start) % 7 * DAY
    fourth = start + 3 * DAY
    number = (fourth.timetuple().tm_yday - 1) // 7 + 1
    key = f"{fourth.year:04d}-W{number:02d}"
    return Period(frequency=Frequency.WEEK, start=start, end=start + WEEK, key=key)


def _fiscal_year_of(day: date, calendar: Calendar) -> _FiscalYear:
    # No fiscal year starts more than a year before or after the year of its label begins.
    for label in (day.year, day.year + 1, day.year - 1):
        year = _fiscal_year_labelled(label, calendar)
        if year.start <= day < year.end:
            return year
    raise AssertionError(f"no fiscal year holds {day}")


@lru_cache(maxsize=4096)
def _fiscal_year_labelled(label: int, calendar: Calendar) -> _FiscalYear:
    if calendar.pattern == "calendar":
        begins = calendar.fiscal_year_start_month
        year = label - (calendar.label_rule == "end" and begins != 1)
        start = date(year, begins, 1)
        return _FiscalYear(label=label, start=start, end=_add_months(start, 12))
    # A year that ends about December has one name, whichever rule labels it.
    ends = label + (calendar.label_rule == "start" and calendar.year_end_month != 12)
    start, end = (_last_day_of_week_year(year, calendar) + DAY for year in (ends - 1, ends))
    return _FiscalYear(label=label, start=start, end=end)


def _last_day_of_week_year(year: int, calendar: Calendar) -> date:
    month_end = _add_months(date(year, calendar.year_end_month, 1), 1) - DAY
    back = (month_end.weekday() - calendar.year_end_weekday) % 7
    if calendar.year_end_rule == "nearest" and back > 3:
        return month_end + (7 - back) * DAY
    return month_end - back * DAY


def _part_bounds(year: _FiscalYear, frequency: Frequency, calendar: Calendar) -> list[date]:
    """Return where each part of the year starts, and last where the year ends."""
    parts = _PARTS_OF_YEAR[frequency]
    if calendar.pattern == "calendar":
        return [_add_months(year.start, 12 // parts * part) for part in range(parts)] + [year.end]
    weeks = [int(digit) for digit in calendar.pattern] * 4
    months = 12 // parts
    # The end is the year's own: a 53rd week falls to the last part.
    return [year.start + sum(weeks[: part * months]) * WEEK for part in range(parts)] + [year.end]


def _part(year: _FiscalYear, number: int, bounds: Sequence[date], frequency: Frequency) -> Period:
    match frequency:
        case Frequency.YEAR:
            key = f"{year.label:04d}"
        case Frequency.MONTH:
            key = f"{year.label:04d}-P{number:02d}"
        case _:
            key = f"{year.label:04d}-{_PART_LETTER[frequency]}{number}"
    return Period(frequency=frequency, start=bounds[number - 1], end=bounds[number], key=key)


def _add_months(first: date, months: int) -> date:
    """Return the first of the month `months` after the month that begins on `first`."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)
