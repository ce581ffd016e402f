"""Figures as charts.js takes them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest

from kpis import charts
from kpis.charts import Baseline, LimitSpan, Marker, Path, Point, Scale
from kpis.domain.xmr import natural_limits

D = Decimal
WEEK = timedelta(days=7)
W45, W46, W47 = date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 16)


def point(start: date = W46, value: str | None = "77.6", **fields) -> Point:
    return Point(start=start, end=start + WEEK, value=None if value is None else D(value), **fields)


def span(start: date = W46, goal: str | None = "80", red_flag: str | None = "72", **fields) -> LimitSpan:
    numbers = {
        name: None if number is None else D(number) for name, number in {"goal": goal, "red_flag": red_flag}.items()
    }
    return LimitSpan(start=start, end=start + WEEK, **numbers, **fields)


def figure(points=(), spans=(), polarity="higher_is_better", **fields):
    return charts.values_figure(points=points, spans=spans, polarity=polarity, scale=Scale(unit="%"), **fields)


def bands(drawn) -> list[tuple[str, float | None, float | None]]:
    return [(zone["band"], zone["low"], zone["high"]) for zone in drawn["zones"]]


def test_a_period_has_every_key_that_the_script_reads():
    drawn = figure([point(label="W46", text="77.6", hover=("W46", "77.6 %"), band="at_risk", provisional=True)])
    assert drawn["periods"] == [
        {
            "start": "2026-11-09",
            "end": "2026-11-16",
            "label": "W46",
            "value": 77.6,
            "band": "at_risk",
            "provisional": True,
            "signal": False,
            "text": "77.6",
            "hover": ["W46", "77.6 %"],
        }
    ]


def test_numbers_are_plain_numbers_in_json():
    drawn = figure(
        [point()], [span()], expected=Path(points=[(W46, D("77.6")), (W47, D("78.1"))], text="expected path")
    )
    assert json.loads(json.dumps(drawn)) == drawn
    assert drawn["expected"] == {
        "points": [{"day": "2026-11-09", "value": 77.6}, {"day": "2026-11-16", "value": 78.1}],
        "text": "expected path",
    }


def test_the_axis_keeps_to_what_the_kpi_can_be():
    drawn = charts.values_figure(
        points=[], spans=[], polarity="higher_is_better", scale=Scale(minimum=D(0), maximum=D(100))
    )
    assert (drawn["minimum"], drawn["maximum"]) == (0.0, 100.0)
    assert figure()["minimum"] is None


def test_a_missing_value_stays_in_its_place_without_a_number():
    assert [period["value"] for period in figure([point(W45), point(W46, None), point(W47)])["periods"]] == [
        77.6,
        None,
        77.6,
    ]


def test_a_series_break_is_a_gap_of_no_length_before_its_period():
    periods = figure([point(W45), point(W46)], breaks=[W46])["periods"]
    assert [(period["start"], period["value"]) for period in periods] == [
        ("2026-11-02", 77.6),
        ("2026-11-09", None),
        ("2026-11-09", 77.6),
    ]
    assert periods[1]["start"] == periods[1]["end"]


@pytest.mark.parametrize("day", [W45, W45 - WEEK, W47 + WEEK])
def test_a_break_at_the_edge_or_outside_of_what_is_shown_changes_nothing(day: date):
    assert len(figure([point(W45), point(W46)], breaks=[day])["periods"]) == 2


def test_equal_limits_are_one_step_and_a_new_goal_is_the_next():
    drawn = figure(spans=[span(W45, goal="75"), span(W46), span(W47)])
    assert drawn["goal"] == [
        {"start": "2026-11-02", "end": "2026-11-09", "value": 75.0, "text": "goal 75.0"},
        {"start": "2026-11-09", "end": "2026-11-23", "value": 80.0, "text": "goal 80.0"},
    ]
    assert [(step["start"], step["end"]) for step in drawn["red_flag"]] == [("2026-11-02", "2026-11-23")]


def test_a_stretch_without_a_goal_leaves_a_gap_in_the_line():
    drawn = figure(spans=[span(W45), span(W46, goal=None, red_flag=None), span(W47)])
    assert [(step["start"], step["end"]) for step in drawn["goal"]] == [
        ("2026-11-02", "2026-11-09"),
        ("2026-11-16", "2026-11-23"),
    ]
    assert len(drawn["zones"]) == 6


def test_bands_lie_between_goal_and_red_flag_on_the_side_that_the_polarity_says():
    assert bands(figure(spans=[span()])) == [
        ("on_track", 80.0, None),
        ("at_risk", 72.0, 80.0),
        ("off_track", None, 72.0),
    ]
    assert bands(figure(spans=[span(goal="2", red_flag="5")], polarity="lower_is_better")) == [
        ("on_track", None, 2.0),
        ("at_risk", 2.0, 5.0),
        ("off_track", 5.0, None),
    ]


def test_a_range_has_two_goals_two_red_flags_and_five_bands():
    drawn = figure(spans=[span(goal="27", red_flag="26", goal_high=D(29), red_high=D("30.5"))], polarity="within_range")
    assert bands(drawn) == [
        ("off_track", None, 26.0),
        ("at_risk", 26.0, 27.0),
        ("on_track", 27.0, 29.0),
        ("at_risk", 29.0, 30.5),
        ("off_track", 30.5, None),
    ]
    assert [step["value"] for step in drawn["goal"]] == [27.0, 29.0]
    assert [step["value"] for step in drawn["red_flag"]] == [26.0, 30.5]


def test_markers_carry_their_number_and_day():
    assert figure(markers=[Marker(number=3, day=W46)])["markers"] == [{"number": 3, "day": "2026-11-09"}]


def test_natural_limits_are_the_worked_example_of_the_definition():
    values = [D(number) for number in (50, 52, 47, 53, 49, 51, 48, 54, 50, 46)]
    limits = natural_limits(values)
    drawn = charts.natural_figure(
        points=[point(signal=True)], baselines=[Baseline(start=W45, end=W47, limits=limits)], scale=Scale(decimals=2)
    )
    assert drawn["limits"] == [
        {
            "start": "2026-11-02",
            "end": "2026-11-16",
            "lower": pytest.approx(39.36),
            "centre": 50.0,
            "upper": pytest.approx(60.64),
            "text": "natural limits 39.36–60.64",
        }
    ]
    assert drawn["periods"][0]["signal"] is True
    assert drawn["goal"] == drawn["red_flag"] == drawn["zones"] == []


def test_labels_are_written_as_the_reader_writes_numbers():
    drawn = charts.values_figure(
        points=[], spans=[span(goal="80.5")], polarity="higher_is_better", scale=Scale(unit="%", locale="de")
    )
    assert drawn["locale"] == "de"
    assert drawn["goal"][0]["text"] == "goal 80,5"
