"""What databases say they hold, and the query that is made of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from mysql_mimic import ColumnType, ResultColumn, ResultSet

from kpis.sources import catalogue
from kpis.sources.base import Kind, SourceError, Window
from kpis.sources.catalogue import tables_in, tables_of
from tests.kpis.mysql_server import PASSWORD, READER, mysql
from tests.kpis.reading import a_place, read_here
from tests.kpis.test_sources_servers import a_port, config_of
from tests.kpis.web_server import HERE

TODAY = date(2026, 11, 28)


def test_a_file_names_its_tables_and_views_with_their_columns(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "desk.sqlite3")) as desk, desk:
        desk.execute("CREATE TABLE tickets (ref TEXT PRIMARY KEY, opened_at TEXT, team_id INTEGER)")
        desk.execute('CREATE VIEW "Open tickets" AS SELECT ref FROM tickets')
    config = {"database": "desk.sqlite3"}
    held = tables_of(config=config, place=a_place(tmp_path), secrets={}, today=TODAY).tables
    assert [(one.name, one.columns) for one in held] == [
        ("Open tickets", (("ref", "text"),)),
        ("tickets", (("ref", "text"), ("opened_at", "text"), ("team_id", "integer"))),
    ]
    assert held[1].query == (
        'SELECT "ref", "opened_at", "team_id"\nFROM "tickets"\nWHERE "opened_at" >= :since AND "opened_at" < :until'
    )


@pytest.mark.django_db
def test_a_server_names_what_its_user_may_read_of_every_schema(tmp_path: Path) -> None:
    connection.ensure_connection()
    with a_port() as port:
        config = {name: value for name, value in config_of(port).items() if name not in {"query", "date_column"}}
        place, secrets = a_place(tmp_path, allow=HERE), {"password": connection.settings_dict["PASSWORD"]}
        held = {one.name: one for one in tables_of(config=config, place=place, secrets=secrets, today=TODAY).tables}
    assert ("kpi_id", "bigint") in held["kpis_measurement"].columns
    assert 'WHERE "period_start" >= :since AND "period_start" < :until' in held["kpis_measurement"].query
    assert not [name for name in held if name.startswith(("pg_", "information_schema"))]
    with a_port() as port:
        config["port"] = port
        found = tables_of(config=config, place=place, secrets=secrets, today=TODAY, find="Public.kpis_Measurement")
    assert [one.name for one in found.tables] == ["kpis_measurement", "kpis_measurementrevision"]


def test_a_mysql_server_is_asked_for_its_own_database_alone(tmp_path: Path) -> None:
    columns = [ResultColumn(name, ColumnType.VAR_STRING) for name in ("in_schema", "in_table", "named", "typed")]
    rows = [("", "Orders", "id", "INT"), ("", "Orders", "placed", "DATETIME")]
    with mysql(lambda sql: ResultSet(rows, columns) if sql.startswith("EXECUTE") else None) as told:
        config = {"engine": "mysql", "host": "127.0.0.1", "port": told.port, "database": "ops", "user": READER}
        place = a_place(tmp_path, allow=HERE)
        held = tables_of(
            config=config | {"tls": "none"}, place=place, secrets={"password": PASSWORD}, today=TODAY
        ).tables
    assert [(one.name, one.query) for one in held] == [
        ("Orders", "SELECT `id`, `placed`\nFROM `Orders`\nWHERE `placed` >= :since AND `placed` < :until")
    ]
    assert any("table_schema = DATABASE()" in sql for sql in told.statements)


def test_a_table_and_its_columns_may_be_called_by_words_of_the_language(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "desk.sqlite3")) as desk, desk:
        desk.execute('CREATE TABLE "where" ("select" DATE, "references" INTEGER, "a ""b" TEXT)')
    config: dict[str, Any] = {"database": "desk.sqlite3"}
    (held,) = tables_of(config=config, place=a_place(tmp_path), secrets={}, today=TODAY).tables
    assert held.name == "where"
    config |= {"query": held.query, "date_column": "select"}
    wanted, window = frozenset({("references", Kind.NUMBER)}), Window(since=TODAY, until=TODAY)
    assert len(read_here("sql_query", config, tmp_path, window=window, wanted=wanted)) == 0


def test_of_very_many_tables_the_first_are_named_with_all_their_columns(tmp_path: Path, monkeypatch: Any) -> None:
    with closing(sqlite3.connect(tmp_path / "desk.sqlite3")) as desk, desk:
        for name in "abc":
            desk.execute(f"CREATE TABLE {name} (day TEXT, worth INTEGER)")
    monkeypatch.setattr(catalogue, "COLUMNS_AT_MOST", 5)
    held = tables_of(config={"database": "desk.sqlite3"}, place=a_place(tmp_path), secrets={}, today=TODAY)
    assert ([(one.name, len(one.columns)) for one in held.tables], held.are_all) == ([("a", 2), ("b", 2)], False)
    held = tables_of(config={"database": "desk.sqlite3"}, place=a_place(tmp_path), secrets={}, today=TODAY, find="C ")
    assert ([one.name for one in held.tables], held.are_all) == (["c"], True)
    nothing = tables_of(
        config={"database": "desk.sqlite3"}, place=a_place(tmp_path), secrets={}, today=TODAY, find="x' OR 'a%"
    )
    assert nothing.tables == []


def test_money_is_asked_for_as_a_number() -> None:
    (held,) = tables_in([("", "t", "day", "date"), ("", "t", "worth", "money")], "postgresql")
    assert held.query.startswith('SELECT "day", "worth"::numeric AS "worth"\nFROM "t"')


def test_a_file_that_is_not_there_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="desk"):
        tables_of(config={"database": "desk"}, place=a_place(tmp_path), secrets={}, today=TODAY)


@pytest.mark.parametrize(
    ("columns", "day"),
    [
        ([("id", "bigint"), ("updated", "timestamp with time zone"), ("day", "text")], "updated"),
        ([("id", "bigint"), ("booking_date", "text")], "booking_date"),
        ([("id", "bigint"), ("datum", "text")], "datum"),
        ([("day", "integer"), ("happened_on", "text")], "happened_on"),
        ([("id", "bigint"), ("amount", "numeric")], None),
    ],
)
def test_the_day_of_a_table_is_a_column_of_days_or_one_called_like_it(
    columns: list[tuple[str, str]], day: str | None
) -> None:
    listed = [("", "t", name, typed) for name, typed in columns]
    (held,) = tables_in(listed, "postgresql")
    assert held.query.split('FROM "t"')[1] == (f'\nWHERE "{day}" >= :since AND "{day}" < :until' if day else "")


@pytest.mark.parametrize(
    ("engine", "typed", "said"),
    [
        ("postgresql", "interval", 'extract(epoch FROM "took") AS "took_seconds"'),
        ("mysql", "time(3)", "TIME_TO_SEC(`took`) AS `took_seconds`"),
        ("postgresql", "time without time zone", '"took"'),
        ("sqlite", "interval", '"took"'),
    ],
)
def test_a_length_of_time_is_asked_for_in_seconds(engine: str, typed: str, said: str) -> None:
    (held,) = tables_in([("", "t", "took", typed)], engine)
    assert held.query.startswith(f"SELECT {said}\nFROM ")


@pytest.mark.parametrize("typed", ["time", "daterange", "date[]", "time without time zone", "interval"])
def test_what_only_sounds_like_a_day_is_not_what_rows_are_asked_for_by(typed: str) -> None:
    (held,) = tables_in([("", "t", "span", typed), ("", "t", "sent", "timestamp with time zone")], "postgresql")
    assert held.query.endswith('WHERE "sent" >= :since AND "sent" < :until')
