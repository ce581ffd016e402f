"""Real Celery workers that are killed in the middle of a pull: another one ends it, and nothing is there twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from alerts.models import BandCrossing
from kpis.models import DataSource, Evaluation, Kpi, KpiState, Measurement, MeasurementRevision, Pull
from tests.factories import limits
from tests.journeys.processes import Broker, Worker, database_url, eventually
from tests.kpis.pulls import a_mapped_kpi, a_source, lines, write

pytestmark = pytest.mark.django_db(transaction=True)
WEEKS = 3


def a_source_with_weeks(folder: Path) -> tuple[DataSource, Kpi]:
    """A CSV file with the flights of three closed weeks up to yesterday, and a KPI that counts them by week."""
    today = timezone.now().date()
    monday = today - timedelta(days=today.weekday() + 7 * WEEKS)
    write(folder, lines(since=str(monday), until=str(today - timedelta(days=today.weekday()))))
    source = a_source()
    kpi = a_mapped_kpi(source, code="FLIGHTS", active_from=monday)
    limits(kpi, goal=30, red_flag=20, recorded_at=datetime(2026, 1, 1, tzinfo=UTC))
    return source, kpi


@contextmanager
def nobody_notes_refusals() -> Iterator[None]:
    """Make every pull wait after its values are written and before it commits: a lock stands in its way."""
    with psycopg.connect(database_url()) as other:
        other.execute("LOCK TABLE kpis_pullrefusal IN SHARE MODE")
        yield


def waits_for_lock(count: int = 1) -> bool:
    """Whether so many other processes wait for a lock in the database of the tests."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # inside a transaction the answer would stay the same
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0] >= count


def assert_applied_once(kpi: Kpi, *, attempts: int) -> None:
    """Every week once in each table, as if nothing had happened."""
    pull = Pull.objects.get()
    assert (pull.state, pull.attempts, pull.values_new, pull.values_revised) == ("applied", attempts, WEEKS, 0)
    assert list(Measurement.objects.values_list("value", "seq")) == [(28, 1)] * WEEKS
    assert list(MeasurementRevision.objects.values_list("seq", "pull")) == [(1, pull.pk)] * WEEKS
    assert list(Evaluation.objects.filter(kpi=kpi).values_list("band", flat=True)) == ["at_risk"] * WEEKS
    state = KpiState.objects.get(kpi=kpi)
    assert (state.band, state.value, state.dirty_since) == ("at_risk", 28, None)
    assert list(BandCrossing.objects.values_list("seq", "from_band", "to_band")) == [(1, "", "at_risk")]


def judged(kpi: Kpi) -> bool:
    return KpiState.objects.filter(kpi=kpi, dirty_since=None, band="at_risk").exists()


def test_a_worker_killed_with_all_its_children_in_the_middle_of_a_pull_loses_and_doubles_nothing(
    worker_of: Callable[..., Worker], tmp_path: Path
) -> None:
    _, kpi = a_source_with_weeks(tmp_path)
    with nobody_notes_refusals():
        first = worker_of("first", beat=True)
        eventually(waits_for_lock, "a pull that has written its values")
        first.kill()
    assert not Measurement.objects.exists()
    assert Pull.objects.get().state == "running"
    worker_of("second", beat=True)
    eventually(lambda: judged(kpi), "the pull applied by the new worker, and judged")
    assert_applied_once(kpi, attempts=2)


def test_a_pool_child_killed_in_the_middle_of_a_pull_is_replaced_and_the_pull_is_ended(
    worker_of: Callable[..., Worker], broker: Broker, tmp_path: Path
) -> None:
    _, kpi = a_source_with_weeks(tmp_path)
    worker = worker_of().ready()
    with nobody_notes_refusals():
        broker.send("kpis.tasks.tick")
        eventually(waits_for_lock, "a pull that has written its values")
        os.kill(worker.pool_child(), signal.SIGKILL)
    # The task comes back at once, and finds its pull in nobody's hands.
    eventually(lambda: judged(kpi), "the pull applied by the new child, and judged")
    assert_applied_once(kpi, attempts=2)


def test_a_pull_asked_for_five_times_at_once_is_applied_once(
    worker_of: Callable[..., Worker], broker: Broker, tmp_path: Path
) -> None:
    source, kpi = a_source_with_weeks(tmp_path)
    worker = worker_of(concurrency=4).ready()
    slot = timezone.now().isoformat()
    with nobody_notes_refusals():
        for _ in range(5):
            broker.send("kpis.tasks.pull_source", source.pk, slot, queue="pull")
        eventually(waits_for_lock, "a pull that has written its values")
        worker.says(f"of source {source.pk}: running", times=4)
    eventually(lambda: judged(kpi), "the pull applied and judged")
    assert_applied_once(kpi, attempts=1)
    assert worker.said().count("raised") == 0


def test_a_worker_that_is_told_to_stop_ends_its_pull_and_leaves_the_rest_to_the_next_one(
    worker_of: Callable[..., Worker], tmp_path: Path
) -> None:
    _, kpi = a_source_with_weeks(tmp_path)
    old = worker_of("old", beat=True)
    assert old.running is not None
    with nobody_notes_refusals():
        eventually(waits_for_lock, "a pull that has written its values")
        os.kill(old.running.pid, signal.SIGTERM)
        old.says("Warm shutdown")
        assert old.running.poll() is None
    assert old.running.wait(timeout=30) == 0
    assert Pull.objects.get().state == "applied"
    worker_of("new", beat=True)
    eventually(lambda: judged(kpi), "the values judged by the new worker")
    assert_applied_once(kpi, attempts=1)


def test_two_clocks_that_ring_at_once_have_the_effect_of_one(worker_of: Callable[..., Worker], tmp_path: Path) -> None:
    _, kpi = a_source_with_weeks(tmp_path)
    workers = [worker_of("one", beat=True), worker_of("two", beat=True)]
    eventually(lambda: judged(kpi), "the pull applied and judged")
    for worker in workers:
        worker.says("kpis.tasks.tick", times=3)
    assert_applied_once(kpi, attempts=1)
    assert not [worker.said() for worker in workers if "raised" in worker.said()]
