"""What is made of the rows of a source before they count."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from kpis.sources.base import Kind, SourceError, SourceRows, Window
from kpis.sources.cells import Formats
from kpis.sources.steps import Steps
from tests.kpis.reading import named, read_given

WINDOW = Window(since=None, until=date(2027, 1, 1))
SALES = {
    "Tag": ["2026-11-01", "2026-11-02", "2026-11-03"],
    "Land": ["DE", "AT", "DE"],
    "Umsatz": ["1.234,50 €".removesuffix(" €"), "(10,00)", "99"],
    "Köpfe": ["4", "0", ""],
}
GERMAN = {"do": "parse", "column": "Umsatz", "decimal": ",", "grouping": ".", "accounting": True}


def read(steps: list[dict[str, Any]], *wanted: tuple[str, Kind], columns: Any = None, day: str = "Tag") -> SourceRows:
    given = {name: list(cells) for name, cells in (columns or SALES).items()}
    return read_given(given, wanted=frozenset(wanted), window=WINDOW, date_column=day, steps=steps)


def test_a_column_is_read_as_its_own_format_says_whatever_it_is_called_later() -> None:
    rows = read([GERMAN, {"do": "rename", "column": "Umsatz", "to": "sales"}], ("sales", Kind.NUMBER))
    assert rows.column("sales").tolist() == [1234.5, -10.0, 99.0]


def test_rows_are_left_out_by_a_filter_without_being_refused() -> None:
    rows = read([{"do": "filter", "where": [["Land", "==", "DE"]]}], ("Land", Kind.TEXT))
    assert (rows.column("Land").tolist(), rows.refusals) == (["DE", "DE"], [])
    few = read([GERMAN, {"do": "filter", "where": [["Umsatz", ">", 50]]}], ("Land", Kind.TEXT))
    assert few.days.tolist() == [date(2026, 11, 1), date(2026, 11, 3)]


def test_a_ratio_of_two_columns_is_empty_where_there_is_nothing_to_divide_by() -> None:
    step = {"do": "derive", "to": "je Kopf", "numerator": "Umsatz", "denominator": "Köpfe", "factor": 2}
    rows = read([GERMAN, step], ("je Kopf", Kind.NUMBER))
    assert rows.column("je Kopf").isna().tolist() == [False, True, True]
    assert rows.column("je Kopf")[0] == 617.25


def test_columns_become_rows_with_the_line_they_stood_on() -> None:
    wide = {"Land": ["DE", "AT"], "2026-10-01": ["1", "2"], "2026-11-01": ["3", "x"]}
    steps = [{"do": "unpivot", "keep": ["Land"], "name": "month", "value": "sales"}]
    many = {name: cells * 5 for name, cells in wide.items()} | {"2026-11-01": ["3"] * 9 + ["x"]}
    rows = read(steps, ("sales", Kind.NUMBER), ("Land", Kind.TEXT), columns=many, day="month")
    assert sorted(set(rows.days.tolist())) == [date(2026, 10, 1), date(2026, 11, 1)]
    assert rows.column("sales").sum() == 5 * (1 + 2) + 9 * 3
    assert named(rows.refusals) == [(10, "sales: 'x' is not a number.")]


def test_a_cell_that_a_step_cannot_read_refuses_its_line() -> None:
    columns = {"day": ["2026-11-01"] * 6, "x": ["1", "2", "3", "?", "5", "6"]}
    rows = read([{"do": "filter", "where": [["x", ">", 1]]}], ("x", Kind.NUMBER), columns=columns, day="day")
    assert (len(rows), named(rows.refusals)) == (4, [(4, "x: '?' is not a number.")])


def test_the_column_that_cannot_be_divided_by_is_the_one_that_is_named() -> None:
    columns = {"day": ["2026-11-01"] * 6, "a": ["1"] * 6, "b": ["1", "2", "x", "4", "5", "0"]}
    step = {"do": "derive", "to": "r", "numerator": "a", "denominator": "b"}
    rows = read([step], ("r", Kind.NUMBER), columns=columns, day="day")
    assert named(rows.refusals) == [(3, "b: 'x' is not a number.")]
    assert rows.column("r").isna().tolist() == [False] * 4 + [True]


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("rename", "Step 1 is one of rename, parse, filter, derive, unpivot."),
        ({"do": "eval", "code": "1"}, "Step 1 is one of rename, parse, filter, derive, unpivot."),
        ({"do": "rename", "column": "a"}, "Step 1 (rename) needs to."),
        ({"do": "rename", "column": "a", "to": "b", "x": 1}, "Step 1 (rename) has no part called x."),
        ({"do": "rename", "column": "", "to": "b"}, "Step 1 (rename): column is the name of a column."),
        ({"do": "parse", "column": "a", "decimal": "·"}, "Step 1: The decimal mark is a point or a comma."),
        ({"do": "parse", "column": "a", "date_format": "%d %z"}, "Step 1: The date format of the source has a time"),
        ({"do": "filter", "where": [["a", "~", 1]]}, "Step 1 (filter): where, condition 1: ~ is not a comparison."),
        ({"do": "derive", "to": "r", "numerator": "a", "denominator": "b", "factor": "2"}, "Step 1 (derive): factor"),
        ({"do": "unpivot", "keep": "a", "name": "n", "value": "v"}, "Step 1 (unpivot): keep is a list of columns."),
    ],
)
def test_a_step_that_makes_no_sense_is_refused_with_its_number(step: Any, why: str) -> None:
    with pytest.raises(SourceError) as refused:
        Steps.of([step], Formats())
    assert str(refused.value).startswith(why)


def test_a_column_that_the_steps_do_not_leave_is_named() -> None:
    with pytest.raises(SourceError, match=r"^After its steps the source has no column Umsatz\. It has: Tag, Land"):
        read([{"do": "rename", "column": "Umsatz", "to": "sales"}], ("Umsatz", Kind.NUMBER))
