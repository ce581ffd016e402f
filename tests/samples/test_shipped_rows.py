"""The shipped rows are all there and unchanged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd

from kpiplatform.demo.source_files import DATABASE, WEATHER
from tests.samples.raw import SAMPLES, flights, weather


def test_every_flight_of_the_year_is_shipped() -> None:
    rows = flights()
    assert len(rows) == 336_776
    assert rows["origin"].value_counts().to_dict() == {"EWR": 120_835, "JFK": 111_279, "LGA": 104_662}
    assert (rows["date"].min(), rows["date"].max()) == (pd.Timestamp(2013, 1, 1), pd.Timestamp(2013, 12, 31))


def test_delays_are_the_exact_minutes_of_the_source() -> None:
    rows = flights()
    assert rows["dep_delay"].sum() == 4_152_200
    assert rows["arr_delay"].sum() == 2_257_174
    assert (rows["dep_delay"].min(), rows["dep_delay"].max()) == (-43, 1301)
    assert rows["distance"].sum() == 350_217_607
    assert rows["air_time"].sum() == 49_326_610


def test_the_faults_of_the_real_data_are_still_there() -> None:
    rows = flights()
    assert rows["dep_delay"].isna().sum() == 8_255
    assert rows["arr_delay"].isna().sum() == 9_430
    assert rows["tailnum"].isna().sum() == 2_512
    assert len(pd.read_csv(SAMPLES / "weather.csv.gz")) == 26_115
    assert weather()["wind_speed"].max() > 1_000


def test_the_sample_stays_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) <= 6_000_000


def test_the_database_holds_every_flight_with_its_date_moved(sample: Path) -> None:
    with closing(sqlite3.connect(sample / DATABASE)) as database:
        assert database.execute(
            "SELECT count(*), sum(dep_delay), sum(arr_delay), min(flight_date), max(flight_date) FROM flights"
        ).fetchone() == (336_776, 4_152_200, 2_257_174, "2025-12-30", "2026-12-29")
        assert database.execute("SELECT DISTINCT typeof(dep_delay) FROM flights ORDER BY 1").fetchall() == [
            ("integer",),
            ("null",),
        ]
        assert database.execute("SELECT count(*) FROM planes").fetchone() == (3_322,)
    assert len(pd.read_csv(sample / WEATHER)) == 26_115
    assert sorted(path.name for path in sample.iterdir()) == [DATABASE, WEATHER]
