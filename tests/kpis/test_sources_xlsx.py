"""Excel workbooks: typed cells, the sheet and the row of the names, and a look at them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from kpis.sources.base import Kind, SourceError, SourceRows, Window
from kpis.sources.source import source_of
from tests.kpis.reading import a_place, named, read_here

COLUMNS = frozenset({("Sales", Kind.NUMBER), ("Region", Kind.TEXT)})
WINDOW = Window(since=date(2026, 1, 1), until=date(2026, 11, 22))


def write(folder: Path, rows: list[list[Any]], *, sheet: str = "Data", before: str = "") -> None:
    workbook = Workbook()
    if before:
        workbook.create_sheet(before)
        del workbook["Sheet"]
        workbook.create_sheet(sheet)
    else:
        workbook.active.title = sheet
    for row in rows:
        workbook[sheet].append(row)
    workbook.save(folder / "sales.xlsx")


def fetch(folder: Path, **config: Any) -> SourceRows:
    config = {"path": "sales.xlsx", "date_column": "Day", **config}
    return read_here("xlsx_file", config, folder, window=WINDOW, wanted=COLUMNS)


HEADER = ["Day", "Region", "Sales"]


def test_days_numbers_and_texts_keep_their_types(tmp_path: Path) -> None:
    rows = [
        HEADER,
        [date(2026, 11, 2), "North", 5],
        [datetime(2026, 11, 1, 23, 59), 7, 2.5],  # noqa: DTZ001 (a workbook knows no zones)
        [],
        ["2026-11-03", True, "1234.5"],
        [date(2026, 11, 4), None, None],
        [date(2025, 1, 1), "old", 9],
    ]
    write(tmp_path, rows)
    read = fetch(tmp_path)
    assert read.days.tolist() == [date(2026, 11, day) for day in (1, 2, 3, 4)]
    assert read.column("Region").astype(object).tolist()[:3] == ["7", "North", "true"]
    assert read.column("Sales").tolist()[:3] == [2.5, 5, 1234.5]
    assert read.column("Sales").isna().tolist() == [False, False, False, True]
    assert read.lines.tolist() == [3, 2, 5, 6]


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        (True, "Sales: True is not a number."),
        ("12 %", "Sales: '12 %' has a percent sign"),
        (date(2026, 1, 1), "Sales: 2026-01-01"),
        (1e15, "Sales: 1000000000000000 is too large"),
    ],
)
def test_a_cell_that_is_no_number_is_named_with_the_row_that_excel_shows(tmp_path: Path, cell: Any, why: str) -> None:
    write(tmp_path, [["Report"], HEADER, *[[date(2026, 11, 2), "N", 1]] * 5, [date(2026, 11, 3), "N", cell]])
    read = fetch(tmp_path, header_row=2)
    assert [refusal.line for refusal in read.refusals] == [8]
    assert str(read.refusals[0].why).startswith(why)


def test_a_number_for_a_day_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [HEADER, *[[date(2026, 11, 2), "N", 1]] * 5, [46328, "N", 1]])
    assert named(fetch(tmp_path).refusals) == [(7, "Day: 46328 is not a day written as a text.")]


def test_a_sheet_is_named_or_the_first_one_counts(tmp_path: Path) -> None:
    write(tmp_path, [HEADER, [date(2026, 11, 2), "N", 1]], before="Notes")
    assert len(fetch(tmp_path, sheet="Data")) == 1
    with pytest.raises(SourceError, match=r"^The sheet Notes has no column names in row 1\.$"):
        fetch(tmp_path)
    with pytest.raises(SourceError, match=r"^The workbook has no sheet Sales\. It has: Notes, Data$"):
        fetch(tmp_path, sheet="Sales")


def test_columns_that_moved_or_went_are_refused_whole(tmp_path: Path) -> None:
    write(tmp_path, [["Day", "Region", "Revenue"], [date(2026, 11, 2), "N", 1]])
    with pytest.raises(SourceError, match=r"^The sheet Data has no column Sales\. It has: Day, Region, Revenue$"):
        fetch(tmp_path)


def test_a_preview_shows_rows_guesses_and_sheets_before_and_after_the_steps(tmp_path: Path) -> None:
    rows = [["Day", "North", "South"], ["03.04.2026", "1.234", "5,5"], ["05.04.2026", "2.345", "6,5"]]
    write(tmp_path, rows, before="Notes")
    steps = [{"do": "unpivot", "keep": ["Day"], "name": "Region", "value": "Sales"}]
    config = {"path": "sales.xlsx", "sheet": "Data", "steps": steps}
    look = source_of(kind="xlsx_file", config=config, place=a_place(tmp_path)).preview(until=date(2026, 11, 22))
    assert look.choices == {"sheet": ["Notes", "Data"]}
    assert (look.before.rows[0], list(look.before.lines)) == (["03.04.2026", "1.234", "5,5"], [2, 3])
    guesses = {column.name: column.guess for column in look.before.columns}
    assert guesses["Day"].date_formats == ("%d.%m.%Y",)
    assert (guesses["North"].kind, guesses["North"].is_ambiguous) == ("number", True)
    assert [fmt.decimal for fmt in guesses["South"].number_formats] == [","]
    assert look.after.rows[:2] == [["03.04.2026", "North", "1.234"], ["03.04.2026", "South", "5,5"]]
