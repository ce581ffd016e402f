"""Queries over MySQL: what its protocol carries arrives as it is, and what we tell the server bounds the query."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mysql_mimic import ColumnType, ResultColumn, ResultSet
from mysql_mimic.charset import CharacterSet
from mysql_mimic.errors import ErrorCode, MysqlError

from kpis.sources.base import Kind, SourceError, SourceRows, Window
from kpis.sources.sql_engines import NO_SUCH_ZONE
from tests.kpis.mysql_server import PASSWORD, READER, Told, mysql
from tests.kpis.reading import a_place, named, read_here
from tests.kpis.web_server import HERE

WINDOW = Window(since=date(2026, 11, 1), until=date(2026, 11, 22))
QUERY = "SELECT day, airport, minutes FROM flights WHERE day >= :since AND day < :until"
COLUMNS = [
    ResultColumn("day", ColumnType.DATE),
    ResultColumn("airport", ColumnType.VAR_STRING),
    ResultColumn("minutes", ColumnType.NEWDECIMAL),
]
ROWS = [(date(2026, 11, 2), "Zürich ✈", Decimal("12.50")), (date(2026, 11, 3), None, Decimal(-3))]


def executed(rows: list[Any], columns: list[ResultColumn] = COLUMNS) -> Any:
    return lambda sql: ResultSet(rows, columns) if sql.startswith("EXECUTE") else None


def fetch(
    told: Told, *, password: str = PASSWORD, query: str = QUERY, wanted: Any = None, zone: str = "UTC", **config: Any
) -> SourceRows:
    config = {
        "engine": "mysql", "host": "127.0.0.1", "port": told.port, "database": "ops", "user": READER, "tls": "none",
        "query": query, "date_column": "day",
    } | config  # fmt: skip
    wanted = wanted or {("minutes", Kind.NUMBER), ("airport", Kind.TEXT)}
    place = replace(a_place(Path("/nowhere"), allow=HERE, seconds=7), zone=zone)
    secrets = {"password": password}
    return read_here("sql_query", config, place, window=WINDOW, wanted=frozenset(wanted), secrets=secrets)


def test_a_query_is_prepared_and_read_only_and_the_server_knows_how_long_it_may_take() -> None:
    with mysql(executed(ROWS)) as told:
        rows = fetch(told, query=f"{QUERY};")
    assert rows.days.tolist() == [date(2026, 11, 2), date(2026, 11, 3)]
    assert rows.column("airport").dropna().tolist() == ["Zürich ✈"]
    assert rows.column("minutes").tolist() == [12.5, -3.0]
    said = [sql for sql in told.statements if not sql.startswith(("SET NAMES", "SET AUTOCOMMIT"))]
    assert said == [
        "SET SESSION max_execution_time = 7000",
        "SET SESSION time_zone = 'UTC'",
        "START TRANSACTION READ ONLY",
        "SET @since = '2026-11-01'",
        "SET @until = '2026-11-22'",
        "PREPARE source FROM 'SELECT day, airport, minutes FROM flights WHERE day >= ? AND day < ?'",
        "EXECUTE source USING @since, @until",
    ]


@pytest.mark.parametrize(
    ("zone", "moments", "is_refused"),
    [
        ("Europe/Berlin", [(2026, 1, 1, 12), (2026, 7, 1, 12)], False),  # its own clock is the same
        ("Europe/Berlin", [(2026, 1, 1, 11), (2026, 7, 1, 10)], True),
        ("Asia/Kolkata", [], False),  # without summer time it needs no name
    ],
)
def test_moments_of_a_server_without_zones_are_read_only_where_its_clock_is_ours(
    zone: str, moments: list[tuple[int, ...]], is_refused: bool
) -> None:
    columns = [ResultColumn("day", ColumnType.TIMESTAMP), *COLUMNS[1:]]

    def answer(sql: str) -> Any:
        if "time_zone" in sql and zone in sql:
            raise MysqlError("Unknown or incorrect time zone", NO_SUCH_ZONE)
        if "FROM_UNIXTIME" in sql:
            both = [ResultColumn(name, ColumnType.DATETIME) for name in ("a", "b")]
            return ResultSet([tuple(datetime(*moment) for moment in moments)], both)  # type: ignore[arg-type]  # noqa: DTZ001
        return executed([(datetime(2026, 11, 2, 23, 59), "JFK", Decimal(1))], columns)(sql)  # noqa: DTZ001

    with mysql(answer) as told:
        if is_refused:
            with pytest.raises(SourceError, match=r"does not know the zone Europe/Berlin and its clock is another"):
                fetch(told, zone=zone)
        else:
            assert len(fetch(told, zone=zone)) == 1
    assert ("SET SESSION time_zone = '+05:30'" in told.statements) is (zone == "Asia/Kolkata")


def test_a_text_and_a_remark_may_hold_what_reads_like_a_parameter() -> None:
    query = f"SELECT ':since', 'it\\'s :until' AS airport, minutes, day {QUERY[33:]} # :since"
    with mysql(executed(ROWS)) as told:
        fetch(told, query=query)
    (prepared,) = [sql for sql in told.statements if sql.startswith("PREPARE")]
    assert (prepared.count("?"), prepared.count(":since"), prepared.count(":until")) == (2, 2, 1)


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE flights -- :since :until",
        "TRUNCATE TABLE flights -- :since :until",
        "/* SELECT */ DROP TABLE flights -- :since :until",
        "/*!50000 DROP TABLE flights */ -- :since :until",
        "/*M!100000 DROP TABLE flights */ -- :since :until",
        "# SELECT\nALTER TABLE flights ADD gone INT -- :since :until",
        "--SELECT 1, :since, :until",
        "SET GLOBAL max_connections = 1 -- :since :until",
        "CALL anything(:since, :until)",
    ],
)
def test_what_does_not_begin_as_a_query_never_reaches_the_server(query: str) -> None:
    """A server may end the read-only transaction before it drops a table: MariaDB 10.11 does."""
    with mysql(executed(ROWS)) as told, pytest.raises(SourceError, match="does more than read"):
        fetch(told, query=query)
    assert told.statements == []


@pytest.mark.parametrize(
    "before", ["-- of the day\n", "/* of the day */ ", "# of the day\n", "  (", "WITH x AS (SELECT 1) "]
)
def test_a_query_may_begin_with_remarks(before: str) -> None:
    with mysql(executed(ROWS)) as told:
        assert len(fetch(told, query=f"{before}{QUERY}{')' if '(' in before.strip()[:1] else ''}")) == 2


def test_mariadb_is_told_the_time_in_its_own_words() -> None:
    with mysql(executed(ROWS), version="11.4.2-MariaDB") as told:
        fetch(told)
    assert "SET SESSION max_statement_time = 7.0e0" in told.statements


@pytest.mark.parametrize(
    ("kind", "cell", "as_number", "as_text"),
    [
        (ColumnType.NEWDECIMAL, Decimal("0.10"), 0.1, "0.10"),
        (ColumnType.TINY, 1, 1, "1"),
        (ColumnType.BIT, b"\x01\x00", 256, "256"),
        (ColumnType.LONGLONG, 2**40, 2**40, str(2**40)),
        (ColumnType.DOUBLE, 0.25, 0.25, "0.25"),
        (ColumnType.VAR_STRING, "7,5", None, "7,5"),
        (ColumnType.LONGLONG, 2**64 - 1, None, str(2**64 - 1)),
        (ColumnType.DATETIME, datetime(2026, 11, 2, 7, 30), None, "2026-11-02T07:30:00"),  # noqa: DTZ001
    ],
)
def test_each_type_is_what_it_was_in_the_database(kind: Any, cell: Any, as_number: Any, as_text: str) -> None:
    charset = CharacterSet.binary if kind is ColumnType.BIT else CharacterSet.utf8mb4
    columns = [COLUMNS[0], ResultColumn("cell", kind, character_set=charset)]
    given = [(date(2026, 11, 2), cell), *[(date(2026, 11, 3), None)] * 9]
    with mysql(executed(given, columns)) as told:
        texts = fetch(told, wanted={("cell", Kind.TEXT)})
        numbers = fetch(told, wanted={("cell", Kind.NUMBER)})
    assert texts.column("cell")[0] == as_text
    assert numbers.column("cell").isna().sum() == 9
    if as_number is None:
        assert [line for line, _ in named(numbers.refusals)] == [1]
    else:
        assert numbers.column("cell")[0] == as_number


def test_a_moment_is_of_its_day() -> None:
    moment = ResultColumn("day", ColumnType.DATETIME)
    with mysql(executed([(datetime(2026, 11, 2, 23, 59), "JFK", Decimal(1))], [moment, *COLUMNS[1:]])) as told:  # noqa: DTZ001
        assert fetch(told).days.tolist() == [date(2026, 11, 2)]


def test_a_wrong_password_is_said_without_repeating_it() -> None:
    with mysql(executed(ROWS)) as told, pytest.raises(SourceError, match=r"^The database on 127\.0\.0\.1 said: ") as no:
        fetch(told, password="wrong-s3cret")
    assert "wrong-s3cret" not in str(no.value)
    assert told.statements == []


@pytest.mark.parametrize("tls", ["verified", "encrypted"])
def test_nothing_is_said_to_a_server_without_encryption_where_it_is_asked_for(tls: str) -> None:
    with mysql(executed(ROWS)) as told, pytest.raises(SourceError, match=r"^The database on 127\.0\.0\.1 said: .*SSL"):
        fetch(told, tls=tls)
    assert told.statements == []


@pytest.mark.parametrize(
    ("at", "why"),
    [
        ("PREPARE", "You have an error in your SQL syntax near 'DROP TABLE flights'"),
        ("EXECUTE", "Query execution was interrupted, maximum statement execution time exceeded"),
        ("EXECUTE", "Cannot execute statement in a READ ONLY transaction"),
    ],
)
def test_what_the_server_refuses_is_said_in_its_words(at: str, why: str) -> None:
    def answer(sql: str) -> None:
        if sql.startswith(at):
            raise MysqlError(why, ErrorCode.UNKNOWN_ERROR)

    with mysql(answer) as told, pytest.raises(SourceError) as no:
        fetch(told)
    assert str(no.value) == f"The database on 127.0.0.1 said: {why}."
