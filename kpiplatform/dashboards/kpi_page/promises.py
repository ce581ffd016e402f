"""What initiatives promised a KPI: the path its value would take, how much is still to come, who is late. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from kpiplatform.dashboards.kpi_page.facts import Promise, Step

ZERO, ONE = Decimal(0), Decimal(1)
UNDER_WAY = {"approved", "running"}

# how a band is called in the style sheets
KINDS = {"on_track": "on", "at_risk": "risk", "off_track": "off", "": "none"}
LEFT, RIGHT, TOP, BOTTOM = Decimal(3), Decimal(89), Decimal(4), Decimal(32)


def landed(promise: Promise, day: date) -> Decimal:
    """Return the share of the change that was promised for `day`: rising evenly from the start to the full effect."""
    if day >= promise.full_effect_on:
        return ONE
    if day <= promise.starts_on:
        return ZERO
    return Decimal((day - promise.starts_on).days) / (promise.full_effect_on - promise.starts_on).days


def path(promises: Sequence[Promise], *, base: Decimal, since: date, until: date) -> list[tuple[date, Decimal]]:
    """Return the corners of the promised path between two days; `base` is the value before the first start."""
    corners = {day for promise in promises for day in (promise.starts_on, promise.full_effect_on)}
    start = max(min(corners, default=until), since)
    if start >= until:
        return []
    days = {start, until} | {day for day in corners if start < day < until}
    return [(day, value_on(promises, base=base, day=day)) for day in sorted(days)]


def value_on(promises: Sequence[Promise], *, base: Decimal, day: date) -> Decimal:
    """Return the value that was promised for `day`."""
    return base + sum((promise.change * landed(promise, day) for promise in promises), ZERO)


def still_to_land(promises: Sequence[Promise], day: date) -> Decimal:
    """Return the change that is promised but not due before `day`."""
    return sum((promise.change * (ONE - landed(promise, day)) for promise in promises), ZERO)


def latest_step(promise: Promise, today: date) -> tuple[Step, int] | None:
    """Return the open milestone furthest behind its first date and by how many days, or None if all are in time."""
    late = [(step, (max(step.due_on, today) - step.planned_on).days) for step in promise.steps if step.done_on is None]
    worst = max(late, key=lambda pair: pair[1], default=None)
    return worst if worst is not None and worst[1] > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What was promised and what came, drawn in 96 × 36; `mark` is the last value's, in the colour of its `kind`."""

    expected: str
    line: str
    mark: str
    kind: str


def trail(promise: Promise, *, base: Decimal, values: Sequence[tuple[date, Decimal | None]], band: str) -> Trail | None:
    """Return the drawing of what was promised and what came, by day; None under two values. A gap breaks the line."""
    known = [(day, value) for day, value in values if value is not None]
    if len(known) < 2:
        return None
    promised = [(day, value_on([promise], base=base, day=day)) for day, _ in values]
    heights = [value for _, value in (*known, *promised)]
    low, high = min(heights), max(heights)
    first, last = values[0][0], values[-1][0]

    def place(day: date, value: Decimal) -> tuple[Decimal, Decimal]:
        x = LEFT + (RIGHT - LEFT) * (day - first).days / (last - first).days
        y = (TOP + BOTTOM) / 2 if high == low else BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low)
        return x, y

    x, y = place(*known[-1])
    return Trail(
        expected=_line([place(*point) for point in promised]),
        line=_line([None if value is None else place(day, value) for day, value in values]),
        mark=_mark(x, y, band),
        kind=KINDS[band],
    )


def _line(points: Sequence[tuple[Decimal, Decimal] | None]) -> str:
    line, joined = [], False
    for point in points:
        if point is not None:
            line.append(f"{'L' if joined else 'M'}{point[0]:.1f} {point[1]:.1f}")
        joined = point is not None
    return "".join(line)


def _mark(x: Decimal, y: Decimal, band: str) -> str:
    if band == "at_risk":
        return f"M{x:.1f} {y - Decimal('3.9'):.1f}l3.9 6.8h-7.8z"
    if band == "off_track":
        return f"M{x - Decimal('3.15'):.1f} {y - Decimal('3.15'):.1f}h6.3v6.3h-6.3z"
    return f"M{x - Decimal('3.4'):.1f} {y:.1f}a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0-6.8 0z"
