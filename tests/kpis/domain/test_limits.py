"""Which numbers are in force for a period, and which refuse to be limits."""

from datetime import UTC, date, datetime
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.domain.limits import (
    Limits,
    LimitsRefused,
    OptionScale,
    RangeLimits,
    TargetRow,
    ThresholdRow,
    in_force,
    limits_for,
    validate_thresholds,
)


def target(value=None, low=None, high=None, effective_from=date(2026, 1, 1), recorded=1):
    return TargetRow(
        effective_from=effective_from,
        recorded_at=datetime(2026, 1, recorded, tzinfo=UTC),
        value=None if value is None else D(value),
        low=None if low is None else D(low),
        high=None if high is None else D(high),
    )


def thresholds(mode="absolute", scores=None, **numbers):
    return ThresholdRow(
        effective_from=date(2026, 1, 1),
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
        mode=mode,
        scores=scores,
        **{name: D(number) for name, number in numbers.items()},
    )


# --- limits refuse to be wrong ------------------------------------------------------------------


@pytest.mark.parametrize("numbers", [("5", "5"), ("5", "5.0"), ("NaN", "5"), ("5", "Infinity"), ("-Infinity", "1")])
def test_limits_refuse_equal_and_endless_numbers(numbers):
    goal, red_flag = map(D, numbers)
    with pytest.raises(LimitsRefused):
        Limits(goal=goal, red_flag=red_flag)


@pytest.mark.parametrize(
    "numbers",
    [
        ("10", "10", "20", "30"),
        ("0", "20", "10", "30"),
        ("0", "10", "20", "20"),
        ("0", "10", "20", "15"),
        ("5", "4", "20", "30"),
        ("NaN", "10", "20", "30"),
        ("0", "10", "20", "Infinity"),
    ],
)
def test_range_limits_must_rise(numbers):
    red_low, goal_low, goal_high, red_high = map(D, numbers)
    with pytest.raises(LimitsRefused):
        RangeLimits(goal_low=goal_low, goal_high=goal_high, red_low=red_low, red_high=red_high)


def test_the_goal_of_a_range_may_be_one_point():
    assert RangeLimits(goal_low=D(5), goal_high=D(5), red_low=D(4), red_high=D(6)).goal_low == 5


@pytest.mark.parametrize("scores", [{}, {D(1): D("10.1")}, {D(1): D("-0.1")}, {D(1): D("NaN")}, {D("NaN"): D(1)}])
def test_a_scale_needs_options_that_score_0_to_10(scores):
    with pytest.raises(LimitsRefused):
        OptionScale(scores=scores)


# --- in force -----------------------------------------------------------------------------------

NOV = date(2026, 11, 1)


def test_nothing_is_in_force_before_the_first_row():
    assert in_force([target(1, effective_from=date(2026, 11, 2))], NOV) is None
    assert in_force([], NOV) is None


def test_the_latest_effective_row_wins_even_if_recorded_earlier():
    january = target(1, effective_from=date(2026, 1, 1), recorded=20)
    june = target(2, effective_from=date(2026, 6, 1), recorded=3)
    next_year = target(3, effective_from=date(2027, 1, 1), recorded=3)
    assert in_force([june, january, next_year], NOV) == june
    assert in_force([june, january, next_year], date(2026, 5, 1)) == january


def test_a_row_takes_effect_on_the_periods_first_day():
    row = target(1, effective_from=NOV)
    assert in_force([row], NOV) == row


def test_of_one_effective_date_the_last_recorded_wins():
    first, second = target(1, recorded=3), target(2, recorded=4)
    assert in_force([second, first], NOV) == in_force([first, second], NOV) == second


def test_rows_recorded_later_do_not_exist_for_an_earlier_knowledge():
    first, correction = target(1, recorded=3), target(2, recorded=10)
    later_start = target(3, effective_from=date(2026, 6, 1), recorded=12)
    rows = [first, correction, later_start]
    assert in_force(rows, NOV, datetime(2026, 1, 9, tzinfo=UTC)) == first
    assert in_force(rows, NOV, datetime(2026, 1, 10, tzinfo=UTC)) == correction
    assert in_force(rows, NOV, datetime(2026, 1, 12, tzinfo=UTC)) == later_start
    assert in_force(rows, NOV, datetime(2026, 1, 2, tzinfo=UTC)) is None


