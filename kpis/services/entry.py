"""Values that people type: first values, changes, corrections with a reason, and taking one's own change back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from kpiplatform.accounts.models import User
from kpis.domain.entry_checks import EntryRefused
from kpis.domain.periods import Period
from kpis.models import Kpi, MeasurementRevision
from kpis.queries import entry_rules
from kpis.readings import Conflict, Origin, Recorded
from kpis.services import notes
from kpis.services.asking import Answered, Entry, Explanation, Key, answered, takes_parts
from kpis.services.keeping import drop_kept
from kpis.services.locking import ensure_states, lock_states
from kpis.services.proposing import needs_approval, propose, refuse_unseen_proposals, replace_waiting
from kpis.services.recording import record_measurements, refuse_conflicts
from kpis.services.undoing import UNDO, said_again
from objectives.queries import organisations_day

__all__ = ["Entry", "Explanation", "enter_measurement", "enter_measurements", "take_back", "takes_parts"]
MANUAL, UPLOAD, CORRECTION = "manual", "upload", "correction"


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
    sure: bool = False,
    explanation: Explanation | None = None,
    seen_proposed: int = 0,
) -> Recorded:
    """Store what `user` says of one period; see `enter_measurements`."""
    entry = Entry(
        kpi=kpi,
        period=period,
        expected_seq=expected_seq,
        value=value,
        numerator=numerator,
        denominator=denominator,
        not_applicable=not_applicable,
        provisional=provisional,
        note=note,
        sure=sure,
        explanation=explanation,
        seen_proposed=seen_proposed,
    )
    return enter_measurements(entries=[entry], user=user, now=now)


def enter_measurements(*, entries: Sequence[Entry], user: User, now: datetime, kind: str = MANUAL) -> Recorded:
    """Store what `user` says of periods, judged at once, all or none. An open period is provisional whatever is said.

    An entry's note is its reason: asked for where a value is corrected that others have read, and for every value of
    a KPI that a source feeds. Where the KPI needs an approval, the value waits for it.
    Raises EntryRefused, also for what is still asked of an entry, PeriodLocked or Conflict; nothing is written then.
    """
    # What is asked is about what the person saw; it would explain nothing of what they did not see.
    refuse_conflicts({entry.key: entry.expected_seq for entry in entries})
    today = organisations_day(now)
    said = answered(entries, today=today)
    for one in said.values():
        if one.question is not None:
            raise EntryRefused(one.question, move=one.move)
    rules = entry_rules()
    changes = [entry for entry in entries if said[entry.key].is_change]
    waits = {entry.key: needs_approval(entry.kpi, user, rules, today=today) for entry in changes}
    waiting = [entry for entry in changes if waits[entry.key]]
    direct = [entry for entry in changes if not waits[entry.key]]
    kpi_ids = sorted({entry.kpi.pk for entry in entries})
    with transaction.atomic():
        ensure_states(kpi_ids=kpi_ids)
        lock_states(kpi_ids=kpi_ids)
        refuse_unseen_proposals(entries=entries, user=user)
        origins = {entry.key: _origin(entry, said[entry.key], user, kind) for entry in entries}
        propose(entries=waiting, said=said, origins=origins, user=user, now=now)
        replace_waiting(keys=[entry.key for entry in direct], by=user, now=now)
        drop_kept(keys=[entry.key for entry in entries], user=user)
        for entry in direct:
            if entry.explanation is not None:
                _explain(entry, entry.explanation, author=user, now=now)
        recorded = [
            record_measurements(
                readings=[said[entry.key].reading for entry in alike],
                origin=origin,
                now=now,
                expected_seq={entry.key: entry.expected_seq for entry in alike},
            )
            for origin, alike in _by_origin(direct, origins).items()
        ]
    return Recorded(
        new=sum(one.new for one in recorded),
        revised=sum(one.revised for one in recorded),
        unchanged=len(entries) - len(changes) + sum(one.unchanged for one in recorded),
        kpi_ids=tuple(sorted({kpi_id for one in recorded for kpi_id in one.kpi_ids})),
        waiting=len(waiting),
    )


def take_back(*, kpi: Kpi, period_start: date, seq: int, user: User, now: datetime) -> Recorded:
    """Bring back the value before revision `seq`, which must be the latest one and `user`'s own.

    Raises Conflict if another revision followed, there is none to go back to or the KPI needs an approval,
    PeriodLocked if it may not change.
    """
    revisions = MeasurementRevision.objects.filter(kpi=kpi, period_start=period_start)
    latest = revisions.order_by("-seq").first()
    before = revisions.filter(seq=seq - 1).first()
    waits = needs_approval(kpi, user, entry_rules(), today=organisations_day(now))
    if latest is None or before is None or latest.seq != seq or latest.recorded_by_id != user.pk or waits:
        raise Conflict(kpi_id=kpi.pk, period_start=period_start, seq=latest.seq if latest else 0)
    return record_measurements(
        readings=[said_again(before)],
        origin=Origin(kind=UNDO, user_id=user.pk),
        now=now,
        expected_seq={(kpi.pk, period_start): seq},
    )


def _origin(entry: Entry, said: Answered, user: User, kind: str) -> Origin:
    return Origin(
        kind=CORRECTION if said.is_correction and kind == MANUAL else kind,
        note=entry.note,
        user_id=user.pk,
        unusual_by=said.move.times if said.move is not None else None,
    )


def _by_origin(entries: Sequence[Entry], origins: Mapping[Key, Origin]) -> dict[Origin, list[Entry]]:
    """Return the entries that are stored in one go: most have neither a reason nor an answer of their own."""
    alike: dict[Origin, list[Entry]] = defaultdict(list)
    for entry in entries:
        alike[origins[entry.key]].append(entry)
    return alike


def _explain(entry: Entry, said: Explanation, *, author: User, now: datetime) -> None:
    notes.explain(
        kpi=entry.kpi,
        period_start=entry.period.start,
        cause=said.cause,
        action=said.action,
        recovery_on=said.recovery_on,
        author=author,
        now=now,
    )
