"""A value on its way in, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

REPORTED, PROVISIONAL, NOT_APPLICABLE = "reported", "provisional", "not_applicable"


# A tuple, since there may be a million of them: made four times as fast as a frozen dataclass.
class Reading(NamedTuple):
    """The value of a KPI in one period as somebody or something reports it; without value it has a reason."""

    kpi_id: int
    period_start: date
    period_end: date
    value: Decimal | None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    state: str = REPORTED
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who or what reports, and why: kind is pull, manual, upload, api, correction, undo or derived.

    `approved_by_id` is whoever approved what `user_id` entered; `unusual_by` says how many times the usual move the
    value is away, if the person was asked and meant it.
    """

    kind: str
    note: str = ""
    pull_id: int | None = None
    user_id: int | None = None
    approved_by_id: int | None = None
    unusual_by: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of a batch of readings; `kpi_ids` are those with a new or changed value, ascending.

    `waiting` counts the values that were not stored yet: they wait for approval.
    """

    new: int
    revised: int
    unchanged: int
    kpi_ids: tuple[int, ...]
    waiting: int = 0


class PeriodLocked(Exception):
    """Some of the periods are closed to writing; nothing was written."""

    def __init__(self, periods: list[tuple[int, date]]) -> None:
        super().__init__(f"{len(periods)} periods are locked")
        self.periods = periods


class Conflict(Exception):
    """Someone else changed the value since it was shown; nothing was written. `seq` is the present revision.

    `proposed_id` is the value of somebody else that waits for approval, where that was not seen.
    """

    def __init__(self, *, kpi_id: int, period_start: date, seq: int, proposed_id: int = 0) -> None:
        super().__init__("the value was changed by someone else")
        self.kpi_id, self.period_start, self.seq, self.proposed_id = kpi_id, period_start, seq, proposed_id
