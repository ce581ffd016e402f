"""Undoing: an earlier version of a value holds again. What was undone stays on record."""

from __future__ import annotations

from datetime import date, datetime

from kpiplatform.accounts.models import User
from kpis.domain.entry_checks import EntryRefused, Problem
from kpis.models import Kpi, MeasurementRevision
from kpis.queries import entry_rules
from kpis.readings import Origin, Reading, Recorded
from kpis.services.proposing import needs_approval
from kpis.services.recording import record_measurements
from objectives.queries import organisations_day

UNDO = "undo"


def said_again(revision: MeasurementRevision) -> Reading:
    """Return what a revision said, to be said again."""
    return Reading(
        kpi_id=revision.kpi_id,
        period_start=revision.period_start,
        period_end=revision.period_end,
        value=revision.value,
        numerator=revision.numerator,
        denominator=revision.denominator,
        state=revision.state,
        reason=revision.reason,
    )


def bring_back(
    *, kpi: Kpi, period_start: date, seq: int, expected_seq: int, note: str, user: User, now: datetime
) -> Recorded:
    """Let revision `seq` of a value hold again, as a new revision with its reason.

    Raises EntryRefused for a KPI that is computed or needs an approval, or without a reason, Conflict if another
    revision followed the one that was seen, PeriodLocked; nothing is written then.
    """
    if kpi.entry == Kpi.Entry.DERIVED:
        raise EntryRefused(Problem.DERIVED)
    if needs_approval(kpi, user, entry_rules(), today=organisations_day(now)):
        raise EntryRefused(Problem.APPROVAL_WANTED)
    if not note:
        raise EntryRefused(Problem.REASON_WANTED)
    revision = MeasurementRevision.objects.get(kpi=kpi, period_start=period_start, seq=seq)
    return record_measurements(
        readings=[said_again(revision)],
        origin=Origin(kind=UNDO, note=note, user_id=user.pk),
        now=now,
        expected_seq={(kpi.pk, period_start): expected_seq},
    )
