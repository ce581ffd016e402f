"""Evaluating the latest period of all KPIs by real workers behind a real broker."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.cases.evaluating import check_evaluations, store_in_one_statement
from benchmarks.load import Load, bring_week
from benchmarks.measuring import Result, Rounds, Stopwatch
from benchmarks.worker import QUEUE, wait_until, working
from kpis.models import KpiState
from kpis.receivers import KPIS_PER_TASK
from kpis.services.judging import judge
from kpis.tasks import evaluate_kpis

REACH = {1: 1.5, 2: 1.0}


def evaluate_by_workers(load: Load, rounds: Rounds) -> Iterator[Result]:
    """Compare one worker process, then two, with the one statement, and with the same work without Celery."""
    batches = -(-load.size // KPIS_PER_TASK)
    for processes, reach in REACH.items():
        with working(processes):
            _evaluate(load)  # each process loads the code at its first task
            limit, here, seconds = rounds.alternate(
                f"celery {processes}",
                lambda: store_in_one_statement(load),
                lambda: _judge_here(load),
                lambda: _evaluate(load),
            )
        for versus, compared in (
            ("one statement that computes and stores the bands", limit),
            ("the same judgement, called without Celery", here),
        ):
            yield Result(
                case=f"bands with all that follows by Celery, {processes} process{'es' if processes > 1 else ''}",
                versus=versus,
                reach=reach,
                product=seconds,
                limit=compared,
                note=f"{batches} task{'s' if batches > 1 else ''}",
            )


def _judge_here(load: Load) -> float:
    bring_week(load)
    watch = Stopwatch()
    with watch:
        judge(kpi_ids=load.kpi_ids, now=load.now)
    check_evaluations(load.kpi_ids, load.last, load.size)
    return watch.seconds


def _evaluate(load: Load) -> float:
    ids = list(load.kpi_ids)
    bring_week(load)
    watch = Stopwatch()
    with watch:
        for start in range(0, len(ids), KPIS_PER_TASK):
            evaluate_kpis.apply_async((ids[start : start + KPIS_PER_TASK],), queue=QUEUE)
        wait_until(nothing_is_owed)
    check_evaluations(ids, load.last, load.size)
    return watch.seconds


def nothing_is_owed() -> bool:
    """Return whether every value is judged."""
    return not KpiState.objects.filter(dirty_since__isnull=False).exists()
