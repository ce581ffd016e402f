"""What a database holds: its tables with their columns, and a query over each, for whoever has never seen it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby, starmap
from operator import attrgetter
from typing import Any, NamedTuple

from kpis.sources.base import Kind, Place, Window
from kpis.sources.source import source_of

COLUMNS_AT_MOST = 5000

# Each names schema (empty where it needs none), table, column and type; what the user may not read is not there.
QUERIES = {
    "sqlite": """
        SELECT '' AS in_schema, t.name AS in_table, c.name AS named, c.type AS typed
        FROM sqlite_schema t JOIN pragma_table_info(t.name) c
        WHERE t.type IN ('table', 'view') AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND t.name LIKE '%{find}%'
        ORDER BY lower(t.name), c.cid""",
    "postgresql": """
        SELECT CASE WHEN pg_table_is_visible(c.oid) THEN '' ELSE n.nspname::text END AS in_schema,
               c.relname::text AS in_table, a.attname::text AS named, format_type(a.atttypid, a.atttypmod) AS typed
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema'
          AND n.nspname NOT LIKE 'pg!_%' ESCAPE '!' AND has_schema_privilege(n.oid, 'USAGE')
          AND has_column_privilege(c.oid, a.attnum, 'SELECT') AND n.nspname || '.' || c.relname ILIKE '%{find}%'
        ORDER BY 1, 2, a.attnum""",
    "mysql": """
        SELECT '' AS in_schema, table_name AS in_table, column_name AS named, column_type AS typed
        FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name LIKE '%{find}%'
        ORDER BY table_name, ordinal_position""",
}
# What somebody looks for stands in the query: nothing but letters, digits and what is between them is left of it.
NOT_IN_A_NAME = re.compile(r"[^\w .$-]")
QUOTES = {"sqlite": '"', "postgresql": '"', "mysql": "`"}
OF_DAYS = re.compile(r"(date|datetime|timestamp)(?![a-z\[])")
# Lengths of time are asked for as a number of seconds.
SECONDS = {("postgresql", "interval"): "extract(epoch FROM {})", ("mysql", "time"): "TIME_TO_SEC({})"}
NAMED_FOR_DAYS = re.compile(r"(?i)(^|_)(day|date|datum|when|at|on|time)$|date")


class Held(NamedTuple):
    """Tables of a database, and whether they are all that it holds."""

    tables: list[HeldTable]
    are_all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTable:
    """A table or view of a database: its columns with their types, and the query that reads it by its day."""

    name: str
    columns: tuple[tuple[str, str], ...]
    query: str = field(repr=False)


class _Column(NamedTuple):
    in_schema: str
    in_table: str
    named: str
    typed: str


def tables_of(
    *, config: Mapping[str, Any], place: Place, secrets: Mapping[str, str], today: date, find: str = ""
) -> Held:
    """Return what the database of the settings holds, by name, with `find` only what has it in its name.

    SourceError says why it cannot be asked.

    Of very many tables it names the first ones, each with all its columns. Asked like any query: read-only, within the
    limits of the place, in a process of its own.
    """
    engine = config.get("engine", "sqlite")
    query = QUERIES[engine].format(find=NOT_IN_A_NAME.sub("_", find.strip()))
    asked = {"query": f"{query} LIMIT {COLUMNS_AT_MOST + 1}", "date_column": ""}
    source = source_of(kind="sql_query", config={**config, **asked}, place=place, secrets=secrets)
    rows = source.fetch(
        window=Window(since=None, until=today + timedelta(days=1)),
        columns=frozenset((name, Kind.TEXT) for name in _Column._fields),
        snapshot_day=today,
    )
    parts = [
        rows.column(name, Kind.TEXT).astype(object).where(lambda cell: cell.notna(), "") for name in _Column._fields
    ]
    found, are_all = tables_in(zip(*parts, strict=True), engine), len(rows) <= COLUMNS_AT_MOST
    return Held(found if are_all else found[:-1], are_all)


def tables_in(columns: Iterable[Sequence[str]], engine: str) -> list[HeldTable]:
    """Return the tables that columns belong to, each given as schema, table, name and type, in the order of tables."""
    found = []
    for (in_schema, in_table), own in groupby(starmap(_Column, columns), attrgetter("in_schema", "in_table")):
        held = tuple((column.named, column.typed.lower()) for column in own)
        parts = [part for part in (in_schema, in_table) if part]
        quoted = ".".join(_quoted(part, engine) for part in parts)
        found.append(HeldTable(name=".".join(parts), columns=held, query=_query(quoted, held, engine)))
    return found


def _query(table: str, columns: tuple[tuple[str, str], ...], engine: str) -> str:
    listed = ", ".join(_selected(name, typed, engine) for name, typed in columns)
    day = _day(columns)
    if day is None:
        return f"SELECT {listed}\nFROM {table}"
    by = _quoted(day, engine)
    return f"SELECT {listed}\nFROM {table}\nWHERE {by} >= :since AND {by} < :until"


def _selected(name: str, typed: str, engine: str) -> str:
    """Return a column as it is asked for: money of PostgreSQL comes as a text with the sign of a currency."""
    column = _quoted(name, engine)
    if typed == "money":
        return f"{column}::numeric AS {column}"
    in_seconds = SECONDS.get((engine, typed.partition("(")[0]))
    return f"{in_seconds.format(column)} AS {_quoted(f'{name}_seconds', engine)}" if in_seconds else column


def _day(columns: tuple[tuple[str, str], ...]) -> str | None:
    """Return the column that seems to be the day: of a type of days, else called like one."""
    of_type = (name for name, typed in columns if OF_DAYS.match(typed))
    by_name = (name for name, typed in columns if NAMED_FOR_DAYS.search(name) and not typed.startswith(("int", "bool")))
    return next(of_type, None) or next(by_name, None)


def _quoted(name: str, engine: str) -> str:
    """Return a name so that it is one whatever it is: each engine keeps some hundred words for itself."""
    mark = QUOTES[engine]
    return f"{mark}{name.replace(mark, mark * 2)}{mark}"
