from decimal import Decimal as D

import pytest

from kpis.domain.bullet import GOAL, RED_FLAG, WIDTH, bullet


@pytest.mark.parametrize(
    ("score", "bar"),
    [("0", "0.0"), ("3.3333", "48.0"), ("6.6667", "96.0"), ("7.1", "102.2"), ("10", "144.0")],
)
def test_the_bar_is_the_score_drawn(score: str, bar: str) -> None:
    assert bullet(D(score)).bar == bar


def test_red_flag_and_goal_stand_at_one_and_two_thirds() -> None:
    assert (RED_FLAG * 3, GOAL * 3) == (WIDTH, WIDTH * 2)
    assert bullet(D(10) / 3).bar == f"{RED_FLAG:.1f}"
    assert bullet(D(20) / 3).bar == f"{GOAL:.1f}"


@pytest.mark.parametrize(("score", "bar"), [("-1", "0.0"), ("10.4", "144.0")])
def test_the_bar_never_leaves_its_scale(score: str, bar: str) -> None:
    assert bullet(D(score)).bar == bar


def test_the_ring_shows_the_score_at_the_last_review() -> None:
    assert bullet(D("7.1"), D("6.9")).was == "99.4"


def test_a_first_score_has_no_ring() -> None:
    assert bullet(D("7.1")).was == ""


def test_without_a_score_nothing_is_drawn_not_even_a_zero_bar() -> None:
    drawn = bullet(None, D("6.9"))
    assert (drawn.score, drawn.bar, drawn.was) == (None, "", "")
