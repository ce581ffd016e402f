"""What every source has in common: what is asked of it, what it gives back, and how it says no."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kpis.domain.periods import Calendar, period_of, previous_period
from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _

if TYPE_CHECKING:
    # pandas takes a second and 55 MB to load: only a process that fetches does.
    import numpy as np
    import pandas as pd

    from kpis.sources.cells import Formats

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


def window_for(
    *,
    cursor: date | None,
    look_back_days: int,
    until: date,
    grids: set[tuple[str, Calendar]],
    asked_since: date | None = None,
    reports: bool = False,
) -> Window:
    """Return the days to fetch: back to the start of every period that holds the first day looked back to.

    At least the last day is fetched, and from `asked_since` on. Without a cursor nothing was pulled yet, and
    everything is. With `reports` the last periods of months and longer ones are fetched too: a report has a single day
    for each, comes weeks after its end, and is corrected by the next one.
    """
    if cursor is None:
        return Window(since=None, until=until)
    back_to = min(cursor - timedelta(days=look_back_days), until - timedelta(days=1), asked_since or date.max)
    starts = [period_of(back_to, *grid).start for grid in grids]
    if reports:
        starts += [_reported_since(until, *grid) for grid in grids if grid[0] in LONG]
    return Window(since=min(starts), until=until)


LONG = {"month", "quarter", "half_year", "year"}
ENDED_AT_LEAST = 2


def _reported_since(until: date, frequency: str, calendar: Calendar) -> date:
    """Return the first day of the last periods that ended before `until`."""
    period = period_of(until, frequency, calendar)
    for _number in range(ENDED_AT_LEAST):
        period = previous_period(period, calendar)
    return period.start


# So many of the lines that a fetch refuses are named; of the others only the number is known.
REFUSALS_KEPT = 1000


# What lines are refused for: the column, "" for what is not about one, and the marked text of the sentence.
type Reason = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that was not taken, counted from 1 as in the file, and why; line 0 for what is not about a line."""

    line: int
    why: Sentence

    def to_store(self) -> list[Any]:
        """Return it as plain data."""
        return [self.line, self.why.to_store()]

    @classmethod
    def stored(cls, data: Sequence[Any]) -> Refusal:
        """Return a refusal from what `to_store` gave."""
        line, why = data
        return cls(line, Sentence.stored(why))


def of_column(name: str, why: Sentence) -> Sentence:
    """Return why a cell was refused, with the name of its column before it."""
    return Sentence(_("%(column)s: %(why)s"), {"column": name, "why": why})


class SourceError(Exception):
    """Nothing can be taken from the source; the sentence is for its owner and holds no secret.

    `refused` is how many lines were, where not all are named.
    """

    def __init__(
        self, why: Sentence, *, refusals: Sequence[Refusal] = (), refused: int | None = None, read: int = 0
    ) -> None:
        super().__init__(why)
        self.why, self.refusals, self.read = why, refusals, read
        self.refused = len(refusals) if refused is None else refused


class TookTooLong(SourceError):
    """The source was not read to its end in the time there was; with more time it may be."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A row that was refused, as far as it could be read: its day, and its texts by their columns."""

    day: date
    texts: Mapping[str, str | None]


