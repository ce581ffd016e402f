"""Judging values: limits in force, score and band per period, the state of each KPI, the roll-up of its objective."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import islice

from django.db import connection, transaction

from kpis.bulk import EvaluationRow, store_evaluations
from kpis.domain.judged import Valued, judge_periods
from kpis.domain.periods import Calendar, fiscal_year_start
from kpis.models import Kpi, KpiState
from kpis.queries import calendars, fiscal_years_of, rules_of
from kpis.services.rolling import roll_up_objectives
from kpis.services.stating import refresh_states
from kpis.signals import kpis_judged

BATCH = 1000

VALUES_SINCE = """
SELECT m.kpi_id, m.period_start, m.period_end, m.value, m.state, m.reason
FROM unnest(%s::bigint[], %s::date[]) AS owed(kpi_id, since)
JOIN kpis_measurement m ON m.kpi_id = owed.kpi_id AND m.period_start >= owed.since
ORDER BY m.kpi_id, m.period_start
"""


def judge(*, kpi_ids: Sequence[int], now: datetime, cause: str = "value") -> int:
    """Judge what is owed of the given KPIs and return how many were judged; safe to repeat.

    Writes evaluations that changed, the KPIs' states and the roll-ups, and lets the alerts be noted, a batch of
    1,000 KPIs per transaction (one transaction for all when called inside one).
    """
    count = 0
    ordered = iter(sorted(set(kpi_ids)))
    while batch := list(islice(ordered, BATCH)):
        with transaction.atomic():
            owed = KpiState.objects.select_for_update().filter(kpi_id__in=batch, dirty_since__isnull=False)
            count += _judge_locked(dict(owed.order_by("kpi_id").values_list("kpi_id", "dirty_from")), now, cause)
    return count


def judge_owed(*, now: datetime, limit: int = BATCH) -> int:
    """Judge KPIs that wait for it, as many as are free, until none is left; any number of sweeps may run at once."""
    count = 0
    while True:
        with transaction.atomic():
            owed = (
                KpiState.objects.select_for_update(skip_locked=True)
                .filter(dirty_since__isnull=False)
                .order_by("kpi_id")[:limit]
            )
            batch = dict(owed.values_list("kpi_id", "dirty_from"))
            if not batch:
                return count
            count += _judge_locked(batch, now, "value")


def rejudge(*, kpi_ids: Sequence[int], since: date, now: datetime) -> int:
    """Judge again from `since` on because a target or threshold changed; announces nothing by itself."""
    with transaction.atomic():
        states = KpiState.objects.select_for_update().filter(kpi_id__in=kpi_ids).order_by("kpi_id")
        owed = {kpi_id: min(since, dirty or since) for kpi_id, dirty in states.values_list("kpi_id", "dirty_from")}
        return _judge_locked(owed, now, "edit")


def _judge_locked(owed: Mapping[int, date | None], now: datetime, cause: str) -> int:
    """Judge KPIs whose state rows this transaction holds."""
    if not owed:
        return 0
    kpi_ids = sorted(owed)
    kpis = {kpi.pk: kpi for kpi in Kpi.objects.filter(pk__in=kpi_ids)}
    by_calendar = calendars()
    since = {}
    for kpi_id in kpi_ids:
        kpi, start = kpis[kpi_id], owed[kpi_id] or date.min
        whole_year = kpi.is_cumulative and start > date.min
        since[kpi_id] = fiscal_year_start(start, by_calendar[kpi.calendar_id]) if whole_year else start
    store_evaluations(_evaluations(kpis, since, by_calendar), now=now)
    refresh_states(kpis=kpis, calendars=by_calendar, now=now)
    roll_up_objectives(objective_ids={kpi.objective_id for kpi in kpis.values()}, now=now)
    kpis_judged.send(sender=None, kpi_ids=kpi_ids, judged_from=since, cause=cause, now=now)
    return len(kpi_ids)


def _evaluations(kpis: dict[int, Kpi], since: dict[int, date], by_calendar: dict[int, Calendar]) -> list[EvaluationRow]:
    values: dict[int, list[Valued]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(VALUES_SINCE, [list(since), list(since.values())])
        for kpi_id, *valued in cursor.fetchall():
            values[kpi_id].append(Valued(*valued))
    rules = rules_of(list(kpis.values()))
    return [
        (kpi_id, *judged)
        for kpi_id, rows in values.items()
        for judged in judge_periods(rows, rules[kpi_id], fiscal_years=fiscal_years_of(kpis[kpi_id], rows, by_calendar))
    ]
