"""Queries over a database server: the one of the tests, reached through a port of this machine."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from kpiplatform.apart import asking
from kpis.sources.base import Kind, SourceError, SourceRows, Window
from kpis.sources.source import source_of
from tests.kpis.reading import a_place, read_here
from tests.kpis.test_sources_http import a_certificate
from tests.kpis.web_server import HERE

pytestmark = pytest.mark.django_db
COLUMNS = frozenset({("minutes", Kind.NUMBER), ("airport", Kind.TEXT)})
WINDOW = Window(since=date(2026, 11, 1), until=date(2026, 11, 22))
SERIES = "generate_series(date '2026-10-20', date '2026-11-30', interval '1 day') AS day"
QUERY = f"SELECT day::date, 'JFK' AS airport, 1.5 AS minutes FROM {SERIES} WHERE day >= :since AND day < :until"


@contextmanager
def a_port() -> Iterator[int]:
    """Lead a TCP port to the socket of the test's PostgreSQL."""
    database = connection.settings_dict
    listening = socket.create_server(("127.0.0.1", 0))

    def relay(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                if str(database["HOST"]).startswith("/"):
                    server = socket.socket(socket.AF_UNIX)
                    server.connect(f"{database['HOST']}/.s.PGSQL.{database['PORT'] or 5432}")
                else:
                    server = socket.create_connection((database["HOST"], int(database["PORT"] or 5432)))
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=relay, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()


def config_of(port: int, query: str = QUERY, **config: Any) -> dict[str, Any]:
    database = connection.settings_dict
    return {
        "engine": "postgresql",
        "host": "127.0.0.1",
        "port": port,
        "database": database["NAME"],
        "user": database["USER"],
        "tls": "none",
        "query": query,
        "date_column": "day",
        **config,
    }


def fetch(query: str = QUERY, *, zone: str = "UTC", **config: Any) -> SourceRows:
    secrets = {"password": connection.settings_dict["PASSWORD"]}
    with a_port() as port:
        place = replace(a_place(Path("/nowhere"), allow=HERE), zone=zone)
        config = config_of(port, query, **config)
        return read_here("sql_query", config, place, window=WINDOW, wanted=COLUMNS, secrets=secrets)


def test_rows_of_the_window_are_read_with_their_types() -> None:
    rows = fetch()
    assert (rows.days[0].item(), rows.days[-1].item(), len(rows)) == (date(2026, 11, 1), date(2026, 11, 21), 21)
    assert rows.column("minutes").sum() == 31.5


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin"])
def test_moments_are_asked_for_from_midnight_to_midnight_of_the_organisation(zone: str) -> None:
    """A moment is of the day it is there; were it asked for in the zone of the server, hours of two days would lack."""
    hours = "generate_series(timestamptz '2026-10-30 00:00Z', '2026-11-24 00:00Z', interval '1 hour') AS day"
    rows = fetch(
        f"SELECT day, 'JFK' AS airport, 1 AS minutes FROM {hours} WHERE day >= :since AND day < :until", zone=zone
    )
    by_day = rows.column("minutes").groupby(rows.days).sum()
    assert (by_day.index[0].date(), by_day.index[-1].date()) == (date(2026, 11, 1), date(2026, 11, 21))
    assert by_day.tolist() == [25 if zone == "America/New_York" else 24, *[24] * 20]  # the clocks went back on 1 Nov


def test_a_day_that_python_has_no_name_for_is_a_text_and_costs_no_other_row() -> None:
    query = f"""SELECT CASE WHEN day = '2026-11-05' THEN 'infinity' ELSE day END AS day,
        date 'infinity' AS airport, 1 AS minutes, '-infinity'::timestamptz AS begun
        FROM {SERIES} WHERE day >= :since AND day < :until"""
    rows = fetch(query)
    assert len(rows) == 20
    assert set(rows.column("airport")) == {"infinity"}
    assert [str(refusal.why) for refusal in rows.refusals] == ["day: 'infinity' is not a day written as %Y-%m-%d."]


def test_a_text_a_name_and_a_remark_may_hold_what_reads_like_a_parameter() -> None:
    query = f"""SELECT day::date, ':since' || $$ :until $$ AS airport, 1 AS ":since" /* :until's */, 2 AS minutes
        FROM {SERIES} -- :since
        WHERE day >= :since AND day < :until"""
    assert set(fetch(query).column("airport")) == {":since :until"}


def test_a_query_that_gives_no_columns_says_so() -> None:
    with pytest.raises(SourceError, match=r"^The query gives no columns\.$"):
        fetch("SELECT WHERE :since < :until")


def test_a_percent_sign_and_a_cast_mean_in_the_query_what_they_mean_elsewhere() -> None:
    rows = fetch(QUERY.replace("WHERE", "WHERE 'JFK' LIKE 'J%' AND 7 % 2 = 1 AND") + ";")
    assert len(rows) == 21


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM kpis_datasource WHERE cursor >= :since AND cursor < :until",
        "WITH gone AS (DELETE FROM kpis_datasource WHERE cursor >= :since AND cursor < :until RETURNING *)"
        " SELECT * FROM gone",
        f"{QUERY}; DROP TABLE kpis_datasource",
        "SELECT :since::date AS day, '' AS airport, nextval('kpis_datasource_id_seq') AS minutes WHERE :until > :since",
        "COPY (SELECT 1) TO PROGRAM 'true' -- :since :until",
        "SELECT :since::date AS day, set_config('transaction_read_only', 'off', false) AS airport, 1 AS minutes"
        " WHERE :until > :since",
    ],
)
def test_a_query_that_does_more_than_read_is_refused_by_the_server(query: str) -> None:
    with pytest.raises(SourceError, match=r"^The database on 127\.0\.0\.1 said: "):
        fetch(query)


