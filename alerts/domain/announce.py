"""What one subscription is told of one KPI: the announced band is reconciled with the confirmed.

Transitions are never replayed, so a backfill of any size makes at most one message.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from kpis.domain.bands import Band, severity
from kpis.domain.periods import Calendar, Period, WorkingDays, due_on, period_of, previous_period

type Kind = Literal["first", "worse", "better", "correction", "none"]
type Cause = Literal["value", "correction", "edit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What to do, and what to remember as announced afterwards.

    `told` says whether any message stands behind `band`; a band noted in silence has none.
    """

    kind: Kind
    send: bool
    band: str | None
    told: bool


def decide(
    announced: str | None,
    confirmed: str,
    *,
    told: bool,
    newest_period: date | None,
    look_back_from: date,
    cause: Cause = "value",
) -> Announcement:
    """Return whether this change is told, and what is announced from now on.

    `announced` is None before the first note. `newest_period` is the start of the newest period
    judged anew in this run, not of the newest ever judged: old facts alone tell nothing. If it lies
    before `look_back_from`, nothing is noted either, so that the next recent value still tells it.
    `cause` is `correction` when a value that was already judged changed, `edit` when a rule, target
    or threshold did.

    Silent are: the first note; an improvement nobody was told the need of; an edit. A correction
    of something told is told at any age, since it takes back what we said. One of something never
    told is news like any other.
    """
    if not confirmed or confirmed == announced:
        return Announcement(kind="none", send=False, band=announced, told=told)
    if announced is None:
        return Announcement(kind="first", send=False, band=confirmed, told=False)
    if cause == "edit":
        # Whoever was told of a problem that the edit did not end may still be told of its end.
        told = told and Band.ON_TRACK not in (announced, confirmed)
        return Announcement(kind="none", send=False, band=confirmed, told=told)
    if cause == "correction" and told:
        return Announcement(kind="correction", send=True, band=confirmed, told=True)
    if newest_period is None or newest_period < look_back_from:
        return Announcement(kind="none", send=False, band=announced, told=told)
    if severity(confirmed) > severity(announced):
        return Announcement(kind="worse", send=True, band=confirmed, told=True)
    return Announcement(kind="better", send=told, band=confirmed, told=told)


def look_back_start(
    *,
    today: date,
    frequency: str,
    calendar: Calendar,
    lag_days: int = 0,
    working: WorkingDays | None = None,
    periods: int = 1,
) -> date:
    """Return the start of the oldest period that may still alert by itself.

    Counted back from the newest closed period whose value is past due: a KPI that is reported
    six weeks late by agreement could otherwise never alert.
    """
    period = _newest_past_due(today, frequency, calendar, lag_days, working)
    for _ in range(periods - 1):
        period = previous_period(period, calendar)
    return period.start


def _newest_past_due(
    today: date, frequency: str, calendar: Calendar, lag_days: int, working: WorkingDays | None
) -> Period:
    period = previous_period(period_of(today, frequency, calendar), calendar)
    while due_on(period, lag_days, working) >= today:
        period = previous_period(period, calendar)
    return period
