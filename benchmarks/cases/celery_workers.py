"""Evaluating the latest period of all KPIs by real workers behind a real broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.cases.evaluating import check_evaluations, store_in_one_statement
from benchmarks.load import Load, bring_week
from benchmarks.measuring import CheckFailed, Result, Rounds, Stopwatch
from kpiplatform.celery import app
from kpis.models import KpiState
from kpis.receivers import KPIS_PER_TASK
from kpis.tasks import evaluate_kpis

QUEUE = f"bench-{os.getpid()}"
PATIENCE = 120.0
REACH = {1: 1.5, 2: 1.0}


def evaluate_by_workers(load: Load, rounds: Rounds) -> Iterator[Result]:
    """Compare one worker process, then two, with the one statement."""
    batches = -(-load.size // KPIS_PER_TASK)
    for processes, reach in REACH.items():
        with _worker(processes):
            _evaluate(load)  # each process loads the code at its first task
            limit, seconds = rounds.alternate(
                f"celery {processes}", lambda: store_in_one_statement(load), lambda: _evaluate(load)
            )
        yield Result(
            case=f"bands with all that follows by Celery, {processes} process{'es' if processes > 1 else ''}",
            versus="one statement that computes and stores the bands",
            reach=reach,
            product=seconds,
            limit=limit,
            note=f"{batches} task{'s' if batches > 1 else ''}",
        )


def _evaluate(load: Load) -> float:
    ids = list(load.kpi_ids)
    bring_week(load)
    watch = Stopwatch()
    with watch:
        for start in range(0, len(ids), KPIS_PER_TASK):
            evaluate_kpis.apply_async((ids[start : start + KPIS_PER_TASK],), queue=QUEUE)
        _wait_until_judged()
    check_evaluations(ids, load.last, load.size)
    return watch.seconds


def _wait_until_judged() -> None:
    deadline = time.monotonic() + PATIENCE
    while KpiState.objects.filter(dirty_since__isnull=False).exists():
        if time.monotonic() > deadline:
            raise CheckFailed(f"The workers did not finish within {PATIENCE:.0f} seconds.")
        time.sleep(0.005)


@contextmanager
def _worker(processes: int) -> Iterator[None]:
    """Run a worker that listens to nothing but the tasks of this process."""
    with tempfile.TemporaryDirectory(prefix="kpi-bench-") as folder:
        log = Path(folder) / "worker.log"
        command = [sys.executable, "-m", "celery", "-A", "kpiplatform", "worker", "--loglevel", "INFO"]
        command += ["--concurrency", str(processes), "--queues", QUEUE, "--hostname", f"{QUEUE}@localhost"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        with log.open("wb") as output:
            worker = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        try:
            _wait_until_ready(worker, log)
            yield
        finally:
            worker.send_signal(signal.SIGTERM)
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
            with app.connection_for_write() as broker:
                broker.default_channel.queue_purge(QUEUE)


def _wait_until_ready(worker: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while " ready." not in (said := log.read_text(errors="replace")):
        if worker.poll() is not None or time.monotonic() > deadline:
            raise CheckFailed(f"The worker did not start; its log ends with: {said[-500:]}")
        time.sleep(0.05)
