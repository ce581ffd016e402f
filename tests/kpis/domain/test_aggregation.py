"""From the values of several periods or units to one."""

from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.domain.aggregation import Value, aggregate, ratio


def values(*numbers):
    return [None if number is None else Value(value=D(number)) for number in numbers]


def part(numerator, denominator):
    value, _ = ratio(D(numerator), D(denominator), D(100))
    return Value(value=value, numerator=D(numerator), denominator=D(denominator))


def test_half_and_two_percent_together_are_3_846_percent():
    january, february = part(2, 4), part(2, 100)
    assert (january.value, february.value) == (50, 2)
    together = aggregate([january, february], "ratio_of_sums", D(100))
    assert together.value.quantize(D("0.001")) == D("3.846")
    assert (together.numerator, together.denominator) == (4, 104)


def test_to_date_a_year_can_miss_its_plan_though_its_last_quarter_meets_it():
    # Plan 250 a quarter: 220, 240, 200 and 230 are 88, 92, 88 and 89 % to date.
    quarters = [part(actual, 250) for actual in (220, 240, 200, 230)]
    to_date = [aggregate(quarters[:count], "ratio_of_sums", D(100)).value for count in (1, 2, 3, 4)]
    assert to_date == [88, 92, 88, 89]
    assert [quarter.value for quarter in quarters] == [88, 96, 80, 92]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("sum", "20"),
        ("average", "5"),
        ("last", "9"),
        ("first", "4"),
        ("min", "1"),
        ("max", "9"),
        ("median", "5"),
        ("count", "4"),
    ],
)
def test_each_plain_method(method, expected):
    result = aggregate(values(4, 1, 6, 9), method)
    assert (result.value, result.reason) == (D(expected), "")
    assert (result.present, result.due, result.complete) == (4, 4, True)


def test_growth_compounds():
    assert aggregate(values("0.10", "0.10"), "compounded").value == D("0.21")
    assert aggregate(values("10", "-50"), "compounded", D(100)).value == D("-45")


def test_a_weighted_average_needs_its_weights():
    pair = [Value(value=D(4), weight=D(3)), Value(value=D(2), weight=D(1)), Value(value=D(9))]
    result = aggregate(pair, "weighted_average")
    assert result.value == D("3.5")
    assert (result.present, result.due, result.complete) == (2, 3, False)


@pytest.mark.parametrize("method", ["formula", "none"])
def test_what_does_not_roll_up_gives_no_number(method):
    result = aggregate(values(1, 2), method)
    assert (result.value, result.reason) == (None, "no_rollup")
    assert (result.present, result.due) == (2, 2)


def test_an_incomplete_sum_is_marked_so():
    result = aggregate(values(5, None, 7), "sum")
    assert (result.value, result.present, result.due, result.complete) == (12, 2, 3, False)


def test_last_over_a_trailing_gap_is_the_last_reported_value_with_its_coverage():
    result = aggregate(values(5, 7, None, None), "last")
    assert (result.value, result.present, result.due, result.complete) == (7, 2, 4, False)
    assert aggregate(values(None, 5, 7), "first").value == 5


@pytest.mark.parametrize("method", ["sum", "average", "last", "count", "median", "ratio_of_sums", "weighted_average"])
@pytest.mark.parametrize("missing", [[], [None, None], [Value(value=None)]])
def test_missing_is_never_zero(method, missing):
    result = aggregate(missing, method)
    assert (result.value, result.reason, result.present, result.complete) == (None, "no_values", 0, False)


def test_zero_is_a_value():
    assert aggregate(values(0, 0), "sum").value == 0
    assert aggregate(values(0, None), "average").value == 0


def test_a_denominator_of_zero_gives_no_value_and_a_reason():
    assert ratio(D(3), D(0)) == (None, "zero_denominator")
    result = aggregate([part(0, 0), part(3, 0)], "ratio_of_sums", D(100))
    assert (result.value, result.reason, result.present, result.complete) == (None, "zero_denominator", 2, True)
    no_weight = aggregate([Value(value=D(1), weight=D(0))], "weighted_average")
    assert (no_weight.value, no_weight.reason) == (None, "zero_denominator")


def test_a_period_without_cases_still_counts_as_present_in_a_ratio():
    result = aggregate([part(0, 0), part(1, 4)], "ratio_of_sums", D(100))
    assert (result.value, result.present, result.complete) == (25, 2, True)


def test_an_unknown_method_is_an_error():
    with pytest.raises(KeyError):
        aggregate(values(1), "mode")


pairs = st.lists(st.tuples(st.integers(0, 999), st.integers(1, 999)), min_size=2, max_size=8)


@settings(deadline=None, max_examples=60)
@given(pairs=pairs, cut=st.integers(1, 7))
def test_a_ratio_of_months_equals_the_ratio_of_their_quarters(pairs, cut):
    parts = [part(numerator, denominator) for numerator, denominator in pairs]
    whole = aggregate(parts, "ratio_of_sums", D(100))
    halves = [aggregate(half, "ratio_of_sums", D(100)) for half in (parts[:cut], parts[cut:]) if half]
    again = [Value(value=half.value, numerator=half.numerator, denominator=half.denominator) for half in halves]
    assert aggregate(again, "ratio_of_sums", D(100)).value == whole.value


@settings(deadline=None, max_examples=60)
@given(
    numbers=st.lists(st.none() | st.decimals(-999, 999, places=2), min_size=1, max_size=9),
    method=st.sampled_from(["average", "median", "min", "max", "first", "last"]),
)
def test_a_mean_of_any_kind_lies_among_its_values(numbers, method):
    present = [number for number in numbers if number is not None]
    result = aggregate(values(*numbers), method)
    if present:
        assert min(present) - D("1E-20") <= result.value <= max(present) + D("1E-20")
    else:
        assert result.reason == "no_values"
