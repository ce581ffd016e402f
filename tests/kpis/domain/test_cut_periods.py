"""Periods that rows have only a part of."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from kpis.domain.cut_periods import begins_inside, cuts, ends_inside
from kpis.domain.periods import Calendar

CALENDAR = Calendar()
NEVER = date(2026, 12, 1)


def each(first: str, last: str, *, weekdays: int = 7) -> list[date]:
    """Every day, or every working day, from the first to the last."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    days = [begin + timedelta(offset) for offset in range((end - begin).days + 1)]
    return [day for day in days if day.weekday() < weekdays]


def cut(days: list[date], frequency: str = "week", until: date = NEVER) -> tuple[bool, bool]:
    return begins_inside(days, frequency, CALENDAR), ends_inside(days, frequency, CALENDAR, until=until)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (each("2026-11-02", "2026-11-15"), (False, False)),
        (each("2026-11-04", "2026-11-15"), (True, False)),
        (each("2026-11-04", "2026-11-19"), (True, True)),
        (each("2026-11-04", "2026-11-05"), (True, True)),  # of one week alone
        (each("2026-11-02", "2026-11-13", weekdays=5), (False, False)),  # working days are whole weeks
        (each("2026-11-03", "2026-11-12", weekdays=5), (True, True)),
        ([date(2026, 11, 4)], (False, False)),  # a single day tells nothing
        ([date(2026, 11, 4) + timedelta(weeks=week) for week in range(4)], (False, False)),  # one row a week
        ([], (False, False)),
    ],
)
def test_a_week_is_cut_where_other_weeks_have_rows_on_the_days_that_lack(
    days: list[date], expected: tuple[bool, bool]
) -> None:
    assert cut(days) == expected


def test_an_open_period_is_not_cut_and_a_day_never_is() -> None:
    days = each("2026-10-01", "2026-11-12")
    assert cut(days, until=date(2026, 11, 13)) == (True, False)
    assert cut(days, "month", until=date(2026, 11, 13)) == (False, False)
    assert cut(days, "day") == (False, False)


def test_the_days_that_are_there_are_counted_for_each_rhythm() -> None:
    found = cuts(date(2026, 3, 5), date(2026, 3, 20), [("week", CALENDAR), ("month", CALENDAR)])
    assert [(one.period.key, one.days_there, one.days) for one in found] == [
        ("2026-W10", 4, 7),
        ("2026-W12", 5, 7),
        ("2026-03", 16, 31),
    ]
    assert cuts(None, None, [("week", CALENDAR)]) == []
