"""From the scores of children to the score of a parent."""

from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.domain.rollup import Child, Turn, band_for_score, roll_up, smallest_change, terms, turn

STEP = D("0.0001")


def child(key, score, weight=1):
    score = None if score is None else D(score)
    return Child(key=key, name=f"Child {key}", score=score, weight=D(weight), band=band_for_score(score))


scores = st.decimals(min_value=0, max_value=10, places=4)
weights = st.decimals(min_value=0, max_value=9, places=2)
families = st.lists(st.tuples(st.none() | scores, weights), min_size=1, max_size=6).map(
    lambda pairs: [child(str(index), score, weight) for index, (score, weight) in enumerate(pairs)]
)
methods = st.sampled_from(["weighted_average", "worst_child"])


@pytest.mark.parametrize(
    ("score", "band"),
    [
        (None, ""),
        ("0", "off_track"),
        ("3.3332", "off_track"),
        ("3.3333", "at_risk"),
        ("6.6666", "at_risk"),
        ("6.6667", "on_track"),
        ("10", "on_track"),
    ],
)
def test_the_band_of_a_score_changes_at_one_and_two_thirds(score, band):
    assert band_for_score(None if score is None else D(score)) == band


def test_a_score_is_judged_as_it_is_stored():
    assert band_for_score(D(20) / 3) == "on_track"
    assert band_for_score(D(10) / 3) == "at_risk"


def test_a_weighted_average_is_shown_with_worst_child_coverage_and_counts():
    children = [child("a", 9, 3), child("b", 2, 1), child("c", None, 4)]
    parent = roll_up(children)
    assert parent.score == parent.average == D("7.25")
    assert parent.band == "on_track"
    assert (parent.worst_key, parent.worst_score) == ("b", 2)
    assert parent.coverage == D("0.5")
    assert (parent.with_data, parent.total) == (2, 3)
    assert parent.counts == {"on_track": 1, "at_risk": 0, "off_track": 1, "": 1}
    assert [(term.key, term.share, term.contribution) for term in terms(children, "weighted_average")] == [
        ("a", D("0.75"), D("6.75")),
        ("b", D("0.25"), D("0.5")),
    ]


def test_each_child_is_capped_at_ten():
    # 50/55, 99/100, 120/100 and 15/22 of plan: 90, 99, 100 (capped) and 68 are 89.25 %.
    parent = roll_up([child("a", 9), child("b", "9.9"), child("c", 12), child("d", "6.8")])
    assert parent.score == D("8.925")


def test_the_worst_child_decides_where_it_is_asked_to():
    children = [child("a", 9, 5), child("b", 4, 1), child("c", 8)]
    parent = roll_up(children, method="worst_child")
    assert (parent.score, parent.band, parent.worst_key) == (4, "at_risk", "b")
    assert parent.average == D("8.1429")
    assert [(term.key, term.share, term.contribution) for term in terms(children, "worst_child")] == [
        ("a", 0, 0),
        ("b", 1, 4),
        ("c", 0, 0),
    ]


def test_below_the_minimum_coverage_there_is_a_score_but_no_band():
    children = [child("a", 9, 49), child("b", None, 51)]
    assert roll_up(children).band == ""
    assert roll_up(children).score == 9
    assert roll_up(children, minimum_coverage=D("0.49")).band == "on_track"
    assert roll_up([child("a", 9), child("b", None)]).band == "on_track"


def test_a_manual_score_stands_beside_the_computed_one_whatever_the_coverage():
    parent = roll_up([child("a", 9), child("b", None, 9)], method="manual", manual_score=D(5))
    assert (parent.score, parent.band, parent.average) == (5, "at_risk", 9)
    assert roll_up([child("a", 9)], method="manual").band == ""


@pytest.mark.parametrize("score", ["10.1", "-1", "NaN"])
def test_a_manual_score_outside_0_to_10_is_refused(score):
    with pytest.raises(ValueError, match="between 0 and 10"):
        roll_up([], method="manual", manual_score=D(score))


@pytest.mark.parametrize("children", [[], [child("a", None)], [child("a", 9, 0)]])
def test_without_weighted_data_there_is_no_score(children):
    parent = roll_up(children)
    assert (parent.score, parent.band, parent.average, parent.worst_key) == (None, "", None, None)
    assert parent.coverage == 0
    assert terms(children, "weighted_average") == terms(children, "worst_child") == ()


def test_a_child_of_no_weight_is_counted_and_nothing_else():
    parent = roll_up([child("a", 9), child("b", 1, 0)], method="worst_child")
    assert (parent.score, parent.coverage, parent.with_data, parent.counts["off_track"]) == (9, 1, 2, 1)


@pytest.mark.parametrize(("score", "weight"), [("1", "-1"), ("1", "NaN"), ("1", "Infinity"), ("NaN", "1")])
def test_a_child_refuses_numbers_that_cannot_count(score, weight):
    with pytest.raises(ValueError, match="of Sales must be"):
        Child(key="a", name="Sales", score=D(score), weight=D(weight), band="on_track")


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="no roll-up method best"):
        roll_up([child("a", 9)], method="best")


