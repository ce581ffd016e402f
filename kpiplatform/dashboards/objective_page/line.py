"""The score of an objective over time, drawn on its scale of 0 to 10. Pure geometry, text ready to print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

LEFT, RIGHT_MARGIN, TOP, BOTTOM = 28, 12, 8, 128
HEIGHT = 152
TEN = Decimal(10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The last point, in the shape of its band."""

    band: str
    x: str
    y: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A week named below the line."""

    x: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The drawing: zones are thirds of the height; `path` is broken where there was no score."""

    width: int
    right: int
    inner: int
    path: str
    last: Mark | None
    ticks: list[Tick]


def line(points: Sequence[tuple[str, Decimal | None, str]], *, width: int, ticks: int) -> Line | None:
    """Return the drawing of (label, score, band) by week, oldest first, with at most `ticks` weeks named below.

    None when no week has a score.
    """
    if all(score is None for _, score, _ in points):
        return None
    right = width - RIGHT_MARGIN
    xs = [_x(index, len(points), right) for index in range(len(points))]
    path: list[str] = []
    joined = False
    for x, (_, score, _) in zip(xs, points, strict=True):
        if score is not None:
            path.append(f"{'L' if joined else 'M'}{x:.1f} {_y(score):.1f}")
        joined = score is not None
    _, last_score, last_band = points[-1]
    every = max(-(-len(points) // ticks), 1)
    shown = range(len(points) - 1, -1, -every)
    return Line(
        width=width,
        right=right,
        inner=right - LEFT,
        path="".join(path),
        last=None if last_score is None else Mark(band=last_band, x=f"{xs[-1]:.1f}", y=f"{_y(last_score):.1f}"),
        ticks=[Tick(x=f"{xs[index]:.1f}", label=points[index][0]) for index in sorted(shown)],
    )


def _x(index: int, count: int, right: int) -> Decimal:
    if count == 1:
        return Decimal(right)
    return LEFT + Decimal(right - LEFT) * index / (count - 1)


def _y(score: Decimal) -> Decimal:
    return BOTTOM - (BOTTOM - TOP) * min(max(score, Decimal(0)), TEN) / TEN
