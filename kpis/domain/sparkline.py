"""The line of the last periods, drawn in 104 × 26. Pure geometry, text ready to print and to store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

WIDTH = 104
HEIGHT = 26
LEFT, RIGHT = Decimal(3), Decimal(97)  # room on the right for the mark of the last point
TOP, BOTTOM = Decimal(4), Decimal(22)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    low: Decimal
    unit: Decimal | None  # None: every value is the same and runs through the middle

    @classmethod
    def over(cls, values: Sequence[Decimal]) -> _Scale:
        low, high = min(values), max(values)
        return cls(low=low, unit=None if high == low else (BOTTOM - TOP) / (high - low))

    def y(self, value: Decimal) -> Decimal:
        return (TOP + BOTTOM) / 2 if self.unit is None else BOTTOM - self.unit * (value - self.low)


@lru_cache(maxsize=64)
def _xs(periods: int) -> tuple[str, ...]:
    """Return where the periods stand, from left to right; one alone stands on the right."""
    if periods == 1:
        return (_print(RIGHT),)
    return tuple(_print(LEFT + (RIGHT - LEFT) * index / (periods - 1)) for index in range(periods))


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
    known = [value for value in values if value is not None]
    if not known:
        return None
    extent = known + [value for value in (goal, range_low, range_high) if value is not None]
    scale, xs = _Scale.over(extent), _xs(len(values))
    top = height = last_x = last_y = ""
    if range_low is not None and range_high is not None:
        top = _print(scale.y(range_high))
        height = _print(scale.y(range_low) - scale.y(range_high))
    if values[-1] is not None:
        last_x, last_y = xs[-1], _print(scale.y(values[-1]))
    return Spark(
        path=_path(values, xs, scale),
        goal="" if goal is None else _print(scale.y(goal)),
        range_top=top,
        range_height=height,
        band=band,
        last_x=last_x,
        last_y=last_y,
        label=label,
    )


def _path(values: Sequence[Decimal | None], xs: Sequence[str], scale: _Scale) -> str:
    path: list[str] = []
    for index, value in enumerate(values):
        if value is None:
            continue
        joined = index > 0 and values[index - 1] is not None
        path.append(f"{'L' if joined else 'M'}{xs[index]} {_print(scale.y(value))}")
        ends = index == len(values) - 1 or values[index + 1] is None
        if ends and not joined:
            path.append("h0")  # a line of no length with round ends is a dot
    return "".join(path)


def _print(length: Decimal) -> str:
    return f"{length:.1f}"
