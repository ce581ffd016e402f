"""CSV files: what is read, what is left out line by line, and what refuses the whole."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kpis.sources.base import Kind, SourceError, SourceRows, Window
from tests.kpis.reading import named, read_here

NUMBERS = frozenset({("minutes", Kind.NUMBER)})
ALL_DAYS = Window(since=None, until=date(2026, 11, 22))
GOOD = [f"2026-11-{day:02d},JFK,{day}" for day in range(1, 21)]


def fetch(
    folder: Path, content: str | bytes, *, columns: frozenset = NUMBERS, window: Window = ALL_DAYS, **config: Any
) -> SourceRows:
    (folder / "flights.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    config = {"path": "flights.csv", "date_column": "day", **config}
    return read_here("csv_file", config, folder, window=window, wanted=columns)


def file_of(*lines: str, header: str = "day,airport,minutes") -> str:
    return "\n".join([header, *lines]) + "\n"


def test_rows_of_the_window_are_read_in_the_order_of_their_days(tmp_path: Path) -> None:
    content = file_of("2026-11-21,JFK,3", "2026-11-20,LGA,1", "2026-11-22,JFK,9", "2026-11-19,JFK,9", "2026-11-20,EWR,")
    rows = fetch(
        tmp_path,
        content,
        columns=frozenset({("minutes", Kind.NUMBER), ("airport", Kind.TEXT)}),
        window=Window(since=date(2026, 11, 20), until=date(2026, 11, 22)),
    )
    assert rows.days.tolist() == [date(2026, 11, 20), date(2026, 11, 20), date(2026, 11, 21)]
    assert rows.column("airport").tolist() == ["LGA", "EWR", "JFK"]
    assert rows.column("minutes").astype(object).where(rows.column("minutes").notna(), None).tolist() == [1, None, 3]
    assert (str(rows.column("minutes").dtype), str(rows.column("airport").dtype)) == ("Int32", "category")
    assert (rows.read, rows.refusals) == (3, [])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("2026-11-21,JFK,late", "minutes: 'late' is not a number."),
        ("2026-11-21,JFK,NaN", "minutes: 'NaN' is not a number."),
        ("2026-11-21,JFK,inf", "minutes: 'inf' is not a number."),
        ("2026-11-21,JFK,1_000", "minutes: '1_000' is not a number."),
        ("2026-11-21,JFK,٣", "minutes: '٣' is not a number."),
        ("2026-11-21,JFK,12 %", "minutes: '12 %' has a percent sign, which the mapping does not declare."),
        ("2026-11-21,JFK,(12)", "minutes: '(12)' is in parentheses, which the mapping does not declare."),
        ('2026-11-21,JFK,"1,5"', "minutes: '1,5' has a mark the mapping does not declare: decimals follow '.'."),
        ("2026-11-21,JFK,1000000000000000", "minutes: 1000000000000000 is too large"),
        ("2026-02-30,JFK,5", "day: '2026-02-30' is not a day written as %Y-%m-%d."),
        ("21.11.2026,JFK,5", "day: '21.11.2026' is not a day written as %Y-%m-%d."),
        ("0026-11-21,JFK,5", "day: The year of '0026-11-21' is not between 1900 and 2200."),
        (",JFK,5", "day: There is no day."),
        ("2026-11-21,JFK", "The line has 2 fields, the header has 3."),
        ("2026-11-21,JFK,5,6", "The line has 4 fields, the header has 3."),
    ],
)
def test_a_line_that_cannot_be_read_is_left_out_with_its_number_and_the_reason(
    tmp_path: Path, line: str, why: str
) -> None:
    rows = fetch(tmp_path, file_of(*GOOD[:5], line, *GOOD[5:]))
    assert len(rows) == 20
    assert [refusal.line for refusal in rows.refusals] == [7]
    assert str(rows.refusals[0].why).startswith(why)
    assert rows.read == 21


def test_line_numbers_count_lines_of_the_file_even_where_a_cell_has_two(tmp_path: Path) -> None:
    rows = fetch(tmp_path, file_of('2026-11-21,"JFK\nTerminal 4",5', "", *GOOD, "2026-11-21,JFK,x"))
    assert named(rows.refusals) == [(25, "minutes: 'x' is not a number.")]


def test_a_column_nobody_asks_for_may_hold_anything(tmp_path: Path) -> None:
    rows = fetch(tmp_path, file_of("2026-11-21,JFK,late"), columns=frozenset({("airport", Kind.TEXT)}))
    assert rows.column("airport").tolist() == ["JFK"]


def test_a_file_in_utf_8_is_not_read_as_another_encoding_in_which_names_are_others(tmp_path: Path) -> None:
    """Every byte is a character of cp1252: Köln would be a group that no KPI knows."""
    content = file_of("2026-11-20,Köln,1")
    with pytest.raises(SourceError, match="is written in utf-8, not in cp1252"):
        fetch(tmp_path, content, encoding="cp1252")
    assert fetch(tmp_path, file_of("2026-11-20,Koeln,1"), encoding="cp1252").read == 1
    assert fetch(tmp_path, content.encode("cp1252"), encoding="cp1252").read == 1


def test_declared_marks_and_encodings_are_read(tmp_path: Path) -> None:
    content = "day;airport;minutes\n21/11/2026;Zürich;−1,25\n".encode("utf-8-sig")
    config = {"delimiter": ";", "date_format": "%d/%m/%Y", "decimal": ","}
    assert fetch(tmp_path, content, **config).column("minutes").tolist() == [-1.25]
    latin = "day,airport,minutes\n2026-11-21,Zürich,4\n".encode("latin-1")
    names = fetch(tmp_path, latin, encoding="latin-1", columns=frozenset({("airport", Kind.TEXT)}))
    assert names.column("airport").tolist() == ["Zürich"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "flights.csv is empty."),
        ("day,airport\n2026-11-21,JFK\n", "flights.csv has no column minutes. It has: day, airport"),
        ("2026-11-20,JFK,4\n2026-11-21,JFK,5\n", "flights.csv has no column day."),
        ("<!DOCTYPE html>\n<title>Sign in</title>\n", "flights.csv has no column day. It has: <!DOCTYPE html>"),
        ("day,minutes,minutes\n2026-11-21,4,5\n", "flights.csv has the column minutes more than once."),
        ('day,minutes\n2026-11-20,3\n2026-11-21,"4\n', "flights.csv, line 3: unexpected end of data."),
        (
            "day,airport,minutes\n2026-11-20,JFK,4\n2026-11-21,Zürich,4\n".encode("latin-1"),
            "flights.csv is not written in utf-8: see line 3.",
        ),
    ],
)
def test_a_file_that_is_not_what_was_agreed_is_refused_whole(tmp_path: Path, content: str | bytes, why: str) -> None:
    with pytest.raises(SourceError) as refused:
        fetch(tmp_path, content)
    assert str(refused.value).startswith(why)


def test_more_than_a_fifth_of_bad_lines_refuses_all_of_them(tmp_path: Path) -> None:
    bad = "2026-11-21,JFK,?"
    assert len(fetch(tmp_path, file_of(*GOOD, *[bad] * 5)).refusals) == 5
    with pytest.raises(SourceError, match=r"^6 of 26 lines were refused, more than 20%.*line 22: minutes") as refused:
        fetch(tmp_path, file_of(*GOOD, *[bad] * 6))
    assert ([refusal.line for refusal in refused.value.refusals], refused.value.read) == ([*range(22, 28)], 26)


def test_bad_lines_outside_the_window_are_not_looked_at(tmp_path: Path) -> None:
    old = ["2020-01-01,JFK,?"] * 50
    window = Window(since=date(2026, 11, 1), until=date(2026, 11, 22))
    assert fetch(tmp_path, file_of(*old, *GOOD), window=window).refusals == []


def test_a_line_that_repeats_an_earlier_one_is_named_where_days_must_be_unique(tmp_path: Path) -> None:
    content = file_of(*GOOD, "2026-11-05,LGA,7", "2026-11-05,JFK,8")
    rows = fetch(tmp_path, content, unique_by=["day", "airport"])
    assert named(rows.refusals) == [(23, "It repeats line 6: day, airport are the same.")]
    assert len(rows) == 21


@pytest.mark.parametrize(
    "path", ["../secret.csv", "/etc/passwd", "sub/../../secret.csv", "link.csv", "linked/secret.csv"]
)
def test_no_path_leads_out_of_the_folder_of_the_sources(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text(file_of(*GOOD))
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "linked").symlink_to(tmp_path)
    with pytest.raises(SourceError, match="lies outside the folder of the sources"):
        fetch(folder, "", path=path)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"path": "gone.csv"}, "The file gone.csv is not there."),
        ({"path": "."}, "The file . is not there."),
        ({"path": ""}, "The source needs the setting path."),
        ({"encoding": "utf-9"}, "utf-9 is not the name of an encoding."),
        ({"encoding": "base64"}, "base64 is not the encoding of a text."),
        ({"delimiter": ""}, "The setting delimiter of the source is one of ,, ;, \t, |,  , :, ^, ~."),
        ({"delimiter": ";;"}, "The setting delimiter of the source is one of ,, ;, \t, |,  , :, ^, ~."),
        ({"decimal": ",", "grouping": ","}, "The decimal mark and the grouping mark must differ."),
        ({"decimal": "'"}, "The setting decimal of the source is one of ., ,."),
        ({"date_format": "%Y-%m-%dT%H%z"}, "The date format of the source has a time zone; days have none."),
        ({"colour": "red"}, "The source has an unknown setting: colour."),
        ({"encoding": 8}, "The setting encoding of the source is a text."),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_a_sentence(
    tmp_path: Path, config: dict[str, Any], why: str
) -> None:
    with pytest.raises(SourceError) as refused:
        fetch(tmp_path, file_of(*GOOD), **config)
    assert str(refused.value) == why


def test_whole_numbers_stay_whole_and_fractions_become_floats(tmp_path: Path) -> None:
    assert str(fetch(tmp_path, file_of(*GOOD)).column("minutes").dtype) == "int32"
    wide = fetch(tmp_path, file_of(*GOOD, f"2026-11-21,JFK,{2**31}")).column("minutes")
    assert (str(wide.dtype), wide.sum()) == ("int64", 2**31 + 210)
    assert str(fetch(tmp_path, file_of(*GOOD, "2026-11-21,JFK,0.5")).column("minutes").dtype) == "float64"
