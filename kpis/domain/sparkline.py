"""The line of the last periods, drawn in 104 × 26. Pure geometry, text ready to print and to store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    place = _scale(known + [float(mark) for mark in (goal, range_low, range_high) if mark is not None])
    xs, ys = _xs(len(values)), [None if value is None else place(value) for value in values]
    top = height = last_x = last_y = ""
    if range_low is not None and range_high is not None:
        highest = place(range_high)
        top, height = PRINTED[highest], PRINTED[place(range_low) - highest]
    if ys[-1] is not None:
        last_x, last_y = xs[-1], PRINTED[ys[-1]]
    return Spark(
        path=_path(xs, ys),
        goal="" if goal is None else PRINTED[place(goal)],
        range_top=top,
        range_height=height,
        band=band,
        last_x=last_x,
        last_y=last_y,
        label=label,
    )


def _scale(extent: Sequence[float]) -> Callable[[Decimal], int]:
    """Return how far from the top, in tenths, a value stands; all the same run through the middle."""
    low, high = min(extent), max(extent)
    if high == low:
        return lambda value: (TOP + BOTTOM) // 2
    unit = (BOTTOM - TOP) / (high - low)
    return lambda value: round(BOTTOM - unit * (float(value) - low))


def _path(xs: Sequence[str], ys: Sequence[int | None]) -> str:
    path: list[str] = []
    before = None
    for x, y, after in zip(xs, ys, [*ys[1:], None], strict=True):
        if y is not None:
            path.append(f"M{x} {PRINTED[y]}" if before is None else f"L{x} {PRINTED[y]}")
            if before is None and after is None:
                path.append("h0")  # a line of no length with round ends is a dot
        before = y
    return "".join(path)
