"""How far work is, and how late against the dates planned first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest

from initiatives.domain.earned_value import earned_value
from initiatives.domain.progress import days_late, end_slipped, furthest_behind, next_step, progress
from initiatives.domain.status import FOLLOWING, may_decide, may_follow

TODAY = date(2026, 11, 22)


@dataclass(frozen=True)
class Step:
    planned_on: date
    due_on: date
    done_on: date | None = None


def step(planned: int, due: int | None = None, done: int | None = None) -> Step:
    """A milestone by days from today."""
    day = [None if offset is None else TODAY + timedelta(days=offset) for offset in (planned, due, done)]
    return Step(day[0], day[1] or day[0], day[2])


@pytest.mark.parametrize(
    ("milestone", "late"),
    [
        (step(10), 0),
        (step(0), 0),
        (step(-3), 3),
        (step(10, due=17), 7),
        (step(-20, due=-5), 20),
        (step(10, due=4), -6),
        (step(-20, done=-13), 7),
        (step(-20, done=-25), -5),
    ],
)
def test_lateness_is_counted_from_the_first_plan_to_the_earliest_day_it_can_be_done(milestone, late) -> None:
    assert days_late(milestone, TODAY) == late


def test_moving_a_milestone_does_not_bring_the_work_back_into_its_plan() -> None:
    told = progress([step(-30, done=-30), step(-5, due=20), step(40)], TODAY)
    assert (told.done, told.planned, told.total) == (1, 2, 3)
    assert told.share_done == Decimal(1) / 3


def test_what_is_done_is_behind_nothing() -> None:
    late, done = step(-5, due=3), step(-40, done=-1)
    assert furthest_behind([done, late, step(9)], TODAY) == (late, 8)
    assert furthest_behind([done, step(9)], TODAY) is None
    assert next_step([done, step(9), late]) == late
    assert next_step([done]) is None


@pytest.mark.parametrize(
    ("first_end", "end", "is_open", "slipped"),
    [(30, 30, True, 0), (30, 44, True, 14), (-9, -9, True, 9), (-9, -9, False, 0), (30, 20, True, 0)],
)
def test_an_open_end_that_passed_slips_day_by_day(first_end, end, is_open, slipped) -> None:
    days = {"first_end": TODAY + timedelta(days=first_end), "end": TODAY + timedelta(days=end)}
    assert end_slipped(**days, today=TODAY, is_open=is_open) == slipped


def test_milestones_earn_the_budget_in_even_parts() -> None:
    told = progress([step(-30, done=-30), step(-5), step(5), step(40)], TODAY)
    worth = earned_value(budget=Decimal(900), spent=Decimal(300), progress=told)
    assert worth is not None
    assert (worth.planned, worth.earned, worth.overspent, worth.behind) == (450, 225, 75, 225)
    assert worth.cost_index == Decimal("0.75")


@pytest.mark.parametrize(("budget", "steps"), [(None, [step(1)]), (Decimal(900), [])])
def test_nothing_is_earned_without_a_budget_or_milestones(budget, steps) -> None:
    assert earned_value(budget=budget, spent=Decimal(1), progress=progress(steps, TODAY)) is None


def test_nothing_spent_has_no_cost_index() -> None:
    worth = earned_value(budget=Decimal(9), spent=Decimal(0), progress=progress([step(1)], TODAY))
    assert worth is not None
    assert worth.cost_index is None


def test_work_is_approved_before_it_runs_and_what_ended_stays_ended() -> None:
    follows = {(status, wanted) for status in FOLLOWING for wanted in FOLLOWING if may_follow(status, wanted)}
    assert follows == {
        ("proposed", "approved"),
        ("proposed", "stopped"),
        ("approved", "running"),
        ("approved", "stopped"),
        ("running", "done"),
        ("running", "stopped"),
    }


@pytest.mark.parametrize(
    ("wanted", "decides", "owns", "may"),
    [
        ("approved", True, False, True),
        ("approved", True, True, False),
        ("approved", False, True, False),
        ("running", False, True, True),
        ("stopped", True, False, True),
        ("done", False, False, False),
    ],
)
def test_nobody_approves_their_own_work(wanted, decides, owns, may) -> None:
    assert may_decide(wanted, decides_for_unit=decides, is_owner=owns) is may
