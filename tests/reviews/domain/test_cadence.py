"""When a forum meets."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.domain.periods import WorkingDays
from reviews.domain.cadence import Cadence, next_dates, spelled_out

THURSDAY = date(2026, 11, 5)


def cadence(rule, anchor=THURSDAY, **fields):
    return Cadence(rule=rule, anchor=anchor, **fields)


def days(*texts):
    return [date.fromisoformat(text) for text in texts]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (cadence("daily"), days("2026-11-23", "2026-11-24", "2026-11-25")),
        (cadence("daily", interval=3), days("2026-11-23", "2026-11-26", "2026-11-29")),
        (
            cadence("daily", working_days_only=True),
            days("2026-11-23", "2026-11-24", "2026-11-25"),
        ),
        (
            cadence("daily", interval=2, working_days_only=True),
            days("2026-11-23", "2026-11-25", "2026-11-27"),
        ),
        (cadence("weekly"), days("2026-11-26", "2026-12-03", "2026-12-10")),
        (
            cadence("weekly", interval=2, weekday=3),
            days("2026-12-03", "2026-12-17", "2026-12-31"),
        ),
        (cadence("weekly", weekday=0), days("2026-11-23", "2026-11-30", "2026-12-07")),
        (cadence("monthly"), days("2026-12-05", "2027-01-05", "2027-02-05")),
        (
            cadence("monthly", nth_week=-1, weekday=4),
            days("2026-11-27", "2026-12-25", "2027-01-29"),
        ),
        (
            cadence("monthly", nth_week=1, weekday=0, interval=2),
            days("2027-01-04", "2027-03-01", "2027-05-03"),
        ),
        (
            cadence("monthly", nth_week=4, weekday=6),
            days("2026-12-27", "2027-01-24", "2027-02-28"),
        ),
        (
            cadence("monthly", day_of_month=31),
            days("2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28"),
        ),
        (
            cadence("monthly", day_of_month=5, working_days_only=True),
            days("2026-12-07", "2027-01-05", "2027-02-05"),
        ),
        (
            cadence("monthly", day_of_month=31, working_days_only=True),
            days("2026-11-30", "2026-12-31", "2027-01-29"),
        ),
        (
            cadence("quarterly", month_of_quarter=1, nth_week=2, weekday=1),
            days("2027-01-12", "2027-04-13", "2027-07-13"),
        ),
        (
            cadence("quarterly", interval=2, day_of_month=15),
            days("2027-05-15", "2027-11-15"),
        ),
        (
            cadence("quarterly", day_of_month=22, month_of_quarter=3),
            days("2026-12-22", "2027-03-22"),
        ),
    ],
)
def test_each_rule_in_dates(rule, expected):
    assert next_dates(rule, date(2026, 11, 22), len(expected)) == expected


def test_what_is_not_said_is_taken_from_the_anchor():
    assert spelled_out(cadence("weekly")) == cadence("weekly", weekday=3)
    assert spelled_out(cadence("monthly")) == cadence("monthly", weekday=3, day_of_month=5)
    assert spelled_out(cadence("monthly", nth_week=1, weekday=0)) == cadence("monthly", nth_week=1, weekday=0)
    quarterly = cadence("quarterly", nth_week=1, weekday=0)
    assert spelled_out(quarterly) == cadence("quarterly", nth_week=1, weekday=0, month_of_quarter=2)


def test_the_day_itself_is_not_after_itself():
    assert next_dates(cadence("weekly"), THURSDAY, 1) == days("2026-11-12")
    assert next_dates(cadence("weekly"), THURSDAY - timedelta(days=1), 1) == [THURSDAY]


def test_nothing_is_held_before_the_anchor():
    assert next_dates(cadence("weekly", weekday=0), date(2020, 1, 1), 1) == days("2026-11-09")
    assert next_dates(cadence("monthly", day_of_month=1), date(2020, 1, 1), 1) == days("2026-12-01")


def test_holidays_move_a_meeting_and_never_double_it():
    christmas = WorkingDays(holidays=frozenset(days("2026-12-24", "2026-12-25", "2026-12-28")))
    rule = cadence("weekly", working_days_only=True)
    assert next_dates(rule, date(2026, 12, 17), 2, christmas) == days("2026-12-29", "2026-12-31")
    long_break = WorkingDays(holidays=frozenset(date(2026, 12, 24) + timedelta(days=n) for n in range(10)))
    assert next_dates(rule, date(2026, 12, 17), 3, long_break) == days("2027-01-04", "2027-01-07", "2027-01-14")


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": "yearly"},
        {"rule": "daily", "interval": 0},
        {"rule": "weekly", "weekday": 7},
        {"rule": "monthly", "day_of_month": 32},
        {"rule": "monthly", "nth_week": 5},
        {"rule": "monthly", "nth_week": 0},
        {"rule": "monthly", "nth_week": 1, "day_of_month": 3},
        {"rule": "quarterly", "month_of_quarter": 4},
    ],
)
def test_rules_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\.$"):
        cadence(**wrong)


rules = st.builds(
    Cadence,
    rule=st.sampled_from(["daily", "weekly", "monthly", "quarterly"]),
    interval=st.integers(1, 12),
    weekday=st.none() | st.integers(0, 6),
    day_of_month=st.none(),
    nth_week=st.sampled_from([None, 1, 2, 3, 4, -1]),
    month_of_quarter=st.sampled_from([None, 1, 2, 3]),
    working_days_only=st.booleans(),
    anchor=st.dates(date(2024, 1, 1), date(2027, 1, 1)),
)


@settings(deadline=None, max_examples=60)
@given(rule=rules, after=st.dates(date(2024, 1, 1), date(2028, 1, 1)))
def test_dates_rise_and_do_not_depend_on_where_one_starts_to_look(rule, after):
    dates = next_dates(rule, after, 5)
    assert dates == sorted(set(dates))
    assert dates[0] > after
    assert dates[0] >= rule.anchor
    assert next_dates(rule, dates[1], 3) == dates[2:]
    if rule.working_days_only:
        assert all(day.weekday() < 5 for day in dates)
