"""Judging one value: the worked numbers, and that score and band agree."""

from decimal import Decimal as D

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kpis.domain.bands import Band, severity
from kpis.domain.limits import Limits, OptionScale, RangeLimits
from kpis.domain.scoring import UnknownOption, band_for, change_to_goal, judge, score, value_for_score
from objectives.domain.rollup import band_for_score

HIGHER = Limits(goal=D(700), red_flag=D(500))
LOWER = Limits(goal=D(2), red_flag=D(5))
RANGE = RangeLimits(red_low=D(10), goal_low=D(20), goal_high=D(30), red_high=D(50))
YES_NO = OptionScale(scores={D(1): D(10), D(0): D(0)})

numbers = st.decimals(min_value=-(10**6), max_value=10**6, places=3)
directional = st.tuples(numbers, numbers).filter(lambda pair: pair[0] != pair[1])
any_limits = directional.map(lambda pair: Limits(goal=pair[0], red_flag=pair[1]))
any_range = st.lists(numbers, min_size=4, max_size=4, unique=True).map(
    lambda four: RangeLimits(**dict(zip(("red_low", "goal_low", "goal_high", "red_high"), sorted(four), strict=True)))
)


@pytest.mark.parametrize(
    ("limits", "value", "expected", "band"),
    [
        (HIGHER, "300", "0", "off_track"),
        (HIGHER, "299", "0", "off_track"),
        (HIGHER, "499.99", "3.333", "off_track"),
        (HIGHER, "500", "3.333", "at_risk"),
        (HIGHER, "600", "5", "at_risk"),
        (HIGHER, "700", "6.667", "on_track"),
        (HIGHER, "900", "10", "on_track"),
        (HIGHER, "1000", "10", "on_track"),
        (LOWER, "8", "0", "off_track"),
        (LOWER, "5.01", "3.322", "off_track"),
        (LOWER, "5", "3.333", "at_risk"),
        (LOWER, "3.5", "5", "at_risk"),
        (LOWER, "2", "6.667", "on_track"),
        (LOWER, "-1", "10", "on_track"),
        (LOWER, "-9", "10", "on_track"),
        (RANGE, "0", "0", "off_track"),
        (RANGE, "9.99", "3.330", "off_track"),
        (RANGE, "10", "3.333", "at_risk"),
        (RANGE, "15", "5", "at_risk"),
        (RANGE, "20", "6.667", "on_track"),
        (RANGE, "22.5", "8.333", "on_track"),
        (RANGE, "25", "10", "on_track"),
        (RANGE, "30", "6.667", "on_track"),
        (RANGE, "40", "5", "at_risk"),
        (RANGE, "50", "3.333", "at_risk"),
        (RANGE, "50.01", "3.332", "off_track"),
        (RANGE, "70", "0", "off_track"),
        (YES_NO, "1", "10", "on_track"),
        (YES_NO, "0", "0", "off_track"),
    ],
)
def test_the_worked_scores_and_bands(limits, value, expected, band):
    assert score(D(value), limits).quantize(D("0.001")) == D(expected).quantize(D("0.001"))
    assert band_for(D(value), limits) is Band(band)
    assert judge(D(value), limits).band is Band(band)


def test_a_goal_of_one_point_scores_ten_on_it():
    limits = RangeLimits(red_low=D(0), goal_low=D(5), goal_high=D(5), red_high=D(10))
    assert score(D(5), limits) == 10
    assert band_for(D(5), limits) is Band.ON_TRACK
    assert score(D("4.999"), limits) < D("6.667")


def test_scores_are_stored_with_four_places_rounded_half_even():
    limits = Limits(goal=D(20), red_flag=D(10))
    assert judge(D(10), limits).score == D("3.3333")
    assert judge(D(20), limits).score == D("6.6667")
    assert judge(D("15.00015"), limits).score == D("5.0000")
    assert judge(D("15.00045"), limits).score == D("5.0002")


def test_a_hair_short_of_a_line_does_not_store_the_lines_score():
    assert judge(D("699.99999999"), HIGHER).score == D("6.6666")
    assert judge(D("499.99999999"), HIGHER).score == D("3.3332")


def test_an_option_that_is_not_on_the_scale_is_not_judged():
    judgement = judge(D(7), YES_NO)
    assert (judgement.score, judgement.band) == (None, Band.NONE)
    with pytest.raises(UnknownOption, match="7 is not an option"):
        score(D(7), YES_NO)


