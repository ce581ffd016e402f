"""Rows of a query over an SQLite file, which can only be read."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import isfinite
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kpis.domain.parsing import NumberFormat, Refused, parse_day, parse_number
from kpis.sources.base import (
    ROWS_AT_MOST,
    SECONDS_AT_MOST,
    SourceError,
    SourceRows,
    Wanted,
    Window,
    path_inside,
    read_settings,
    require_columns,
)
from kpis.sources.rows import RawRows, Reader, bounded, typed_rows

# A query computes from the tables of its file. All else (writing, attaching, pragmas) is denied by the engine.
ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION}
DENIED_FUNCTIONS = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}
STEPS_BETWEEN_LOOKS_AT_THE_CLOCK = 20_000
ROWS_AT_ONCE = 20_000
FIRST_DAY = date(1, 1, 1)
PLAIN = NumberFormat()


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlQuery:
    """A query with :since and :until over a database file in the folder of the sources."""

    folder: Path
    database: str
    query: str
    date_column: str
    unique_by: tuple[str, ...]
    seconds_at_most: float = SECONDS_AT_MOST
    rows_at_most: int = ROWS_AT_MOST

    @classmethod
    def from_config(cls, config: Any, folder: Path) -> SqlQuery:
        """Return the query that `config` describes; SourceError says what is wrong with it."""
        settings = read_settings(config, required=["database", "query", "date_column"], defaults={"unique_by": []})
        if ":since" not in settings["query"] or ":until" not in settings["query"]:
            raise SourceError("The query of the source must ask for days from :since on and before :until.")
        return cls(
            folder=folder,
            database=settings["database"],
            query=settings["query"],
            date_column=settings["date_column"],
            unique_by=tuple(settings["unique_by"]),
        )

    def fetch(self, *, window: Window, columns: frozenset[Wanted]) -> SourceRows:
        """Return the rows of the window; lines are counted as the query gives them."""
        names = sorted({name for name, _ in columns} | {self.date_column, *self.unique_by})
        return typed_rows(
            self._cells(names, window),
            reader=Reader(day=_day, number=_number, text=_text),
            date_column=self.date_column,
            columns=columns,
            window=window,
            unique_by=self.unique_by,
        )

    def _cells(self, names: list[str], window: Window) -> RawRows:
        path = path_inside(self.folder, self.database)
        deadline = time.monotonic() + self.seconds_at_most
        days = {"since": (window.since or FIRST_DAY).isoformat(), "until": window.until.isoformat()}
        try:
            with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=5)) as database:
                database.execute("PRAGMA query_only = ON")
                database.set_authorizer(_authorize)
                database.set_progress_handler(lambda: time.monotonic() > deadline, STEPS_BETWEEN_LOOKS_AT_THE_CLOCK)
                return self._read(database.execute(self.query, days), names)
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code == sqlite3.SQLITE_INTERRUPT:
                raise SourceError(f"The query took longer than {self.seconds_at_most:g} s and was stopped.") from None
            # What is denied late comes as a plain error with this text.
            if code == sqlite3.SQLITE_AUTH or str(error).startswith("not authorized"):
                raise SourceError("The query does more than read the tables of its database; it was refused.") from None
            raise SourceError(f"The query on {self.database} failed: {error}.") from None

    def _read(self, cursor: sqlite3.Cursor, names: list[str]) -> RawRows:
        found = [column[0] for column in cursor.description or ()]
        require_columns(found, names, where="The result of the query")
        pick = itemgetter(*[found.index(name) for name in names], 0)
        picked: list[tuple[Any, ...]] = []
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            picked.extend(map(pick, rows))
            if len(picked) > self.rows_at_most:
                raise SourceError(f"The query gives more than {self.rows_at_most:,} rows.")
        cells = list(zip(*picked, strict=True)) if picked else [()] * len(names)
        return RawRows(cells=dict(zip(names, cells, strict=False)), lines=range(1, len(picked) + 1))


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action not in ALLOWED or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in DENIED_FUNCTIONS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _day(cell: Any) -> date | None:
    """Days are ISO texts, alone or before a time of day."""
    if cell is None or cell == "":
        return None
    if not isinstance(cell, str):
        raise Refused(f"{cell!r:.40} is not a day written as a text.")
    day, mark, _ = cell.replace("T", " ").partition(" ")
    return parse_day(day if mark else cell, "%Y-%m-%d")


def _number(cell: Any) -> int | float | Decimal | None:
    if cell is None or cell == "":
        return None
    if isinstance(cell, str):
        return bounded(parse_number(cell, PLAIN))
    if not isinstance(cell, int | float):
        raise Refused("Bytes are not a number.")
    if not isfinite(cell):
        raise Refused("Only finite numbers are values.")
    return bounded(cell)


def _text(cell: Any) -> str | None:
    if isinstance(cell, bytes):
        raise Refused("Bytes are not a text.")
    return None if cell is None or cell == "" else str(cell)
