"""Mappings: what may be written down, and the values that come of it, by hand and against plain pandas."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kpis.domain.periods import Calendar
from kpis.readings import Reading
from kpis.sources.base import Kind, SourceRows, Window
from kpis.sources.computing import Computed, compute_readings
from kpis.sources.mapping import MappedKpi, MappingError, parse_mapping, wanted_columns
from tests.kpis.reading import read_given

STANDARD = Calendar()
MONDAY = date(2026, 11, 9)
UNTIL = date(2026, 11, 22)  # a Sunday: the week from 16 November is open
ALL = Window(since=None, until=UNTIL)


def rows_of(frame: dict[str, list[Any]], specs: list[dict[str, Any]], window: Window = ALL) -> SourceRows:
    """Rows as a source gives them; the column `day` has their days."""
    columns = wanted_columns(parse_mapping(spec) for spec in specs)
    return read_given({**frame, "when": frame["day"]}, wanted=columns, window=window)


def compute(
    frame: dict[str, list[Any]],
    spec: dict[str, Any],
    *,
    frequency: str = "week",
    window: Window = ALL,
    calendar: Calendar = STANDARD,
    **fields: Any,
) -> Computed:
    fields = {"kpi_id": 1, "code": "OTD", "ratio_factor": Decimal(1), **fields}
    kpi = MappedKpi(frequency=frequency, calendar=calendar, mapping=parse_mapping(spec), **fields)
    return compute_readings(rows_of(frame, [spec], window), [kpi], window)


def values(frame: dict[str, list[Any]], spec: dict[str, Any], **how: Any) -> dict[str, str | None]:
    """Period start → value as text."""
    readings = compute(frame, spec, **how).readings
    return {r.period_start.isoformat(): None if r.value is None else f"{r.value.normalize():f}" for r in readings}


def week(cells: list[Any], *, start: date = MONDAY, **columns: list[Any]) -> dict[str, list[Any]]:
    """Rows of one week, all on its first day but for the order."""
    return {"day": [start] * len(cells), "x": cells, **columns}


@pytest.mark.parametrize(
    ("agg", "cells", "expected"),
    [
        ("count", [1, None, 3], "2"),
        ("sum", [1, None, 3], "4"),
        ("sum", [0.1, 0.2], "0.3"),
        ("sum", [10**14, 1, None], "100000000000001"),
        ("mean", [1, 2, None, 4], "2.33333333"),
        ("median", [5, 1, 3, None], "3"),
        ("median", [5, 1, 3, 2], "2.5"),
        ("min", [4, -2, None], "-2"),
        ("max", [4, -2, None], "4"),
        ("p90", [*range(1, 11)], "9.1"),
        ("p90", [10, 20, None], "19"),
        ("first", [None, 7, 8], "7"),
        ("last", [7, 8, None], "8"),
        ("nunique", [3, 3, None, 4], "2"),
    ],
)
def test_each_aggregate_leaves_empty_cells_out(agg: str, cells: list[Any], expected: str) -> None:
    assert values(week(cells), {"value": {"agg": agg, "column": "x"}}) == {"2026-11-09": expected}


@pytest.mark.parametrize("agg", ["sum", "mean", "median", "min", "max", "p90", "first", "last"])
def test_rows_that_are_all_empty_have_no_value(agg: str) -> None:
    assert values(week([None, None]), {"value": {"agg": agg, "column": "x"}}) == {}


@pytest.mark.parametrize("agg", ["mean", "median", "min", "max", "p90", "first", "last"])
def test_rows_of_which_none_matches_have_no_value(agg: str) -> None:
    assert values(week([1, 2]), {"where": [["x", ">", 5]], "value": {"agg": agg, "column": "x"}}) == {}


@pytest.mark.parametrize("agg", ["count", "sum", "nunique"])
def test_a_count_or_sum_of_rows_of_which_none_matches_is_zero_where_the_source_has_rows(agg: str) -> None:
    frame = {"day": [MONDAY, MONDAY + timedelta(14)], "x": [1, 9]}
    spec = {"where": [["x", ">", 5]], "value": {"agg": agg, "column": "x"}}
    found = values(frame, spec, window=Window(since=None, until=date(2026, 12, 1)))
    assert found == {"2026-11-09": "0", "2026-11-23": "9" if agg == "sum" else "1"}


@pytest.mark.parametrize(
    ("condition", "matching"),
    [
        (["x", "==", 2], {2}),
        (["x", "!=", 2], {1, 4, 16}),
        (["x", "<", 2], {1}),
        (["x", "<=", 2], {1, 2}),
        (["x", ">", 2], {4, 16}),
        (["x", ">=", 2], {2, 4, 16}),
        (["x", "in", [1, 3.5, 99]], {1, 4}),
        (["x", "not_in", [1, 99]], {2, 4, 16}),
        (["x", "not_null"], {1, 2, 4, 16}),
        (["x", "is_null"], {8}),
        (["place", "==", "JFK"], {1, 4}),
        (["place", "==", "SFO"], set()),
        (["place", "!=", "JFK"], {2, 8}),
        (["place", "in", ["LGA", "SFO"]], {2, 8}),
        (["place", "not_in", ["LGA"]], {1, 4}),
        (["place", "is_null"], {16}),
    ],
)
def test_a_condition_never_matches_an_empty_cell_and_neither_does_its_opposite(
    condition: list[Any], matching: set[int]
) -> None:
    frame = week([1, 2, 3.5, None, 10], place=["JFK", "LGA", "JFK", "LGA", None], bit=[1, 2, 4, 8, 16])
    spec = {"where": [condition], "value": {"agg": "sum", "column": "bit"}}
    assert values(frame, spec) == {"2026-11-09": str(sum(matching))}


def test_a_column_of_whole_numbers_without_gaps_compares_with_fractions() -> None:
    spec = {"where": [["x", ">", 1.5]], "value": {"agg": "count"}}
    assert values(week([1, 2, 3]), spec) == {"2026-11-09": "2"}


def ratio(**parts: Any) -> dict[str, Any]:
    return {
        "numerator": {"agg": "count", "where": [["x", "<=", 15]]},
        "denominator": {"agg": "count", "column": "x"},
        **parts,
    }


def only(computed: Computed) -> Reading:
    (reading,) = computed.readings
    return reading


def test_a_ratio_keeps_its_parts_and_is_times_the_factor() -> None:
    reading = only(compute(week([3, 15, 16, None]), ratio(factor=100)))
    assert (reading.value, reading.numerator, reading.denominator) == (Decimal("66.66666667"), 2, 3)
    assert only(compute(week([3, 16]), ratio(), ratio_factor=Decimal(1000))).value == 500
    assert only(compute(week([3, 16]), ratio(factor=1), ratio_factor=Decimal(1000))).value == Decimal("0.5")


def test_a_part_is_times_its_scale() -> None:
    parts = {"numerator": {"agg": "sum", "column": "x", "scale": "0.5"}, "denominator": {"agg": "count"}}
    reading = only(compute(week([3, 4]), parts))
    assert (reading.value, reading.numerator, reading.denominator) == (Decimal("1.75"), Decimal("3.5"), 2)


def test_a_denominator_of_zero_gives_no_value_and_says_why() -> None:
    reading = only(compute(week([None, None]), ratio()))
    assert (reading.value, reading.numerator, reading.denominator) == (None, 0, 0)
    assert (reading.reason, reading.state) == ("zero_denominator", "reported")


def test_a_ratio_about_rows_that_are_not_there_is_missing() -> None:
    assert compute(week([1, 2]), ratio(where=[["x", ">", 100]])).readings == []


def test_a_ratio_with_a_part_that_is_missing_is_missing() -> None:
    parts = {"numerator": {"agg": "sum", "column": "x"}, "denominator": {"agg": "count"}}
    assert compute(week([None, None]), parts).readings == []


def test_distinct_counts_combine_columns_and_leave_out_rows_with_an_empty_one() -> None:
    frame = {
        "day": [MONDAY, MONDAY, MONDAY + timedelta(1), MONDAY + timedelta(1), MONDAY],
        "tail": ["N1", "N1", "N1", None, "N2"],
    }
    assert values(frame, {"value": {"agg": "nunique", "columns": ["day", "tail"]}}) == {"2026-11-09": "3"}


def test_first_and_last_go_by_the_day_and_within_it_by_the_line() -> None:
    frame = {"day": [MONDAY + timedelta(2), MONDAY, MONDAY, MONDAY + timedelta(2)], "x": [3, 1, 2, 4]}
    assert values(frame, {"value": {"agg": "first", "column": "x"}}) == {"2026-11-09": "1"}
    assert values(frame, {"value": {"agg": "last", "column": "x"}}) == {"2026-11-09": "4"}


def test_the_period_that_today_is_in_is_provisional_and_the_ones_before_are_not() -> None:
    frame = {"day": [date(2026, 11, 15), date(2026, 11, 16)], "x": [1, 2]}
    readings = compute(frame, {"value": {"agg": "sum", "column": "x"}}).readings
    assert [(r.period_start, r.period_end, r.state) for r in readings] == [
        (date(2026, 11, 9), date(2026, 11, 16), "reported"),
        (date(2026, 11, 16), date(2026, 11, 23), "provisional"),
    ]
    monday = Window(since=None, until=date(2026, 11, 23))
    closed = compute(frame, {"value": {"agg": "sum", "column": "x"}}, window=monday).readings
    assert [r.state for r in closed] == ["reported", "reported"]


def test_only_periods_that_begin_in_the_window_are_computed() -> None:
    frame = {"day": [date(2026, 11, 1) + timedelta(day) for day in range(21)], "x": [1] * 21}
    window = Window(since=date(2026, 11, 1), until=UNTIL)
    spec = {"value": {"agg": "count"}}
    assert values(frame, spec, window=window, frequency="month") == {"2026-11-01": "21"}
    assert values(frame, spec, window=window) == {"2026-11-02": "7", "2026-11-09": "7", "2026-11-16": "6"}
    assert list(values(frame, spec, window=window, frequency="quarter")) == []


def test_periods_follow_the_calendar_of_the_kpi() -> None:
    frame = {"day": [date(2026, 11, 7), date(2026, 11, 8)], "x": [1, 2]}
    sunday = Calendar(week_start=6)
    assert values(frame, {"value": {"agg": "sum", "column": "x"}}, calendar=sunday) == {
        "2026-11-01": "1",
        "2026-11-08": "2",
    }


def test_a_value_the_kpi_cannot_have_is_refused_and_the_others_are_kept() -> None:
    frame = {"day": [MONDAY, MONDAY + timedelta(7)], "x": [101, 99]}
    spec = {"value": {"agg": "max", "column": "x"}}
    computed = compute(frame, spec, minimum=Decimal(0), maximum=Decimal(100))
    assert [reading.value for reading in computed.readings] == [99]
    assert [str(refusal.why) for refusal in computed.refusals] == [
        "OTD 2026-W46: 101 is above the greatest possible value, 100."
    ]
    low = compute(frame, spec, minimum=Decimal("99.5"))
    assert [str(refusal.why) for refusal in low.refusals] == [
        "OTD 2026-W47: 99 is below the least possible value, 99.5."
    ]


def test_a_value_that_cannot_be_stored_is_refused() -> None:
    computed = compute(week([10**14]), {"value": {"agg": "sum", "column": "x", "scale": 10**9}})
    assert computed.readings == []
    assert str(computed.refusals[0].why) == "OTD 2026-W46: A value has at most 20 digits before the decimal mark."


def test_whole_sums_are_exact_beyond_what_a_float_holds() -> None:
    cells = [10**15 - 1] * 4000 + [1]
    assert values(week(cells), {"value": {"agg": "sum", "column": "x"}}) == {"2026-11-09": str((10**15 - 1) * 4000 + 1)}


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ([], "the mapping is a table of names and values."),
        ({}, "A mapping needs a value, or a numerator and a denominator."),
        ({"numerator": {"agg": "count"}}, "A mapping needs a value, or a numerator and a denominator."),
        ({"value": {"agg": "count"}, "factor": 100}, "A mapping has either a value, or a numerator and"),
        ({"value": {"agg": "count"}, "filter": []}, "the mapping has no part called filter."),
        ({"value": {"agg": "avg", "column": "x"}}, "value: agg is one of count, nunique, sum"),
        ({"value": {"agg": "sum"}}, "value: sum needs one column."),
        ({"value": {"agg": "sum", "columns": ["x", "y"]}}, "value: sum needs one column."),
        ({"value": {"agg": "sum", "column": 5}}, "value: columns is a list of names."),
        ({"value": {"agg": "sum", "column": "x", "columns": ["x"]}}, "value: there is either a column or columns."),
        ({"value": {"agg": "nunique"}}, "value: nunique needs columns."),
        ({"value": {"agg": "count", "columns": ["x", "y"]}}, "value: count needs one column, or none to count rows."),
        ({"value": {"agg": "count", "scale": "much"}}, "value.scale is a number."),
        ({"value": {"agg": "count", "scale": 0}}, "value.scale is a number other than 0."),
        (ratio(factor=True), "factor is a number."),
        (ratio(factor="NaN"), "factor is a number other than 0."),
        ({"where": {}, "value": {"agg": "count"}}, "where is a list of conditions."),
        ({"where": [["x", "=", 5]], "value": {"agg": "count"}}, "where, condition 1: = is not a comparison."),
        ({"where": [["x", "=="]], "value": {"agg": "count"}}, "where, condition 1: == needs a value."),
        ({"where": [["x", "is_null", 1]], "value": {"agg": "count"}}, "where, condition 1: is_null takes no value."),
        ({"where": [["x", "<", "5"]], "value": {"agg": "count"}}, "where, condition 1: < compares with a number."),
        ({"where": [["x", "in", 5]], "value": {"agg": "count"}}, "where, condition 1: in needs a list of values."),
        ({"where": [["x", "in", [1, "a"]]], "value": {"agg": "count"}}, "where, condition 1: the values are all"),
        ({"where": [["x", "==", None]], "value": {"agg": "count"}}, "where, condition 1: a value is a number or a"),
        (
            ratio(numerator={"agg": "count", "where": [["x", "not_null"], "x > 5"]}),
            "numerator.where, condition 2 is written [column, op, value].",
        ),
    ],
)
def test_a_mapping_that_cannot_be_followed_is_refused_with_a_sentence(spec: Any, why: str) -> None:
    with pytest.raises(MappingError) as refused:
        parse_mapping(spec)
    assert str(refused.value).startswith(why)


def test_columns_are_read_as_what_the_mappings_need_and_no_more() -> None:
    specs = [
        {"where": [["place", "==", "JFK"], ["code", ">", 5]], "value": {"agg": "count"}},
        {"value": {"agg": "sum", "column": "x"}},
        {"where": [["x", "not_null"], ["gone", "is_null"]], "value": {"agg": "nunique", "columns": ["tail", "x"]}},
        {"where": [["code", "==", "07"]], "value": {"agg": "count", "column": "code"}},
    ]
    assert wanted_columns(parse_mapping(spec) for spec in specs) == {
        ("place", Kind.TEXT),
        ("code", Kind.NUMBER),
        ("code", Kind.TEXT),
        ("x", Kind.NUMBER),
        ("gone", Kind.TEXT),
        ("tail", Kind.TEXT),
    }


PLAIN = {
    "mean": lambda groups: groups.mean(),
    "median": lambda groups: groups.median(),
    "p90": lambda groups: groups.quantile(0.9),
    "min": lambda groups: groups.min(),
    "max": lambda groups: groups.max(),
    "sum": lambda groups: groups.sum(),
}


@pytest.mark.parametrize(("frequency", "rule"), [("day", "D"), ("week", "W-SUN"), ("month", "M")])
def test_many_rows_give_what_plain_pandas_gives(frequency: str, rule: str) -> None:
    random = np.random.default_rng(20261122)
    days = [date(2026, 9, 1) + timedelta(int(offset)) for offset in random.integers(0, 82, 5000)]
    delays = [None if cell > 95 else int(cell) - 20 for cell in random.integers(0, 100, 5000)]
    places = [["JFK", "LGA", "EWR"][index] for index in random.integers(0, 3, 5000)]
    cells = {"day": days, "x": delays, "place": places}
    frame = pd.DataFrame(cells).astype({"x": float})
    frame["period"] = pd.to_datetime(frame.day).dt.to_period(rule).dt.start_time.dt.date
    away = frame[frame.place != "EWR"]
    for agg, plain in PLAIN.items():
        spec = {"where": [["place", "!=", "EWR"]], "value": {"agg": agg, "column": "x"}}
        computed = {r.period_start: float(r.value or 0) for r in compute(cells, spec, frequency=frequency).readings}
        assert computed == pytest.approx(plain(away.groupby("period").x).to_dict(), abs=1e-8), agg
    there = frame[frame.place == "LGA"].groupby("period").x
    on_time, departed = there.agg(lambda x: (x <= 15).sum()).to_dict(), there.count().to_dict()
    shares = compute(cells, ratio(where=[["place", "==", "LGA"]], factor=100), frequency=frequency).readings
    assert {r.period_start: r.numerator for r in shares} == on_time
    assert {r.period_start: r.denominator for r in shares} == departed


# --- groups -------------------------------------------------------------------------------------


FLEET = {
    "day": [MONDAY, MONDAY, MONDAY + timedelta(1), MONDAY + timedelta(7), MONDAY + timedelta(7)],
    "origin": ["JFK", "LGA", "JFK", "JFK", None],
    "carrier": ["UA", "UA", "B6", "UA", "UA"],
    "x": [1, 2, 3, 4, 5],
}


@pytest.mark.parametrize("agg", ["count", "sum", "max", "median", "nunique"])
@pytest.mark.parametrize("where", [[], [["x", ">=", 2]]])
def test_a_group_gives_what_conditions_on_its_columns_give(agg: str, where: list[Any]) -> None:
    figure = {"agg": agg, "column": "x"}
    for group in ({"origin": "JFK"}, {"origin": "JFK", "carrier": "UA"}, {"origin": "LGA"}, {"origin": "EWR"}):
        conditions = [[column, "==", text] for column, text in group.items()]
        by_condition = values(FLEET, {"where": [*where, *conditions], "value": figure})
        assert values(FLEET, {"where": where, "group": group, "value": figure}) == by_condition


def test_the_ratio_of_a_group_is_of_its_rows_alone() -> None:
    spec = {
        "group": {"origin": "JFK"},
        "numerator": {"agg": "count", "where": [["x", ">", 1]]},
        "denominator": {"agg": "count"},
    }
    assert values(FLEET, spec) == {"2026-11-09": "0.5", "2026-11-16": "1"}


@pytest.mark.parametrize("group", [["origin", "JFK"], {"origin": 1}, {"": "JFK"}, {"origin": ""}])
def test_a_group_that_names_no_texts_is_refused(group: Any) -> None:
    with pytest.raises(MappingError, match="group holds columns"):
        parse_mapping({"group": group, "value": {"agg": "count"}})
