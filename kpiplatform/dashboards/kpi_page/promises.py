"""What initiatives promised a KPI and what came, drawn small. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from initiatives.domain.promise import value_on
from kpiplatform.dashboards.kpi_page.facts import Promise

# how a band is called in the style sheets
KINDS = {"on_track": "on", "at_risk": "risk", "off_track": "off", "": "none"}
LEFT, RIGHT, TOP, BOTTOM = Decimal(3), Decimal(89), Decimal(4), Decimal(32)


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
