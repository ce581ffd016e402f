"""The three database engines: one connection, one read-only statement, its rows in stretches.

Rows, bytes and time are bounded by whoever started this process, and that one is not asked here: a
query that does not end is killed with its process. The limits given to the servers make them stop too.
"""

from __future__ import annotations

import os
import re
import sqlite3
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import Place, SourceError, path_inside
from kpis.sources.egress import SECONDS_TO_CONNECT, Egress

type Found = tuple[list[str], Iterator[Sequence[Sequence[Any]]]]

ROWS_AT_ONCE = 20_000
# A name after a colon, but not a cast (::date), not a time (12:30), not inside a word.
PARAMETER = re.compile(r"(?<![:\w]):(?P<name>since|until)\b")
# What a text, a quoted name or a remark holds is no parameter. In MySQL a backslash keeps the text open.
HELD = {
    "postgresql": r"""'[^']*'|"[^"]*"|--[^\n]*|/\*.*?\*/|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$""",
    "mysql": r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`|--\s[^\n]*|\#[^\n]*|/\*(?!!|M!).*?\*/""",
}
PARAMETERS = {engine: re.compile(f"{held}|{PARAMETER.pattern}", re.DOTALL) for engine, held in HELD.items()}
# A query computes from the tables of its file, and may ask which columns they have. All else (writing, attaching,
# other pragmas) is denied by the engine.
ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION}
DOES_MORE = _("The query does more than read the tables of its database; it was refused.")
NOT_TRUSTED = _(
    "The certificate of %(host)s was not accepted: %(words)s. It has to name the host as it is written here, and to"
    " come from an authority that this server trusts; an administrator of the server adds one with SSL_CERT_FILE."
)
# MySQL and MariaDB end a read-only transaction before they define something (DROP, TRUNCATE), so what does not begin as
# a query does not get there. A comment of theirs may hold a statement (/*! */) and is none.
COMMENTS = re.compile(r"(?:\s|\(|--(?=\s)[^\n]*|#[^\n]*|/\*(?!!|M!).*?\*/)*", re.DOTALL)
BEGINS_A_QUERY = re.compile(r"(?i)(?:SELECT|WITH|VALUES|TABLE)\b")
WITH_LOG = b"\x02\x02"  # in the header of a file, how it is written and read
WRITTEN_MEANWHILE = _("The database %(database)s was written while it was read. Nothing was taken.")
ABOUT_TABLES = (sqlite3.SQLITE_PRAGMA, "table_info")
OTHER_CLOCK = _(
    "The database on %(host)s does not know the zone %(zone)s and its clock is another, so its moments would be of"
    " other days. Its administrator loads the zones (mysql_tzinfo_to_sql), or the query converts the moments to days."
)
NO_SUCH_ZONE = 1298  # ER_UNKNOWN_TIME_ZONE
DENIED_FUNCTIONS = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}


def _with_parameters(query: str, engine: str, written: str) -> str:
    """Return the query with its parameters as `written`, a pattern for the name of one."""
    return PARAMETERS[engine].sub(
        lambda found: written.format(name=found["name"]) if found["name"] else found[0], query
    )


@contextmanager
def open_query(settings: Mapping[str, Any], place: Place, days: Mapping[str, date]) -> Iterator[Found]:
    """Give the names of the columns and the rows; SourceError for whatever the database says."""
    engine = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mysql}[settings["engine"]]
    with engine(settings, place, days) as found:
        yield found


@contextmanager
def _sqlite(settings: Mapping[str, Any], place: Place, days: Mapping[str, date]) -> Iterator[Found]:
    path = path_inside(place.folder, settings["database"])
    # Of a file with a write-ahead log SQLite makes one even to read, unless told that nobody writes.
    is_fixed = _has_log_elsewhere(path)
    before = path.stat()
    address = f"file:{quote(str(path))}?mode=ro{'&immutable=1' if is_fixed else ''}"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=5)) as database:
            database.execute("PRAGMA query_only = ON")
            database.execute("PRAGMA temp_store = MEMORY")
            # Made known before the engine denies: making it known looks like writing to it.
            database.execute("SELECT name FROM pragma_table_info('')")
            database.set_authorizer(_authorize)
            cursor = database.execute(settings["query"], {name: day.isoformat() for name, day in days.items()})
            yield [column[0] for column in cursor.description or ()], _fetched(cursor)
        after = path.stat()
        if is_fixed and (after.st_mtime_ns, after.st_size) != (before.st_mtime_ns, before.st_size):
            raise SourceError(Sentence(WRITTEN_MEANWHILE, {"database": settings["database"]}))
    except sqlite3.Error as error:
        # What is denied late comes as a plain error with this text.
        denied = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_AUTH
        if denied or str(error).startswith("not authorized"):
            raise SourceError(Sentence(DOES_MORE)) from None
        parts = {"database": settings["database"], "why": str(error)}
        raise SourceError(Sentence(_("The query on %(database)s failed: %(why)s."), parts)) from None


def _has_log_elsewhere(path: Path) -> bool:
    """Return whether a file is kept with a write-ahead log, of which there is none and none can be made."""
    with path.open("rb") as file:
        is_with_log = file.read(20)[18:] == WITH_LOG
    return is_with_log and not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if (action, first) == ABOUT_TABLES:
        return sqlite3.SQLITE_OK
    if action not in ALLOWED or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in DENIED_FUNCTIONS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


@contextmanager
def _postgresql(settings: Mapping[str, Any], place: Place, days: Mapping[str, date]) -> Iterator[Found]:
    import psycopg

    host, port = settings["host"], settings["port"] or 5432
    # Of the authorities that this machine knows: where they are is said in the environment of the process.
    roots: dict[str, Any] = {"sslrootcert": "system"} if settings["tls"] == "verified" else {}
    try:
        with (
            psycopg.connect(
                host=host,
                # The library connects to the address; the name is what the certificate is compared with.
                hostaddr=Egress(place.allow).connectable(host, port),
                port=port,
                dbname=settings["database"],
                user=settings["user"],
                password=settings["password"],
                passfile="/dev/null",
                sslmode={"verified": "verify-full", "encrypted": "require", "none": "disable"}[settings["tls"]],
                **roots,
                gssencmode="disable",
                connect_timeout=int(SECONDS_TO_CONNECT),
                application_name="kpi-platform",
            ) as database,
            # A cursor of the server takes one SELECT, prepared with its parameters, and nothing that writes.
            database.cursor(name="source") as cursor,
        ):
            _bound_postgresql(database, milliseconds=int(place.limits.seconds * 1000), zone=place.zone)
            statement = _with_parameters(_alone(settings["query"]).replace("%", "%%"), "postgresql", "%({name})s")
            _register_dates(cursor)
            cursor.execute(statement.encode(), days)
            yield [column.name for column in cursor.description or ()], _fetched(cursor)
    except psycopg.Error as error:
        raise SourceError(_said_by(error, host, str(error.diag.message_primary or error))) from None


def _bound_postgresql(database: Any, *, milliseconds: int, zone: str) -> None:
    """Bound the transaction: said in it, since what stands between may hand each one to another session.

    In the zone of the organisation the days of the query begin and end where its own do.
    """
    database.execute("SET TRANSACTION READ ONLY")
    bounds = {
        "statement_timeout": milliseconds,
        "idle_in_transaction_session_timeout": milliseconds,
        "lock_timeout": 5000,
        "TimeZone": zone,
    }
    for name, bound in bounds.items():
        database.execute("SELECT set_config(%s, %s, true)", [name, str(bound)])


def _register_dates(cursor: Any) -> None:
    """Let days that Python has no name for, as infinity in a column of no concern, be the texts that they are."""
    from psycopg import DataError, adapters
    from psycopg.adapt import Loader
    from psycopg.pq import Format

    def lenient(usual: Any) -> type[Loader]:
        class Lenient(Loader):
            def __init__(self, oid: int, context: Any = None) -> None:
                super().__init__(oid, context)
                self._load = usual(oid, context).load

            def load(self, data: Any) -> Any:
                try:
                    return self._load(data)
                except DataError:
                    return bytes(data).decode()

        return Lenient

    for name in ("date", "timestamp", "timestamptz", "interval"):
        oid = adapters.types[name].oid
        usual = adapters.get_loader(oid, Format.TEXT)
        assert usual is not None
        cursor.adapters.register_loader(oid, lenient(usual))


@contextmanager
def _mysql(settings: Mapping[str, Any], place: Place, days: Mapping[str, date]) -> Iterator[Found]:
    import pymysql
    from pymysql.constants import FIELD_TYPE
    from pymysql.converters import conversions
    from pymysql.cursors import SSCursor

    before = COMMENTS.match(settings["query"])
    if not BEGINS_A_QUERY.match(settings["query"], before.end() if before else 0):
        raise SourceError(Sentence(DOES_MORE))
    host, port = settings["host"], settings["port"] or 3306
    context: ssl.SSLContext | None = None
    if settings["tls"] != "none":
        context = ssl.create_default_context()
        if settings["tls"] == "encrypted":
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    database = pymysql.connect(
        host=host,
        port=port,
        user=settings["user"],
        password=settings["password"].encode(),  # as servers keep it; the library would take latin letters alone
        database=settings["database"],
        ssl=context,
        ssl_disabled=context is None,
        charset="utf8mb4",
        cursorclass=SSCursor,
        local_infile=False,
        conv={**conversions, FIELD_TYPE.BIT: int.from_bytes},  # yes and no of this engine
        read_timeout=place.limits.seconds,
        write_timeout=place.limits.seconds,
        defer_connect=True,
    )
    try:
        database.connect(Egress(place.allow).connect(host, port))
        with closing(database), database.cursor() as cursor:
            _limit_mysql(database, cursor, milliseconds=int(place.limits.seconds * 1000))
            is_our_clock = _set_zone(cursor, ZoneInfo(place.zone), days["until"].year)
            cursor.execute("START TRANSACTION READ ONLY")
            # Prepared, it is one statement; parameters are given to the server apart from it.
            query = _alone(settings["query"])
            names = [found["name"] for found in PARAMETERS["mysql"].finditer(query) if found["name"]]
            for name, day in days.items():
                cursor.execute(f"SET @{name} = %s", [day.isoformat()])
            cursor.execute("PREPARE source FROM %s", [_with_parameters(query, "mysql", "?")])
            using = ", ".join(f"@{name}" for name in names)
            cursor.execute(f"EXECUTE source{' USING ' if using else ''}{using}")
            columns = cursor.description or ()
            if not is_our_clock and (settings["date_column"], FIELD_TYPE.TIMESTAMP) in {
                column[:2] for column in columns
            }:
                raise SourceError(Sentence(OTHER_CLOCK, {"host": host, "zone": place.zone}))
            yield [column[0] for column in columns], _fetched(cursor)
    except pymysql.Error as error:
        raise SourceError(_said_by(error, host, str(error.args[-1]) if error.args else "")) from None


def _limit_mysql(database: Any, cursor: Any, *, milliseconds: int) -> None:
    if "mariadb" in database.get_server_info().lower():
        cursor.execute("SET SESSION max_statement_time = %s", [milliseconds / 1000])
    else:
        cursor.execute("SET SESSION max_execution_time = %s", [milliseconds])


def _set_zone(cursor: Any, zone: ZoneInfo, year: int) -> bool:
    """Let moments begin and end days where the organisation is; return whether they do.

    A server that knows no zones by name keeps its own, which may be the same; one without summer time needs no name.
    """
    import pymysql

    try:
        cursor.execute("SET SESSION time_zone = %s", [zone.key])
    except pymysql.Error as error:
        if not error.args or error.args[0] != NO_SUCH_ZONE:
            raise
    else:
        return True
    moments = [datetime(year, month, 1, 12, tzinfo=zone) for month in (1, 7)]
    if moments[0].utcoffset() == moments[1].utcoffset():
        offset = f"{moments[0]:%z}"
        cursor.execute("SET SESSION time_zone = %s", [f"{offset[:3]}:{offset[3:]}"])
        return True
    cursor.execute("SELECT FROM_UNIXTIME(%s), FROM_UNIXTIME(%s)", [int(moment.timestamp()) for moment in moments])
    return cursor.fetchall() == [tuple(moment.replace(tzinfo=None) for moment in moments)]


def _alone(query: str) -> str:
    """Return the query without the semicolon that may end it."""
    return query.rstrip().removesuffix(";")


def _fetched(cursor: Any) -> Iterator[Sequence[Sequence[Any]]]:
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        yield rows


def _said_by(error: Exception, host: str, said: str) -> Sentence:
    """Return a sentence with the words of the server, on one line and not too many."""
    words = " ".join(said.split())[:200].rstrip(".")
    parts = {"host": host, "words": words or type(error).__name__}
    if "certificate" in words.lower():
        return Sentence(NOT_TRUSTED, parts)
    return Sentence(_("The database on %(host)s said: %(words)s."), parts)
