"""The weekly tick: every KPI gets a value; crossings and deliveries follow."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from alerts.models import Announcement, BandCrossing, Delivery
from benchmarks.cases.evaluating import check_evaluations
from benchmarks.load import VALUE, WEEK, Load
from benchmarks.measuring import Result, Rounds, Stopwatch, check
from benchmarks.sql_meter import metered
from kpis.readings import Origin, Reading
from kpis.services.judging import judge
from kpis.services.recording import record_measurements

BATCH = 1000
NEW = f"SELECT k.id, {VALUE} FROM kpis_kpi k, (VALUES (%(week)s)) AS w(n) ORDER BY k.id"

# A weekly KPI is confirmed by one period: where two weeks differ, the band was crossed. Its owner is told that it got
# worse, and that it got better if told of the need before.
CROSSED = """
SELECT count(*), count(*) FILTER (
    WHERE (e.band = 'off_track' AND o.band <> 'off_track') OR (e.band = 'at_risk' AND o.band = 'on_track')
       OR e.kpi_id = ANY(%(told)s))
FROM kpis_evaluation e JOIN kpis_evaluation o ON o.kpi_id = e.kpi_id AND o.period_start = %(before)s
WHERE e.period_start = %(week)s AND e.band <> o.band
"""


def weekly_tick(load: Load, rounds: Rounds) -> Iterator[Result]:
    """Compare a week from its values to the deliveries owed with the sum of its own statements."""
    owed = 0
    origin = Origin(kind="upload", user_id=load.person("area").pk)
    statements: list[float] = []

    def tick() -> float:
        nonlocal owed
        load.next_week()
        readings = _readings(load)
        crossings, deliveries = BandCrossing.objects.count(), Delivery.objects.count()
        told = list(Announcement.objects.filter(told_at__isnull=False).values_list("kpi_id", flat=True))
        watch = Stopwatch()
        with metered() as meter, watch:
            for batch in range(0, len(readings), BATCH):
                part = readings[batch : batch + BATCH]
                recorded = record_measurements(readings=part, origin=origin, now=load.now, judge=False)
                judge(kpi_ids=recorded.kpi_ids, now=load.now)
        statements.append(meter.seconds)
        check_evaluations(load.kpi_ids, load.last, load.size)
        with connection.cursor() as cursor:
            cursor.execute(CROSSED, {"told": told, "before": load.last - WEEK, "week": load.last})
            crossed, to_tell = cursor.fetchone()
        check(BandCrossing.objects.count() - crossings, crossed, "crossings")
        owed = Delivery.objects.count() - deliveries
        check(owed, to_tell, "deliveries to the owners")
        return watch.seconds

    (seconds,) = rounds.alternate("tick", tick)
    yield Result(
        case=f"weekly tick: {load.size:,} values → crossings → deliveries",
        versus="the sum of its statements",
        reach=2.0,
        product=seconds,
        limit=tuple(statements),
        note=f"{owed} deliveries in the last",
    )


def _readings(load: Load) -> list[Reading]:
    start = load.last
    with connection.cursor() as cursor:
        cursor.execute(NEW, {"week": load.weeks - 1})
        return [
            Reading(kpi_id=kpi_id, period_start=start, period_end=start + WEEK, value=value)
            for kpi_id, value in cursor.fetchall()
        ]
