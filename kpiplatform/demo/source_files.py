"""Expands the shipped rows into the files that the sample's sources read."""

import csv
import gzip
import io
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from pathlib import Path

from kpiplatform.demo.shift import moved

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
DATABASE = "flights.sqlite3"
WEATHER = "weather.csv"
FLIGHT_COLUMNS = (
    "date",
    "origin",
    "carrier",
    "flight",
    "sched_dep_time",
    "sched_arr_time",
    "dep_delay",
    "arr_delay",
    "tailnum",
    "dest",
    "air_time",
    "distance",
)
# WITHOUT ROWID keeps the rows in the order of the key, so that a span of days is one stretch of the file. The shipped
# flights are in that order already. Texts become numbers in columns declared so.
SCHEMA = """
CREATE TABLE flights (
    flight_date TEXT NOT NULL, origin TEXT NOT NULL, carrier TEXT NOT NULL, flight INTEGER NOT NULL,
    sched_dep_time INTEGER NOT NULL, sched_arr_time INTEGER NOT NULL, dep_delay INTEGER, arr_delay INTEGER,
    tailnum TEXT, dest TEXT NOT NULL, air_time INTEGER, distance INTEGER NOT NULL,
    PRIMARY KEY (flight_date, origin, carrier, flight, sched_dep_time)
) WITHOUT ROWID;
CREATE TABLE weather_hours (
    origin TEXT NOT NULL, weather_date TEXT NOT NULL, hour INTEGER NOT NULL, temp REAL, wind_speed REAL,
    wind_gust REAL, precip REAL, visib REAL,
    PRIMARY KEY (weather_date, origin, hour)
) WITHOUT ROWID;
CREATE TABLE planes (
    tailnum TEXT PRIMARY KEY, built INTEGER, manufacturer TEXT, model TEXT, seats INTEGER
) WITHOUT ROWID;
"""


def write_source_files(folder: Path, *, weeks: int) -> None:
    """Write the flight database and the weather file into `folder`, dates moved by `weeks`.

    Files that are there are replaced in one step each, so a reader never meets half a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weather = list(weather_rows(weeks=weeks))
    with _replacing(folder / DATABASE) as path:
        _write_database(path, weather=weather, weeks=weeks)
    with _replacing(folder / WEATHER) as path:
        _write_weather(path, weather)


def flight_rows(*, weeks: int) -> Iterator[tuple[object, ...]]:
    """Yield every shipped flight in the order of FLIGHT_COLUMNS, its date moved; texts, or None where it has none."""
    return zip(*(_flight_column(name, weeks) for name in FLIGHT_COLUMNS), strict=True)


def weather_rows(*, weeks: int) -> Iterator[list[str]]:
    """Yield the header and every shipped weather hour, as texts, with its date moved."""
    rows = _csv_rows(SAMPLES / "weather.csv.gz")
    header = next(rows)
    day = header.index("date")
    yield ["weather_date" if name == "date" else name for name in header]
    for row in rows:
        row[day] = _moved_text(row[day], weeks)
        yield row


def _flight_column(name: str, weeks: int) -> Iterable[object]:
    texts = gzip.decompress((SAMPLES / "flights" / f"{name}.txt.gz").read_bytes()).decode().split("\n")[:-1]
    if name == "date":
        return (_moved_text(text, weeks) for text in texts)
    return (text or None for text in texts)


@lru_cache(maxsize=800)
def _moved_text(day: str, weeks: int) -> str:
    return moved(date.fromisoformat(day), weeks).isoformat()


def _csv_rows(path: Path) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode()))


def _write_database(path: Path, *, weather: list[list[str]], weeks: int) -> None:
    planes = _csv_rows(SAMPLES / "planes.csv.gz")
    next(planes)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # The file is thrown away if this process dies: no journal is needed.
        connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {SCHEMA} BEGIN;")
        places = ", ".join("?" * len(FLIGHT_COLUMNS))
        connection.executemany(f"INSERT INTO flights VALUES ({places})", flight_rows(weeks=weeks))
        connection.executemany(
            "INSERT INTO planes VALUES (?, ?, ?, ?, ?)", ([value or None for value in row] for row in planes)
        )
        # The hour that comes twice at the end of summer time keeps its first report.
        connection.executemany(
            "INSERT OR IGNORE INTO weather_hours VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ([value or None for value in row] for row in weather[1:]),
        )
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
    finally:
        connection.close()


def _write_weather(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Give a path beside `target` to write to; it takes the target's place when the block ends well."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o644)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
