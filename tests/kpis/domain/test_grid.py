"""The values of a KPI in the columns of a grid."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal as D

import pytest

from kpis.domain.aggregation import Aggregate
from kpis.domain.grid import Sample, Series, cell, periods_in
from kpis.domain.limits import Limits, RangeLimits
from kpis.domain.periods import Calendar, period_of

CALENDAR = Calendar()
TODAY = date(2026, 11, 22)
OCTOBER = period_of(date(2026, 10, 1), "month", CALENDAR)
NOVEMBER = period_of(TODAY, "month", CALENDAR)
# the weeks whose Sunday is in October
W40, W41, W42, W43 = (date(2026, 9, 28) + timedelta(days=7 * index) for index in range(4))
HIGHER = Limits(goal=D(80), red_flag=D(72))


def weekly(values, *, method="average", limits=HIGHER, **fields):
    return Series(
        samples={
            start: value if isinstance(value, Sample) else Sample(value=D(value)) for start, value in values.items()
        },
        limits=lambda start: limits,
        due=lambda period: period.end,
        method=method,
        **fields,
    )


def month_of(series, month=OCTOBER, today=TODAY):
    (periods,) = periods_in([month], "week", CALENDAR)
    return cell(series, month, periods, today=today)


def test_a_week_stands_in_the_month_of_its_last_day():
    (weeks,) = periods_in([OCTOBER], "week", CALENDAR)
    assert [week.start for week in weeks] == [W40, W41, W42, W43]


FULL = {W40: "90", W41: "70", W42: "80", W43: "78"}


@pytest.mark.parametrize(
    ("method", "value", "band", "goal"),
    [
        ("average", "79.5", "at_risk", "80"),
        ("last", "78", "at_risk", "80"),
        ("min", "70", "off_track", "80"),
        ("max", "90", "on_track", "80"),
        # a sum is judged by the sum of the limits: 318 against 320 and 288
        ("sum", "318", "at_risk", "320"),
    ],
)
def test_weeks_are_aggregated_as_the_kpi_says_and_judged(method, value, band, goal):
    found = month_of(weekly(FULL, method=method))
    assert (found.kind, found.value, found.band, found.goal) == ("value", D(value), band, D(goal))
    assert (found.present, found.expected, found.is_provisional) == (4, 4, False)


def test_a_ratio_is_made_of_its_sums():
    def sample(numerator, denominator):
        return Sample(value=D(100) * numerator / denominator, numerator=D(numerator), denominator=D(denominator))

    values = {W40: sample(2, 4), W41: sample(2, 100), W42: sample(0, 1), W43: sample(0, 1)}
    found = month_of(weekly(values, method="ratio_of_sums", factor=D(100)))
    assert found.value == D(100) * 4 / 106


def test_a_month_with_a_missing_week_is_provisional_and_says_how_many_it_has():
    found = month_of(weekly({W40: "90", W41: "90", W43: "90"}))
    assert (found.is_provisional, found.present, found.expected) == (True, 3, 4)


def test_a_sum_with_a_missing_week_is_judged_by_the_weeks_it_has():
    found = month_of(weekly({W40: "80", W41: "80"}, method="sum"))
    assert (found.value, found.goal, found.band, found.is_provisional) == (160, 160, "on_track", True)


def test_the_open_month_is_provisional():
    found = month_of(weekly({date(2026, 11, 2): "90"}), NOVEMBER)
    assert found.is_provisional


def test_what_does_not_roll_up_shows_no_number():
    assert month_of(weekly(FULL, method="none")).kind == "no_rollup"


def test_a_kpi_of_the_columns_own_frequency_shows_its_value_even_without_a_roll_up():
    series = weekly({W40: "90"}, method="none")
    week = period_of(W40, "week", CALENDAR)
    found = cell(series, week, [week], today=TODAY)
    assert (found.value, found.band) == (90, "on_track")


def test_a_single_value_is_shown_as_it_was_reported_also_without_the_parts_of_a_ratio():
    series = weekly({W40: "90"}, method="ratio_of_sums")
    week = period_of(W40, "week", CALENDAR)
    assert cell(series, week, [week], today=TODAY).value == 90


def test_a_cumulative_kpi_shows_what_it_had_reached():
    assert month_of(weekly(FULL, method="sum", is_cumulative=True)).value == 78


@pytest.mark.parametrize(
    ("series", "month", "kind"),
    [
        (weekly({}), OCTOBER, "missing"),
        (weekly({}), period_of(date(2026, 12, 1), "month", CALENDAR), "not_due"),
        (weekly({}, active_from=date(2026, 11, 2)), OCTOBER, "before"),
        (
            weekly({start: Sample(value=None, state="not_applicable") for start in FULL}),
            OCTOBER,
            "na",
        ),
        (weekly({W40: Sample(value=None, state="not_applicable")}), OCTOBER, "missing"),
        (weekly({W40: Sample(value=None)}), OCTOBER, "missing"),
    ],
)
def test_no_value_says_why(series, month, kind):
    found = month_of(series, month)
    assert (found.kind, found.value, found.band) == (kind, None, "")


def test_weeks_that_do_not_apply_are_not_expected():
    values = {W40: "90", W41: "90", W42: Sample(value=None, state="not_applicable"), W43: "90"}
    found = month_of(weekly(values))
    assert (found.present, found.expected, found.is_provisional) == (3, 3, False)


def test_limits_are_those_of_the_last_week_with_a_value():
    since = {W43: Limits(goal=D(95), red_flag=D(90))}
    series = replace(weekly({W40: "90", W41: "90", W42: "90", W43: "90"}), limits=lambda day: since.get(day, HIGHER))
    assert month_of(series).band == "at_risk"


def test_a_range_is_shown_with_both_ends_and_sums_of_ranges_are_not_judged():
    limits = RangeLimits(goal_low=D(70), goal_high=D(90), red_low=D(60), red_high=D(100))
    found = month_of(weekly(FULL, limits=limits))
    assert (found.goal, found.goal_high, found.band) == (70, 90, "on_track")
    assert month_of(weekly(FULL, limits=limits, method="sum")).band == ""


def test_without_limits_there_is_a_value_and_no_band():
    found = month_of(weekly(FULL, limits=None))
    assert (found.value, found.band, found.score) == (D("79.5"), "", None)


def test_what_a_formula_derives_is_computed_for_the_whole_column_and_judged_by_its_last_period():
    asked = []

    def over(start, end):
        asked.append((start, end))
        return Aggregate(value=D("71"), present=4, due=4, complete=True)

    found = month_of(weekly(FULL, method="formula", over=over))
    assert (found.kind, found.value, found.band) == ("value", D("71"), "off_track")
    assert asked == [(W40, W43 + timedelta(days=7))]
    nothing = weekly(
        FULL, method="formula", over=lambda start, end: Aggregate(value=None, present=0, due=4, complete=False)
    )
    assert month_of(nothing).kind == "missing"


def test_a_single_period_of_what_a_formula_derives_shows_what_was_recorded():
    week = period_of(W40, "week", CALENDAR)
    series = weekly({W40: "90"}, method="formula", over=lambda start, end: pytest.fail("not asked"))
    assert cell(series, week, [week], today=TODAY).value == 90
