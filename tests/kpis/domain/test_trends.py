"""Trends of many KPIs at once say what the trend of each says, to the last letter."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from random import Random

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.domain import trends
from kpis.domain.state import trend_of
from kpis.domain.trends import PLACES, Series, Told, trends_of

# From counts, where ties abound, to numbers that no float holds.
digits = st.sampled_from((1, 2, 4, 9, 20))


def text_of(units: int, places: int) -> str:
    """Return a number as the database writes it, without zeros at its end."""
    text = f"{Decimal(units).scaleb(-places):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@st.composite
def series(draw: st.DrawFn) -> Series:
    places, most, base = draw(st.integers(0, 8)), 10 ** draw(digits), 10 ** draw(digits)
    numbers = st.integers(-most, most)
    units = draw(st.lists(numbers, min_size=1, max_size=27))
    if draw(st.booleans()):
        units = [base + unit % 4 for unit in units]
    count = min(len(units), len(PLACES))
    gaps = draw(st.sets(st.integers(0, 20), max_size=6)) if draw(st.booleans()) else set()
    at = [place for place in range(30) if place not in gaps][:count]
    goal = draw(st.none() | st.sampled_from(units) | numbers)
    return Series(
        [text_of(unit, places) for unit in units],
        tuple([place if place < len(PLACES) else -1 for place in at]),
        None if goal is None else Decimal(goal).scaleb(-places),
        draw(st.sampled_from(("", "on_track", "at_risk", "off_track"))),
    )


def told(row: Series) -> Told:
    """Return what the trend of one KPI says, as it is stored."""
    trend = trend_of([Decimal(value) for value in row.values], row.places, goal=row.goal, band=row.band)
    previous = None if trend.previous_value is None else text_of(int(trend.previous_value.scaleb(8)), 8)
    return Told(previous, trend.signal, orjson.dumps(asdict(trend.spark) if trend.spark else {}).decode())


@settings(max_examples=60, deadline=None)
@given(st.lists(series(), min_size=1, max_size=12))
def test_many_say_what_each_says(some):
    assert trends_of(some) == [told(row) for row in some]


@pytest.mark.parametrize("values", [["0"] * 20, ["7"] * 20, ["99.5"] * 7, ["0"], ["5", "0", "0", "0", "0", "0", "0"]])
def test_series_that_stand_still_say_what_each_says(values):
    rows = [Series(values, PLACES[: len(values)], goal, "at_risk") for goal in (None, Decimal(0), Decimal(values[0]))]
    assert trends_of(rows) == [told(row) for row in rows]


def test_each_rule_of_a_signal_is_found_in_arrays(monkeypatch):
    def signal_of(*latest: str) -> str:
        before = ["50", "52", "47", "53", "49", "51", "48", "54", "50", "46.1"] * 2
        (only,) = trends_of([Series([*latest, *before][:27], PLACES, None, "")])
        return only.signal

    monkeypatch.setattr(trends, "trend_of", None)
    assert signal_of("62") == signal_of("38") == "signal"
    assert signal_of("57.5", "57.3", "50.2", "57.4") == "signal"
    assert signal_of("51.3", "51.4", "51.6", "51.2", "51.5", "51.1", "51.7", "51.4") == "signal"
    assert signal_of("51.3", "51.4", "51.6", "51.2", "47.5", "51.1", "51.7", "51.4") == "routine"
    assert signal_of("57.5", "57.3", "50.2", "50.4") == "routine"


def test_hardly_any_trend_is_left_to_the_exact_word(monkeypatch):
    chance, exact = Random(7), []
    monkeypatch.setattr(trends, "trend_of", lambda *args, **more: exact.append(1) or trend_of(*args, **more))
    values = [[text_of(chance.randrange(6000, 9000), 2) for _ in range(27)] for _ in range(300)]
    rows = [Series(some, PLACES, Decimal(80), "") for some in values]
    assert trends_of(rows) == [told(row) for row in rows]
    assert len(exact) <= 3
