"""Four eyes: values that wait for the approval of somebody else, and what is decided about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q

from kpiplatform.accounts.models import User
from kpis.models import EntryRules, Kpi, ProposedValue
from kpis.queries import enters_values_of
from kpis.readings import Conflict, Origin, PeriodLocked, Reading, Recorded
from kpis.services import notes
from kpis.services.asking import Answered, Entry, Key
from kpis.services.locking import ensure_states, lock_states
from kpis.services.recording import locked_periods, record_measurements, refuse_conflicts
from kpis.signals import values_proposed

WAITING, APPROVED = ProposedValue.Outcome.WAITING, ProposedValue.Outcome.APPROVED
REJECTED, REPLACED = ProposedValue.Outcome.REJECTED, ProposedValue.Outcome.REPLACED
WITHDRAWN = ProposedValue.Outcome.WITHDRAWN
SAID = ("value", "numerator", "denominator", "state", "reason")


class AlreadyDecided(Exception):
    """Somebody decided about the value, or replaced it, meanwhile; nothing was written."""


def needs_approval(kpi: Kpi, user: User, rules: EntryRules, *, today: date) -> bool:
    """Return whether what `user` enters waits: the owner's own values do only if the organisation says so.

    What people enter who do not answer for the KPI always waits.
    """
    if not enters_values_of(user, kpi, today=today):
        return True
    return kpi.needs_approval and (user.pk != kpi.owner_id or rules.owner_needs_approval)


def refuse_unseen_proposals(*, entries: Sequence[Entry], user: User) -> None:
    """Raise Conflict for an entry that would replace a waiting value of another person that `user` did not see.

    The caller holds the state rows of the KPIs.
    """
    waiting = _waiting([entry.key for entry in entries])
    for entry in entries:
        other = waiting.get(entry.key)
        if other is not None and other.entered_by_id != user.pk and other.pk != entry.seen_proposed:
            raise Conflict(
                kpi_id=entry.kpi.pk,
                period_start=entry.period.start,
                seq=entry.expected_seq,
                proposed_id=other.pk,
            )


def propose(
    *, entries: Sequence[Entry], said: Mapping[Key, Answered], origins: Mapping[Key, Origin], user: User, now: datetime
) -> None:
    """Let the entries wait for approval, each in place of the one that waited before; the same again changes nothing.

    The caller holds the state rows of the KPIs. Raises Conflict or PeriodLocked.
    """
    if not entries:
        return
    refuse_conflicts({entry.key: entry.expected_seq for entry in entries})
    locked = locked_periods(readings=[said[entry.key].reading for entry in entries], now=now)
    if locked:
        raise PeriodLocked(locked)
    waiting = _waiting([entry.key for entry in entries])
    rows = [_proposed(entry, said[entry.key].reading, origins[entry.key], user, now) for entry in entries]
    new = [row for row in rows if not _says_the_same(waiting.get((row.kpi_id, row.period_start)), row)]
    replace_waiting(keys=[(row.kpi_id, row.period_start) for row in new], by=user, now=now)
    ProposedValue.objects.bulk_create(new)
    values_proposed.send(sender=None, proposed=new, now=now)


def replace_waiting(*, keys: Sequence[Key], by: User, now: datetime) -> None:
    """Note of what waits for these KPIs and periods that another value took its place."""
    ProposedValue.objects.filter(_at(keys), outcome=WAITING).update(outcome=REPLACED, decided_by=by, decided_at=now)


def approve(*, proposed_id: int, seq: int, user: User, now: datetime) -> Recorded:
    """Store a waiting value as the person entered it, with their explanation; `user` has approved it.

    `seq` is the revision of the period that `user` saw beside it. Raises AlreadyDecided, Conflict or PeriodLocked.
    The database refuses the approval of one's own value.
    """
    with transaction.atomic():
        row = _held(proposed_id)
        if row.cause and row.recovery_on is not None:
            notes.explain(
                kpi=row.kpi,
                period_start=row.period_start,
                cause=row.cause,
                action=row.action,
                recovery_on=row.recovery_on,
                author=row.entered_by,
                now=now,
            )
        _decide(row, APPROVED, user, now)
        return record_measurements(
            readings=[_reading(row)],
            origin=Origin(
                kind=row.kind,
                note=row.note,
                user_id=row.entered_by_id,
                approved_by_id=user.pk,
                unusual_by=row.unusual_by,
            ),
            now=now,
            expected_seq={(row.kpi_id, row.period_start): seq},
        )


def reject(*, proposed_id: int, reason: str, user: User, now: datetime) -> None:
    """Refuse a waiting value for a reason that its author reads. Raises AlreadyDecided."""
    with transaction.atomic():
        _decide(_held(proposed_id), REJECTED, user, now, reason=reason)


def withdraw(*, proposed_id: int, user: User, now: datetime) -> None:
    """Take back a value of one's own that waits; nobody has to decide about it then. Raises AlreadyDecided."""
    with transaction.atomic():
        row = _held(proposed_id)
        if row.entered_by_id != user.pk:
            raise AlreadyDecided
        _decide(row, WITHDRAWN, user, now)


def _held(proposed_id: int) -> ProposedValue:
    """Return the waiting value, with the state row of its KPI held as every writer of values does."""
    kpi_id = ProposedValue.objects.values_list("kpi_id", flat=True).get(pk=proposed_id)
    ensure_states(kpi_ids=[kpi_id])
    lock_states(kpi_ids=[kpi_id])
    row = ProposedValue.objects.select_related("kpi", "entered_by").get(pk=proposed_id)
    if row.outcome != WAITING:
        raise AlreadyDecided
    return row


def _decide(row: ProposedValue, outcome: str, user: User, now: datetime, *, reason: str = "") -> None:
    row.outcome, row.decided_by, row.decided_at, row.decision_reason = outcome, user, now, reason
    row.save(update_fields=["outcome", "decided_by", "decided_at", "decision_reason"])


def _waiting(keys: Sequence[Key]) -> dict[Key, ProposedValue]:
    rows = ProposedValue.objects.filter(_at(keys), outcome=WAITING)
    return {(row.kpi_id, row.period_start): row for row in rows}


def _at(keys: Sequence[tuple[int, date]]) -> Q:
    wanted = Q(pk__in=[])
    for kpi_id, start in keys:
        wanted |= Q(kpi_id=kpi_id, period_start=start)
    return wanted


def _says_the_same(before: ProposedValue | None, row: ProposedValue) -> bool:
    if before is None:
        return False
    names = (*SAID, "note", "cause", "action", "recovery_on", "entered_by_id")
    return all(getattr(before, name) == getattr(row, name) for name in names)


def _proposed(entry: Entry, reading: Reading, origin: Origin, user: User, now: datetime) -> ProposedValue:
    told = entry.explanation
    return ProposedValue(
        kpi=entry.kpi,
        period_start=reading.period_start,
        period_end=reading.period_end,
        **{name: getattr(reading, name) for name in SAID},
        kind=origin.kind,
        note=origin.note,
        unusual_by=origin.unusual_by,
        cause=told.cause if told else "",
        action=told.action if told else "",
        recovery_on=told.recovery_on if told else None,
        entered_by=user,
        entered_at=now,
    )


def _reading(row: ProposedValue) -> Reading:
    return Reading(
        kpi_id=row.kpi_id,
        period_start=row.period_start,
        period_end=row.period_end,
        **{name: getattr(row, name) for name in SAID},
    )
