"""The shipped rows as pandas frames, read without any code of the platform."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
# 22 November 2026 is 678 weeks after 2013: 1 January 2013 becomes 30 December 2025.
MOVED_BY = pd.Timedelta(weeks=678)


@cache
def flights() -> pd.DataFrame:
    """Every shipped flight of 2013, with the seats of its aircraft where the register has it."""
    frame = pd.DataFrame({path.name.removesuffix(".txt.gz"): column(path) for path in (SAMPLES / "flights").iterdir()})
    frame["date"] = pd.to_datetime(frame["date"])
    planes = pd.read_csv(SAMPLES / "planes.csv.gz", usecols=["tailnum", "seats"])
    return frame.merge(planes, how="left", on="tailnum", validate="many_to_one")


@cache
def weather() -> pd.DataFrame:
    """Every shipped weather hour; the hour that comes twice when summer time ends is taken once."""
    frame = pd.read_csv(SAMPLES / "weather.csv.gz", parse_dates=["date"])
    return frame.drop_duplicates(["origin", "date", "hour"]).sort_values(["origin", "date", "hour"])


def column(path: Path) -> pd.Series:
    return pd.read_csv(path, header=None, skip_blank_lines=False).squeeze("columns")
