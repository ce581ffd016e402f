"""Recording values: the one way in for pulls, entries, uploads and corrections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Q

from kpis.bulk import Stored, as_array, store_readings
from kpis.domain.parsing import is_stored, to_storage
from kpis.locks import locks
from kpis.models import Kpi, Measurement, PeriodReopening
from kpis.readings import Conflict, Origin, PeriodLocked, Reading, Recorded
from kpis.services.judging import judge as judge_now
from kpis.services.locking import ensure_states, lock_states
from kpis.services.owing import owe_what_follows
from kpis.signals import measurements_recorded

JUDGED_AT_ONCE = 1000  # more KPIs than this are judged by the workers, batch by batch


class DuplicatePeriod(ValueError):
    """Two readings of one batch are for the same KPI and period; nothing was written."""


def record_measurements(
    *,
    readings: Sequence[Reading],
    origin: Origin,
    now: datetime,
    judge: bool = True,
    expected_seq: Mapping[tuple[int, date], int] | None = None,
) -> Recorded:
    """Store values, evaluate what changed, note confirmed crossings. Safe to repeat: equal values write nothing.

    With `judge=False`, or for more than 1,000 KPIs, the evaluation is left as owed to the workers.
    `expected_seq` names the revision that the writer saw (0: none).

    Raises PeriodLocked with the periods concerned, Conflict if a value was changed since it was seen,
    DuplicatePeriod; nothing is written then.
    """
    clean = _at_the_door(readings)
    kpi_ids = sorted({reading.kpi_id for reading in clean})
    with transaction.atomic():
        ensure_states(kpi_ids=kpi_ids)
        lock_states(kpi_ids=kpi_ids)
        refuse_conflicts(expected_seq or {})
        _refuse_locked(clean, now)
        stored = store_readings(clean, origin=origin, now=now)
        _owe_judgement(stored, now)
        owe_what_follows(stored, now=now)
        changed = [row.kpi_id for row in stored]
        if changed and judge and len(changed) <= JUDGED_AT_ONCE:
            judge_now(kpi_ids=changed, now=now)
        elif changed:
            transaction.on_commit(lambda: measurements_recorded.send(sender=None, kpi_ids=changed), robust=True)
    new, revised = sum(row.new for row in stored), sum(row.revised for row in stored)
    return Recorded(new=new, revised=revised, unchanged=len(clean) - new - revised, kpi_ids=tuple(changed))


def locked_periods(*, readings: Sequence[Reading], now: datetime) -> list[tuple[int, date]]:
    """Return (KPI, period start) of the readings that fall into a locked period without an approved re-opening.

    A lock holds for the KPIs that were there when it was made: one that is made later may bring its history, and is
    closed by the next lock.
    """
    known = locks()
    if not known:
        return []
    kpi_ids = {reading.kpi_id for reading in readings}
    made = Kpi.objects.filter(pk__in=kpi_ids).values_list("pk", "calendar_id", "unit__path", "created_at")
    kpis = {pk: (calendar, path, created_at) for pk, calendar, path, created_at in made}
    open_again = set(
        PeriodReopening.objects.filter(kpi_id__in=kpi_ids, approved_by__isnull=False, expires_at__gt=now).values_list(
            "kpi_id", "period_start"
        )
    )

    def locked(reading: Reading) -> bool:
        calendar, path, made_at = kpis[reading.kpi_id]
        return any(
            reading.period_end <= lock.until and lock.reaches(calendar_id=calendar, path=path, made_at=made_at)
            for lock in known
        )

    keys = ((reading.kpi_id, reading.period_start) for reading in readings if locked(reading))
    return sorted(key for key in keys if key not in open_again)


def _at_the_door(readings: Sequence[Reading]) -> list[Reading]:
    if len({(kpi_id, start) for kpi_id, start, *_rest in readings}) != len(readings):
        raise DuplicatePeriod("two values for the same KPI and period")
    return [_rounded(reading) for reading in readings]


def _rounded(reading: Reading) -> Reading:
    value, numerator, denominator = reading[3:6]
    if numerator is None and denominator is None and (value is None or is_stored(value)):
        return reading  # as sources give them, by the million
    return reading._replace(value=_stored(value), numerator=_stored(numerator), denominator=_stored(denominator))


def _stored(number: Decimal | None) -> Decimal | None:
    return None if number is None else to_storage(number)


def refuse_conflicts(expected: Mapping[tuple[int, date], int]) -> None:
    """Raise Conflict if a value is not at the revision that its writer saw, 0 for none."""
    if not expected:
        return
    wanted = Q(pk__in=[])
    for kpi_id, start in expected:
        wanted |= Q(kpi_id=kpi_id, period_start=start)
    present = {
        (kpi_id, start): seq
        for kpi_id, start, seq in Measurement.objects.filter(wanted).values_list("kpi_id", "period_start", "seq")
    }
    for key, seq in expected.items():
        if present.get(key, 0) != seq:
            raise Conflict(kpi_id=key[0], period_start=key[1], seq=present.get(key, 0))


def _refuse_locked(readings: Sequence[Reading], now: datetime) -> None:
    locked = locked_periods(readings=readings, now=now)
    if locked:
        raise PeriodLocked(locked)


def _owe_judgement(stored: Sequence[Stored], now: datetime) -> None:
    if not stored:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE kpis_kpistate s SET dirty_from = least(s.dirty_from, c.first), dirty_since ="
            " coalesce(s.dirty_since, %s), recorded_at = %s"
            " FROM unnest(%s::bigint[], %s::date[]) AS c(kpi_id, first) WHERE s.kpi_id = c.kpi_id",
            [now, now, as_array(row.kpi_id for row in stored), as_array(row.first_period for row in stored)],
        )
