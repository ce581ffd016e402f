"""The line of the last periods, drawn in 104 × 26. Pure geometry, text ready to print and to store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

WIDTH = 104
HEIGHT = 26
# In tenths, the places that are printed. On the right there is room for the mark of the last point.
LEFT, RIGHT, TOP, BOTTOM = 30, 970, 40, 220
PRINTED = tuple(f"{tenths / 10:.1f}" for tenths in range(10 * WIDTH))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """One sparkline, all of it text, so that it can be stored as it is and printed with `Spark(**stored)`.

    `""` means: not drawn. `band` is that of the last point; its mark stands at `last_x`, `last_y`.
    """

    path: str
    goal: str = ""
    range_top: str = ""
    range_height: str = ""
    band: str = ""
    last_x: str = ""
    last_y: str = ""
    label: str = ""


@lru_cache(maxsize=64)
def _xs(periods: int) -> tuple[str, ...]:
    """Return where the periods stand, from left to right; one alone stands on the right."""
    if periods == 1:
        return (PRINTED[RIGHT],)
    return tuple(PRINTED[round(LEFT + (RIGHT - LEFT) * index / (periods - 1))] for index in range(periods))


def sparkline(
    values: Sequence[Decimal | None],
    *,
    goal: Decimal | None = None,
    range_low: Decimal | None = None,
    range_high: Decimal | None = None,
    band: str = "",
    label: str = "",
) -> Spark | None:
    """Return the line through `values`, oldest first, or None when nothing was measured.

    A missing value breaks the line: it is neither zero nor joined over. A value alone between two gaps is a dot.
    The mark in `band` stands on the last period, and only if that period has a value.
    """
    known = [float(value) for value in values if value is not None]
    if not known:
        return None
    extent = known + [float(mark) for mark in (goal, range_low, range_high) if mark is not None]
    low, high = min(extent), max(extent)
    # How far from the top, in tenths, a value stands; all the same run through the middle.
    base, unit = (BOTTOM, (BOTTOM - TOP) / (high - low)) if high > low else ((TOP + BOTTOM) // 2, 0.0)

    def place(value: Decimal) -> int:
        return round(base - unit * (float(value) - low))

    ys = [PRINTED[round(base - unit * (value - low))] for value in known]
    top = height = last_x = last_y = ""
    if range_low is not None and range_high is not None:
        highest = place(range_high)
        top, height = PRINTED[highest], PRINTED[place(range_low) - highest]
    if values[-1] is not None:
        last_x, last_y = _xs(len(values))[-1], ys[-1]
    return Spark(
        path=form_of(tuple([value is None for value in values])) % tuple(ys),
        goal="" if goal is None else PRINTED[place(goal)],
        range_top=top,
        range_height=height,
        band=band,
        last_x=last_x,
        last_y=last_y,
        label=label,
    )


@lru_cache(maxsize=1024)
def form_of(is_gap: tuple[bool, ...]) -> str:
    """Return the path through the values between the gaps, oldest first, with a place for how high each stands."""
    path: list[str] = []
    xs, before = _xs(len(is_gap)), True
    for x, gap, after in zip(xs, is_gap, [*is_gap[1:], True], strict=True):
        if not gap:
            path.append(f"M{x} %s" if before else f"L{x} %s")
            if before and after:
                path.append("h0")  # a line of no length with round ends is a dot
        before = gap
    return "".join(path)