rows_of_targets = st.lists(
    st.builds(
        target,
        value=st.integers(0, 9),
        effective_from=st.dates(date(2026, 1, 1), date(2026, 1, 9)),
        recorded=st.integers(1, 9),
    ),
    max_size=8,
    unique_by=lambda row: (row.effective_from, row.recorded_at),
)


@settings(deadline=None, max_examples=60)
@given(rows=rows_of_targets, edit=rows_of_targets, day=st.dates(date(2026, 1, 1), date(2026, 1, 12)))
def test_an_edit_changes_nothing_before_its_effective_date(rows, edit, day):
    later = [row for row in edit if row.effective_from > day]
    assert in_force(rows + later, day) == in_force(rows, day)


@settings(deadline=None, max_examples=60)
@given(rows=rows_of_targets, day=st.dates(date(2026, 1, 1), date(2026, 1, 12)), known=st.integers(1, 9))
def test_as_known_then_equals_the_answer_given_then(rows, day, known):
    moment = datetime(2026, 1, known, tzinfo=UTC)
    assert in_force(rows, day, moment) == in_force([row for row in rows if row.recorded_at <= moment], day)


# --- from target and thresholds to limits -------------------------------------------------------

HIGHER, LOWER, RANGE = "higher_is_better", "lower_is_better", "within_range"


@pytest.mark.parametrize(
    ("polarity", "target_row", "threshold_row", "goal", "red_flag"),
    [
        (HIGHER, None, thresholds(goal=700, red_flag=500), 700, 500),
        (HIGHER, target(650), thresholds(red_flag=500), 650, 500),
        (HIGHER, target(650), thresholds(goal=700, red_flag=500), 700, 500),
        (LOWER, None, thresholds(goal=2, red_flag=5), 2, 5),
        (HIGHER, target(100), thresholds("offset", red_flag=-20), 100, 80),
        (HIGHER, target(100), thresholds("offset", goal=-5, red_flag=-20), 95, 80),
        (HIGHER, target(0), thresholds("offset", red_flag=-20), 0, -20),
        (LOWER, target(10), thresholds("offset", goal=1, red_flag=3), 11, 13),
        (HIGHER, target(200), thresholds("percent", red_flag=-10), 200, 180),
        (HIGHER, target(-200), thresholds("percent", red_flag=-10), -200, -220),
        (LOWER, target(200), thresholds("percent", goal=5, red_flag=10), 210, 220),
        (LOWER, target(-200), thresholds("percent", red_flag=10), -200, -180),
    ],
)
def test_limits_are_numbers_offsets_or_percent_of_the_size_of_the_target(
    polarity, target_row, threshold_row, goal, red_flag
):
    assert limits_for(polarity, target_row, threshold_row) == (Limits(goal=D(goal), red_flag=D(red_flag)), "")


@pytest.mark.parametrize(
    ("target_row", "threshold_row", "expected"),
    [
        (None, thresholds(goal_low=10, goal_high=20, red_low=5, red_high=30), (5, 10, 20, 30)),
        (target(low=10, high=20), thresholds(red_low=5, red_high=30), (5, 10, 20, 30)),
        (target(low=10, high=20), thresholds("offset", red_low=-5, red_high=10), (5, 10, 20, 30)),
        (
            target(50),
            thresholds("offset", goal_low=-5, goal_high=5, red_low=-10, red_high=10),
            (40, 45, 55, 60),
        ),
        (target(low=-20, high=-10), thresholds("percent", red_low=-50, red_high=50), (-30, -20, -10, -5)),
    ],
)
def test_range_limits_come_from_each_end_of_the_target(target_row, threshold_row, expected):
    red_low, goal_low, goal_high, red_high = map(D, expected)
    limits = RangeLimits(goal_low=goal_low, goal_high=goal_high, red_low=red_low, red_high=red_high)
    assert limits_for(RANGE, target_row, threshold_row) == (limits, "")


YES_NO = {D(1): D(10), D(0): D(0)}


