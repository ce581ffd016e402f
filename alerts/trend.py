"""The picture of a mail: the last periods as a line over the bands they were judged by.

Without text, which would need a font file: the words stand beside it in the mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, pairwise

import resvg_py

WIDTH, HEIGHT = 512, 84
LEFT, RIGHT, TOP, BOTTOM = 4.0, 500.0, 6.0, 78.0
SHARPNESS = 2  # pixels per unit: screens of phones


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One period; `upper` says that values above the goal are off track too, by a second pair of limits."""

    value: Decimal
    band: str
    goal: Decimal | None = None
    red_flag: Decimal | None = None
    goal_high: Decimal | None = None
    red_high: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inks:
    """The colours of one theme."""

    paper: str
    ink: str
    on_track: str
    at_risk: str
    off_track: str
    marks: dict[str, str]


LIGHT = Inks(
    paper="#fdfdfe",
    ink="#1a1d23",
    on_track="#edf8f0",
    at_risk="#fdf4e1",
    off_track="#fdeeed",
    marks={"on_track": "#1f8a55", "at_risk": "#c27a1a", "off_track": "#cb2c2a", "": "#8a8d93"},
)
DARK = Inks(
    paper="#121316",
    ink="#e6e8eb",
    on_track="#182a1f",
    at_risk="#2f2618",
    off_track="#371d1d",
    marks={"on_track": "#4fb87a", "at_risk": "#e9a94a", "off_track": "#ec5c55", "": "#8d9095"},
)


def trend_png(points: Sequence[Point], inks: Inks) -> bytes:
    """Return the picture, on its own background so that it can be read whatever the mail lies on."""
    return bytes(resvg_py.svg_to_bytes(svg_string=trend_svg(points, inks), zoom=SHARPNESS, skip_system_fonts=True))


def trend_svg(points: Sequence[Point], inks: Inks) -> str:
    """Return the line through `points`, oldest first, over the limits of each period; the goal is dashed."""
    scale = _scale_of(points)
    xs = [LEFT + (RIGHT - LEFT) * index / max(len(points) - 1, 1) for index in range(len(points))]
    if len(points) == 1:
        xs = [RIGHT]
    edges = [0.0, *((a + b) / 2 for a, b in pairwise(xs)), float(WIDTH)]
    zones, goals = [], []
    # Periods with the same limits share one rectangle and one line: the dashes run on.
    for _, run in groupby(zip(points, pairwise(edges), strict=True), key=lambda part: _limits(part[0])):
        parts = list(run)
        point, start, end = parts[0][0], parts[0][1][0], parts[-1][1][1]
        zones += [_rect(start, end, *span, inks) for span in _zones(point, scale)]
        goals += [f"M{start:.1f} {scale.y(goal):.1f}H{end:.1f}" for goal in _goals(point)]
    line = " ".join(f"{x:.1f},{scale.y(p.value):.1f}" for x, p in zip(xs, points, strict=True))
    mark = _mark(points[-1].band, xs[-1], scale.y(points[-1].value), inks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{inks.paper}"/>{"".join(zones)}'
        f'<path d="{"".join(goals)}" fill="none" stroke="{inks.ink}" stroke-width="1" stroke-dasharray="5 3"/>'
        f'<polyline points="{line}" fill="none" stroke="{inks.ink}" stroke-width="1.75" stroke-linejoin="round"/>'
        f"{mark}</svg>"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    low: float
    high: float

    def y(self, value: Decimal) -> float:
        return BOTTOM - (BOTTOM - TOP) * (float(value) - self.low) / (self.high - self.low)


def _scale_of(points: Sequence[Point]) -> _Scale:
    drawn = [n for p in points for n in (p.value, p.goal, p.red_flag, p.goal_high, p.red_high) if n is not None]
    low, high = float(min(drawn)), float(max(drawn))
    air = (high - low) * 0.08 or 1.0
    return _Scale(low=low - air, high=high + air)


def _limits(point: Point) -> tuple[Decimal | None, ...]:
    return (point.goal, point.red_flag, point.goal_high, point.red_high)


def _goals(point: Point) -> list[Decimal]:
    return [goal for goal in (point.goal, point.goal_high) if goal is not None]


def _zones(point: Point, scale: _Scale) -> list[tuple[float, float, str]]:
    """The bands of one period from the top of the picture to its bottom."""
    if point.goal is None or point.red_flag is None:
        return []
    goal, red = scale.y(point.goal), scale.y(point.red_flag)
    top, bottom = 0.0, float(HEIGHT)
    if point.goal_high is not None and point.red_high is not None:
        goal_high, red_high = scale.y(point.goal_high), scale.y(point.red_high)
        return [
            (top, red_high, "off_track"),
            (red_high, goal_high, "at_risk"),
            (goal_high, goal, "on_track"),
            (goal, red, "at_risk"),
            (red, bottom, "off_track"),
        ]
    if point.goal > point.red_flag:
        return [(top, goal, "on_track"), (goal, red, "at_risk"), (red, bottom, "off_track")]
    return [(top, red, "off_track"), (red, goal, "at_risk"), (goal, bottom, "on_track")]


def _rect(start: float, end: float, top: float, bottom: float, band: str, inks: Inks) -> str:
    fill = getattr(inks, band)
    return (
        f'<rect x="{start:.1f}" y="{top:.1f}" width="{end - start:.1f}" height="{bottom - top:.1f}"'
        f' fill="{fill}" shape-rendering="crispEdges"/>'
    )


def _mark(band: str, x: float, y: float, inks: Inks) -> str:
    """The shape of the band at the last value, cut out of the line by a rim of paper."""
    rim = f'fill="{inks.marks[band]}" stroke="{inks.paper}" stroke-width="2.5" paint-order="stroke"'
    if band == "off_track":
        return f'<rect x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9" {rim}/>'
    if band == "at_risk":
        return f'<path d="M{x:.1f} {y - 5.5:.1f}l5.6 9.8h-11.2z" {rim}/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" {rim}/>'
