"""What an initiative promised a KPI before the fact: the path its value would take, and a picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol

ZERO, ONE = Decimal(0), Decimal(1)


class Promise(Protocol):
    """A change of a KPI that begins on a day and has come in full on another."""

    @property
    def change(self) -> Decimal: ...
    @property
    def starts_on(self) -> date: ...
    @property
    def full_effect_on(self) -> date: ...


def may_be_changed(*, starts_on: date, today: date) -> bool:
    """Return whether a promise may still be made or changed: only as long as its effect has not begun."""
    return starts_on > today


def landed(promise: Promise, day: date) -> Decimal:
    """Return the share of the change that was promised for `day`: rising evenly from the start to the full effect."""
    if day >= promise.full_effect_on:
        return ONE
    if day <= promise.starts_on:
        return ZERO
    return Decimal((day - promise.starts_on).days) / (promise.full_effect_on - promise.starts_on).days


def value_on(promises: Sequence[Promise], *, base: Decimal, day: date) -> Decimal:
    """Return the value that was promised for `day`; `base` is the value before the first start."""
    return base + sum((promise.change * landed(promise, day) for promise in promises), ZERO)


def path(promises: Sequence[Promise], *, base: Decimal, since: date, until: date) -> list[tuple[date, Decimal]]:
    """Return the corners of the promised path between two days; `base` is the value before the first start."""
    corners = {day for promise in promises for day in (promise.starts_on, promise.full_effect_on)}
    start = max(min(corners, default=until), since)
    if start >= until:
        return []
    days = {start, until} | {day for day in corners if start < day < until}
    return [(day, value_on(promises, base=base, day=day)) for day in sorted(days)]


def still_to_land(promises: Sequence[Promise], day: date) -> Decimal:
    """Return the change that is promised but not due before `day`."""
    return sum((promise.change * (ONE - landed(promise, day)) for promise in promises), ZERO)


# --- the picture --------------------------------------------------------------------------------

WIDTH, HEIGHT = Decimal(320), Decimal(96)
LEFT, RIGHT, TOP, BOTTOM = Decimal(4), Decimal(312), Decimal(8), Decimal(80)
AFTER = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Values and promised path in a box of 320 × 96, numbers ready to print; "" for what is not there."""

    line: str
    expected: str
    goal: str
    start: str
    today: str
    last_x: str
    last_y: str


def picture(
    promise: Promise,
    *,
    values: Sequence[tuple[date, Decimal | None]],
    base: Decimal | None,
    goal: Decimal | None,
    today: date,
    before: timedelta,
) -> Picture | None:
    """Return the picture from `before` the start to after the full effect; None when there is nothing to draw.

    `values` are (last day of the period, value) in order; a gap breaks the line.
    """
    first = min(promise.starts_on, today) - before
    last = max(promise.full_effect_on, today) + AFTER
    shown = [(day, value) for day, value in values if first <= day <= last]
    known = [(day, value) for day, value in shown if value is not None]
    expected = path([promise], base=base, since=first, until=last) if base is not None else []
    heights = [value for _, value in (*known, *expected)] + ([goal] if goal is not None else [])
    if not known and not expected:
        return None
    low, high = min(heights), max(heights)

    def x(day: date) -> Decimal:
        return LEFT + (RIGHT - LEFT) * (day - first).days / (last - first).days

    def y(value: Decimal) -> Decimal:
        return (TOP + BOTTOM) / 2 if high == low else BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low)

    return Picture(
        line=_line([None if value is None else (x(day), y(value)) for day, value in shown]),
        expected=_line([(x(day), y(value)) for day, value in expected]),
        goal="" if goal is None else f"{y(goal):.1f}",
        start=f"{x(promise.starts_on):.1f}",
        today=f"{x(today):.1f}",
        last_x=f"{x(known[-1][0]):.1f}" if known else "",
        last_y=f"{y(known[-1][1]):.1f}" if known else "",
    )


def _line(points: Sequence[tuple[Decimal, Decimal] | None]) -> str:
    line, joined = [], False
    for point in points:
        if point is not None:
            line.append(f"{'L' if joined else 'M'}{point[0]:.1f} {point[1]:.1f}")
        joined = point is not None
    return "".join(line)
