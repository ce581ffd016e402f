"""The confirmed band: a pure fold over judged periods."""

from datetime import date, timedelta
from decimal import Decimal as D
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.domain.fold import Fact, FoldState, Rule, default_confirm, fold, recovery_band, validate_margin
from kpis.domain.bands import severity
from kpis.domain.limits import Limits, OptionScale, RangeLimits
from kpis.domain.scoring import band_for

DAY = timedelta(days=1)
START = date(2026, 1, 1)
BANDS = {"g": "on_track", "a": "at_risk", "r": "off_track", "-": ""}
HIGHER = Limits(goal=D(10), red_flag=D(5))
LOWER = Limits(goal=D(5), red_flag=D(10))
RANGE = RangeLimits(red_low=D(0), goal_low=D(5), goal_high=D(15), red_high=D(20))


def of_bands(letters, start=START):
    """One fact a day: g, a, r for the bands, - for a period without one."""
    return [Fact(period_start=start + index * DAY, band=BANDS[letter]) for index, letter in enumerate(letters)]


def of_values(values, limits=HIGHER):
    return [
        Fact(period_start=START + index * DAY, band=band_for(D(value), limits), value=D(value), limits=limits)
        for index, value in enumerate(values)
    ]


def confirmed_after_each(facts, rule):
    return [fold(facts[: count + 1], rule).state.confirmed for count in range(len(facts))]


def letters_of(bands):
    names = {name: letter for letter, name in BANDS.items()}
    return "".join(names[band] for band in bands)


@pytest.mark.parametrize(
    ("confirm", "observed", "confirmed"),
    [
        (1, "g", "g"),
        (1, "garg", "garg"),
        (1, "g-r", "ggr"),
        (2, "g", "-"),
        (2, "gg", "-g"),
        (2, "rg", "-g"),
        (2, "ggrg", "-ggg"),
        (2, "ggrr", "-ggr"),
        (2, "ggar", "-gga"),
        (2, "ggra", "-gga"),
        (2, "ggarr", "-ggar"),
        (2, "rrga", "-rra"),
        (2, "rrgg", "-rrg"),
        (2, "rrrgrg", "-rrrrr"),
        (2, "ggr-r", "-gggr"),
        (2, "ggr--g-r", "-ggggggg"),
        (3, "gggrar", "--ggga"),
        (3, "gggrarr", "--gggaa"),
        (3, "gggrrgrrr", "--ggggggr"),
    ],
)
def test_a_change_is_confirmed_by_the_last_n_observed_periods(confirm, observed, confirmed):
    assert letters_of(confirmed_after_each(of_bands(observed), Rule(confirm=confirm))) == confirmed


def test_the_first_judgement_is_a_transition_too():
    transitions = fold(of_bands("-gr"), Rule(confirm=1)).transitions
    assert [(t.period_start, t.from_band, t.to_band) for t in transitions] == [
        (START + DAY, "", "on_track"),
        (START + 2 * DAY, "on_track", "off_track"),
    ]


def test_the_state_says_since_when_and_what_is_pending():
    state = fold(of_bands("ggrr-g"), Rule(confirm=2)).state
    assert state == FoldState(
        confirmed="off_track", since=START + 3 * DAY, pending=("on_track",), through=START + 5 * DAY
    )
    assert state.pending_band == "on_track"
    assert fold(of_bands("ggr"), Rule(confirm=2)).state.pending_band == "off_track"
    assert fold(of_bands("gg"), Rule(confirm=2)).state.pending_band == ""
    assert FoldState.empty().pending_band == ""


def test_two_days_or_one_longer_period_confirm_by_default():
    frequencies = ("day", "week", "month", "quarter", "half_year", "year")
    assert [default_confirm(frequency) for frequency in frequencies] == [2, 1, 1, 1, 1, 1]


# --- margin -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("margin", "limits", "values", "confirmed"),
    [
        (2, HIGHER, [4, 5, 6, 7, 10, 11, 12], "rrraaag"),
        (2, HIGHER, [12, "9.9", 10, "11.9", 12], "gaaag"),
        (2, HIGHER, [12, "4.9", 12], "grg"),
        (2, LOWER, [11, 10, 9, 8, 5, 4, 3], "rrraaag"),
        (1, RANGE, [21, 20, 19, 15, 14, 5, 4, 5, 6, -1, 0, 1, 10], "rraaggaagrrag"),
        (0, HIGHER, [4, 5, 10, "9.9", "4.9"], "ragar"),
    ],
)
def test_to_improve_a_value_must_clear_the_line_by_the_margin(margin, limits, values, confirmed):
    rule = Rule(margin=D(margin), confirm=1)
    assert letters_of(confirmed_after_each(of_values(values, limits), rule)) == confirmed


