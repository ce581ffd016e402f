"""What was promised, as a path and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest

from initiatives.domain.promise import landed, may_be_changed, path, picture, still_to_land, value_on

START, FULL = date(2026, 9, 1), date(2026, 9, 11)


@dataclass(frozen=True)
class Promise:
    change: Decimal = Decimal(10)
    starts_on: date = START
    full_effect_on: date = FULL


@pytest.mark.parametrize(("day", "value"), [(-1, 70), (0, 70), (5, 75), (10, 80), (99, 80)])
def test_the_change_comes_evenly_from_the_start_to_the_full_effect(day: int, value: int) -> None:
    at = START + timedelta(days=day)
    assert value_on([Promise()], base=Decimal(70), day=at) == value
    assert still_to_land([Promise()], at) == 80 - value
    assert landed(Promise(), at) == Decimal(value - 70) / 10


def test_the_path_of_two_promises_has_a_corner_for_each_day_on_which_one_begins_or_is_full() -> None:
    later = Promise(change=Decimal(-2), starts_on=START + timedelta(days=4), full_effect_on=FULL)
    corners = path([Promise(), later], base=Decimal(70), since=date(2026, 1, 1), until=date(2026, 10, 1))
    assert [day.day for day, _ in corners] == [1, 5, 11, 1]
    assert corners[-1][1] == 78


@pytest.mark.parametrize(("offset", "may"), [(-1, False), (0, False), (1, True)])
def test_a_promise_is_changed_only_before_its_effect_begins(offset: int, may: bool) -> None:
    assert may_be_changed(starts_on=START + timedelta(days=offset), today=START) is may


def draw(values: list[tuple[date, Decimal | None]], **fields):
    fields = {"base": Decimal(70), "goal": Decimal(80), "today": FULL, "before": timedelta(days=14)} | fields
    return picture(Promise(), values=values, **fields)


def test_a_picture_breaks_its_line_where_a_value_is_missing_and_marks_the_latest() -> None:
    days = [START + timedelta(days=7 * index) for index in range(-2, 2)]
    drawn = draw(list(zip(days, [Decimal(70), None, Decimal(70), Decimal(80)], strict=True)))
    assert drawn.line.count("M") == 2
    assert drawn.expected.startswith(f"M{drawn.start} ")
    assert (drawn.goal, drawn.last_y) == ("8.0", "8.0")
    assert drawn.last_x < drawn.today


def test_without_a_value_before_the_start_there_is_no_path_and_without_values_no_picture() -> None:
    assert draw([(FULL, Decimal(75))], base=None).expected == ""
    assert draw([], base=None) is None
    assert draw([], goal=None).last_x == ""
