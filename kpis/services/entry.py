"""Values that people type: first values, changes, corrections with a reason, and taking one's own change back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Q

from kpiplatform.accounts.models import User
from kpis.domain.aggregation import ratio
from kpis.domain.entry_checks import EntryRefused, Problem, check_begun, check_range, is_correction, storable
from kpis.domain.periods import Period, period_of
from kpis.models import Kpi, Measurement, MeasurementRevision
from kpis.queries import calendar_of
from kpis.readings import NOT_APPLICABLE, PROVISIONAL, REPORTED, Conflict, Origin, Reading, Recorded
from kpis.services.recording import record_measurements
from kpis.services.undoing import UNDO, said_again
from objectives.queries import organisation

MANUAL, CORRECTION = "manual", "correction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a person says of one period: a value, the two parts of a ratio, or the reason why it does not apply.

    `expected_seq` is the revision the person saw, 0 for none.
    """

    kpi: Kpi
    period: Period
    expected_seq: int
    value: Decimal | None = None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    not_applicable: str = ""
    provisional: bool = False

    @property
    def key(self) -> tuple[int, date]:
        return self.kpi.pk, self.period.start


def enter_measurement(
    *,
    kpi: Kpi,
    period: Period,
    expected_seq: int,
    user: User,
    now: datetime,
    value: Decimal | None = None,
    numerator: Decimal | None = None,
    denominator: Decimal | None = None,
    not_applicable: str = "",
    provisional: bool = False,
    note: str = "",
) -> Recorded:
    """Store what `user` says of one period, judged at once. An open period is provisional whatever is said.

    `note` is the reason: asked for where a value is corrected that others have read, and for every value of a KPI
    that a source feeds. Raises EntryRefused, PeriodLocked or Conflict; nothing is written then.
    """
    entry = Entry(
        kpi=kpi,
        period=period,
        expected_seq=expected_seq,
        value=value,
        numerator=numerator,
        denominator=denominator,
        not_applicable=not_applicable,
        provisional=provisional,
    )
    today = _today(now)
    reading = reading_of(entry, today)
    before = _present([entry]).get(entry.key)
    _refuse_unseen(entry, before)
    reasoned = _needs_reason(reading, before, kpi, today)
    if reasoned and not note:
        raise EntryRefused(Problem.REASON_WANTED)
    kind = CORRECTION if reasoned and before is not None else MANUAL
    return record_measurements(
        readings=[reading],
        origin=Origin(kind=kind, note=note, user_id=user.pk),
        now=now,
        expected_seq={entry.key: expected_seq},
    )


def enter_measurements(*, entries: Sequence[Entry], user: User, now: datetime) -> Recorded:
    """Store many values that need no reason, all or none.

    Raises EntryRefused if one does need a reason, PeriodLocked or Conflict.
    """
    today = _today(now)
    readings = [reading_of(entry, today) for entry in entries]
    present = _present(entries)
    for entry, reading in zip(entries, readings, strict=True):
        _refuse_unseen(entry, present.get(entry.key))
        if _needs_reason(reading, present.get(entry.key), entry.kpi, today):
            raise EntryRefused(Problem.REASON_WANTED)
    return record_measurements(
        readings=readings,
        origin=Origin(kind=MANUAL, user_id=user.pk),
        now=now,
        expected_seq={entry.key: entry.expected_seq for entry in entries},
    )


def take_back(*, kpi: Kpi, period_start: date, seq: int, user: User, now: datetime) -> Recorded:
    """Bring back the value before revision `seq`, which must be the latest one and `user`'s own.

    Raises Conflict if another revision followed or there is none to go back to, PeriodLocked if it may not change.
    """
    revisions = MeasurementRevision.objects.filter(kpi=kpi, period_start=period_start)
    latest = revisions.order_by("-seq").first()
    before = revisions.filter(seq=seq - 1).first()
    if latest is None or before is None or latest.seq != seq or latest.recorded_by_id != user.pk:
        raise Conflict(kpi_id=kpi.pk, period_start=period_start, seq=latest.seq if latest else 0)
    return record_measurements(
        readings=[said_again(before)],
        origin=Origin(kind=UNDO, user_id=user.pk),
        now=now,
        expected_seq={(kpi.pk, period_start): seq},
    )


