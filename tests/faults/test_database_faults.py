"""The database goes away, is full, or gives no more connections while workers pull: they go on when it is back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from kpis.domain.sentences import Sentence
from kpis.models import DataSource, Measurement, MeasurementRevision, Pull
from kpis.services.pulling import due_pulls, run_pull
from tests.faults.conftest import SESSIONS
from tests.faults.test_worker_faults import a_source_with_weeks, assert_applied_once, judged, waits_for_lock
from tests.journeys.processes import Worker, database_url, eventually
from tests.kpis.pulls import NOW, a_mapped_kpi, a_source, lines, write

pytestmark = pytest.mark.django_db(transaction=True)
FEW = "kpi_few"  # a role that may have two sessions
END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name = %s"
NO_SPACE = """
CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER no_space BEFORE INSERT ON kpis_measurementrevision EXECUTE FUNCTION no_space()
"""


@contextlib.contextmanager
def elsewhere() -> Iterator[psycopg.Connection[Any]]:
    """Talk to the server from a database that is not the one of the tests."""
    name = connection.settings_dict["NAME"]
    with psycopg.connect(database_url().replace(f"/{name}?", "/postgres?"), autocommit=True) as other:
        yield other


@contextlib.contextmanager
def database_away() -> Iterator[None]:
    """End the sessions of the workers, as a server that is stopped does, and let nobody in until the end of the block.

    Those of the tests' own process go on: other tests come back to them.
    """
    name = connection.settings_dict["NAME"]
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with elsewhere() as server:
        server.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        try:
            ended = server.execute(END_SESSIONS, [name, SESSIONS]).rowcount
            assert ended >= 2
            yield
        finally:
            server.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


@pytest.fixture
def few_sessions() -> Iterator[str]:
    """Return the address of the database for a role that may have two sessions at once."""
    owner = connection.settings_dict["USER"]
    with elsewhere() as server:
        made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} CONNECTION LIMIT 2 IN ROLE {}")
        server.execute(made.format(sql.Identifier(FEW), sql.Literal(FEW), sql.Identifier(owner)))
        start, rest = database_url().split("@", 1)
        yield f"{start.split('//')[0]}//{quote(FEW)}:{FEW}@{rest}"
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [FEW])
        server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(FEW)))


def test_a_database_that_goes_away_in_the_middle_of_a_pull_loses_and_doubles_nothing(
    worker_of: Callable[..., Worker], tmp_path: Path
) -> None:
    source, kpi = a_source_with_weeks(tmp_path)
    standing_in_the_way = psycopg.connect(database_url(), application_name=SESSIONS)
    standing_in_the_way.execute("LOCK TABLE kpis_pullrefusal IN SHARE MODE")
    worker = worker_of(beat=True)
    eventually(waits_for_lock, "a pull that has written its values")
    with database_away():
        worker.says("not currently accepting connections", times=2)
    eventually(lambda: judged(kpi), "the pull applied by the same worker, and judged")
    assert_applied_once(kpi, attempts=2)
    source.refresh_from_db()
    assert (source.consecutive_failures, source.last_error) == (0, None)
    standing_in_the_way.close()


def test_a_worker_that_gets_no_connection_pulls_as_soon_as_there_is_one(
    worker_of: Callable[..., Worker], few_sessions: str, tmp_path: Path
) -> None:
    _, kpi = a_source_with_weeks(tmp_path)
    with psycopg.connect(few_sessions), psycopg.connect(few_sessions):
        worker = worker_of(beat=True, database=few_sessions)
        worker.says("too many connections for role", times=2)
        assert not Pull.objects.exists()
    eventually(lambda: judged(kpi), "the pull applied, and judged")
    assert_applied_once(kpi, attempts=1)


def test_a_disk_that_is_full_leaves_what_was_there_and_the_pull_is_tried_again(settings: Any, tmp_path: Path) -> None:
    settings.KPI_SOURCES_DIR = tmp_path
    source = a_source()
    a_mapped_kpi(source)
    write(tmp_path, lines())
    with connection.cursor() as cursor:
        cursor.execute(NO_SPACE)
    try:
        stopped = run_pull(source_id=source.pk, slot=NOW, now=NOW)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION no_space() CASCADE")
    assert (stopped.state, stopped.attempts, Measurement.objects.exists()) == ("waiting", 1, False)
    assert stopped.error == Sentence("The pull stopped by an error of the platform (%(kind)s).", {"kind": "DiskFull"})
    later = NOW + timedelta(seconds=31)
    assert (source.pk, NOW) in due_pulls(now=later)
    done = run_pull(source_id=source.pk, slot=NOW, now=later)
    assert (done.state, done.error, done.values_new) == ("applied", None, MeasurementRevision.objects.count())
    assert DataSource.objects.get().consecutive_failures == 0
    assert done.values_new == Measurement.objects.count() > 0
