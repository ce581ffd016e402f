"""Evaluating: the latest period of all KPIs, a few that were touched, and all history after a change of limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from statistics import median

from django.db import connection, transaction

from benchmarks.judging_in_sql import CHECKSUM, EVALUATED_TABLE, JUDGED, STORE_EVALUATIONS
from benchmarks.load import THRESHOLDS, Load, bring_week
from benchmarks.measuring import Result, Rounds, Stopwatch, check, row_versions
from benchmarks.sql_meter import metered
from kpis.models import Kpi
from kpis.queries import calendars
from kpis.services.evaluating import Owed, evaluate
from kpis.services.judging import judge, rejudge

TOUCHED = 50
REJUDGED = 1000  # KPIs in one change of limits
SQL_SECONDS = 0.005

FORGET = "DELETE FROM kpis_evaluation WHERE kpi_id = ANY(%(ids)s) AND period_start >= %(since)s"


def evaluate_latest(load: Load, rounds: Rounds) -> Iterator[Result]:
    """Compare the bands of every KPI's new week, alone and with all that follows, with one INSERT … SELECT.

    And what it costs to be asked again, as by a task that is delivered twice.
    """

    def all_that_follows() -> float:
        bring_week(load)
        watch = Stopwatch()
        with watch:
            judged = judge(kpi_ids=load.kpi_ids, now=load.now)
        check(judged, load.size, "KPIs judged")
        check_evaluations(load.kpi_ids, load.last, load.size)
        return watch.seconds

    def bands() -> float:
        bring_week(load)
        kpis = Kpi.objects.filter(pk__in=load.kpi_ids).order_by("pk").values_list("pk", "calendar_id", "is_cumulative")
        owed = [Owed(pk, load.last, calendar_id, is_cumulative) for pk, calendar_id, is_cumulative in kpis]
        watch = Stopwatch()
        with watch, transaction.atomic():
            stored = evaluate(owed=owed, calendars=calendars(), now=load.now)
        check(stored, load.size, "evaluations stored")
        check_evaluations(load.kpi_ids, load.last, load.size)
        judge(kpi_ids=load.kpi_ids, now=load.now)
        return watch.seconds

    def again() -> float:
        before = row_versions()
        watch = Stopwatch()
        with watch:
            judged = judge(kpi_ids=load.kpi_ids, now=load.now)
        check(judged, 0, "KPIs judged again")
        check(row_versions(), before, "row versions")
        return watch.seconds

    turns = (lambda: store_in_one_statement(load), bands, all_that_follows, again)
    limit, alone, whole, repeated = rounds.alternate("evaluate", *turns)
    for what, seconds, note in (
        ("bands alone", alone, "every rule of limits, stored where it differs"),
        ("bands with all that follows", whole, "states, health, roll-ups, crossings, messages and deliveries too"),
    ):
        yield Result(
            case=f"evaluate the latest week of {load.size:,} KPIs: {what}",
            versus="one statement that computes and stores the bands",
            reach=1.5,
            product=seconds,
            limit=limit,
            note=note,
        )
    yield Result(
        case="evaluate again, nothing changed",
        versus="its own first evaluation",
        reach=0.5,
        product=repeated,
        limit=whole,
        note="no row written",
    )


def store_in_one_statement(load: Load) -> float:
    """Return the seconds of the limit: compute and store the bands of the latest week, which is judged already."""
    latest = _of(load.kpi_ids, load.last)
    watch = Stopwatch()
    with connection.cursor() as cursor:
        cursor.execute(FORGET, latest)
        cursor.execute("VACUUM ANALYZE kpis_evaluation")
        with watch:
            cursor.execute(STORE_EVALUATIONS, latest | {"now": load.now})
        check(cursor.rowcount, load.size, "evaluations stored")
    check_evaluations(load.kpi_ids, load.last, load.size)
    return watch.seconds


def evaluate_touched(load: Load, rounds: Rounds) -> Iterator[Result]:
    """Add up what PostgreSQL works for 50 KPIs that got a value."""
    counts: list[int] = []
    waiting: list[list[int]] = []

    def product() -> float:
        if not waiting:
            bring_week(load)
            step = load.size // TOUCHED
            waiting.extend(list(load.kpi_ids[start::step][:TOUCHED]) for start in range(step))
        ids = waiting.pop()
        with metered() as meter:
            judged = judge(kpi_ids=ids, now=load.now)
        check(judged, TOUCHED, "KPIs judged")
        check_evaluations(ids, load.last, TOUCHED)
        counts.append(meter.count)
        return meter.seconds

    (seconds,) = rounds.alternate("touched", product, times=rounds.times * 5)
    judge(kpi_ids=load.kpi_ids, now=load.now)
    yield Result(
        case=f"{TOUCHED} touched KPIs: seconds of SQL",
        versus="5 ms",
        reach=1.0,
        product=seconds,
        limit=(SQL_SECONDS,) * len(seconds),
        note=f"{median(counts):g} statements",
    )


def rejudge_history(load: Load, rounds: Rounds) -> Iterator[Result]:
    """Compare `rejudge` of all periods with a CREATE TABLE AS of the same bands."""
    ids = load.kpi_ids[:REJUDGED]
    recorded = load.now

    def move_limits() -> datetime:
        nonlocal recorded
        recorded += timedelta(minutes=1)
        with connection.cursor() as cursor:
            shift = 2 if recorded.minute % 2 else 1
            moved = {"first": load.first, "now": recorded, "shift": shift, "last_id": ids[-1]}
            cursor.execute(THRESHOLDS, moved)
        return recorded

    def limit() -> float:
        watch = Stopwatch()
        with transaction.atomic(), connection.cursor() as cursor:
            with watch:
                cursor.execute(EVALUATED_TABLE, _of(ids, load.first))
            check(cursor.rowcount, len(ids) * load.weeks, "rows of the table")
            cursor.execute("DROP TABLE bench_evaluated")
        return watch.seconds

    def product() -> float:
        now = move_limits()
        watch = Stopwatch()
        with watch:
            judged = rejudge(kpi_ids=ids, since=load.first, now=now)
        check(judged, len(ids), "KPIs judged")
        check_evaluations(ids, load.first, len(ids) * load.weeks)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE kpis_evaluation")
        return watch.seconds

    limits, seconds = rounds.alternate("history", limit, product)
    yield Result(
        case=f"re-evaluate {len(ids) * load.weeks:,} periods of {len(ids):,} KPIs after a change of limits",
        versus="CREATE TABLE AS of the same bands",
        reach=4.0,
        product=seconds,
        limit=limits,
    )


def check_evaluations(ids: Sequence[int], since: date, rows: int) -> None:
    """Refuse evaluations that differ from a second computation in SQL."""
    with connection.cursor() as cursor:
        cursor.execute(CHECKSUM.format(table="kpis_evaluation"), _of(ids, since))
        found = cursor.fetchone()
        check(found[0], rows, "evaluations")
        cursor.execute(CHECKSUM.format(table=f"({JUDGED}) AS judged"), _of(ids, since))
        check(found, cursor.fetchone(), "sums of the evaluations")


def _of(ids: Sequence[int], since: date) -> dict[str, object]:
    return {"ids": list(ids), "since": since}