def takes_parts(kpi: Kpi) -> bool:
    """Return whether the value is entered as numerator and denominator: ratios of sums cannot be rolled up else."""
    return kpi.time_aggregation == Kpi.Aggregation.RATIO_OF_SUMS


def reading_of(entry: Entry, today: date) -> Reading:
    """Return the entry as a reading, or refuse it."""
    kpi, period = entry.kpi, entry.period
    if kpi.entry == Kpi.Entry.DERIVED:
        raise EntryRefused(Problem.DERIVED)
    check_begun(period.start, today=today)
    if entry.not_applicable:
        return Reading(
            kpi_id=kpi.pk,
            period_start=period.start,
            period_end=period.end,
            value=None,
            state=NOT_APPLICABLE,
            reason=entry.not_applicable,
        )
    value, numerator, denominator, reason = _value(entry)
    if value is not None:
        check_range(value, minimum=kpi.minimum, maximum=kpi.maximum)
    provisional = entry.provisional or period.end > today
    return Reading(
        kpi_id=kpi.pk,
        period_start=period.start,
        period_end=period.end,
        value=value,
        numerator=numerator,
        denominator=denominator,
        state=PROVISIONAL if provisional else REPORTED,
        reason=reason,
    )


def _value(entry: Entry) -> tuple[Decimal | None, Decimal | None, Decimal | None, str]:
    """Return value, numerator and denominator as they are stored, and why there is no value."""
    if not takes_parts(entry.kpi):
        if entry.value is None:
            raise EntryRefused(Problem.NOT_A_NUMBER)
        return storable(entry.value), None, None, ""
    if entry.numerator is None or entry.denominator is None:
        raise EntryRefused(Problem.PARTS_WANTED)
    numerator, denominator = storable(entry.numerator), storable(entry.denominator)
    value, reason = ratio(numerator, denominator, entry.kpi.ratio_factor)
    return None if value is None else storable(value), numerator, denominator, reason


def needs_reason(entry: Entry, *, before: Measurement | None, today: date) -> bool:
    """Return whether the entry would be refused without a reason; `before` is the value that stands there.

    Raises EntryRefused if it would be refused in any case.
    """
    return _needs_reason(reading_of(entry, today), before, entry.kpi, today)


def _refuse_unseen(entry: Entry, before: Measurement | None) -> None:
    """A reason is asked for what the person saw; it would explain nothing of what they did not see."""
    seq = before.seq if before is not None else 0
    if seq != entry.expected_seq:
        raise Conflict(kpi_id=entry.kpi.pk, period_start=entry.period.start, seq=seq)


def _needs_reason(reading: Reading, before: Measurement | None, kpi: Kpi, today: date) -> bool:
    if before is not None and _says_the_same(before, reading):
        return False
    if kpi.entry == Kpi.Entry.SOURCE:
        return True
    open_period = period_of(today, kpi.frequency, calendar_of(kpi.calendar))
    state = before.state if before is not None else ""
    return is_correction(state=state, period_end=reading.period_end, latest_closed_end=open_period.start)


def _says_the_same(before: Measurement, reading: Reading) -> bool:
    parts = ("value", "numerator", "denominator", "state", "reason")
    return all(getattr(before, part) == getattr(reading, part) for part in parts)


def _present(entries: Sequence[Entry]) -> dict[tuple[int, date], Measurement]:
    wanted = Q(pk__in=[])
    for entry in entries:
        wanted |= Q(kpi_id=entry.kpi.pk, period_start=entry.period.start)
    return {(row.kpi_id, row.period_start): row for row in Measurement.objects.filter(wanted)}


def _today(now: datetime) -> date:
    """Return the organisation's day: periods begin and end where it is."""
    return now.astimezone(ZoneInfo(organisation().time_zone)).date()
