"""Queries over SQLite files: read, and nothing but read."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kpis.sources import sql_query
from kpis.sources.base import Kind, SourceError, SourceRows, Window
from kpis.sources.source import Source, source_of
from tests.kpis.reading import a_place, read_here

table = sql_query._table
COLUMNS = frozenset({("minutes", Kind.NUMBER), ("airport", Kind.TEXT)})
WINDOW = Window(since=date(2026, 11, 1), until=date(2026, 11, 22))
QUERY = "SELECT day, airport, minutes FROM flights WHERE day >= :since AND day < :until ORDER BY day"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "flights.sqlite3")) as database, database:
        database.execute("CREATE TABLE flights (day, airport, minutes)")
        rows = [(f"2026-11-{day:02d}", "JFK", day) for day in range(1, 26)]
        database.executemany("INSERT INTO flights VALUES (?, ?, ?)", [("2026-10-31", "JFK", 0), *rows])
    return tmp_path


def a_query(folder: Path, query: str = QUERY, **limits: Any) -> Source:
    config = {"database": "flights.sqlite3", "query": query, "date_column": "day"}
    return source_of(kind="sql_query", config=config, place=a_place(folder, **limits))


def fetch(folder: Path, query: str = QUERY, *, window: Window = WINDOW, **config: Any) -> SourceRows:
    config = {"database": "flights.sqlite3", "query": query, "date_column": "day", **config}
    return read_here("sql_query", config, folder, window=window, wanted=COLUMNS)


def change(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / "flights.sqlite3")) as database, database:
        database.execute(statement, values)


def test_the_window_is_half_open_and_given_to_the_query(folder: Path) -> None:
    rows = fetch(folder)
    assert (rows.days[0].item(), rows.days[-1].item(), len(rows)) == (date(2026, 11, 1), date(2026, 11, 21), 21)
    assert rows.column("minutes").sum() == sum(range(1, 22))


def test_without_a_first_day_everything_is_read(folder: Path) -> None:
    rows = fetch(folder, window=Window(since=None, until=WINDOW.until))
    assert rows.days[0].item() == date(2026, 10, 31)


def test_a_query_that_gives_more_than_it_was_asked_for_is_cut_to_the_window(folder: Path) -> None:
    rows = fetch(folder, "SELECT * FROM flights WHERE :since < :until")
    assert len(rows) == 21


def test_days_may_have_a_time_of_day_and_null_is_an_empty_cell(folder: Path) -> None:
    change(folder, "INSERT INTO flights VALUES ('2026-11-21 23:59:59', NULL, NULL)")
    change(folder, "INSERT INTO flights VALUES ('2026-11-21T00:00', 'LGA', 0.5)")
    rows = fetch(folder)
    assert len(rows) == 23
    assert (rows.column("minutes").isna().sum(), rows.column("airport").isna().sum()) == (1, 1)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("2026-11-21", "JFK", "late"), "minutes: 'late' is not a number."),
        (("2026-11-21", "JFK", b"\x05"), "minutes: Bytes are not a number."),
        (("2026-11-21", "JFK", float("inf")), "minutes: Only finite numbers are values."),
        (("2026-11-21", "JFK", 10**15), "minutes: 1000000000000000 is too large"),
        (("2026-11-21", b"JFK", 5), "airport: Bytes are not a text."),
        (("2026-11-1", "JFK", 5), None),
        (("2026-11-1x", "JFK", 5), "day: '2026-11-1x' is not a day written as %Y-%m-%d."),
    ],
)
def test_a_row_that_cannot_be_read_is_left_out_with_the_reason(
    folder: Path, row: tuple[object, ...], why: str | None
) -> None:
    change(folder, "INSERT INTO flights VALUES (?, ?, ?)", *row)
    rows = fetch(folder, QUERY.replace("ORDER BY day", "ORDER BY rowid"))
    if why is None:
        assert (len(rows), rows.refusals) == (22, [])
    else:
        assert len(rows) == 21
        assert [refusal.line for refusal in rows.refusals] == [22]
        assert str(rows.refusals[0].why).startswith(why)


def test_a_number_for_a_day_is_refused(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"day: 1 is not a day written as a text"):
        fetch(folder, "SELECT minutes AS day, airport, minutes FROM flights WHERE day >= :since AND day < :until")


def test_a_number_of_the_database_needs_no_decimal_mark_to_be_said(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "flights.sqlite3")) as database, database:
        database.execute("CREATE TABLE weights (day TEXT, heavy REAL, written TEXT)")
        database.execute("INSERT INTO weights VALUES ('2026-11-02', 21.782, '21.782')")
    config = {"database": "flights.sqlite3", "query": "SELECT * FROM weights WHERE day >= :since AND day < :until"}
    look = source_of(kind="sql_query", config=config, place=a_place(folder)).preview(until=date(2026, 11, 22))
    assert {column.name: len(column.guess.number_formats) for column in look.before.columns} == {
        "day": 0, "heavy": 1, "written": 2
    }  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO flights VALUES (:since, :until, 1)",
        "UPDATE flights SET minutes = 0 WHERE day >= :since AND day < :until",
        "DELETE FROM flights WHERE day >= :since AND day < :until",
        "DELETE FROM flights WHERE day >= :since AND day < :until RETURNING day, airport, minutes",
        "DROP TABLE flights -- :since :until",
        "CREATE TEMP TABLE copied AS SELECT :since, :until",
        "ATTACH DATABASE 'other.sqlite3' AS other -- :since :until",
        "VACUUM INTO 'copy.sqlite3' -- :since :until",
        "PRAGMA query_only = OFF -- :since :until",
        "PRAGMA writable_schema = ON -- :since :until",
        "SELECT day, airport, minutes, load_extension('x') FROM flights WHERE day >= :since AND day < :until",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, :since, :until FROM n",
    ],
)
def test_what_is_not_reading_is_refused_and_changes_nothing(folder: Path, query: str) -> None:
    before = (folder / "flights.sqlite3").read_bytes()
    with pytest.raises(SourceError, match="does more than read the tables of its database"):
        fetch(folder, query)
    assert (folder / "flights.sqlite3").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["flights.sqlite3"]


def test_a_second_statement_is_refused(folder: Path) -> None:
    with pytest.raises(SourceError, match="You can only execute one statement at a time"):
        fetch(folder, f"{QUERY}; DROP TABLE flights")


def test_a_query_that_never_ends_is_stopped(folder: Path) -> None:
    many = ", ".join(f"flights AS f{number}" for number in range(9))
    query = f"SELECT f0.day, f0.airport, count(*) AS minutes FROM {many} WHERE f0.day >= :since AND f0.day < :until"
    with pytest.raises(SourceError, match=r"^Reading the source took longer than 0.5 s and was stopped.$"):
        a_query(folder, query, seconds=0.5).fetch(window=WINDOW, columns=COLUMNS)


def test_a_query_that_gives_too_much_is_stopped(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"^The source gives more than 20 rows.$"):
        a_query(folder, rows=20).fetch(window=WINDOW, columns=COLUMNS)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT * FROM flights", "The query of the source must ask for days from :since on and before :until."),
        ("SELECT * FROM gone WHERE :since < :until", "The query on flights.sqlite3 failed: no such table: gone."),
        ("SELECT day, airport FROM flights WHERE :since < :until", "The result of the query has no column minutes."),
        ("SELECT *, day FROM flights WHERE :since < :until", "The result of the query has the column day more than"),
    ],
)
def test_a_query_that_cannot_work_is_refused_with_a_sentence(folder: Path, query: str, why: str) -> None:
    with pytest.raises(SourceError) as refused:
        fetch(folder, query)
    assert str(refused.value).startswith(why)
    assert str(folder) not in str(refused.value)


def test_a_file_that_is_no_database_is_refused_and_none_is_created(folder: Path) -> None:
    (folder / "text.sqlite3").write_text("day,airport,minutes\n" * 200)
    with pytest.raises(SourceError, match="file is not a database"):
        fetch(folder, database="text.sqlite3")
    with pytest.raises(SourceError, match=r"^The file new.sqlite3 is not there.$"):
        fetch(folder, database="new.sqlite3")
    assert not (folder / "new.sqlite3").exists()
    with pytest.raises(SourceError, match="lies outside the folder"):
        fetch(folder, database="../flights.sqlite3")


def test_a_file_with_a_write_ahead_log_is_read_where_none_can_be_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(folder, "PRAGMA journal_mode = WAL")
    asked: list[str] = []
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda address, **how: asked.append(address) or connect(address, **how))
    assert len(fetch(folder)) == 21
    for beside in folder.glob("*.sqlite3-*"):
        beside.unlink()
    monkeypatch.setattr(os, "access", lambda *_: False)  # as in a folder that is mounted for reading alone
    assert len(fetch(folder)) == 21
    assert ["immutable" in address for address in asked] == [False, True]
    monkeypatch.setattr(sql_query, "_table", lambda *said: os.utime(folder / "flights.sqlite3") or table(*said))
    with pytest.raises(SourceError, match=r"^The database flights.sqlite3 was written while it was read."):
        fetch(folder)


def test_an_unknown_kind_of_source_is_refused(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"^ftp is not a kind of source.$"):
        source_of(kind="ftp", config={}, place=a_place(folder))