def test_what_bounds_a_query_is_said_in_its_transaction_so_that_a_pooler_lets_it_through(monkeypatch: Any) -> None:
    """PgBouncer refuses a connection that says it as it begins."""
    asked: list[set[str]] = []
    connect = psycopg.connect
    monkeypatch.setattr(psycopg, "connect", lambda **how: asked.append(set(how)) or connect(**how))
    settings = ("transaction_read_only", "TimeZone", "statement_timeout", "lock_timeout")
    said = " || ' ' || ".join(f"current_setting('{name}')" for name in settings)
    rows = fetch(
        f"SELECT :since::date AS day, {said} AS airport, 1 AS minutes WHERE :until > :since", zone="Asia/Tokyo"
    )
    assert rows.column("airport").tolist() == ["on Asia/Tokyo 5min 5s"]
    assert ["options" in names for names in asked] == [False]


def test_a_server_that_is_not_allowed_or_not_there_is_said_so() -> None:
    config = config_of(1)
    with pytest.raises(SourceError, match="inside of our own network"):
        read_here("sql_query", config, Path("/nowhere"), window=WINDOW, wanted=COLUMNS)
    with pytest.raises(SourceError, match=r"^127\.0\.0\.1 does not answer on port 1\.$"):
        read_here("sql_query", config, a_place(Path("/nowhere"), allow=HERE), window=WINDOW, wanted=COLUMNS)


@pytest.mark.parametrize("host", ["/var/run/postgresql", "127.0.0.1,10.0.0.1", "a b", "host=evil"])
def test_a_host_is_nothing_but_the_name_of_one(host: str) -> None:
    with pytest.raises(SourceError, match=r"is not the name of a host|is not known"):
        fetch(host=host)


def test_credentials_that_are_wrong_are_said_without_repeating_them() -> None:
    with a_port() as port:
        place = a_place(Path("/nowhere"), allow=HERE)
        config = config_of(port, user="nobody-of-that-name")
        with pytest.raises(SourceError, match=r"^The database on 127\.0\.0\.1 said: ") as refused:
            read_here("sql_query", config, place, window=WINDOW, wanted=COLUMNS, secrets={"password": "s3cret"})
    assert "s3cret" not in str(refused.value)


