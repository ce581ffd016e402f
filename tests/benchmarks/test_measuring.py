"""What is concluded from times, and that a measurement of the wrong thing is refused."""

from __future__ import annotations

import pytest

from benchmarks.measuring import CheckFailed, Result, Rounds, check
from benchmarks.progress import Progress


def a_result(product: list[float], limit: list[float], reach: float = 2.0) -> Result:
    return Result(case="a job", versus="a statement", reach=reach, product=tuple(product), limit=tuple(limit))


def test_the_ratio_is_the_median_of_each_rounds_own_ratio():
    slow_minute = a_result([2.0, 20.0, 3.0], [1.0, 10.0, 1.0])
    assert slow_minute.ratio == 2.0
    assert slow_minute.spread == (2.0, 3.0)


@pytest.mark.parametrize(
    ("product", "verdict"),
    [([1.0, 1.5, 2.0], "ok"), ([2.1, 2.5, 3.0], "over"), ([1.9, 2.0, 2.1], "within noise")],
)
def test_nothing_is_concluded_where_the_reach_lies_inside_the_spread(product: list[float], verdict: str):
    assert a_result(product, [1.0, 1.0, 1.0]).verdict == verdict


def test_of_many_rounds_the_outer_quarters_are_no_spread():
    assert a_result([1.0] * 2 + [1.5] * 5 + [9.0], [1.0] * 8).spread == (1.5, 1.5)


def test_limit_and_product_take_turns_and_change_who_is_first():
    order: list[str] = []

    def turn(name: str) -> float:
        order.append(name)
        return 1.0

    Rounds(3, Progress(1)).alternate("x", lambda: turn("limit"), lambda: turn("product"))
    assert order == ["limit", "product", "product", "limit", "limit", "product"]


def test_what_differs_from_what_is_expected_is_no_measurement():
    check(3, 3, "rows")
    with pytest.raises(CheckFailed, match=r"rows: expected 3, found 2\."):
        check(2, 3, "rows")
