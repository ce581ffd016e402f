"""Pulls under faults: killed workers, five at once, and a worker that comes back too late."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection, connections, transaction

from kpis import receivers
from kpis.domain.sentences import Sentence
from kpis.models import DataSource, Measurement, MeasurementRevision, Pull
from kpis.services import pulling
from kpis.services.pulling import due_pulls, run_pull
from kpis.sources.base import SourceError
from tests.kpis.pulls import NOW, a_mapped_kpi, a_source, lines, values, write

pytestmark = pytest.mark.django_db(transaction=True)
LEASE_OVER = NOW + timedelta(minutes=5)  # it is renewed while a worker reads
SLOW_QUERY = """
SELECT day, minutes FROM flights
WHERE day >= :since AND day < :until AND (SELECT count(*) FROM slow a, slow b, slow c) >= 0
"""
PULL = """
import sys, time
from datetime import datetime
import django
django.setup()
from kpis.services import applying, pulling
{before}
pulling.run_pull(source_id=int(sys.argv[1]), slot=datetime.fromisoformat(sys.argv[2]),
                 now=datetime.fromisoformat(sys.argv[2]))
print("ended", flush=True)
"""
STOP_BEFORE_COMMIT = """
def stop(*_, **__):
    print("recorded", flush=True)
    time.sleep(120)
