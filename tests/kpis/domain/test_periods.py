"""Which period a date is in, what it is called, and when its value is due."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.domain.periods import (
    Calendar,
    Frequency,
    WorkingDays,
    due_on,
    first_of_year,
    fiscal_year_start,
    month_of_week,
    next_period,
    parse_key,
    period_of,
    periods_between,
    previous_period,
    same_period_last_year,
    short_label,
    span_label,
    year_of_period,
)

DAY = timedelta(days=1)
PLAIN = Calendar()
FROM_JULY = Calendar(fiscal_year_start_month=7)
FROM_JULY_BY_START = Calendar(fiscal_year_start_month=7, label_rule="start")
# The calendar of US retail: 4-5-4, ending on the Saturday nearest to 31 January, named by its start.
RETAIL = Calendar(
    pattern="454", year_end_rule="nearest", year_end_weekday=5, year_end_month=1, label_rule="start", week_start=6
)
CALENDARS = [
    PLAIN,
    FROM_JULY,
    FROM_JULY_BY_START,
    Calendar(fiscal_year_start_month=12, week_start=6),
    RETAIL,
    Calendar(pattern="445"),
    Calendar(pattern="544", year_end_rule="nearest", year_end_weekday=4, year_end_month=6),
    Calendar(pattern="445", year_end_rule="nearest", year_end_weekday=6, year_end_month=12, label_rule="start"),
]

any_calendar = st.builds(
    Calendar,
    fiscal_year_start_month=st.integers(1, 12),
    label_rule=st.sampled_from(["end", "start"]),
    week_start=st.integers(0, 6),
    pattern=st.sampled_from(["calendar", "445", "454", "544"]),
    year_end_rule=st.sampled_from(["last", "nearest"]),
    year_end_weekday=st.integers(0, 6),
    year_end_month=st.integers(1, 12),
)
any_day = st.dates(date(2000, 1, 1), date(2100, 12, 31))
any_frequency = st.sampled_from(Frequency)


@pytest.mark.parametrize(
    ("frequency", "key", "start", "end"),
    [
        ("day", "2026-11-22", date(2026, 11, 22), date(2026, 11, 23)),
        ("week", "2026-W47", date(2026, 11, 16), date(2026, 11, 23)),
        ("month", "2026-11", date(2026, 11, 1), date(2026, 12, 1)),
        ("quarter", "2026-Q4", date(2026, 10, 1), date(2027, 1, 1)),
        ("half_year", "2026-H2", date(2026, 7, 1), date(2027, 1, 1)),
        ("year", "2026", date(2026, 1, 1), date(2027, 1, 1)),
    ],
)
def test_22_november_2026_is_in_one_period_of_each_frequency(frequency, key, start, end):
    period = period_of(date(2026, 11, 22), frequency, PLAIN)
    assert (period.key, period.start, period.end) == (key, start, end)


@pytest.mark.parametrize(
    ("day", "key"),
    [
        (date(2024, 12, 30), "2025-W01"),
        (date(2027, 1, 1), "2026-W53"),
        (date(2027, 1, 3), "2026-W53"),
        (date(2027, 1, 4), "2027-W01"),
        (date(2021, 1, 1), "2020-W53"),
    ],
)
def test_weeks_belong_to_the_iso_year(day, key):
    assert period_of(day, "week", PLAIN).key == key


def test_monday_weeks_are_the_iso_weeks_of_a_century():
    for days in range(0, 36_890, 3):
        day = date(2000, 1, 1) + days * DAY
        iso = day.isocalendar()
        assert period_of(day, "week", PLAIN).key == f"{iso.year}-W{iso.week:02d}"


def test_the_years_with_53_iso_weeks_are_known():
    years = [year for year in range(2013, 2046) if _has_53_weeks(year)]
    assert years == [2015, 2020, 2026, 2032, 2037, 2043]


def _has_53_weeks(year):
    return period_of(date(year, 12, 28), "week", PLAIN).key.endswith("W53")


def test_retail_years_of_53_weeks_are_those_published():
    years = [year for year in range(2010, 2037) if _weeks(parse_key(str(year), RETAIL)) == 53]
    assert years == [2012, 2017, 2023, 2028, 2034]


def test_the_53rd_week_goes_to_the_last_period():
    months = periods_between(date(2023, 1, 29), date(2024, 2, 4), "month", RETAIL)
    assert [_weeks(month) for month in months] == [4, 5, 4] * 3 + [4, 5, 5]
    assert months[0].key == "2023-P01"
    assert months[-1].key == "2023-P12"
    assert [_weeks(quarter) for quarter in periods_between(months[0].start, months[-1].end, "quarter", RETAIL)] == [
        13,
        13,
        13,
        14,
    ]


@pytest.mark.parametrize(("pattern", "weeks"), [("445", [4, 4, 5]), ("454", [4, 5, 4]), ("544", [5, 4, 4])])
def test_a_pattern_orders_the_weeks_of_its_quarters(pattern, weeks):
    calendar = Calendar(pattern=pattern)
    year = parse_key("2026", calendar)
    assert (year.start, year.last_day) == (date(2025, 12, 28), date(2026, 12, 26))
    months = periods_between(year.start, year.end, "month", calendar)
    assert [_weeks(month) for month in months] == weeks * 4


def _weeks(period):
    return (period.end - period.start).days // 7


@pytest.mark.parametrize(
    ("calendar", "last_day"),
    [
        (Calendar(pattern="445", year_end_rule="last", year_end_weekday=5, year_end_month=1), date(2026, 1, 31)),
        (Calendar(pattern="445", year_end_rule="last", year_end_weekday=4, year_end_month=1), date(2026, 1, 30)),
        (Calendar(pattern="445", year_end_rule="nearest", year_end_weekday=1, year_end_month=1), date(2026, 2, 3)),
        (Calendar(pattern="445", year_end_rule="nearest", year_end_weekday=2, year_end_month=1), date(2026, 1, 28)),
        (Calendar(pattern="445", year_end_rule="last", year_end_weekday=1, year_end_month=1), date(2026, 1, 27)),
    ],
)
def test_a_week_pattern_year_ends_on_the_last_or_the_nearest_weekday(calendar, last_day):
    assert parse_key("2026", calendar).last_day == last_day


@pytest.mark.parametrize(
    ("calendar", "day", "key", "start"),
    [
        (FROM_JULY, date(2026, 7, 1), "2027-Q1", date(2026, 7, 1)),
        (FROM_JULY, date(2026, 6, 30), "2026-Q4", date(2026, 4, 1)),
        (FROM_JULY_BY_START, date(2026, 7, 1), "2026-Q1", date(2026, 7, 1)),
        (FROM_JULY_BY_START, date(2026, 6, 30), "2025-Q4", date(2026, 4, 1)),
    ],
)
def test_a_fiscal_quarter_is_named_by_the_label_rule(calendar, day, key, start):
    period = period_of(day, "quarter", calendar)
    assert (period.key, period.start) == (key, start)


def test_the_fiscal_year_starts_where_year_to_date_begins():
    assert fiscal_year_start(date(2026, 11, 22), PLAIN) == date(2026, 1, 1)
    assert fiscal_year_start(date(2026, 11, 22), FROM_JULY) == date(2026, 7, 1)
    assert fiscal_year_start(date(2026, 6, 30), FROM_JULY) == date(2025, 7, 1)
    assert fiscal_year_start(date(2024, 2, 3), RETAIL) == date(2023, 1, 29)


@settings(deadline=None)
@given(day=any_day, frequency=any_frequency, calendar=any_calendar)
def test_the_first_period_of_a_year_is_the_first_that_ends_in_it(day, frequency, calendar):
    first = period_of(first_of_year(day, frequency, calendar), frequency, calendar)
    year = year_of_period(period_of(day, frequency, calendar).end, calendar)
    assert year_of_period(first.end, calendar) == year
    assert year_of_period(previous_period(first, calendar).end, calendar) < year


# --- every date in exactly one period -----------------------------------------------------------


@settings(deadline=None)
@given(day=any_day, frequency=any_frequency, calendar=any_calendar)
def test_every_date_is_in_exactly_one_period(day, frequency, calendar):
    period = period_of(day, frequency, calendar)
    assert period.start <= day < period.end
    assert period_of(period.start, frequency, calendar) == period
    assert period_of(period.last_day, frequency, calendar) == period


@settings(deadline=None)
@given(day=any_day, frequency=any_frequency, calendar=any_calendar)
def test_next_and_previous_undo_each_other_and_touch(day, frequency, calendar):
    period = period_of(day, frequency, calendar)
    before, after = previous_period(period, calendar), next_period(period, calendar)
    assert next_period(before, calendar) == previous_period(after, calendar) == period
    assert before.end == period.start
    assert period.end == after.start


@settings(deadline=None)
@given(day=any_day, frequency=any_frequency, calendar=any_calendar)
def test_a_key_names_its_period(day, frequency, calendar):
    period = period_of(day, frequency, calendar)
    assert parse_key(period.key, calendar) == period


@pytest.mark.parametrize("calendar", CALENDARS)
@pytest.mark.parametrize("frequency", [frequency for frequency in Frequency if frequency != "day"])
def test_the_periods_of_a_century_follow_each_other_without_gap_or_repetition(frequency, calendar):
    periods = periods_between(date(2000, 1, 1), date(2101, 1, 1), frequency, calendar)
    assert periods[0].start <= date(2000, 1, 1)
    assert periods[-1].end >= date(2101, 1, 1)
    assert all(a.end == b.start for a, b in pairwise(periods))
    assert len({period.key for period in periods}) == len(periods)


@settings(deadline=None)
@given(day=any_day, calendar=any_calendar)
def test_months_nest_in_quarters_in_halves_in_years(day, calendar):
    chain = [period_of(day, frequency, calendar) for frequency in ("month", "quarter", "half_year", "year")]
    for inner, outer in pairwise(chain):
        assert outer.start <= inner.start
        assert inner.end <= outer.end


def test_a_moment_is_not_a_day():
    with pytest.raises(TypeError, match="time zone"):
        period_of(datetime(2026, 11, 22, tzinfo=UTC), "day", PLAIN)


def test_periods_between_takes_those_that_share_a_day_with_the_span():
    keys = [period.key for period in periods_between(date(2026, 10, 31), date(2026, 12, 1), "month", PLAIN)]
    assert keys == ["2026-10", "2026-11"]
    assert periods_between(date(2026, 12, 1), date(2026, 12, 1), "month", PLAIN) == []


# --- keys and labels ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        *("", "x", "2026-", "2026-W", "26", "2026-W1", "2026-W54", "2026-W00", "2025-W53", "2026-13", "2026-00"),
        *("2026-1", "2026-Q0", "2026-Q5", "2026-Q04", "2026-H3", "2026-02-29", "2026-11-31", "2026-P01", "1026"),
        *("9999", " 2026", "2026\n", "2026-q4", "２０２６", "٢٠٢٦-١١", "2026-11-22T00:00", "2026-W-1", "+2026"),
    ],
)
def test_nonsense_keys_are_refused_in_a_sentence(key):
    with pytest.raises(ValueError, match=r"^[“A-Z'\"].*\.$"):
        parse_key(key, PLAIN)


def test_a_month_key_is_refused_where_months_follow_a_week_pattern():
    with pytest.raises(ValueError, match="write 2026-11 as 2026-P"):
        parse_key("2026-11", RETAIL)


@pytest.mark.parametrize(
    ("key", "calendar", "label", "span"),
    [
        ("2026-11-22", PLAIN, "22 Nov 2026", "22 Nov"),
        ("2026-W46", PLAIN, "W46", "9–15 Nov"),
        ("2026-W44", PLAIN, "W44", "26 Oct – 1 Nov"),
        ("2026-W53", PLAIN, "W53", "28 Dec 2026 – 3 Jan 2027"),
        ("2026-11", PLAIN, "Nov 2026", "1–30 Nov"),
        ("2026-Q4", PLAIN, "Q4 2026", "1 Oct – 31 Dec"),
        ("2026-H2", PLAIN, "H2 2026", "1 Jul – 31 Dec"),
        ("2026", PLAIN, "2026", "1 Jan – 31 Dec"),
        ("2027", FROM_JULY, "FY27 (Jul 2026 – Jun 2027)", "1 Jul 2026 – 30 Jun 2027"),
        ("2026", FROM_JULY_BY_START, "FY26 (Jul 2026 – Jun 2027)", "1 Jul 2026 – 30 Jun 2027"),
        ("2027-Q2", FROM_JULY, "Q2 FY27", "1 Oct – 31 Dec"),
        ("2027-H1", FROM_JULY, "H1 FY27", "1 Jul – 31 Dec"),
        ("2026-11", FROM_JULY, "Nov 2026", "1–30 Nov"),
        ("2023-P12", RETAIL, "P12 FY23", "31 Dec 2023 – 3 Feb 2024"),
        ("2023", RETAIL, "FY23 (29 Jan 2023 – 3 Feb 2024)", "29 Jan 2023 – 3 Feb 2024"),
    ],
)
def test_labels_are_what_people_say(key, calendar, label, span):
    period = parse_key(key, calendar)
    assert short_label(period) == label
    assert span_label(period) == span


# --- weeks in months, a year ago ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("week", "month"),
    [("2026-W44", "2026-11"), ("2026-W48", "2026-11"), ("2026-W49", "2026-12"), ("2026-W53", "2027-01")],
)
def test_a_week_counts_in_the_month_of_its_last_day(week, month):
    assert month_of_week(parse_key(week, PLAIN), PLAIN).key == month


def test_only_a_week_has_a_month_of_the_week():
    with pytest.raises(ValueError, match="not a week"):
        month_of_week(parse_key("2026-Q4", PLAIN), PLAIN)


@pytest.mark.parametrize(
    ("key", "a_year_ago"),
    [
        ("2026-W53", None),
        ("2027-W52", "2026-W52"),
        ("2026-W01", "2025-W01"),
        ("2024-02-29", None),
        ("2026-02-28", "2025-02-28"),
        ("2026-11", "2025-11"),
        ("2026-Q4", "2025-Q4"),
        ("2026", "2025"),
    ],
)
def test_a_year_ago_goes_by_number_and_week_53_compares_with_nothing(key, a_year_ago):
    before = same_period_last_year(parse_key(key, PLAIN), PLAIN)
    assert (before and before.key) == a_year_ago


# --- due dates ----------------------------------------------------------------------------------

WEEK_46 = parse_key("2026-W46", PLAIN)  # ends on Sunday 15 November
MONDAY_OFF = WorkingDays(holidays=frozenset({date(2026, 11, 16)}))


@pytest.mark.parametrize(
    ("lag", "working", "due"),
    [
        (0, None, date(2026, 11, 15)),
        (1, None, date(2026, 11, 16)),
        (5, None, date(2026, 11, 20)),
        (0, WorkingDays(), date(2026, 11, 15)),
        (1, WorkingDays(), date(2026, 11, 16)),
        (6, WorkingDays(), date(2026, 11, 23)),
        (1, MONDAY_OFF, date(2026, 11, 17)),
        (5, MONDAY_OFF, date(2026, 11, 23)),
        (1, WorkingDays(weekdays=frozenset({6})), date(2026, 11, 22)),
    ],
)
def test_day_one_of_a_lag_is_the_first_working_day_after_the_last_day(lag, working, due):
    assert due_on(WEEK_46, lag, working) == due


def test_a_lag_is_not_negative_and_a_working_week_not_empty():
    with pytest.raises(ValueError, match="0 days or more"):
        due_on(WEEK_46, -1, None)
    with pytest.raises(ValueError, match="at least one weekday"):
        WorkingDays(weekdays=frozenset())


@pytest.mark.parametrize(
    "wrong",
    [
        {"fiscal_year_start_month": 0},
        {"year_end_month": 13},
        {"week_start": 7},
        {"year_end_weekday": -1},
        {"label_rule": "both"},
        {"pattern": "555"},
        {"year_end_rule": "first"},
    ],
)
def test_a_calendar_refuses_rules_it_does_not_know(wrong):
    with pytest.raises(ValueError, match=r"\.$"):
        Calendar(**wrong)
