"""Two drawings of the preview: a year under one set of limits, and how often values came where. Pure geometry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise

from kpis.domain.bands import Band
from kpis.domain.judged import Judged

KIND = {Band.ON_TRACK: "on", Band.AT_RISK: "risk", Band.OFF_TRACK: "off"}
BAR = {Band.ON_TRACK: 3, Band.AT_RISK: 6, Band.OFF_TRACK: 11}
TICKS = 4
LABELS = 6
STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The size of a drawing and where its parts stand."""

    width: int
    right: int
    bottom: int
    css: str

    @property
    def height(self) -> int:
        return self.bottom + 34


WIDE = Frame(width=1000, right=990, bottom=156, css="chart--wide")
NARROW = Frame(width=358, right=348, bottom=136, css="chart--narrow")
LEFT, TOP = 34, 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A filled rectangle."""

    kind: str
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A text, a dot or an arrow at a point."""

    x: str
    y: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A year of values with its zones, limits, bands and alerts, ready to print."""

    frame: Frame
    zones: list[Box]
    lines: list[tuple[str, str]]
    path: str
    bars: list[Box]
    framed: list[Box] = field(default_factory=list)
    alerts: list[Mark] = field(default_factory=list)
    y_labels: list[Mark] = field(default_factory=list)
    x_labels: list[Mark] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Values between `low` and `high`, mapped to `start` … `end`."""

    low: Decimal
    high: Decimal

    def at(self, value: Decimal, start: int, end: int) -> Decimal:
        share = (value - self.low) / (self.high - self.low)
        return start + (end - start) * min(max(share, Decimal(0)), Decimal(1))

    def ticks(self) -> list[Decimal]:
        step = _step((self.high - self.low) / TICKS)
        first = (self.low / step).to_integral_value(ROUND_CEILING)
        count = int(((self.high - first * step) / step).to_integral_value(ROUND_FLOOR))
        return [(first + number) * step for number in range(count + 1)]


def scale_over(numbers: Sequence[Decimal]) -> Scale:
    """Return a scale that holds all numbers with some room, and is never empty."""
    low, high = min(numbers), max(numbers)
    room = (high - low) / 12 or abs(high) / 10 or Decimal(1)
    return Scale(low=low - room, high=high + room)


def strip(
    judged: Sequence[Judged],
    *,
    frame: Frame,
    scale: Scale,
    names: Sequence[str],
    ticks: Sequence[tuple[Decimal, str]],
    alerts: Sequence[date],
    moved: Sequence[date] = (),
) -> Strip:
    """Draw judged periods, at least one; `names` are what the periods are called."""
    pitch = Decimal(frame.right - LEFT) / len(judged)
    xs = [LEFT + pitch * (number + Decimal("0.5")) for number in range(len(judged))]
    ys = [scale.at(row.value or Decimal(0), frame.bottom, TOP) for row in judged]
    width = max(pitch - 1, pitch * Decimal("0.8"))
    base = frame.bottom + 14
    by_start = {row.period_start: x for row, x in zip(judged, xs, strict=True)}
    shown = _spread(len(judged), LABELS)
    return Strip(
        frame=frame,
        zones=_zones(judged, scale, frame),
        lines=_limit_lines(judged, scale, frame, pitch),
        path="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True)),
        bars=[
            _box(KIND[Band(row.band)], x - width / 2, base - BAR[Band(row.band)], width, BAR[Band(row.band)])
            for row, x in zip(judged, xs, strict=True)
            if row.band
        ],
        framed=[_box("moved", by_start[day] - width / 2 - 1, base - 13, width + 2, 15) for day in moved],
        alerts=[Mark(x=f"{by_start[day]:.1f}", y="12") for day in alerts],
        y_labels=[
            Mark(x=str(LEFT - 6), y=f"{scale.at(value, frame.bottom, TOP) + 4:.1f}", text=text) for value, text in ticks
        ],
        x_labels=[Mark(x=f"{xs[number]:.1f}", y=str(base + 14), text=names[number]) for number in shown],
    )


def dots(values: Sequence[Decimal], *, frame: Frame, scale: Scale, recent: int) -> list[tuple[str, str, str]]:
    """Return (class, x, y) of one dot per value, stacked where values are alike; the last `recent` are filled."""
    columns = (frame.right - LEFT) // 12
    height: Counter[int] = Counter()
    places = []
    for number, value in enumerate(values):
        column = int(scale.at(value, 0, columns))
        places.append((number >= len(values) - recent, column, height[column]))
        height[column] += 1
    rise = min(Decimal("9.5"), Decimal(76) / max(height.values()))
    pitch = Decimal(frame.right - LEFT) / columns
    return [
        ("dot" if is_recent else "marker-c", f"{LEFT + pitch * column:.1f}", f"{89 - rise * level:.1f}")
        for is_recent, column, level in places
    ]


def _zones(judged: Sequence[Judged], scale: Scale, frame: Frame) -> list[Box]:
    """Fill the bands behind the line where one set of limits holds throughout."""
    if len({(row.goal, row.red_flag, row.goal_high, row.red_high) for row in judged}) != 1:
        return []
    row = judged[0]
    if row.goal is None or row.red_flag is None:
        return []
    if row.goal_high is not None and row.red_high is not None:
        edges = [row.red_flag, row.goal, row.goal_high, row.red_high]
        kinds = ["off", "risk", "on", "risk", "off"]
    else:
        rising = row.goal > row.red_flag
        edges = sorted([row.goal, row.red_flag])
        kinds = ["off", "risk", "on"] if rising else ["on", "risk", "off"]
    ys = [frame.bottom, *(scale.at(edge, frame.bottom, TOP) for edge in edges), TOP]
    return [
        _box(kind, Decimal(LEFT), upper, Decimal(frame.right - LEFT), lower - upper)
        for kind, (lower, upper) in zip(kinds, pairwise(ys), strict=True)
    ]


def _limit_lines(judged: Sequence[Judged], scale: Scale, frame: Frame, pitch: Decimal) -> list[tuple[str, str]]:
    """Draw goal and red flag as steps, period by period."""
    lines = []
    for css, name in (("target", "goal"), ("redflag", "red_flag"), ("target", "goal_high"), ("redflag", "red_high")):
        path, before = "", None
        for number, row in enumerate(judged):
            limit = getattr(row, name)
            if limit is not None:
                y, x = scale.at(limit, frame.bottom, TOP), LEFT + pitch * number
                path += f"{'M' if before is None else 'L'}{x:.1f} {y:.1f}H{x + pitch:.1f}"
            before = limit
        if path:
            lines.append((css, path))
    return lines


def _spread(count: int, labels: int) -> list[int]:
    """Return about `labels` places out of `count`, the first and the last among them."""
    if count <= labels:
        return list(range(count))
    return sorted({round(number * (count - 1) / (labels - 1)) for number in range(labels)})


def _step(rough: Decimal) -> Decimal:
    power = Decimal(1).scaleb(rough.adjusted())
    return next(step * power for step in STEPS if step * power >= rough)


def _box(kind: str, x: Decimal, y: Decimal, width: Decimal, height: Decimal) -> Box:
    return Box(kind=kind, x=f"{x:.1f}", y=f"{y:.1f}", width=f"{width:.1f}", height=f"{max(height, Decimal(0)):.1f}")
