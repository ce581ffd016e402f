"""Judging values: limits in force, score and band per period, the state of each KPI, the roll-up of its objective."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import batched
from typing import NamedTuple

from django.db import connection, transaction

from kpis.almanac import almanac
from kpis.bulk import BY_KEY, as_array
from kpis.domain.periods import first_of_year
from kpis.services.evaluating import Owed, evaluate
from kpis.services.rolling import Standing, roll_up_judged
from kpis.services.stating import refresh_states
from kpis.signals import kpis_judged

BATCH = 1000


# What is judged, with the state rows held in ascending order, so that judges of overlapping sets never deadlock.
OWED = f"""
SELECT s.kpi_id, s.dirty_from, k.calendar_id, k.frequency, k.is_cumulative, k.objective_id
FROM {BY_KEY}, kpis_kpistate s JOIN kpis_kpi k ON k.id = s.kpi_id
WHERE {{which}}
ORDER BY s.kpi_id {{some}} FOR UPDATE OF s {{waiting}}
"""
OF_THESE = OWED.format(which="s.kpi_id = ANY(%s) AND s.dirty_since IS NOT NULL", some="", waiting="")
OF_ANY = OWED.format(which="s.dirty_since IS NOT NULL", some="LIMIT %s", waiting="SKIP LOCKED")
THESE = OWED.format(which="s.kpi_id = ANY(%s)", some="", waiting="")


class Dirty(NamedTuple):
    """A KPI to be judged, and from which period on: None is from the beginning."""

    kpi_id: int
    since: date | None
    calendar_id: int
    frequency: str
    is_cumulative: bool
    objective_id: int


def judge(*, kpi_ids: Sequence[int], now: datetime, cause: str = "value") -> int:
    """Judge what is owed of the given KPIs and return how many were judged; safe to repeat.

    Writes evaluations that changed, the KPIs' states and the roll-ups, and lets the alerts be noted, a batch of
    1,000 KPIs per transaction (one transaction for all when called inside one).
    """
    count = 0
    for batch in batched(sorted(set(kpi_ids)), BATCH):
        with transaction.atomic():
            count += _judge_locked(_locked(OF_THESE, as_array(batch)), now, cause)
    return count


def judge_owed(*, now: datetime, limit: int = BATCH) -> int:
    """Judge KPIs that wait for it, as many as are free, until none is left; any number of sweeps may run at once."""
    count = 0
    while True:
        with transaction.atomic():
            judged = _judge_locked(_locked(OF_ANY, limit), now, "value")
        if not judged:
            return count
        count += judged


def rejudge(*, kpi_ids: Sequence[int], since: date, now: datetime) -> int:
    """Judge again from `since` on because a target or threshold changed; announces nothing by itself."""
    with transaction.atomic():
        dirty = _locked(THESE, as_array(kpi_ids))
        return _judge_locked([row._replace(since=min(since, row.since or since)) for row in dirty], now, "edit")


def _locked(statement: str, which: str | int) -> list[Dirty]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [which])
        return [Dirty(*row) for row in cursor.fetchall()]


def _judge_locked(dirty: Sequence[Dirty], now: datetime, cause: str) -> int:
    """Judge KPIs whose state rows this transaction holds."""
    if not dirty:
        return 0
    days = almanac()
    owed = []
    for row in dirty:
        since = row.since or date.min
        if row.is_cumulative and since > date.min:
            since = first_of_year(since, row.frequency, days.calendars[row.calendar_id])
        owed.append(Owed(row.kpi_id, since, row.calendar_id, row.is_cumulative))
    judged_from = {row.kpi_id: row.since for row in owed}
    evaluate(owed=owed, calendars=days.calendars, now=now, judged_before=cause == "edit")
    stated = refresh_states(judged_from=judged_from, almanac=days, now=now)
    kpis_judged.send(
        sender=None, kpi_ids=list(judged_from), judged_from=judged_from, cause=cause, almanac=days, now=now
    )
    # Last, since what lies above the objectives of two batches is the same: it is held for the shortest time.
    standings = [Standing(row.kpi_id, row.objective_id, *stated[row.kpi_id]) for row in dirty]
    roll_up_judged(standings=standings, now=now)
    return len(dirty)
