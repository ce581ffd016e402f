"""Signals and routine variation."""

from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.domain.xmr import NaturalLimits, latest_is_signal, natural_limits, signals

WORKED = [D(number) for number in (50, 52, 47, 53, 49, 51, 48, 54, 50, 46)]
# Centre 50, limits 40 and 60: half way to a limit is 5 away.
FROZEN = NaturalLimits(
    centre=D(50), lower=D(40), upper=D(60), moving_range=D("3.76"), range_limit=D(12), points=12, provisional=False
)


def series(*numbers):
    return [D(number) for number in numbers]


def test_the_worked_example():
    limits = natural_limits(WORKED)
    assert (limits.centre, limits.moving_range) == (50, 4)
    assert (limits.lower, limits.upper) == (D("39.36"), D("60.64"))
    assert limits.range_limit.quantize(D("0.01")) == D("13.07")
    assert signals(WORKED, limits) == ()


def test_the_median_variant_has_its_own_constants():
    limits = natural_limits(WORKED, ranges="median")
    # The moving ranges are 2 5 6 4 2 3 6 4 4: their median is 4 too.
    assert (limits.centre, limits.moving_range) == (50, 4)
    assert (limits.upper - limits.centre, limits.range_limit) == (D("12.58"), D("15.46"))


@pytest.mark.parametrize(("points", "provisional"), [(6, True), (11, True), (12, False), (20, False)])
def test_limits_are_provisional_under_twelve_points(points, provisional):
    limits = natural_limits([D(number % 3) for number in range(points)])
    assert (limits.points, limits.provisional) == (points, provisional)


@pytest.mark.parametrize("points", [0, 1, 5])
def test_under_six_points_there_are_no_limits(points):
    assert natural_limits([D(1)] * points) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (series(60, 40), []),
        (series("60.1"), [(0, "outside", "above")]),
        (series(50, "39.9"), [(1, "outside", "below")]),
        (series(*[51] * 7), []),
        (series(*[51] * 8), [(7, "run", "above")]),
        (series(*[49] * 9), [(7, "run", "below"), (8, "run", "below")]),
        (series(*[51] * 7, 50, 51), []),
        (series(*[51] * 7, 49), []),
        (series(56, 56, 56), [(2, "near_limit", "above")]),
        (series(56, 51, 56, 56), [(3, "near_limit", "above")]),
        (series(44, 44, 51, 44), [(3, "near_limit", "below")]),
        (series(56, 56, 51, 51, 56), []),
        (series(55, 55, 55, 55), []),
        (series(56, 44, 56, 44), []),
        (series(56, 56, 56, 51), [(2, "near_limit", "above")]),
    ],
)
def test_wheelers_three_rules(values, expected):
    found = [(signal.index, signal.rule, signal.side) for signal in signals(values, FROZEN)]
    assert found == expected


def test_the_latest_value_does_not_widen_the_limits_it_is_judged_by():
    assert latest_is_signal([*WORKED, D(62)]) == "signal"
    assert latest_is_signal([*WORKED, D(60)]) == "routine"
    # Judged by limits that include it, 62 would have been routine.
    assert natural_limits([*WORKED, D(62)]).upper > 62


def test_seven_values_or_a_frozen_baseline_are_needed():
    assert latest_is_signal(WORKED[:6]) == "too_few"
    assert latest_is_signal(WORKED[:7]) == "routine"
    assert latest_is_signal([D(61)], FROZEN) == "signal"
    assert latest_is_signal([], FROZEN) == "too_few"


def test_after_a_constant_series_any_move_is_a_signal():
    assert latest_is_signal([D(5)] * 8) == "routine"
    assert latest_is_signal([D(5)] * 8 + [D("5.01")]) == "signal"


readings = st.lists(st.decimals(-999, 999, places=2), min_size=6, max_size=30)


@settings(deadline=None, max_examples=60)
@given(values=readings, shift=st.integers(-500, 500))
def test_limits_move_with_the_series_and_signals_do_not_change(values, shift):
    limits, moved = natural_limits(values), natural_limits([value + shift for value in values])
    assert abs(moved.upper - limits.upper - shift) < D("1E-15")
    assert moved.moving_range == limits.moving_range


@settings(deadline=None, max_examples=60)
@given(values=readings)
def test_turning_a_series_upside_down_turns_its_signals(values):
    sides = {"above": "below", "below": "above"}
    upright = signals(values, natural_limits(values))
    mirrored = [-value for value in values]
    turned = signals(mirrored, natural_limits(mirrored))
    assert [(s.index, s.rule, sides[s.side]) for s in upright] == [(s.index, s.rule, s.side) for s in turned]