@settings(deadline=None, max_examples=60)
@given(children=families)
def test_an_average_lies_between_its_worst_and_its_best_child(children):
    counting = [c.score for c in children if c.score is not None and c.weight]
    parent = roll_up(children)
    if not counting:
        assert parent.score is None
    else:
        assert min(counting) == parent.worst_score <= parent.average <= max(counting)
        added = terms(children, "weighted_average")
        assert abs(sum(term.contribution for term in added) - parent.average) <= STEP
        assert abs(sum(term.share for term in added) - 1) < D("1E-20")
    assert 0 <= parent.coverage <= 1


@settings(deadline=None, max_examples=60)
@given(children=families, method=methods, drop=scores)
def test_a_worse_child_never_betters_its_parent(children, method, drop):
    worse = [child(c.key, None if c.score is None else max(c.score - drop, D(0)), c.weight) for c in children]
    before, after = roll_up(children, method=method), roll_up(worse, method=method)
    assert (before.score is None) == (after.score is None)
    assert before.score is None or after.score <= before.score


@settings(deadline=None, max_examples=60)
@given(children=families, factor=st.integers(1, 9))
def test_weights_are_relative(children, factor):
    scaled = [child(c.key, c.score, c.weight * factor) for c in children]
    assert roll_up(scaled).score == roll_up(children).score
    assert roll_up(scaled).coverage == roll_up(children).coverage


# --- what would change the colour ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("children", "key", "wanted", "method", "change"),
    [
        ([child("a", 5), child("b", 5)], "a", "on_track", "weighted_average", "3.3334"),
        ([child("a", 5, 3), child("b", 5)], "a", "on_track", "weighted_average", "2.2223"),
        ([child("a", 2), child("b", 2)], "a", "on_track", "weighted_average", None),
        ([child("a", 5), child("b", 5)], "a", "off_track", "weighted_average", "-3.3336"),
        ([child("a", 5), child("b", 5)], "a", "at_risk", "weighted_average", "0"),
        ([child("a", 5), child("b", 9)], "a", "on_track", "worst_child", "1.6667"),
        ([child("a", 5), child("b", "6.6667")], "a", "on_track", "worst_child", "1.6667"),
        ([child("a", 5), child("b", "6.6666")], "a", "on_track", "worst_child", None),
        ([child("a", 5), child("b", 9)], "b", "on_track", "worst_child", None),
        ([child("a", 5), child("b", 9)], "b", "off_track", "worst_child", "-5.6668"),
        ([child("a", 8), child("b", 9)], "a", "at_risk", "worst_child", "-1.3334"),
        ([child("a", 5), child("b", None)], "b", "on_track", "weighted_average", None),
        ([child("a", 5), child("b", 9, 0)], "b", "on_track", "weighted_average", None),
        ([child("a", 5)], "a", "on_track", "manual", None),
        ([child("a", 5)], "x", "on_track", "weighted_average", None),
    ],
)
def test_the_smallest_change_of_a_child_that_changes_the_parents_band(children, key, wanted, method, change):
    expected = None if change is None else D(change)
    assert smallest_change(children, key, wanted, method) == expected


@settings(deadline=None, max_examples=60)
@given(children=families, wanted=st.sampled_from(["on_track", "at_risk", "off_track"]), method=methods)
def test_the_smallest_change_works_and_half_of_it_does_not(children, wanted, method):
    change = smallest_change(children, "0", wanted, method)
    if change is None:
        counts = children[0].score is not None and children[0].weight
        assert not counts or not any(_band_with(children, D(s) / 8, method) == wanted for s in range(81))
        return
    assert _band_with(children, children[0].score + change, method) == wanted
    if abs(change) > STEP * 2 * sum(c.weight for c in children) / children[0].weight:
        assert _band_with(children, children[0].score + change / 2, method) != wanted


def _band_with(children, score, method):
    changed = [child("0", score, children[0].weight), *children[1:]]
    return roll_up(changed, method=method, minimum_coverage=D(0)).band


@pytest.mark.parametrize(
    ("scores", "method", "turned"),
    [
        # average 5: two points more of a child that weighs a half are one of the parent
        (("4", "6"), "weighted_average", Turn(band="on_track", change=D("3.3334"))),
        # off track: the next better band, not the best
        (("1", "3"), "weighted_average", Turn(band="at_risk", change=D("2.6666"))),
        # on track: what would lose it
        (("8", "7"), "weighted_average", Turn(band="at_risk", change=D("-1.6668"))),
        # alone it cannot: even ten would leave the average below the goal
        (("5", "2"), "weighted_average", None),
        (("5", "0.1"), "worst_child", None),
        (("2", "8"), "worst_child", Turn(band="at_risk", change=D("1.3333"))),
        (("5", "6"), "manual", None),
        ((None, "6"), "weighted_average", None),
    ],
)
def test_a_child_is_told_what_of_it_would_turn_its_parent(scores, method, turned):
    children = [child(str(index), score) for index, score in enumerate(scores)]
    assert turn(children, "0", method) == turned


@given(families, methods)
def test_a_turn_gives_the_parent_the_band_it_names(family, method):
    for one in family:
        turned = turn(family, one.key, method)
        if turned is None:
            continue
        moved = [child(c.key, c.score + turned.change if c.key == one.key else c.score, c.weight) for c in family]
        assert roll_up(moved, method, minimum_coverage=D(0)).band == turned.band
