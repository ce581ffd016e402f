"""The chart as a browser draws it, under the policy of the settings."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.frontend.conftest import Site, violations

PAGE = """{% extends "base.html" %}{% block title %}KPI{% endblock %}
{% block scripts %}{% include "components/chart_scripts.html" %}{% endblock %}
{% block content %}<h1>KPI</h1>{% include "components/chart.html" with label="On time by week" picks="period" %}
<label for="period">Period</label><input class="input" id="period">{% endblock %}"""


def figure(values: tuple[float | None, ...] = (81.0, 74.0, None, 66.0, 79.5, 80.6), **changes: Any) -> dict[str, Any]:
    """Return a figure of weekly values; the last one is provisional."""
    first = date(2026, 10, 5)
    days = [(first + timedelta(weeks=week)).isoformat() for week in range(len(values) + 1)]
    whole = {"start": days[0], "end": days[-1]}
    periods = [
        {
            "start": days[week],
            "end": days[week + 1],
            "label": f"W{41 + week}",
            "value": value,
            "band": "" if value is None else "on_track" if value >= 80 else "at_risk" if value >= 72 else "off_track",
            "provisional": week == len(values) - 1,
            "signal": value == 66.0,
            "text": str(value),
            "hover": [f"W{41 + week}", f"{value} %"],
        }
        for week, value in enumerate(values)
    ]
    made = {
        "unit": "%",
        "locale": "en",
        "minimum": 0,
        "maximum": 100,
        "periods": periods,
        "goal": [{**whole, "value": 80, "text": "goal 80.0"}],
        "red_flag": [{**whole, "value": 72, "text": "red flag 72.0"}],
        "zones": [
            {**whole, "band": "on_track", "low": 80, "high": None},
            {**whole, "band": "at_risk", "low": 72, "high": 80},
            {**whole, "band": "off_track", "low": None, "high": 72},
        ],
        "limits": [{**whole, "lower": 60, "centre": 76, "upper": 92, "text": "natural limits 60–92"}],
        "expected": {
            "points": [{"day": days[1], "value": 74}, {"day": days[-1], "value": 82}],
            "text": "expected path",
        },
        "markers": [{"number": 1, "day": days[1]}],
    }
    return made | changes


@pytest.mark.parametrize(("theme", "width"), [("light", 1200), ("dark", 390)])
def test_the_chart_is_drawn_within_the_policy(site: Site, theme: str, width: int) -> None:
    page = site.open(PAGE, figure=figure(), theme=theme, width=width)
    expect(page.locator("#chart svg.main-svg").first).to_be_visible()
    assert page.locator("#chart .scatterlayer .trace").count() >= 8
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []


def test_bands_goal_and_markers_are_named_in_the_chart(site: Site) -> None:
    page = site.open(PAGE, figure=figure())
    chart = page.locator("#chart")
    for words in ("goal 80.0", "red flag 72.0", "expected path", "natural limits 60–92", "79.5", "W46"):
        expect(chart.get_by_text(words, exact=False).first).to_be_attached()
    assert page.locator("#chart .shapelayer path").count() == 3 + 1 + 1  # zones, leader and circle of the marker


def test_both_ends_of_a_goal_range_are_named(site: Site) -> None:
    whole = {"start": "2026-10-05", "end": "2026-11-16"}
    goal = [{**whole, "value": 78, "text": "goal 78.0"}, {**whole, "value": 84, "text": "goal to 84.0"}]
    page = site.open(PAGE, figure=figure(goal=goal))
    for words in ("goal 78.0", "goal to 84.0"):
        expect(page.locator("#chart").get_by_text(words, exact=True)).to_be_attached()


def test_a_missing_value_breaks_the_line(site: Site) -> None:
    lines = "#chart .scatterlayer .js-line"
    whole = site.open(PAGE, figure=figure((81.0, 74.0, 70.0, 66.0, 79.5, 80.6))).locator(lines).count()
    broken = site.open(PAGE, figure=figure((81.0, 74.0, None, 66.0, 79.5, 80.6))).locator(lines).count()
    assert broken == whole + 1


def test_arrow_keys_read_the_periods_out_and_enter_picks_one_for_a_note(site: Site) -> None:
    page = site.open(PAGE, figure=figure())
    chart, said = page.locator("#chart"), page.locator("#chart [role=status]")
    chart.focus()
    page.keyboard.press("ArrowRight")
    expect(said).to_have_text("W46, 80.6 %")
    page.keyboard.press("Home")
    expect(said).to_have_text("W41, 81.0 %")
    page.keyboard.press("ArrowRight")
    expect(said).to_have_text("W42, 74.0 %")
    page.keyboard.press("Escape")
    expect(said).to_have_text("")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator("#period")).to_be_focused()
    expect(page.locator("#period")).to_have_value("2026-10-05")


def test_words_of_people_are_never_markup(site: Site) -> None:
    hostile = figure(goal=[{"start": "2026-10-05", "end": "2026-11-16", "value": 80, "text": "<a href='x'>goal</a>"}])
    hostile["periods"][0]["hover"] = ["<b>W41</b></script><script>alert(1)</script>"]
    page = site.open(PAGE, figure=hostile)
    expect(page.locator("#chart").get_by_text("<a href='x'>goal</a>")).to_be_attached()
    assert page.locator("#chart a").count() == 0
    page.locator("#chart").focus()
    page.keyboard.press("Home")
    expect(page.locator("#chart .hoverlayer")).to_contain_text("<b>W41</b></script>")


def test_the_chart_follows_the_theme_of_the_system(site: Site) -> None:
    page = site.open(PAGE, figure=figure())
    page.emulate_media(color_scheme="dark")
    ink = page.locator("#chart .scatterlayer .js-line").last
    expect(ink).to_have_css("stroke", "rgb(230, 232, 235)")


def test_without_values_the_place_says_nothing_and_breaks_nothing(site: Site) -> None:
    page = site.open(PAGE, figure=figure(values=(None, None)))
    assert page.locator("#chart svg").count() == 0


def test_decimal_marks_and_months_are_those_of_the_language(site: Site) -> None:
    values = tuple(0.11 + week / 1000 for week in range(26))
    bare: dict[str, Any] = {"goal": [], "red_flag": [], "zones": [], "limits": [], "markers": [], "expected": None}
    page = site.open(PAGE, figure=figure(values, locale="de", unit="", minimum=None, maximum=None, **bare))
    expect(page.locator("#chart .ytick text").first).to_contain_text("0,1")
    expect(page.locator("#chart .xaxislayer-above")).to_contain_text("Dez")