@pytest.mark.parametrize(
    ("polarity", "target_row", "threshold_row", "reason"),
    [
        ("unscored", target(1), thresholds(goal=2, red_flag=1), "unscored"),
        ("unscored", None, None, "unscored"),
        (HIGHER, target(1), None, "no_thresholds"),
        (HIGHER, target(100), thresholds(), "no_thresholds"),
        (RANGE, target(low=1, high=2), thresholds(red_low=0), "no_thresholds"),
        (HIGHER, None, thresholds(red_flag=5), "no_target"),
        (HIGHER, target(), thresholds(red_flag=5), "no_target"),
        (HIGHER, None, thresholds("offset", red_flag=-5), "no_target"),
        (HIGHER, None, thresholds("percent", red_flag=-5), "no_target"),
        (HIGHER, target(low=1, high=2), thresholds("offset", red_flag=-5), "no_target"),
        (RANGE, None, thresholds(red_low=0, red_high=9), "no_target"),
        (HIGHER, target(0), thresholds("percent", red_flag=-5), "target_zero"),
        (RANGE, target(low=0, high=5), thresholds("percent", red_low=-5, red_high=5), "target_zero"),
        (HIGHER, target(400), thresholds(red_flag=500), "wrong_order"),
        (HIGHER, target(500), thresholds(red_flag=500), "wrong_order"),
        (LOWER, None, thresholds(goal=700, red_flag=500), "wrong_order"),
        (RANGE, target(low=5, high=1), thresholds(red_low=0, red_high=9), "wrong_order"),
    ],
)
def test_where_there_are_no_limits_there_is_a_reason(polarity, target_row, threshold_row, reason):
    assert limits_for(polarity, target_row, threshold_row) == (None, reason)


def test_options_need_no_target_and_have_no_direction():
    limits, reason = limits_for(HIGHER, None, thresholds(scores=YES_NO))
    assert (limits, reason) == (OptionScale(scores=YES_NO), "")


# --- what is refused on save --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("polarity", "threshold_row", "target_row", "flaw"),
    [
        (HIGHER, thresholds(goal=5, red_flag=5), None, "red_flag_is_goal"),
        (HIGHER, thresholds(red_flag=5), target(5), "red_flag_is_goal"),
        (HIGHER, thresholds("offset", red_flag=0), None, "red_flag_is_goal"),
        (HIGHER, thresholds(goal=5, red_flag=6), None, "red_flag_above_goal"),
        (LOWER, thresholds(goal=5, red_flag=4), None, "red_flag_below_goal"),
        (HIGHER, thresholds("offset", red_flag=3), None, "red_flag_above_goal"),
        (LOWER, thresholds("percent", red_flag=-3), target(9), "red_flag_below_goal"),
        (HIGHER, thresholds(), target(9), "no_red_flag"),
        (HIGHER, thresholds(), None, "no_red_flag"),
        (RANGE, thresholds(red_low=1), None, "no_red_flags"),
        (RANGE, thresholds(goal_low=1, goal_high=2, red_low=1, red_high=3), None, "range_falls"),
        (RANGE, thresholds("offset", red_low=1, red_high=2), None, "range_falls"),
        (HIGHER, thresholds(red_flag=5), target(), "target_empty"),
        (HIGHER, thresholds(red_flag=5), target(low=6, high=7), "no_target"),
        (HIGHER, thresholds("percent", red_flag=-5), target(0), "target_zero"),
        (HIGHER, thresholds(goal=5, red_flag="NaN"), None, "not_finite"),
        (HIGHER, thresholds(red_flag=5), target("Infinity"), "not_finite"),
        ("unscored", thresholds(goal=5, red_flag=4), None, "unscored"),
        (HIGHER, thresholds(scores={D(1): D(11)}), None, "score_outside"),
    ],
)
def test_thresholds_that_cannot_judge_are_refused_with_what_is_wrong(polarity, threshold_row, target_row, flaw):
    with pytest.raises(LimitsRefused, match=f"^{flaw}$"):
        validate_thresholds(polarity=polarity, threshold=threshold_row, target=target_row)


@pytest.mark.parametrize(
    ("polarity", "threshold_row", "target_row"),
    [
        (HIGHER, thresholds(goal=700, red_flag=500), None),
        (HIGHER, thresholds(red_flag=500), None),
        (HIGHER, thresholds(red_flag=500), target(700)),
        (LOWER, thresholds("offset", red_flag=3), None),
        (HIGHER, thresholds("percent", red_flag=-10), None),
        (RANGE, thresholds("offset", red_low=-5, red_high=5), None),
        (RANGE, thresholds(red_low=0, red_high=9), None),
        (HIGHER, thresholds(scores=YES_NO), None),
    ],
)
def test_thresholds_that_can_judge_are_taken(polarity, threshold_row, target_row):
    validate_thresholds(polarity=polarity, threshold=threshold_row, target=target_row)
