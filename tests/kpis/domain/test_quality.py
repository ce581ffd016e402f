"""What broken rules mean: the sentences, and when a person must look."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from kpis.domain.quality import (
    Outcome,
    Rule,
    Totalled,
    age_outcome,
    agrees,
    count_outcome,
    reconciled,
    rows_outcome,
    total_outcome,
    why_held,
)

D = Decimal
RANGE = Rule(kind="range", severity="hold", columns=("minutes",), low=D(-60), high=D(1440))
TOTAL = Rule(kind="total", severity="hold", columns=("amount",), control_column="day_total", tolerance=D("0.5"))


def totalled(found: str, control: str) -> Totalled:
    return Totalled(name=date(2026, 11, 22), found=D(found), control=D(control))


@pytest.mark.parametrize(
    ("rows_a_day", "usual", "broken"),
    [(49, 100, True), (50, 100, False), (200, 100, False), (201, 100, True), (5, 0, None)],
)
def test_the_number_of_rows_is_held_against_the_usual_in_percent(
    rows_a_day: int, usual: int, broken: bool | None
) -> None:
    rule = Rule(kind="rows", severity="hold", low=D(50), high=D(200))
    outcome = count_outcome(rule, rows_a_day=rows_a_day, usual=usual)
    assert (outcome and not outcome.is_kept) == broken


@pytest.mark.parametrize(("newest", "broken"), [(date(2026, 11, 21), 0), (date(2026, 11, 20), 0), (None, 1)])
def test_the_newest_row_is_young_or_there_is_none(newest: date | None, broken: int) -> None:
    rule = Rule(kind="fresh", severity="hold", high=D(2))
    assert age_outcome(rule, newest=newest, until=date(2026, 11, 22)).broken == broken
    older = age_outcome(rule, newest=date(2026, 11, 19), until=date(2026, 11, 22))
    assert str(older.says) == "The newest row is of 19 Nov 2026, 3 days before the pull; agreed are 2 at most."


@pytest.mark.parametrize(
    ("found", "control", "tolerance", "fits"),
    [
        ("100", "100", "0", True),
        ("100.5", "100", "0.5", True),
        ("100.51", "100", "0.5", False),
        ("-99.5", "-100", "0.5", True),
        ("0", "0", "0", True),
        ("1", "0", "5", False),
    ],
)
def test_a_sum_agrees_with_its_control_total_within_the_tolerance(
    found: str, control: str, tolerance: str, fits: bool
) -> None:
    assert agrees(D(found), D(control), D(tolerance)) == fits


def test_totals_that_differ_are_named_three_at_most_and_none_is_no_outcome() -> None:
    assert total_outcome(TOTAL, []) is None
    off = total_outcome(TOTAL, [totalled("1204", "1310"), totalled("5", "5")])
    assert off is not None
    assert str(off.says) == (
        "The sum of amount differs from the control total 1 of 2 times (22 Nov 2026: 1204, not 1310)."
    )
    many = total_outcome(TOTAL, [totalled("1", "2")] * 5)
    assert many is not None
    assert "and 2 more" in str(many.says)
    assert reconciled([off]) is False
    assert reconciled([total_outcome(TOTAL, [totalled("5", "5")])]) is True  # type: ignore[list-item]
    assert reconciled([rows_outcome(RANGE, broken=0, checked=3)]) is None


def outcome(severity: str, broken: int) -> Outcome:
    return rows_outcome(
        Rule(kind="filled", severity=severity, columns=("carrier",)),  # type: ignore[arg-type]
        broken=broken,
        checked=100,
    )


def test_a_pull_is_held_by_what_a_holding_rule_found_and_by_too_many_refused_rows() -> None:
    assert why_held([outcome("hold", 0), outcome("refuse", 20)], refused=20, checked=100) == []
    assert [str(why) for why in why_held([outcome("hold", 1)], refused=0, checked=100)] == [
        "carrier is filled in: 1 of 100 rows are not so."
    ]
    assert [str(why) for why in why_held([outcome("refuse", 21)], refused=21, checked=100)] == [
        "The rules refused 21 of 100 rows, more than 20 %."
    ]
    assert why_held([], refused=0, checked=0) == []