applying._end = stop
"""


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path, monkeypatch: Any) -> Path:
    settings.KPI_SOURCES_DIR = tmp_path
    # What is committed here must not wake a worker of another test.
    monkeypatch.setattr(receivers.evaluate_kpis, "delay", lambda kpi_ids: None)
    return tmp_path


def a_worker(source: DataSource, slot: datetime, *, before: str = "") -> subprocess.Popen[str]:
    """A process of its own that runs the pull against the database of the test."""
    database = connection.settings_dict
    login = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "kpiplatform.settings",
        "DATABASE_URL": f"postgresql://{login}@/{database['NAME']}?host={database['HOST']}&port={database['PORT']}",
        "KPI_SOURCES_DIR": str(django_settings.KPI_SOURCES_DIR),
    }
    return subprocess.Popen(
        [sys.executable, "-c", PULL.format(before=before), str(source.pk), slot.isoformat()],
        env=environment,
        cwd=django_settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill(worker: subprocess.Popen[str]) -> None:
    worker.send_signal(signal.SIGKILL)
    assert worker.wait(timeout=10) == -signal.SIGKILL
    assert worker.stdout is not None
    worker.stdout.close()


def wait_until(happened: Callable[[], bool], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def a_slow_source(folder: Path) -> DataSource:
    """A source whose query takes minutes as long as its table `slow` is full."""
    with closing(sqlite3.connect(folder / "flights.sqlite3")) as database, database:
        database.execute("CREATE TABLE flights (day, minutes)")
        rows = [(line.split(",")[0], 10) for line in lines()]
        database.executemany("INSERT INTO flights VALUES (?, ?)", rows)
        database.execute("CREATE TABLE slow (n)")
        database.executemany("INSERT INTO slow VALUES (?)", [(n,) for n in range(2000)])
    return a_source(kind="sql_query", config={"database": "flights.sqlite3", "query": SLOW_QUERY, "date_column": "day"})


def test_a_worker_killed_while_it_fetches_leaves_a_pull_that_another_one_ends(folder: Path) -> None:
    source = a_slow_source(folder)
    kpi = a_mapped_kpi(source)
    worker = a_worker(source, NOW)
    try:
        wait_until(lambda: Pull.objects.filter(source=source, state="running").exists())
    finally:
        kill(worker)
    assert not Measurement.objects.exists()
    with closing(sqlite3.connect(folder / "flights.sqlite3")) as database, database:
        database.execute("DELETE FROM slow")
    assert (source.pk, NOW) in due_pulls(now=LEASE_OVER)
    done = run_pull(source_id=source.pk, slot=NOW, now=LEASE_OVER)
    assert (done.state, done.attempts) == ("applied", 2)
    assert [value for value, _ in values(kpi).values()] == [28, 24]


def test_a_worker_killed_before_it_commits_leaves_nothing_half_done(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    write(folder, lines())
    worker = a_worker(source, NOW, before=STOP_BEFORE_COMMIT)
    try:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "recorded\n"
        # No other pull of the source can be applied meanwhile.
        with pytest.raises(OperationalError, match="could not obtain lock"), transaction.atomic():
            DataSource.objects.select_for_update(nowait=True, no_key=True).get(pk=source.pk)
    finally:
        kill(worker)
    assert not Measurement.objects.exists()
    assert not MeasurementRevision.objects.exists()
    source.refresh_from_db()
    assert (source.cursor, Pull.objects.get().state) == (None, "running")
    assert run_pull(source_id=source.pk, slot=NOW, now=LEASE_OVER).state == "applied"
    assert [value for value, _ in values(kpi).values()] == [28, 24]
    assert MeasurementRevision.objects.count() == 2


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work` in threads that start together, each with a connection of its own."""
    together = Barrier(count)

    def one(number: int) -> Any:
        try:
            together.wait(timeout=10)
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_five_workers_at_once_have_the_effect_of_one(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    write(folder, lines())
    pulls = at_once(5, lambda _: run_pull(source_id=source.pk, slot=NOW, now=NOW))
    assert {pull.pk for pull in pulls} == {Pull.objects.get().pk}
    done = Pull.objects.get()
    assert (done.state, done.attempts, done.values_new) == ("applied", 1, 2)
    assert MeasurementRevision.objects.filter(kpi=kpi).count() == 2


def test_pulls_of_one_source_for_several_slots_at_once_write_each_value_once(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    write(folder, lines())
    slots = [NOW - timedelta(hours=number) for number in range(5)]
    at_once(5, lambda number: run_pull(source_id=source.pk, slot=slots[number], now=NOW))
    assert set(Pull.objects.values_list("state", flat=True)) == {"applied"}
    assert MeasurementRevision.objects.filter(kpi=kpi).count() == 2
    assert sum(Pull.objects.values_list("values_new", flat=True)) == 2


def meanwhile(monkeypatch: Any, happens: Callable[[], None]) -> None:
    """Let something happen after the first fetch is done and before its values are applied."""
    fetch = pulling._fetch
    calls: list[int] = []

    def fetch_and_wait(*arguments: Any, **named: Any) -> Any:
        fetched = fetch(*arguments, **named)
        calls.append(1)
        if len(calls) == 1:
            happens()
        return fetched

    monkeypatch.setattr(pulling, "_fetch", fetch_and_wait)


def test_a_worker_that_comes_back_after_its_lease_changes_nothing(folder: Path, monkeypatch: Any) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    write(folder, lines())

    def another_worker_takes_over() -> None:
        write(folder, lines(a_day=5))
        assert run_pull(source_id=source.pk, slot=NOW, now=LEASE_OVER).state == "applied"

    meanwhile(monkeypatch, another_worker_takes_over)
    done = run_pull(source_id=source.pk, slot=NOW, now=NOW)
    assert (done.state, done.attempts, done.started_at) == ("applied", 2, LEASE_OVER)
    assert [value for value, _ in values(kpi).values()] == [35, 30]
    assert MeasurementRevision.objects.count() == 2


def test_a_worker_that_comes_back_to_a_pull_that_waits_again_changes_nothing(folder: Path, monkeypatch: Any) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    write(folder, lines())

    def another_worker_takes_over_and_fails() -> None:
        (folder / "flights.csv").unlink()
        assert run_pull(source_id=source.pk, slot=NOW, now=LEASE_OVER).state == "waiting"

    meanwhile(monkeypatch, another_worker_takes_over_and_fails)
    left = run_pull(source_id=source.pk, slot=NOW, now=NOW)
    assert (left.state, left.attempts, str(left.error)) == ("waiting", 2, "The file flights.csv is not there.")
    assert values(kpi) == {}


def test_a_failure_that_comes_after_the_lease_is_not_counted(folder: Path, monkeypatch: Any) -> None:
    source = a_source()
    a_mapped_kpi(source)
    write(folder, lines())

    def another_worker_takes_over() -> None:
        run_pull(source_id=source.pk, slot=NOW, now=LEASE_OVER)
        raise SourceError(Sentence("the file went away"))

    meanwhile(monkeypatch, another_worker_takes_over)
    assert run_pull(source_id=source.pk, slot=NOW, now=NOW).state == "applied"
    source.refresh_from_db()
    assert (source.consecutive_failures, source.last_error) == (0, None)


def test_values_fetched_earlier_never_replace_values_fetched_later(folder: Path, monkeypatch: Any) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    write(folder, lines())
    later = NOW + timedelta(seconds=60)

    def a_pull_asked_for_is_quicker() -> None:
        write(folder, lines(a_day=5))
        assert run_pull(source_id=source.pk, slot=later, now=later).state == "applied"

    meanwhile(monkeypatch, a_pull_asked_for_is_quicker)
    assert run_pull(source_id=source.pk, slot=NOW, now=NOW).state == "running"
    assert [value for value, _ in values(kpi).values()] == [35, 30]
    assert run_pull(source_id=source.pk, slot=NOW, now=LEASE_OVER).state == "applied"
    assert [value for value, _ in values(kpi).values()] == [35, 30]
