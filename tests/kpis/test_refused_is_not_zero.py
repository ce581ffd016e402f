"""A row that was refused may be the only one of its KPI: that there is no other does not make the value 0."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from kpis.domain.periods import Calendar
from kpis.domain.quality import Rule
from kpis.sources.base import DOUBTS_TOLD, SourceRows, Window
from kpis.sources.checking import check_rows, with_rules
from kpis.sources.computing import compute_readings
from kpis.sources.mapping import MappedKpi, parse_mapping, wanted_columns
from kpis.sources.stretches import Stretch, packed, unpacked
from tests.kpis.reading import read_given

ALL = Window(since=None, until=date(2026, 12, 1))
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
SUM = {"agg": "sum", "column": "value"}
SPECS = {
    "umsatz": {"value": SUM, "group": {"figure": "Umsatz"}},
    "gaeste": {"value": SUM, "group": {"figure": "Gäste"}},
    "gaeste, but for Köln": {"value": SUM, "where": [["figure", "==", "Gäste"], ["site", "!=", "Köln"]]},
    "big ones": {"value": {"agg": "count"}, "where": [["value", ">", 1000]]},
}


def a_kpi(kpi_id: int, spec: dict[str, Any]) -> MappedKpi:
    return MappedKpi(
        kpi_id=kpi_id,
        code=f"K{kpi_id}",
        frequency="month",
        calendar=Calendar(),
        mapping=parse_mapping(spec),
        ratio_factor=Decimal(1),
    )


KPIS = [a_kpi(number, spec) for number, spec in enumerate(SPECS.values())]


def rows_of(cells: list[tuple[date, str, str, Any]], rules: list[Rule] | None = None) -> SourceRows:
    days, sites, figures, values = (list(column) for column in zip(*cells, strict=True))
    wanted = with_rules(wanted_columns(kpi.mapping for kpi in KPIS), rules or [])
    return read_given({"when": days, "site": sites, "figure": figures, "value": values}, wanted=wanted, window=ALL)


def values_of(rows: SourceRows, **left_out: Any) -> dict[str, dict[int, str]]:
    found: dict[str, dict[int, str]] = {name: {} for name in SPECS}
    names = list(SPECS)
    for one in compute_readings(rows, KPIS, ALL, **left_out).readings:
        found[names[one.kpi_id]][one.period_start.month] = f"{one.value:f}".split(".")[0]
    return found


CELLS = [
    (SEPTEMBER, "Köln", "Umsatz", 7),
    (SEPTEMBER, "Köln", "Gäste", "k.A."),
    (OCTOBER, "Köln", "Umsatz", 8),
    *[(date(2026, 11, day), "Köln", "Umsatz", 1) for day in range(1, 6)],
]


def test_a_cell_that_can_not_be_read_leaves_no_zero_where_its_row_would_count() -> None:
    found = values_of(rows_of(CELLS))
    assert found == {
        "umsatz": {9: "7", 10: "8", 11: "5"},
        "gaeste": {10: "0", 11: "0"},  # there were rows, and none of them was refused
        "gaeste, but for Köln": {9: "0", 10: "0", 11: "0"},  # the refused one is of Köln
        "big ones": {10: "0", 11: "0"},  # it may have been a big one
    }


@pytest.mark.parametrize("kpi_id", [None, 0])
def test_a_row_that_a_rule_refuses_leaves_no_zero_either(kpi_id: int | None) -> None:
    rule = Rule(kind="range", severity="refuse", columns=("value",), high=Decimal(6), kpi_id=kpi_id)
    rows = rows_of([*CELLS, (OCTOBER, "Köln", "Gäste", 3)], [rule])
    checked = check_rows(rows, [rule], KPIS, ALL, rows_a_day=1, usual=1, controls={})
    found = values_of(checked.rows, left_out=checked.left_out)
    assert found["umsatz"] == {11: "5"}
    assert found["gaeste"][10] == "3"


STEPS_THAT_REFUSE = [
    [{"do": "derive", "to": "half", "numerator": "value", "denominator": "two"}],
    [
        {"do": "derive", "to": "half", "numerator": "value", "denominator": "two"},
        {"do": "filter", "where": [["half", "<", 1000]]},
    ],
    [{"do": "filter", "where": [["value", "<", 1000]]}],
    [{"do": "filter", "where": [["two", "==", 2]]}, {"do": "filter", "where": [["value", "<", 1000]]}],
    [
        {"do": "filter", "where": [["value", "<", 1000]]},
        {"do": "derive", "to": "half", "numerator": "value", "denominator": "two"},
        {"do": "rename", "column": "site", "to": "place"},
        {"do": "rename", "column": "place", "to": "site"},
        {"do": "filter", "where": [["site", "in", ["Köln", "Ulm"]]]},
    ],
]


@pytest.mark.parametrize("steps", STEPS_THAT_REFUSE)
def test_a_row_that_a_step_refuses_leaves_no_zero_either(steps: list[dict[str, Any]]) -> None:
    days, sites, figures, values = (list(column) for column in zip(*CELLS, strict=True))
    columns = {"when": days, "site": sites, "figure": figures, "value": values, "two": [2] * len(days)}
    wanted = wanted_columns(kpi.mapping for kpi in KPIS)
    rows = read_given(columns, wanted=wanted, window=ALL, steps=steps)
    assert rows.lines_refused == 1
    assert values_of(rows)["gaeste"] == {10: "0", 11: "0"}
    assert values_of(rows)["umsatz"] == {9: "7", 10: "8", 11: "5"}


def test_a_refused_row_that_a_further_step_leaves_out_says_nothing() -> None:
    columns = {"when": [SEPTEMBER] * 6, "site": ["Ulm"] + ["Köln"] * 5, "figure": ["Gäste"] + ["Umsatz"] * 5}
    wanted = wanted_columns(kpi.mapping for kpi in KPIS)
    steps = [
        {"do": "filter", "where": [["value", "<", 1000]]},
        {"do": "filter", "where": [["site", "==", "Köln"]]},
    ]
    rows = read_given(columns | {"value": ["?", 1, 1, 1, 1, 1]}, wanted=wanted, window=ALL, steps=steps)
    assert values_of(rows)["gaeste"] == {9: "0"}


def test_of_very_many_refused_rows_the_days_are_still_known() -> None:
    cells = [(SEPTEMBER, f"site {number}", "Other", "?") for number in range(DOUBTS_TOLD + 5)]
    rows = rows_of([*CELLS, *cells, *[(OCTOBER, "Köln", "Umsatz", 0)] * 900])
    assert len(rows.doubts) == DOUBTS_TOLD + 1
    assert values_of(rows)["gaeste, but for Köln"] == {10: "0", 11: "0"}


def test_doubts_come_over_from_the_process_that_reads() -> None:
    stretch = Stretch(days=rows_array(), lines=rows_array(), doubts=[(739_000, {"site": 0})])
    head, parts = packed(stretch)
    assert unpacked(head, parts).doubts == stretch.doubts


def rows_array() -> Any:
    from array import array

    return array("i")
