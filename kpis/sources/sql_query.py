"""Rows of one query: over an SQLite file, a PostgreSQL or a MySQL server. The query can do nothing but read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import Any

from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import Place, SourceError, Table, Window, require_columns
from kpis.sources.cells import Formats
from kpis.sources.settings import READING, Setting, Type
from kpis.sources.sql_engines import PARAMETER, open_query

FIRST_DAY = date(1, 1, 1)
SERVERS = ("postgresql", "mysql")

SETTINGS = (
    Setting(
        name="engine",
        label=_("Kind of database"),
        type=Type.CHOICE,
        default="sqlite",
        choices=(
            ("sqlite", _("SQLite file in the folder of the sources")),
            ("postgresql", _("PostgreSQL")),
            ("mysql", _("MySQL or MariaDB")),
        ),
    ),
    Setting(name="host", label=_("Host"), required=True, only_if=("engine", SERVERS)),
    Setting(
        name="port",
        label=_("Port"),
        type=Type.WHOLE,
        default=0,
        most=65535,
        only_if=("engine", SERVERS),
        help=_("Empty or 0 for the usual one: 5432 of PostgreSQL, 3306 of MySQL."),
    ),
    Setting(
        name="database",
        label=_("Database"),
        required=True,
        help=_("Name of the database, or of the SQLite file."),
    ),
    Setting(
        name="user",
        label=_("User"),
        required=True,
        only_if=("engine", SERVERS),
        help=_("One who may read the tables of the query and nothing else."),
    ),
    Setting(name="password", label=_("Password"), is_secret=True, only_if=("engine", SERVERS)),
    Setting(
        name="tls",
        label=_("Encryption"),
        type=Type.CHOICE,
        default="verified",
        choices=(
            ("verified", _("encrypted, and the certificate must be valid for the host")),
            ("encrypted", _("encrypted, whatever the certificate")),
            ("none", _("none: passwords and rows can be read on the way")),
        ),
        only_if=("engine", SERVERS),
    ),
    Setting(
        name="query",
        label=_("Query"),
        type=Type.LONG_TEXT,
        required=True,
        help=_("One SELECT. :since stands for the first day asked for, :until for the day after the last."),
    ),
    *READING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlQuery:
    """A query with :since and :until over a database."""

    place: Place
    settings: Mapping[str, Any]
    formats: Formats

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], place: Place) -> SqlQuery:
        """Return the query that the settings describe; SourceError says what is wrong with them."""
        named = set(PARAMETER.findall(settings["query"]))
        if settings["date_column"] and named != {"since", "until"}:
            says = _("The query of the source must ask for days from :since on and before :until.")
            raise SourceError(Sentence(says))
        return cls(place=place, settings=settings, formats=Formats.of(settings, zone=place.zone))

    @property
    def asks_for_days(self) -> bool:
        """Return True: the query has :since and :until."""
        return True

    def choices(self) -> dict[str, list[str]]:
        """Return nothing: the query says itself what it reads."""
        return {}

    def tables(self, *, window: Window, names: frozenset[str] | None) -> Iterator[Table]:
        """Yield the rows; lines are counted as the query gives them."""
        days = {"since": window.since or FIRST_DAY, "until": window.until}
        line = 0
        with open_query(self.settings, self.place, days) as (found, stretches):
            if not found:
                raise SourceError(Sentence(_("The query gives no columns.")))
            wanted = sorted(names) if names is not None else list(dict.fromkeys(found))
            require_columns(found, wanted, where=Sentence(_("The result of the query")))
            places = [found.index(name) for name in wanted]
            for rows in stretches:
                yield _table(rows, wanted, places, line)
                line += len(rows)
            if not line:
                yield _table([], wanted, places, 0)


def _table(rows: Sequence[Sequence[Any]], names: Sequence[str], places: Sequence[int], before: int) -> Table:
    return Table(
        columns={name: list(map(itemgetter(at), rows)) for name, at in zip(names, places, strict=True)},
        lines=range(before + 1, before + 1 + len(rows)),
    )