# So many refused rows are told apart by their texts; of further ones only the day is known.
DOUBTS_TOLD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRows:
    """The rows of a window in the order of their days, only the columns that were asked for.

    `day_codes` has for each row the place of its day in `distinct_days`, in as few bytes as do. Numbers
    are whole (with gaps if need be) or floats, texts are categories. `lines` are those of the source.
    `refused` counts the lines that were refused by their reasons; `refusals` names the first ones of each. `doubts` are
    those whose day is known: what has no row in their periods is not known to be nothing.
    """

    distinct_days: np.ndarray
    day_codes: np.ndarray
    lines: np.ndarray
    columns: Mapping[Wanted, pd.Series]
    refusals: Sequence[Refusal]
    refused: Mapping[Reason, int]
    read: int
    doubts: Sequence[Doubt] = ()

    def __len__(self) -> int:
        return len(self.day_codes)

    @property
    def days(self) -> np.ndarray:
        """The day of each row."""
        return self.distinct_days[self.day_codes]

    @property
    def lines_refused(self) -> int:
        """How many lines were refused, for whatever reason."""
        return sum(self.refused.values())

    def count_since(self, day: date) -> int:
        """Return how many rows are of `day` or later."""
        first = self.distinct_days.searchsorted(self.distinct_days.dtype.type(day))
        return int(len(self) - self.day_codes.searchsorted(self.day_codes.dtype.type(first)))

    def column(self, name: str, kind: Kind | None = None) -> pd.Series:
        """Return a column; without `kind` as it was read, as numbers if it was read as both."""
        if kind is None:
            kind = Kind.NUMBER if (name, Kind.NUMBER) in self.columns else Kind.TEXT
        return self.columns[(name, kind)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What reading a source once may cost: rows, bytes of a file or an answer, seconds, bytes of memory."""

    rows: int = 20_000_000
    size: int = 2048 * 1024**2
    seconds: float = 300
    memory: int = 512 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a source finds around it: the folder of files, a file that was sent in, and what it may do."""

    folder: Path
    sent: Path | None = None
    zone: str = "UTC"
    allow: tuple[str, ...] = ()
    limits: Limits = Limits()


@dataclass(slots=True, kw_only=True)
class Table:
    """A stretch of rows as the source gave them: cells by column, and the line of each row.

    `aside` are rows that a step refused. They go through the further steps as well, to say what they may have been.
    """

    columns: dict[str, Sequence[Any]]
    lines: Sequence[int]
    refusals: list[Refusal] = field(default_factory=list)
    aside: Table | None = None

    def put_aside(self, rows: Table) -> None:
        """Add refused rows to those that are aside; of a column that they lack they have nothing."""
        before = self.aside or Table(columns=dict.fromkeys(self.columns, ()), lines=())
        nothing = [None] * len(rows.lines)
        columns: dict[str, Sequence[Any]] = {
            name: [*cells, *rows.columns.get(name, nothing)] for name, cells in before.columns.items()
        }
        self.aside = Table(columns=columns, lines=[*before.lines, *rows.lines])

    def keep(self, kept: Sequence[bool]) -> None:
        """Leave out the rows that are not marked."""
        if not all(kept):
            self.lines = list(compress(self.lines, kept))
            self.columns = {name: list(compress(cells, kept)) for name, cells in self.columns.items()}


class Connector(Protocol):
    """A place rows come from, in the process that reads it."""

    formats: Formats

    @property
    def asks_for_days(self) -> bool:
        """Whether what it reads from is told the window, and compares it with days in its own way."""
        ...

    def tables(self, *, window: Window, names: frozenset[str] | None) -> Iterator[Table]:
        """Yield the rows in stretches, with the columns of `names` or all of them.

        The window is a request: rows outside of it may come too. Raises SourceError if the whole
        cannot be trusted.
        """
        ...

    def choices(self) -> dict[str, list[str]]:
        """Return for a setting what there is to choose from, like the sheets of a workbook."""
        ...


def path_inside(folder: Path, name: str) -> Path:
    """Return the regular file `name` in `folder`; neither `..` nor a link leads out of it."""
    root = folder.resolve()
    try:
        path = (root / name).resolve()
        is_there = path.is_file()
    except (OSError, ValueError):  # no file can be called so
        path, is_there = root, False
    if not path.is_relative_to(root):
        raise SourceError(
            Sentence(_("%(name)s lies outside the folder of the sources and is not read."), {"name": name})
        )
    if not is_there:
        raise SourceError(Sentence(_("The file %(name)s is not there."), {"name": name[:200]}))
    return path


def require_columns(found: Sequence[str], needed: Sequence[str], *, where: str | Sentence) -> None:
    """Refuse the whole unless each needed column is there once."""
    for name in needed:
        if name not in found:
            listed = ", ".join(found)
            shown = listed if len(listed) <= 200 else f"{listed[:200]}…"
            says = _("%(where)s has no column %(name)s. It has: %(columns)s")
            raise SourceError(Sentence(says, {"where": where, "name": name, "columns": shown}))
        if list(found).count(name) > 1:
            says = _("%(where)s has the column %(name)s more than once.")
            raise SourceError(Sentence(says, {"where": where, "name": name}))
