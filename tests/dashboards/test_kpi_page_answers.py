"""Gaps and promises: how far it is to the goal, and what initiatives are to bring. Plain functions first."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from initiatives.domain import promise as promised
from initiatives.domain.progress import furthest_behind
from initiatives.models import ExpectedImpact, Initiative, Milestone
from kpiplatform.dashboards.kpi_page import promises
from kpiplatform.dashboards.kpi_page.facts import Promise, Step
from kpiplatform.dashboards.kpi_page.gap import count_from_goal, distance, gap_to_goal, to_spare
from kpis.domain.limits import Limits, OptionScale, RangeLimits
from kpis.models import Kpi
from tests.dashboards.measured import W45, W46, measured, page_of, weeks_to
from tests.factories import NOW, the_company

D = Decimal
HIGHER = Limits(goal=D(80), red_flag=D(72))
LOWER = Limits(goal=D(1), red_flag=D(2))
RANGE = RangeLimits(goal_low=D(27), goal_high=D(29), red_low=D(26), red_high=D("30.5"))


# --- gaps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "numerator", "denominator", "count"),
    [
        (HIGHER, 1443, 1859, 45),  # 1,487.2 wanted
        (HIGHER, 79, 100, 1),  # exactly 80 wanted: no rounding up past it
        (LOWER, 99, 6515, -34),  # 65.15 allowed
        (LOWER, 12, 1000, -2),
    ],
)
def test_a_gap_in_a_ratio_is_the_smallest_count_that_reaches_the_goal(limits, numerator, denominator, count):
    value = D(100) * numerator / denominator
    gap = gap_to_goal(value, limits, numerator=D(numerator), denominator=D(denominator), factor=D(100))
    assert gap.count == count
    reached = D(100) * (numerator + count) / denominator
    one_less = D(100) * (numerator + count - (1 if count > 0 else -1)) / denominator
    on_track = (lambda share: share >= limits.goal) if limits is HIGHER else (lambda share: share <= limits.goal)
    assert on_track(reached)
    assert not on_track(one_less)


def test_stored_rounding_does_not_ask_for_one_more():
    third = D("33.33333333")  # 1 of 3 as stored with eight decimals
    gap = gap_to_goal(D(0), Limits(goal=third, red_flag=D(10)), numerator=D(0), denominator=D(3), factor=D(100))
    assert gap.count == 1


@pytest.mark.parametrize(("value", "change"), [("25", "2"), ("28", "0"), ("30", "-1")])
def test_a_range_is_reached_at_its_nearer_edge(value: str, change: str):
    assert gap_to_goal(D(value), RANGE).change == D(change)


def test_where_nothing_says_what_on_track_is_there_is_no_gap():
    assert gap_to_goal(None, HIGHER) is None
    assert gap_to_goal(D(1), None) is None
    assert gap_to_goal(D(1), OptionScale(scores={D(1): D(10)})) is None
    assert distance(D(1), None) is None


def test_distance_is_signed_and_nothing_inside_a_range():
    assert distance(D("77.6"), HIGHER) == D("-2.4")
    assert [distance(D(value), RANGE) for value in (26, 28, 30)] == [-1, 0, 1]


def test_what_is_to_spare_is_the_way_to_the_next_band():
    assert to_spare(D(82), HIGHER) == 2
    assert to_spare(D("28.7"), RANGE) == D("0.3")


def test_a_count_past_the_goal_is_positive_and_short_of_it_negative():
    parts: dict[str, Any] = {"denominator": D(1000), "factor": D(100)}
    assert count_from_goal(HIGHER, numerator=D(806), **parts) == 6
    assert count_from_goal(HIGHER, numerator=D(776), **parts) == -24
    assert count_from_goal(LOWER, numerator=D(7), **parts) == 3
    assert count_from_goal(LOWER, numerator=D(12), **parts) == -2
    assert count_from_goal(HIGHER, numerator=None, **parts) is None


# --- promises -----------------------------------------------------------------------------------


def promise(**fields: Any) -> Promise:
    plain = {
        "name": "Gate turnaround redesign",
        "code": "gate-turnaround",
        "status": "running",
        "change": D(4),
        "starts_on": date(2026, 9, 1),
        "full_effect_on": date(2026, 9, 11),
        "confidence": "medium",
        "steps": (),
    }
    return Promise(**plain | fields)


def step(planned: date, due: date | None = None, done: date | None = None, name: str = "Roll-out") -> Step:
    return Step(name=name, planned_on=planned, due_on=due or planned, done_on=done)


@pytest.mark.parametrize(
    ("day", "share"),
    [
        (date(2026, 8, 31), "0"),
        (date(2026, 9, 1), "0"),
        (date(2026, 9, 6), "0.5"),
        (date(2026, 9, 11), "1"),
        (date(2027, 1, 1), "1"),
    ],
)
def test_a_promise_lands_evenly_between_start_and_full_effect(day: date, share: str):
    assert promised.landed(promise(), day) == D(share)
    assert promised.still_to_land([promise()], day) == 4 * (1 - D(share))


def test_a_promise_that_acts_at_once_has_landed_on_its_day():
    at_once = promise(full_effect_on=date(2026, 9, 1))
    assert [promised.landed(at_once, date(2026, 8, 31)), promised.landed(at_once, date(2026, 9, 1))] == [0, 1]


def test_the_path_has_its_corners_where_the_ramps_begin_and_end():
    path = promised.path([promise()], base=D(70), since=date(2026, 8, 1), until=date(2026, 10, 1))
    assert path == [(date(2026, 9, 1), 70), (date(2026, 9, 11), 74), (date(2026, 10, 1), 74)]


def test_a_path_that_began_before_the_span_enters_it_on_its_way():
    path = promised.path([promise()], base=D(70), since=date(2026, 9, 6), until=date(2026, 9, 30))
    assert path[0] == (date(2026, 9, 6), D(72))


def test_two_initiatives_add_up():
    second = promise(change=D(-1), starts_on=date(2026, 9, 6), full_effect_on=date(2026, 9, 16))
    path = promised.path([promise(), second], base=D(70), since=date(2026, 8, 1), until=date(2026, 9, 20))
    assert [value for _, value in path] == [70, 72, D("73.5"), 73, 73]


def test_a_path_outside_the_span_is_no_path():
    assert promised.path([promise()], base=D(70), since=date(2026, 1, 1), until=date(2026, 9, 1)) == []
    assert promised.path([], base=D(70), since=date(2026, 1, 1), until=date(2026, 9, 1)) == []


def test_lateness_is_counted_from_the_first_date_of_the_worst_open_milestone():
    today = date(2026, 11, 22)
    steps = (
        step(date(2026, 9, 1), done=date(2026, 10, 30), name="done, however late"),
        step(date(2026, 11, 9), due=date(2026, 11, 30), name="moved by three weeks"),
        step(date(2026, 11, 15), name="overdue by a week"),
        step(date(2026, 12, 1), name="still to come"),
    )
    found, days = furthest_behind(steps, today)
    assert (found.name, days) == ("moved by three weeks", 21)
    assert furthest_behind(steps[:1] + steps[3:], today) is None


def test_a_trail_breaks_at_a_gap_and_ends_with_the_mark_of_its_band():
    values = [(date(2026, 9, 7), D(70)), (date(2026, 9, 14), None), (date(2026, 9, 21), D(74))]
    drawn = promises.trail(promise(), base=D(70), values=values, band="at_risk")
    assert drawn.line.count("M") == 2
    assert drawn.expected.count("M") == 1
    assert (drawn.kind, drawn.mark[0]) == ("risk", "M")
    assert promises.trail(promise(), base=D(70), values=values[:1], band="") is None


# --- on the page --------------------------------------------------------------------------------


def an_initiative(kpi: Kpi, *, change: str = "4", status: str = "running", **impact: Any) -> Initiative:
    initiative = Initiative.objects.create(
        code=f"initiative-{Initiative.objects.count()}",
        name="Gate turnaround redesign",
        unit=the_company(),
        owner=kpi.owner,
        status=status,
        starts_on=date(2026, 9, 1),
        ends_on=date(2026, 12, 31),
        created_at=NOW,
    )
    dates = {"starts_on": date(2026, 10, 26), "full_effect_on": date(2026, 12, 19)}
    ExpectedImpact.objects.create(
        initiative=initiative, kpi=kpi, change=D(change), confidence="medium", registered_at=NOW, **dates | impact
    )
    return initiative


@pytest.mark.django_db
def test_a_kpi_that_nobody_answers_says_so(client):
    kpi = measured({W46: "77.6"})
    page = page_of(kpi)
    assert (page["initiatives"], page["coverage"]) == ([], None)


@pytest.mark.django_db
def test_an_initiative_shows_promise_lateness_and_path():
    kpi = measured({start: "77.6" for start in weeks_to(W46, 8)})
    initiative = an_initiative(kpi)
    Milestone.objects.create(
        initiative=initiative, name="LaGuardia roll-out", planned_on=date(2026, 11, 2), due_on=date(2026, 11, 30)
    )
    page = page_of(kpi)
    view = page["initiatives"][0]
    assert view.words == "Since 26 Oct · +4.0\u202fpts by W51, confidence medium"
    assert view.late == "4 weeks late: LaGuardia roll-out"
    assert view.trail is not None
    expected = page["chart"].figure["expected"]
    assert expected["points"][0] == {"day": "2026-10-26", "value": 77.6}
    assert page["chart"].expected_name == "Gate turnaround redesign"


@pytest.mark.django_db
def test_approved_work_is_measured_against_the_gap_and_proposed_work_is_not():
    kpi = measured({W45: "77.6", W46: "77.6"})
    an_initiative(kpi, change="2", starts_on=date(2026, 11, 12), full_effect_on=date(2026, 12, 2))
    an_initiative(kpi, change="9", status="proposed")
    coverage = page_of(kpi)["coverage"]
    # half of the twenty days have passed: 1.0 of 2.4 points is still to come
    assert coverage.words == "Approved initiatives still to land add up to 42 % of the gap (+1.0 of 2.4\u202fpts)."
    assert coverage.width == "116.7"


@pytest.mark.django_db
def test_work_that_pulls_the_wrong_way_closes_nothing():
    kpi = measured({W46: "77.6"})
    an_initiative(kpi, change="-2", starts_on=date(2026, 12, 1), full_effect_on=date(2026, 12, 2))
    assert page_of(kpi)["coverage"].words.startswith("Approved initiatives still to land add up to 0 % of the gap")


@pytest.mark.django_db
def test_stopped_work_is_gone_and_work_on_a_green_kpi_covers_no_gap():
    kpi = measured({W46: "82"})
    an_initiative(kpi)
    an_initiative(kpi, status="stopped")
    page = page_of(kpi, now=datetime(2026, 11, 22, 9, tzinfo=NOW.tzinfo) + timedelta(minutes=1))
    assert len(page["initiatives"]) == 1
    assert page["coverage"] is None
