"""Until when a target holds: its end is a row without a number, on the day after its last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from kpis.domain.limits import TargetRow, in_force

DAY = timedelta(days=1)


def next_target(rows: Sequence[TargetRow], wanted: TargetRow) -> date | None:
    """Return the day on which another number takes the place of `wanted`, if one does."""
    return next(
        (day for day in _days_after(rows, wanted.effective_from) if _is_other(in_force(rows, day), wanted)), None
    )


def last_day(rows: Sequence[TargetRow], start: date) -> date | None:
    """Return the last day of the target in force on `start`, None where it holds until another begins or for good."""
    target = in_force(rows, start)
    for day in _days_after(rows, start) if target is not None else ():
        then = in_force(rows, day)
        if then is None:
            return day - DAY
        if _is_other(then, target):
            return None
    return None


def ends(rows: Sequence[TargetRow], wanted: TargetRow, until: date | None) -> tuple[TargetRow, ...]:
    """Return the rows that let `wanted`, in force from its day on, hold up to and with `until`.

    None lets it hold until another one begins: ends between are taken back. `until` lies before the next target.
    """
    following = next_target(rows, wanted)
    taken_back = tuple(
        replace(wanted, effective_from=day)
        for day in _days_after(rows, wanted.effective_from)
        if in_force(rows, day) is None and (following is None or day < following) and (until is None or day <= until)
    )
    if until is None or until + DAY == following or in_force([*rows, wanted, *taken_back], until + DAY) is None:
        return taken_back
    return (*taken_back, TargetRow(effective_from=until + DAY, recorded_at=wanted.recorded_at))


def _days_after(rows: Sequence[TargetRow], start: date) -> list[date]:
    return sorted({row.effective_from for row in rows if row.effective_from > start})


def _is_other(one: TargetRow | None, other: TargetRow | None) -> bool:
    if one is None or other is None:
        return False
    return (one.value, one.low, one.high) != (other.value, other.low, other.high)
