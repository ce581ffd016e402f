"""Judging values: limits in force, score and band per period, the state of each KPI, the roll-up of its objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import islice

from django.db import transaction

from kpis.domain.periods import fiscal_year_start
from kpis.models import Kpi, KpiState
from kpis.queries import calendars
from kpis.services.evaluating import Owed, evaluate
from kpis.services.rolling import roll_up_objectives
from kpis.services.stating import refresh_states
from kpis.signals import kpis_judged

BATCH = 1000


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


def _judge_locked(dirty: Mapping[int, date | None], now: datetime, cause: str) -> int:
    """Judge KPIs whose state rows this transaction holds."""
    if not dirty:
        return 0
    by_calendar = calendars()
    kpis = Kpi.objects.filter(pk__in=dirty).order_by("pk")
    owed, objective_ids = [], set()
    for kpi_id, calendar_id, is_cumulative, objective_id in kpis.values_list(
        "pk", "calendar_id", "is_cumulative", "objective_id"
    ):
        since = dirty[kpi_id] or date.min
        if is_cumulative and since > date.min:
            since = fiscal_year_start(since, by_calendar[calendar_id])
        owed.append(Owed(kpi_id, since, calendar_id, is_cumulative))
        objective_ids.add(objective_id)
    judged_from = {row.kpi_id: row.since for row in owed}
    evaluate(owed=owed, calendars=by_calendar, now=now)
    refresh_states(judged_from=judged_from, calendars=by_calendar, now=now)
    kpis_judged.send(sender=None, kpi_ids=list(judged_from), judged_from=judged_from, cause=cause, now=now)
    # Last, since what lies above the objectives of two batches is the same: it is held for the shortest time.
    roll_up_objectives(objective_ids=objective_ids, now=now)
    return len(owed)