@contextmanager
def a_door(certificate: Path) -> Iterator[int]:
    """A port that speaks encryption as PostgreSQL does, and says nothing once it is encrypted."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    tls.set_alpn_protocols(["postgresql"])
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                with client, suppress(OSError):
                    client.recv(8)
                    client.sendall(b"S")
                    tls.wrap_socket(client, server_side=True).close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()


@pytest.mark.parametrize(
    ("trusted", "why"), [(True, "^The database on 127.0.0.1 said: "), (False, "^The certificate of 127.0.0.1 was not")]
)
def test_the_certificate_of_a_server_is_held_against_what_this_machine_trusts(
    tmp_path: Path, monkeypatch: Any, trusted: bool, why: str
) -> None:
    """The library brings its own OpenSSL, which looks for authorities where there are none."""
    certificate = a_certificate(tmp_path, "127.0.0.1")
    if trusted:
        monkeypatch.setitem(asking.ENVIRONMENT, "SSL_CERT_FILE", str(certificate))
    with a_door(certificate) as port:
        config = config_of(port, tls="verified")
        source = source_of(kind="sql_query", config=config, place=a_place(tmp_path, allow=HERE))
        with pytest.raises(SourceError, match=why):
            source.fetch(window=WINDOW, columns=COLUMNS)


def test_a_query_that_never_ends_is_killed_with_its_process() -> None:
    endless = f"SELECT day::date, pg_sleep(60)::text AS airport, 1 AS minutes FROM {SERIES} WHERE :since < :until"
    with a_port() as port:
        place = a_place(Path("/nowhere"), allow=HERE, seconds=0.8)
        secrets = {"password": connection.settings_dict["PASSWORD"]}
        source = source_of(kind="sql_query", config=config_of(port, endless), place=place, secrets=secrets)
        with pytest.raises(SourceError, match=r"longer than 0.8 s and was stopped|statement timeout"):
            source.fetch(window=WINDOW, columns=COLUMNS)


class RecordingMysql:
    """A connection of the MySQL library that notes what is asked and gives one row."""

    def __init__(self, said: list[tuple[str, Any]], **options: Any) -> None:
        self.said, self.options, self.description = said, options, [("day",), ("airport",), ("minutes",)]
        self.rows = [(date(2026, 11, 2), "JFK", 5)]

    def connect(self, connection: Any) -> None:
        self.said.append(("connect", connection))

    def get_server_info(self) -> str:
        return "11.4.2-MariaDB"

    def cursor(self) -> RecordingMysql:
        return self

    def execute(self, statement: str, values: Any = None) -> None:
        self.said.append((statement, values))

    def fetchmany(self, size: int) -> list[Any]:
        rows, self.rows = self.rows, []
        return rows

    def close(self) -> None:
        self.said.append(("close", None))

    def __enter__(self) -> RecordingMysql:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_a_mysql_query_is_prepared_alone_in_a_read_only_transaction_over_a_checked_connection(monkeypatch: Any) -> None:
    said: list[tuple[str, Any]] = []
    monkeypatch.setattr("pymysql.connect", lambda **options: RecordingMysql(said, **options))
    monkeypatch.setattr("kpis.sources.egress.Egress.connect", lambda self, host, port: f"checked {host}:{port}")
    query = "SELECT * FROM flights WHERE day >= :since AND day < :until AND airport LIKE 'J%';"
    config = config_of(0, query, engine="mysql", host="db.example.org", database="shop", user="kpi")
    place = a_place(Path("/nowhere"), seconds=60)
    rows = read_here("sql_query", config, place, window=WINDOW, wanted=COLUMNS, secrets={"password": "s3cret"})
    assert len(rows) == 1
    assert said == [
        ("connect", "checked db.example.org:3306"),
        ("SET SESSION max_statement_time = %s", [60.0]),
        ("SET SESSION time_zone = %s", ["UTC"]),
        ("START TRANSACTION READ ONLY", None),
        ("SET @since = %s", ["2026-11-01"]),
        ("SET @until = %s", ["2026-11-22"]),
        (
            "PREPARE source FROM %s",
            ["SELECT * FROM flights WHERE day >= ? AND day < ? AND airport LIKE 'J%'"],
        ),
        ("EXECUTE source USING @since, @until", None),
        ("close", None),
    ]
