"""By when a source should have brought its values, and how often it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from kpis.domain.schedule import Schedule, next_slot


def slots_between(schedule: Schedule, *, since: datetime, until: datetime, zone: tzinfo) -> list[datetime]:
    """Return the slots in `[since, until]`, oldest first."""
    found = []
    slot = next_slot(schedule, after=since - timedelta(microseconds=1), zone=zone)
    while slot <= until:
        found.append(slot)
        slot = next_slot(schedule, after=slot, zone=zone)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Whether the values of one slot were there by the time agreed; None while there is time left."""

    slot: datetime
    by: datetime
    at: datetime | None
    is_met: bool | None


def record(slots: Sequence[datetime], applied: Sequence[datetime], *, within: timedelta, now: datetime) -> list[Kept]:
    """Return for each slot, oldest first, when the first pull after it was applied and whether that was in time."""
    found = []
    moments = sorted(applied)
    for slot in sorted(slots):
        by = slot + within
        at = next((moment for moment in moments if moment >= slot), None)
        is_met: bool | None = at is not None and at <= by
        if at is None and now < by:
            is_met = None
        found.append(Kept(slot=slot, by=by, at=at, is_met=is_met))
    return found


def by_day(kept: Sequence[Kept], zone: tzinfo) -> list[tuple[date, Kept]]:
    """Return one slot for each day on the clock of `zone`: the first that was missed, else the last."""
    found: dict[date, Kept] = {}
    for one in kept:
        day = one.slot.astimezone(zone).date()
        if day not in found or found[day].is_met is not False:
            found[day] = one
    return list(found.items())
