"""The grade of a value, and the points that lead to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.domain.confidence import Criterion, Evidence, confidence

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


@pytest.mark.parametrize(
    ("evidence", "grade", "points"),
    [
        (PULLED, "A", (90, 90)),
        (replace(PULLED, reconciled=None), "A", (80, 90)),
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
    found = confidence(evidence)
    assert (found.grade, (found.got, found.most)) == (grade, points)


def test_nobody_approves_what_was_pulled_and_no_rule_is_held_against_what_was_typed() -> None:
    assert Criterion.APPROVAL not in {point.criterion for point in confidence(PULLED).points}
    typed = {point.criterion for point in confidence(TYPED).points}
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
    found = confidence(evidence)
    assert all(0 <= point.got <= point.most for point in found.points)
    better = replace(evidence, corrections=0, is_reviewed=True, reconciled=True, rules_kept=5, is_approved=True)
    assert confidence(better).grade <= found.grade
