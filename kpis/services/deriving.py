"""Computing what derived KPIs owe: inputs before what they feed, each period once, by the formula that holds for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from kpis.calculations import Version, Wanted, calculations, version_in_force, versions_of
from kpis.domain.formula.affected import periods_reached
from kpis.domain.formula.deriving import Outcome, derive
from kpis.domain.formula.graph import ranks
from kpis.domain.formula.series import Span
from kpis.domain.formula.tree import Term, terms
from kpis.domain.parsing import to_storage
from kpis.domain.periods import DAY, Calendar, Period, periods_between
from kpis.models import Kpi, KpiInput, Measurement, OwedDerivation
from kpis.queries import calendars
from kpis.readings import PROVISIONAL, REPORTED, Origin, Reading
from kpis.services.locking import ensure_states, lock_states
from kpis.services.recording import locked_periods, record_measurements
from objectives.queries import organisations_day

DERIVED = "derived"
# One at a time computes what is owed: else two could store what they read in another order than they read it.
DERIVATION = 7_361_402
BATCH = 200


def derive_owed(*, now: datetime) -> int:
    """Compute what is owed until nothing is, and return how many values changed. Safe to repeat and to interrupt.

    A batch is the KPIs that nothing owed stands below, in one transaction. Periods that are locked and would change
    stay owed until they are open again. Does nothing while another is at it.
    """
    today = organisations_day(now)
    _release_unlocked(now)
    changed = 0
    while True:
        with transaction.atomic():
            kpi_ids = _next_batch(today) if _is_alone() else []
            if not kpi_ids:
                return changed
            changed += _derive(kpi_ids, today, now)


def _is_alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [DERIVATION])
        row = cursor.fetchone()
    return bool(row and row[0])


def _owed(today: date) -> QuerySet[OwedDerivation]:
    return OwedDerivation.objects.filter(Q(due_on=None) | Q(due_on__lte=today), waits_for_lock=False)


def _next_batch(today: date) -> list[int]:
    """Return the KPIs that owe values and are computed from nothing that owes any, some of them if they are many."""
    owing = list(_owed(today).order_by("kpi_id").values_list("kpi_id", flat=True).distinct())
    if not owing:
        return []
    graph: dict[int, list[int]] = defaultdict(list)
    for above, below in KpiInput.objects.values_list("kpi_id", "input_id"):
        graph[above].append(below)
    rank = ranks(graph)
    lowest = min(rank.get(kpi_id, 0) for kpi_id in owing)
    return [kpi_id for kpi_id in owing if rank.get(kpi_id, 0) == lowest][:BATCH]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """The periods of a KPI that one version of its formula computes."""

    kpi: Kpi
    version: Version
    periods: Sequence[Period]


def _derive(kpi_ids: Sequence[int], today: date, now: datetime) -> int:
    rows = list(_owed(today).filter(kpi_id__in=kpi_ids).select_related("input"))
    active = Kpi.objects.filter(pk__in=kpi_ids, status=Kpi.Status.ACTIVE, entry=Kpi.Entry.DERIVED)
    kpis = {kpi.pk: kpi for kpi in active.select_related("calendar")}
    ensure_states(kpi_ids=sorted(kpis))
    lock_states(kpi_ids=sorted(kpis))
    jobs = _jobs(kpis, rows, today)
    found = _computed(jobs, today)
    changed = _recorded(found, now)
    OwedDerivation.objects.filter(pk__in=[row.pk for row in rows]).delete()
    _owe_what_time_changes(found)
    _owe_what_aggregates(found)
    return changed


def _jobs(kpis: Mapping[int, Kpi], rows: Iterable[OwedDerivation], today: date) -> list[_Job]:
    """Return what has to be computed: for each KPI the periods that are owed, by the version that holds for them."""
    by_calendar, versions = calendars(), versions_of(kpis)
    periods: dict[int, dict[date, Period]] = defaultdict(dict)
    for row in rows:
        if row.kpi_id in kpis:
            kpi = kpis[row.kpi_id]
            periods[kpi.pk] |= _owed_periods(kpi, row, versions[kpi.pk], by_calendar[kpi.calendar_id], today)
    jobs = []
    for kpi_id, owed in periods.items():
        by_version: dict[int, list[Period]] = defaultdict(list)
        known = {version.number: version for version in versions[kpi_id]}
        for start in sorted(owed):
            version = version_in_force(versions[kpi_id], start)
            if version is not None:
                by_version[version.number].append(owed[start])
        jobs += [_Job(kpi=kpis[kpi_id], version=known[number], periods=of) for number, of in by_version.items()]
    return jobs


def _owed_periods(
    kpi: Kpi, row: OwedDerivation, versions: Sequence[Version], calendar: Calendar, today: date
) -> dict[date, Period]:
    if row.input is None:
        until = row.period_end or today + DAY
        found = periods_between(row.period_start, until, kpi.frequency, calendar)
        return {period.start: period for period in found if period.start >= row.period_start}
    assert row.period_end is not None
    referring: list[Term] = [
        term
        for version in versions
        if version.formula is not None
        for term in terms(version.formula)
        if term.code == row.input.code
    ]
    return periods_reached(
        dict.fromkeys(referring), last_day=row.period_end - DAY, frequency=kpi.frequency, calendar=calendar, today=today
    )


def _computed(jobs: Sequence[_Job], today: date) -> list[tuple[_Job, Period, Outcome]]:
    by_calendar = calendars()
    wanted = [
        Wanted(
            formula=job.version.formula,
            missing=job.version.missing,
            calendar=by_calendar[job.kpi.calendar_id],
            spans=[Span.of(period) for period in job.periods],
        )
        for job in jobs
        if job.version.formula is not None
    ]
    return [
        (job, period, derive(calculation, Span.of(period), today=today, bounds=job.version.bounds))
        for job, calculation in zip(jobs, calculations(wanted), strict=True)
        for period in job.periods
    ]


def _recorded(found: Sequence[tuple[_Job, Period, Outcome]], now: datetime) -> int:
    """Record the outcomes that say something, name those behind a lock, and return how many values changed."""
    present = _present(found)
    by_version: dict[int, list[Reading]] = defaultdict(list)
    readings = []
    for job, period, outcome in found:
        reading = _reading(job.kpi.pk, period, outcome)
        key = (reading.kpi_id, reading.period_start)
        # What waits for an input is missing, not recorded as such; unless there was a value, which does not hold now.
        if not (outcome.is_waiting and present.get(key, (None,))[0] is None):
            readings.append((job.version.number, reading))
    locked = set(locked_periods(readings=[reading for _number, reading in readings], now=now))
    for number, reading in readings:
        key = (reading.kpi_id, reading.period_start)
        if key not in locked:
            by_version[number].append(reading)
        elif present.get(key) != (reading.value, reading.state, reading.reason):
            _wait_for_lock(reading)
    changed = 0
    for number, of_version in sorted(by_version.items()):
        origin = Origin(kind=DERIVED, note=str(number))
        recorded = record_measurements(readings=of_version, origin=origin, now=now, judge=False)
        changed += recorded.new + recorded.revised
    return changed


def _reading(kpi_id: int, period: Period, outcome: Outcome) -> Reading:
    return Reading(
        kpi_id=kpi_id,
        period_start=period.start,
        period_end=period.end,
        value=None if outcome.value is None else to_storage(outcome.value),
        state=REPORTED if outcome.is_final else PROVISIONAL,
        reason=outcome.reason,
    )


def _present(found: Sequence[tuple[_Job, Period, Outcome]]) -> dict[tuple[int, date], tuple[object, str, str]]:
    """Return value, state and reason of what is stored for these periods."""
    if not found:
        return {}
    starts = [period.start for _job, period, _outcome in found]
    rows = Measurement.objects.filter(
        kpi_id__in={job.kpi.pk for job, _period, _outcome in found},
        period_start__range=(min(starts), max(starts)),
    )
    return {
        (kpi_id, start): (value, state, reason)
        for kpi_id, start, value, state, reason in rows.values_list(
            "kpi_id", "period_start", "value", "state", "reason"
        )
    }


def _wait_for_lock(reading: Reading) -> None:
    OwedDerivation.objects.get_or_create(
        kpi_id=reading.kpi_id,
        period_start=reading.period_start,
        waits_for_lock=True,
        defaults={"period_end": reading.period_end},
    )


def _release_unlocked(now: datetime) -> None:
    """Let what waited behind a lock be computed where the period is open now."""
    waiting = list(OwedDerivation.objects.filter(waits_for_lock=True))
    if not waiting:
        return
    readings = [
        Reading(
            kpi_id=row.kpi_id, period_start=row.period_start, period_end=row.period_end or row.period_start, value=None
        )
        for row in waiting
    ]
    locked = set(locked_periods(readings=readings, now=now))
    free = [row.pk for row in waiting if (row.kpi_id, row.period_start) not in locked]
    OwedDerivation.objects.filter(pk__in=free).update(waits_for_lock=False)


def _owe_what_time_changes(found: Sequence[tuple[_Job, Period, Outcome]]) -> None:
    """Look again at the periods that are still open on the day on which they, or those of inputs, are over."""
    OwedDerivation.objects.bulk_create(
        [
            OwedDerivation(kpi=job.kpi, period_start=period.start, period_end=period.end, due_on=outcome.changes_on)
            for job, period, outcome in found
            if outcome.changes_on is not None and outcome.value is not None
        ],
        ignore_conflicts=True,
    )


def _owe_what_aggregates(found: Sequence[tuple[_Job, Period, Outcome]]) -> None:
    """A formula over a formula aggregates the inputs of the latter, which can change where its own value does not."""
    aggregated = {job.kpi.pk for job, _period, _outcome in found if job.kpi.time_aggregation == Kpi.Aggregation.FORMULA}
    feeds: dict[int, list[int]] = defaultdict(list)
    for above, below in KpiInput.objects.filter(input__in=aggregated).values_list("kpi_id", "input_id"):
        feeds[below].append(above)
    OwedDerivation.objects.bulk_create(
        OwedDerivation(kpi_id=above, input=job.kpi, period_start=period.start, period_end=period.end)
        for job, period, _outcome in found
        for above in feeds[job.kpi.pk]
    )