def test_an_improvement_is_the_worst_of_the_last_with_margin():
    rule = Rule(margin=D(2), confirm=2)
    assert letters_of(confirmed_after_each(of_values([4, 4, 12, 8, 12, 12]), rule)) == "-rraag"


def test_without_value_or_limits_or_on_a_scale_the_band_itself_counts():
    scale = OptionScale(scores={D(0): D(0), D(1): D(10)})
    for fact in (
        Fact(period_start=START, band="on_track"),
        Fact(period_start=START, band="on_track", value=D(10)),
        Fact(period_start=START, band="on_track", value=D(1), limits=scale),
    ):
        assert recovery_band(fact, D(2)) == "on_track"


@pytest.mark.parametrize(
    ("margin", "limits"),
    [
        (D(5), HIGHER),
        (D(5), LOWER),
        (D(5), RANGE),
        (D(0), RangeLimits(red_low=D(0), goal_low=D(5), goal_high=D(5), red_high=D(9))),
        (D(0), OptionScale(scores={D(0): D(0)})),
    ],
)
def test_a_margin_up_to_the_distance_of_the_lines_is_taken(margin, limits):
    validate_margin(margin, limits)


@pytest.mark.parametrize(
    ("margin", "limits"),
    [
        (D("5.01"), HIGHER),
        (D("5.01"), RANGE),
        (D(4), RangeLimits(red_low=D(2), goal_low=D(5), goal_high=D(25), red_high=D(40))),
        (D(4), RangeLimits(red_low=D(-9), goal_low=D(5), goal_high=D(25), red_high=D(28))),
        (D(-1), HIGHER),
        (D("0.01"), RangeLimits(red_low=D(0), goal_low=D(5), goal_high=D(5), red_high=D(9))),
        (D(2), RangeLimits(red_low=D(0), goal_low=D(5), goal_high=D(8), red_high=D(12))),
        (D(1), OptionScale(scores={D(0): D(0)})),
    ],
)
def test_a_recovery_line_that_cannot_be_reached_is_refused(margin, limits):
    with pytest.raises(ValueError, match=r"\.$"):
        validate_margin(margin, limits)


@pytest.mark.parametrize("wrong", [{"confirm": 0}, {"confirm": 1, "margin": D(-1)}, {"confirm": 1, "margin": D("NaN")}])
def test_a_rule_refuses_what_cannot_confirm(wrong):
    with pytest.raises(ValueError, match=r"\.$"):
        Rule(**wrong)


# --- stale data, corrections --------------------------------------------------------------------


def test_after_a_long_gap_what_was_pending_is_forgotten():
    facts = of_bands("ggr") + of_bands("r", START + 9 * DAY)
    assert fold(facts, Rule(confirm=2)).state.confirmed == "off_track"
    assert fold(facts, Rule(confirm=2, forget_after_days=7)).state.confirmed == "off_track"
    forgotten = fold(facts, Rule(confirm=2, forget_after_days=6)).state
    assert (forgotten.confirmed, forgotten.pending) == ("on_track", ("off_track",))


def test_a_fact_already_folded_is_a_correction_and_not_taken():
    state = fold(of_bands("gg"), Rule(confirm=1)).state
    with pytest.raises(ValueError, match="folds from the beginning"):
        fold(of_bands("r", START + DAY), Rule(confirm=1), state)


def test_a_value_may_still_arrive_for_a_missing_newest_period():
    state = fold(of_bands("gg-"), Rule(confirm=1)).state
    assert state.through == START + DAY
    assert fold(of_bands("r", START + 2 * DAY), Rule(confirm=1), state).state.confirmed == "off_track"


def test_two_judgements_of_one_period_are_refused():
    with pytest.raises(ValueError, match="judged twice"):
        fold(of_bands("g") + of_bands("r"), Rule(confirm=1))


# --- invariants ---------------------------------------------------------------------------------

letters = st.text("gar-", max_size=24)
values_in_order = st.lists(st.none() | st.integers(-6, 26), max_size=24)
limits = st.sampled_from([HIGHER, LOWER, RANGE])
rules = st.builds(
    Rule,
    margin=st.integers(0, 5).map(D),
    confirm=st.integers(1, 4),
    forget_after_days=st.none() | st.integers(1, 4),
)


@st.composite
def histories(draw):
    judged = draw(limits)
    return [
        Fact(period_start=START + index * DAY, band="")
        if value is None
        else Fact(period_start=START + index * DAY, band=band_for(D(value), judged), value=D(value), limits=judged)
        for index, value in enumerate(draw(values_in_order))
    ]


