"""The grade of a value, and the points that lead to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.domain.confidence import Confidence, Criterion, Evidence, confidence, inherited

PULLED = Evidence(
    kind="pull",
    days_late=0,
    grace_days=7,
    present=12,
    due=12,
    rules_checked=4,
    rules_kept=4,
    reconciled=True,
    corrections=0,
    is_approved=False,
    is_reviewed=True,
)
TYPED = replace(PULLED, kind="manual", rules_checked=0, rules_kept=0, reconciled=None)
MONDAY = date(2026, 11, 9)


def graded(evidence: Evidence, *, of: int = 1, start: date = MONDAY) -> Confidence:
    return confidence(evidence, of=of, start=start)


@pytest.mark.parametrize(
    ("evidence", "grade", "points"),
    [
        (PULLED, "A", (90, 90)),
        (replace(PULLED, days_there=5, days=7), "A", (90, 105)),
        (replace(PULLED, reconciled=None), "A", (80, 90)),
        (replace(PULLED, reconciled=None, days_there=5, days=7), "B", (80, 105)),
        (replace(PULLED, reconciled=None, rules_checked=0, rules_kept=0), "B", (70, 90)),
        (replace(PULLED, reconciled=False, rules_kept=2), "B", (75, 90)),
        (replace(PULLED, days_late=8, reconciled=None, corrections=1), "C", (61, 90)),
        (replace(PULLED, days_late=None, reconciled=None), "A", (65, 75)),
        (TYPED, "C", (54, 80)),
        (replace(TYPED, is_approved=True), "B", (64, 80)),
        (replace(TYPED, days_late=3, is_reviewed=False), "D", (36, 80)),
        (replace(TYPED, days_late=30, present=3, is_reviewed=False, corrections=5), "E", (7, 80)),
    ],
)
def test_a_value_is_graded_by_the_share_of_the_points_that_apply(
    evidence: Evidence, grade: str, points: tuple[int, int]
) -> None:
    found = graded(evidence)
    (source,) = found.sources
    assert (found.grade, (source.got, source.most)) == (grade, points)


def test_nobody_approves_what_was_pulled_and_no_rule_is_held_against_what_was_typed() -> None:
    assert Criterion.APPROVAL not in {point.criterion for point in graded(PULLED).sources[0].points}
    typed = {point.criterion for point in graded(TYPED).sources[0].points}
    assert not typed & {Criterion.RULES, Criterion.TOTAL}


@given(
    st.builds(
        Evidence,
        kind=st.sampled_from(["pull", "api", "upload", "manual", "correction", "undo"]),
        days_late=st.none() | st.integers(-30, 400),
        grace_days=st.integers(0, 30),
        present=st.integers(0, 12),
        due=st.integers(12, 40),
        rules_checked=st.just(5),
        rules_kept=st.integers(0, 5),
        reconciled=st.none() | st.booleans(),
        corrections=st.integers(0, 20),
        is_approved=st.booleans(),
        is_reviewed=st.booleans(),
    )
)
def test_no_point_is_more_than_there_are_and_better_evidence_never_grades_worse(evidence: Evidence) -> None:
    found = graded(evidence)
    assert all(0 <= point.got <= point.most for point in found.sources[0].points)
    better = replace(evidence, corrections=0, is_reviewed=True, reconciled=True, rules_kept=5, is_approved=True)
    assert graded(better).grade <= found.grade


def test_what_was_computed_is_worth_as_much_as_its_weakest_input_and_names_the_weakest_value_of_each() -> None:
    late = replace(TYPED, days_late=30)
    found = inherited(
        [
            graded(PULLED, of=1),
            graded(TYPED, of=2),
            graded(late, of=2, start=date(2026, 11, 2)),
            graded(late, of=2, start=date(2026, 10, 26)),
        ]
    )
    assert found is not None
    assert (found.grade, found.is_computed) == ("D", True)
    assert [(source.kpi_id, source.start, source.grade) for source in found.sources] == [
        (2, date(2026, 11, 2), "D"),  # of two alike the newer one
        (1, MONDAY, "A"),
    ]


def test_what_was_computed_from_nothing_that_is_graded_has_no_grade() -> None:
    assert inherited([]) is None


def test_what_was_computed_from_computed_values_names_what_was_measured() -> None:
    below = inherited([graded(PULLED, of=1), graded(TYPED, of=2)])
    assert below is not None
    found = inherited([below, graded(replace(TYPED, present=3), of=1)])
    assert found is not None
    assert {source.kpi_id: source.grade for source in found.sources} == {1: "D", 2: "C"}
