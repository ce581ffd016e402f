"""The beat's tick, the nudges and the sweep: work that is owed is found, and is found without a broker too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from kombu.exceptions import OperationalError

from kpis import receivers, tasks
from kpis.models import Evaluation, KpiState
from kpis.readings import Origin, Reading
from kpis.services.recording import record_measurements
from tests.factories import a_kpi, limits
from tests.kpis.pulls import NOW, a_mapped_kpi, a_source, lines, write

pytestmark = pytest.mark.django_db
SLOT = datetime(2026, 11, 22, 6, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.KPI_SOURCES_DIR = tmp_path
    return tmp_path


@pytest.fixture
def sent(monkeypatch: Any) -> list[tuple[str, Any]]:
    """The tasks that were put into the queue."""
    queue: list[tuple[str, Any]] = []
    monkeypatch.setattr(tasks.pull_source, "apply_async", lambda args, **how: queue.append(("pull", args)))
    monkeypatch.setattr(receivers.evaluate_kpis, "delay", lambda kpi_ids: queue.append(("evaluate", kpi_ids)))
    return queue


def owe(*kpis: Any) -> None:
    """Record a value of the last closed week for each KPI, and leave its judgement to the workers."""
    week = {"period_start": date(2026, 11, 9), "period_end": date(2026, 11, 16)}
    record_measurements(
        readings=[Reading(kpi_id=kpi.pk, value=Decimal(77), **week) for kpi in kpis],
        origin=Origin(kind="manual", user_id=kpis[0].owner_id),
        now=NOW,
        judge=False,
    )


@time_machine.travel(NOW, tick=False)
def test_a_tick_puts_each_due_pull_into_the_queue_until_it_is_done(folder: Path, sent: list[tuple[str, Any]]) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    write(folder, lines())
    tasks.tick()
    tasks.tick()
    assert sent == [("pull", (source.pk, SLOT.isoformat()))] * 2
    for _, arguments in sent:
        tasks.pull_source(*arguments)
    assert KpiState.objects.get(kpi=kpi).recorded_at == NOW
    sent.clear()
    tasks.tick()
    assert sent == []


def test_values_are_judged_after_the_commit_by_a_task(
    sent: list[tuple[str, Any]], django_capture_on_commit_callbacks: Any
) -> None:
    kpi = a_kpi()
    limits(kpi)
    with django_capture_on_commit_callbacks(execute=True):
        owe(kpi)
        assert sent == []
    assert sent == [("evaluate", [kpi.pk])]
    tasks.evaluate_kpis(*[kpi_ids for _, kpi_ids in sent])
    assert Evaluation.objects.get(kpi=kpi).band == "at_risk"


def test_many_kpis_are_judged_in_several_tasks(sent: list[tuple[str, Any]]) -> None:
    receivers.nudge_evaluation(None, kpi_ids=list(range(2500)))
    assert [len(kpi_ids) for _, kpi_ids in sent] == [1000, 1000, 500]


def test_without_a_broker_the_sweep_judges_what_is_owed(
    monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    def unreachable(*_: Any) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(receivers.evaluate_kpis, "delay", unreachable)
    kpi = a_kpi()
    limits(kpi)
    with django_capture_on_commit_callbacks(execute=True):
        owe(kpi)
    assert KpiState.objects.get(kpi=kpi).dirty_from == date(2026, 11, 9)
    tasks.sweep_evaluations()
    assert KpiState.objects.get(kpi=kpi).dirty_from is None
    assert Evaluation.objects.get(kpi=kpi).band == "at_risk"


@time_machine.travel(NOW + timedelta(days=1), tick=False)
def test_a_tick_notices_that_a_day_has_passed() -> None:
    kpi = a_kpi(active_from=date(2026, 11, 16), reporting_lag_days=0)
    tasks.tick()
    state = KpiState.objects.get(kpi=kpi)
    assert (state.health, state.days_late, state.next_due_on) == ("never", 1, date(2026, 11, 22))