def test_options_are_found_however_many_zeros_they_carry():
    assert judge(D("1.00000000"), YES_NO).band is Band.ON_TRACK


# --- properties ---------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(value=numbers, limits=st.one_of(any_limits, any_range))
def test_score_and_band_agree(value, limits):
    judgement = judge(value, limits)
    assert judgement.score is not None
    assert band_for_score(judgement.score) == judgement.band
    assert 0 <= judgement.score <= 10


@settings(deadline=None, max_examples=60)
@given(limits=any_limits, hair=st.sampled_from([D(0), D("1E-8"), D("1E-15")]))
def test_score_and_band_agree_on_and_around_the_lines(limits, hair):
    for line in (limits.goal, limits.red_flag):
        for value in (line - hair, line + hair):
            judgement = judge(value, limits)
            assert band_for_score(judgement.score) == judgement.band
    assert judge(limits.goal, limits).band is Band.ON_TRACK
    assert judge(limits.red_flag, limits).band is Band.AT_RISK


@settings(deadline=None, max_examples=60)
@given(limits=any_range)
def test_on_a_limit_of_a_range_the_value_earns_the_better_band(limits):
    assert band_for(limits.goal_low, limits) is band_for(limits.goal_high, limits) is Band.ON_TRACK
    assert band_for(limits.red_low, limits) is band_for(limits.red_high, limits) is Band.AT_RISK


@settings(deadline=None, max_examples=60)
@given(pair=st.tuples(numbers, numbers), limits=any_limits)
def test_a_better_value_never_scores_lower_or_earns_a_worse_band(pair, limits):
    low, high = sorted(pair)
    worse_one, better_one = (low, high) if limits.goal > limits.red_flag else (high, low)
    assert score(worse_one, limits) <= score(better_one, limits)
    assert judge(worse_one, limits).score <= judge(better_one, limits).score
    assert severity(band_for(worse_one, limits)) >= severity(band_for(better_one, limits))


@settings(deadline=None, max_examples=60)
@given(value=numbers, limits=any_limits)
def test_both_polarities_are_one_formula(value, limits):
    mirrored = Limits(goal=-limits.goal, red_flag=-limits.red_flag)
    assert score(value, limits) == score(-value, mirrored)
    assert band_for(value, limits) is band_for(-value, mirrored)


@settings(deadline=None, max_examples=60)
@given(value=numbers, limits=any_limits)
def test_the_score_is_the_published_formula(value, limits):
    goal, red_flag = limits.goal, limits.red_flag
    published = 10 * (value - (2 * red_flag - goal)) / (3 * (goal - red_flag))
    assert abs(score(value, limits) - min(max(published, D(0)), D(10))) < D("1E-15")


@settings(deadline=None, max_examples=60)
@given(limits=any_range, pair=st.tuples(numbers, numbers))
def test_in_a_range_nearer_to_the_middle_is_never_worse_on_either_side(limits, pair):
    middle = (limits.goal_low + limits.goal_high) / 2
    near, far = sorted(pair, key=lambda value: abs(value - middle))
    assume((near - middle) * (far - middle) >= 0)
    assert score(near, limits) >= score(far, limits)
    assert severity(band_for(near, limits)) <= severity(band_for(far, limits))


# --- what would help ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "value", "change"),
    [
        (HIGHER, "650", "50"),
        (HIGHER, "700", "0"),
        (HIGHER, "900", "0"),
        (LOWER, "3.5", "-1.5"),
        (RANGE, "12", "8"),
        (RANGE, "25", "0"),
        (RANGE, "36", "-6"),
    ],
)
def test_the_change_to_the_goal_is_signed_and_zero_on_track(limits, value, change):
    assert change_to_goal(D(value), limits) == D(change)


def test_a_scale_has_no_change_to_its_goal():
    assert change_to_goal(D(0), YES_NO) is None


@settings(deadline=None, max_examples=60)
@given(value=numbers, limits=st.one_of(any_limits, any_range))
def test_the_change_to_the_goal_reaches_it(value, limits):
    assert band_for(value + change_to_goal(value, limits), limits) is Band.ON_TRACK


@pytest.mark.parametrize(
    ("wanted", "limits", "value"),
    [("5", HIGHER, "600"), ("0", HIGHER, "300"), ("10", LOWER, "-1"), ("5", LOWER, "3.5")],
)
def test_a_score_is_said_in_the_kpis_own_unit(wanted, limits, value):
    assert value_for_score(D(wanted), limits) == D(value)
