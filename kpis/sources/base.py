"""What every source has in common: what is asked of it, what it gives back, and how it says no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kpis.domain.periods import Calendar, period_of

if TYPE_CHECKING:
    # pandas takes a second and 55 MB to load: only a process that fetches does.
    import numpy as np
    import pandas as pd

# What one fetch may cost. The lease of a pull (120 s) is longer than the slowest fetch.
ROWS_AT_MOST = 2_000_000
BYTES_AT_MOST = 256 * 1024 * 1024
SECONDS_AT_MOST = 60.0

# A few bad lines are left out and named. With more than this share of the lines something else is
# wrong (columns moved, another unit, another language), and nothing of the fetch is taken.
REFUSED_SHARE_AT_MOST = 0.2


class Kind(StrEnum):
    """How a column is read: as numbers, or as texts that are only compared and counted."""

    NUMBER = "number"
    TEXT = "text"


Wanted = tuple[str, Kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The days that are asked for, `[since, until)`; without `since` all days before `until`."""

    since: date | None
    until: date


def window_for(*, cursor: date | None, look_back_days: int, until: date, grids: set[tuple[str, Calendar]]) -> Window:
    """Return the days to fetch: back to the start of every period that holds the first day looked back to.

    At least the last day is fetched. Without a cursor nothing was pulled yet, and everything is.
    """
    if cursor is None:
        return Window(since=None, until=until)
    back_to = min(cursor - timedelta(days=look_back_days), until - timedelta(days=1))
    return Window(since=min(period_of(back_to, *grid).start for grid in grids), until=until)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that was not taken, counted from 1 as in the file, and why; line 0 for what is not about a line."""

    line: int
    why: str


class SourceError(Exception):
    """Nothing can be taken from the source; the message is a sentence for its owner and holds no secret."""

    def __init__(self, message: str, *, refusals: Sequence[Refusal] = (), read: int = 0) -> None:
        super().__init__(message)
        self.refusals, self.read = refusals, read


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRows:
    """The rows of a window in the order of their days, only the columns that were asked for.

    `lines` are where the rows stand in the source. Numbers are int64, Int64 (with gaps) or float64, texts are
    categories.
    """

    days: np.ndarray
    lines: np.ndarray
    columns: Mapping[Wanted, pd.Series]
    refusals: Sequence[Refusal]
    read: int

    def __len__(self) -> int:
        return len(self.days)

    def count_since(self, day: date) -> int:
        """Return how many rows are of `day` or later."""
        return int((self.days >= day).sum())

    def column(self, name: str, kind: Kind | None = None) -> pd.Series:
        """Return a column; without `kind` as it was read, as numbers if it was read as both."""
        if kind is None:
            kind = Kind.NUMBER if (name, Kind.NUMBER) in self.columns else Kind.TEXT
        return self.columns[(name, kind)]


class Source(Protocol):
    """A place rows come from."""

    date_column: str

    def fetch(self, *, window: Window, columns: frozenset[Wanted]) -> SourceRows:
        """Return the rows of the window; SourceError if the whole cannot be trusted."""
        ...


def path_inside(folder: Path, name: str) -> Path:
    """Return the regular file `name` in `folder`; neither `..` nor a link leads out of it."""
    root = folder.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise SourceError(f"{name} lies outside the folder of the sources and is not read.")
    if not path.is_file():
        raise SourceError(f"The file {name} is not there.")
    return path


def read_settings(config: Any, *, required: Sequence[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a source; missing, unknown and wrongly typed ones are refused."""
    if not isinstance(config, dict):
        raise SourceError("The settings of the source are not a table of names and values.")
    unknown = sorted(set(config) - set(required) - set(defaults))
    if unknown:
        raise SourceError(f"The source has an unknown setting: {unknown[0]}.")
    settings = {**defaults, **config}
    for name in required:
        if not isinstance(settings.get(name), str) or not settings[name]:
            raise SourceError(f"The source needs the setting {name}.")
    for name, default in defaults.items():
        if not isinstance(settings[name], type(default)):
            raise SourceError(f"The setting {name} of the source is not a {type(default).__name__}.")
    if not all(isinstance(name, str) for name in settings.get("unique_by", ())):
        raise SourceError("The setting unique_by of the source is a list of column names.")
    return settings


def require_columns(found: Sequence[str], needed: Sequence[str], *, where: str) -> None:
    """Refuse the whole unless each needed column is there once."""
    for name in needed:
        if name not in found:
            listed = ", ".join(found)
            shown = listed if len(listed) <= 200 else f"{listed[:200]}…"
            raise SourceError(f"{where} has no column {name}. It has: {shown}")
        if list(found).count(name) > 1:
            raise SourceError(f"{where} has the column {name} more than once.")
