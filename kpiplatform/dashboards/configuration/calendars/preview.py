"""A calendar in words, and the periods that come next by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from kpiplatform.dashboards.configuration.calendars.forms import MONTHS, PATTERNS, WEEKDAYS
from kpis.dates import day, short_label
from kpis.domain.periods import Calendar, Frequency, Period, next_period, period_of

SHOWN = {Frequency.WEEK: 4, Frequency.MONTH: 4, Frequency.QUARTER: 4, Frequency.YEAR: 3}
WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The coming periods of one frequency: (name, span)."""

    label: str
    rows: list[tuple[str, str]]


def coming_periods(calendar: Calendar | None, today: date) -> list[Group]:
    """Return the running periods and those after them, by frequency; nothing for a calendar not yet typed."""
    if calendar is None:
        return []
    labels = {
        Frequency.WEEK: _("Weeks"),
        Frequency.MONTH: _("Months"),
        Frequency.QUARTER: _("Quarters"),
        Frequency.YEAR: _("Years"),
    }
    return [
        Group(label=labels[frequency], rows=[_row(period, calendar) for period in _next(frequency, calendar, today)])
        for frequency in SHOWN
    ]


def in_words(calendar: Calendar) -> str:
    """Return how a calendar cuts time, in a sentence."""
    weekdays, months = dict(WEEKDAYS), dict(MONTHS)
    weeks = _("weeks begin on %(day)s") % {"day": weekdays[calendar.week_start]}
    if calendar.pattern == "calendar":
        begins = months[calendar.fiscal_year_start_month]
        return _("Calendar months, the fiscal year begins in %(month)s; %(weeks)s.") % {"month": begins, "weeks": weeks}
    rule = (
        _("the last %(day)s of %(month)s")
        if calendar.year_end_rule == "last"
        else _("the %(day)s nearest to the end of %(month)s")
    )
    ends = rule % {"day": weekdays[calendar.year_end_weekday], "month": months[calendar.year_end_month]}
    return _("%(pattern)s, the fiscal year ends on %(ends)s; %(weeks)s.") % {
        "pattern": dict(PATTERNS)[calendar.pattern],
        "ends": ends,
        "weeks": weeks,
    }


def _next(frequency: Frequency, calendar: Calendar, today: date) -> list[Period]:
    periods = [period_of(today, frequency, calendar)]
    while len(periods) < SHOWN[frequency]:
        periods.append(next_period(periods[-1], calendar))
    return periods


def _row(period: Period, calendar: Calendar) -> tuple[str, str]:
    span = f"{day(period.start)} – {day(period.last_day)}"
    name = short_label(period).partition(" (")[0]
    if calendar.pattern != "calendar" and period.frequency is not Frequency.WEEK:
        weeks = (period.end - period.start).days // WEEK
        span = _("%(span)s, %(weeks)d weeks") % {"span": span, "weeks": weeks}
    return name, span