@settings(deadline=None, max_examples=60)
@given(facts=histories(), rule=rules, data=st.data())
def test_order_batches_and_duplicates_do_not_matter(facts, rule, data):
    whole = fold(facts, rule)
    shuffled = data.draw(st.permutations(facts + facts[:3]))
    assert fold(shuffled, rule) == whole
    state, transitions, rest = FoldState.empty(), (), facts
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        step = fold(rest[:size], rule, state)
        state, transitions, rest = step.state, transitions + step.transitions, rest[size:]
    assert (state, transitions) == (whole.state, whole.transitions)


@settings(deadline=None, max_examples=60)
@given(facts=histories(), rule=rules)
def test_transitions_chain_without_loops_in_rising_periods(facts, rule):
    folded = fold(facts, rule)
    transitions = folded.transitions
    assert all(t.from_band != t.to_band for t in transitions)
    assert all(a.to_band == b.from_band and a.period_start < b.period_start for a, b in pairwise(transitions))
    assert transitions == () or transitions[0].from_band == ""
    assert folded.state.confirmed == (transitions[-1].to_band if transitions else "")
    assert folded.state.since == (transitions[-1].period_start if transitions else None)


@settings(deadline=None, max_examples=60)
@given(
    offsets=st.lists(st.integers(-199, 199), max_size=20),
    line=st.sampled_from(["goal", "red_flag"]),
    judged=st.sampled_from([HIGHER, LOWER]),
    start=st.integers(-6, 26),
)
def test_inside_the_margin_of_a_line_nothing_improves(offsets, line, judged, start):
    middle = getattr(judged, line)
    facts = of_values([start, *(middle + D(offset) / 100 for offset in offsets)], judged)
    transitions = fold(facts, Rule(margin=D(2), confirm=1)).transitions[1:]
    better = [t for t in transitions if severity(t.to_band) < severity(t.from_band)]
    # Off track to at risk is an improvement only at the red flag's own line; near the goal it is cleared.
    assert [t for t in better if line == "red_flag" or t.to_band == "on_track"] == []


@settings(deadline=None, max_examples=60)
@given(observed=letters, confirm=st.integers(2, 4))
def test_fewer_than_n_bad_periods_in_a_row_cross_nothing(observed, confirm):
    shown, bad = "", 0
    for letter in observed:
        bad = {"g": 0, "-": bad}.get(letter, bad + 1)
        if bad == confirm:
            shown, bad = shown + "g", 0
        else:
            shown += letter
    transitions = fold(of_bands("g" * confirm + shown), Rule(confirm=confirm)).transitions
    assert [(t.from_band, t.to_band) for t in transitions] == [("", "on_track")]


@settings(deadline=None, max_examples=60)
@given(facts=histories(), rule=rules.filter(lambda rule: rule.forget_after_days is None))
def test_the_fold_is_the_mildest_worsening_and_the_worst_improvement_of_the_last_n(facts, rule):
    observed = [fact for fact in facts if fact.band]
    confirmed = ""
    for count in range(rule.confirm, len(observed) + 1):
        last = observed[count - rule.confirm : count]
        mildest = min((fact.band for fact in last), key=severity)
        worst = max((recovery_band(fact, rule.margin) for fact in last), key=severity)
        if severity(mildest) > severity(confirmed):
            confirmed = mildest
        elif severity(worst) < severity(confirmed):
            confirmed = worst
        assert fold(observed[:count], rule).state.confirmed == confirmed


@settings(deadline=None, max_examples=60)
@given(
    pairs=st.lists(st.tuples(st.integers(-6, 26), st.integers(0, 9)), max_size=20),
    judged=st.sampled_from([HIGHER, LOWER]),
    rule=rules,
)
def test_worsening_every_value_never_betters_a_confirmed_band(pairs, judged, rule):
    direction = 1 if judged.goal > judged.red_flag else -1
    better = of_values([value for value, _ in pairs], judged)
    worse = of_values([value - direction * drop for value, drop in pairs], judged)
    for before, after in zip(confirmed_after_each(better, rule), confirmed_after_each(worse, rule), strict=True):
        assert severity(after) >= severity(before)


@settings(deadline=None, max_examples=60)
@given(facts=histories(), rule=rules)
def test_a_margin_only_ever_keeps_a_band_worse_for_longer(facts, rule):
    plain = Rule(confirm=rule.confirm, forget_after_days=rule.forget_after_days)
    for with_margin, without in zip(confirmed_after_each(facts, rule), confirmed_after_each(facts, plain), strict=True):
        assert severity(with_margin) >= severity(without)
