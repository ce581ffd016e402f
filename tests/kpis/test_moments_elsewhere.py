"""Moments with a zone of their own are of the day that it is here, whatever clock the source compares them by."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from kpis.sources.base import Kind, Place, Window
from tests.kpis.reading import read_here
from tests.kpis.web_server import HERE, Answer, serving

COLUMNS = frozenset({("minutes", Kind.NUMBER)})
WINDOW = Window(since=date(2026, 11, 1), until=date(2026, 11, 22))


@pytest.mark.parametrize(
    ("zone", "moments", "days"),
    [
        (
            "Europe/Berlin",
            ["2026-10-31T22:59Z", "2026-10-31T23:30Z", "2026-11-21T22:59Z", "2026-11-21T23:00Z"],
            [1, 21],
        ),
        ("America/New_York", ["2026-11-01T03:30:00+00:00", "2026-11-01T05:00+01:00", "2026-11-22T04:30Z"], [1, 21]),
        ("Pacific/Pago_Pago", ["2026-11-03T00:30+14:00", "2026-11-23T00:30+14:00"], [1, 21]),
    ],
)
def test_texts_of_moments_are_of_the_day_that_it_is_here_also_at_the_ends(
    tmp_path: Path, zone: str, moments: list[str], days: list[int]
) -> None:
    with closing(sqlite3.connect(tmp_path / "flights.sqlite3")) as database, database:
        database.execute("CREATE TABLE flights (day, minutes)")
        database.executemany("INSERT INTO flights VALUES (?, 1)", [(moment,) for moment in moments])
    query = "SELECT day, minutes FROM flights WHERE day >= :since AND day < :until"
    config = {"database": "flights.sqlite3", "query": query, "date_column": "day"}
    place = Place(folder=tmp_path, zone=zone)
    rows = read_here("sql_query", config, place, window=WINDOW, wanted=COLUMNS)
    assert [day.item().day for day in rows.days] == days


@pytest.mark.parametrize(
    ("day", "asked"),
    [
        ("2026-11-10T08:00Z", ["2026-11-01:2026-11-22", "2026-10-30:2026-11-24"]),
        ("2026-11-10T08:00", ["2026-11-01:2026-11-22"]),
        ("2026-11-10", ["2026-11-01:2026-11-22"]),
    ],
)
def test_an_address_with_the_days_is_asked_for_more_of_them_where_moments_have_a_zone(
    day: str, asked: list[str]
) -> None:
    answer = Answer(json.dumps([{"day": day, "minutes": 1}]).encode())
    with serving(lambda _: answer) as server:
        config = {"url": f"{server.url}/{{since}}:{{until}}", "date_column": "day"}
        place = Place(folder=Path("/nowhere"), allow=HERE)
        rows = read_here("http_json", config, place, window=WINDOW, wanted=COLUMNS)
        read_here("http_json", config | {"url": server.url}, place, window=WINDOW, wanted=COLUMNS)
    assert len(rows) == 1
    assert [path for path, _headers in server.asked] == [*(f"/{days}" for days in asked), "/"]
