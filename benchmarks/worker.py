"""A worker of the product that takes only the tasks of this benchmark, and leaves none to anybody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measuring import CheckFailed
from kpiplatform.celery import app

QUEUE = f"bench-{os.getpid()}"
PATIENCE = 120.0
NOTHING: Mapping[str, str] = {}


@contextmanager
def working(processes: int, environment: Mapping[str, str] = NOTHING) -> Iterator[None]:
    """Run a worker with so many processes, which sends what it sends to itself."""
    with tempfile.TemporaryDirectory(prefix="kpi-bench-") as folder:
        log = Path(folder) / "worker.log"
        command = [sys.executable, "-m", "celery", "-A", "benchmarks.apart", "worker", "--loglevel", "INFO"]
        command += ["--concurrency", str(processes), "--queues", QUEUE, "--hostname", f"{QUEUE}@localhost"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        with log.open("wb") as output:
            worker = subprocess.Popen(
                command,
                env={**os.environ, **environment, "KPI_BENCH_QUEUE": QUEUE},
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )
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
            forget_tasks()


def wait_until(done: Callable[[], bool]) -> None:
    """Look every few milliseconds whether the workers are done."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise CheckFailed(f"The workers did not finish within {PATIENCE:.0f} seconds.")
        time.sleep(0.005)


def forget_tasks() -> None:
    """Take back what nobody took."""
    with app.connection_for_write() as broker:
        broker.default_channel.queue_purge(QUEUE)


def _wait_until_ready(worker: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while " ready." not in (said := log.read_text(errors="replace")):
        if worker.poll() is not None or time.monotonic() > deadline:
            raise CheckFailed(f"The worker did not start; its log ends with: {said[-500:]}")
        time.sleep(0.05)
