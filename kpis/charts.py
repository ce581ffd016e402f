"""Figures of a KPI as plain data, in the shape that static/js/charts.js documents. No ORM, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from kpis.domain.figures import number
from kpis.domain.xmr import NaturalLimits

type Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Point:
    """One period on the chart; `value` is None where nothing is known, `text` is the value as printed."""

    start: date
    end: date
    value: Decimal | None
    label: str = ""
    text: str = ""
    hover: tuple[str, ...] = ()
    band: str = ""
    provisional: bool = False
    signal: bool = False


@dataclass(slots=True, kw_only=True)
class LimitSpan:
    """The limits in force from `start` up to, not including, `end`; a range has the `_high` pair too."""

    start: date
    end: date
    goal: Decimal | None = None
    red_flag: Decimal | None = None
    goal_high: Decimal | None = None
    red_high: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Natural limits and the span they are drawn over: the values they come from, and those judged by them."""

    start: date
    end: date
    limits: NaturalLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A numbered mark above a day; its words stand in the list below the chart."""

    number: int
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What the numbers of a KPI look like: unit, decimals, the person's language, the bounds of the axis."""

    unit: str = ""
    decimals: int = 1
    locale: str = "en"
    minimum: Decimal | None = None
    maximum: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Values by day that are drawn beside those of the KPI: what initiatives promised, or what it is compared with."""

    points: Sequence[tuple[date, Decimal]] = field(default_factory=tuple)
    text: str = ""


def values_figure(
    *,
    points: Sequence[Point],
    spans: Sequence[LimitSpan],
    polarity: str,
    scale: Scale,
    markers: Sequence[Marker] = (),
    breaks: Sequence[date] = (),
    expected: Path | None = None,
    compared: Path | None = None,
) -> Json:
    """Return the values over their bands, with goal, red flag, expected path and what they are compared with.

    The line breaks on `breaks`.
    """
    spans = _merged(spans)
    return {
        **_frame(points, scale, markers, breaks),
        "goal": [*_steps(spans, "goal", _("goal"), scale), *_steps(spans, "goal_high", _("goal to"), scale)],
        "red_flag": [
            *_steps(spans, "red_flag", _("red flag"), scale),
            *_steps(spans, "red_high", _("upper red flag"), scale),
        ],
        "zones": list(_zones(spans, polarity)),
        "limits": [],
        "expected": _path(expected),
        "compared": _path(compared),
    }


def natural_figure(
    *,
    points: Sequence[Point],
    baselines: Sequence[Baseline],
    scale: Scale,
    markers: Sequence[Marker] = (),
    breaks: Sequence[date] = (),
) -> Json:
    """Return the values with their natural limits: what is routine, and what is a signal."""
    return {
        **_frame(points, scale, markers, breaks),
        "goal": [],
        "red_flag": [],
        "zones": [],
        "limits": [_natural(baseline, scale) for baseline in baselines],
        "expected": None,
    }


def _frame(points: Sequence[Point], scale: Scale, markers: Sequence[Marker], breaks: Sequence[date]) -> Json:
    return {
        "unit": scale.unit,
        "locale": scale.locale,
        "minimum": _plain(scale.minimum),
        "maximum": _plain(scale.maximum),
        "periods": list(_periods(points, breaks)),
        "markers": [{"number": marker.number, "day": marker.day.isoformat()} for marker in markers],
    }


def _periods(points: Sequence[Point], breaks: Sequence[date]) -> Iterator[Json]:
    """Yield the points in order, with an empty one of no length where the series breaks."""
    waiting = sorted(breaks)
    if not waiting:
        yield from map(_period, points)
        return
    for index, point in enumerate(points):
        while waiting and waiting[0] <= point.start:
            day = waiting.pop(0)
            if index > 0:
                yield _period(Point(start=day, end=day, value=None))
        yield _period(point)


def _period(point: Point) -> Json:
    return {
        "start": point.start.isoformat(),
        "end": point.end.isoformat(),
        "label": point.label,
        "value": None if point.value is None else float(point.value),
        "band": point.band,
        "provisional": point.provisional,
        "signal": point.signal,
        "text": point.text,
        "hover": list(point.hover),
    }


def _steps(spans: Sequence[LimitSpan], limit: str, label: str, scale: Scale) -> list[Json]:
    """Return one step for each stretch of the same number."""
    steps: list[Json] = []
    values: list[Decimal] = []
    for span in spans:
        value: Decimal | None = getattr(span, limit)
        if value is None:
            continue
        if steps and values[-1] == value and steps[-1]["end"] == span.start.isoformat():
            steps[-1]["end"] = span.end.isoformat()
            continue
        values.append(value)
        text = f"{label} {number(value, scale.decimals, locale=scale.locale)}"
        steps.append(
            {"start": span.start.isoformat(), "end": span.end.isoformat(), "value": float(value), "text": text}
        )
    return steps


def _zones(spans: Sequence[LimitSpan], polarity: str) -> Iterator[Json]:
    for span in spans:
        if span.goal is None or span.red_flag is None:
            continue
        for band, low, high in _bands_of(span, polarity):
            yield {
                "start": span.start.isoformat(),
                "end": span.end.isoformat(),
                "band": band,
                "low": _plain(low),
                "high": _plain(high),
            }


def _merged(spans: Sequence[LimitSpan]) -> list[LimitSpan]:
    """Join neighbours of the same limits, so that one stretch is one rectangle without seams."""
    merged: list[LimitSpan] = []
    for span in spans:
        before = merged[-1] if merged else None
        if before is not None and before.end == span.start and _numbers(before) == _numbers(span):
            merged[-1] = LimitSpan(
                start=before.start,
                end=span.end,
                goal=span.goal,
                red_flag=span.red_flag,
                goal_high=span.goal_high,
                red_high=span.red_high,
            )
        else:
            merged.append(span)
    return merged


def _numbers(span: LimitSpan) -> tuple[Decimal | None, ...]:
    return (span.goal, span.red_flag, span.goal_high, span.red_high)


def _bands_of(span: LimitSpan, polarity: str) -> list[tuple[str, Decimal | None, Decimal | None]]:
    if polarity == "within_range":
        return [
            ("off_track", None, span.red_flag),
            ("at_risk", span.red_flag, span.goal),
            ("on_track", span.goal, span.goal_high),
            ("at_risk", span.goal_high, span.red_high),
            ("off_track", span.red_high, None),
        ]
    if polarity == "lower_is_better":
        return [
            ("on_track", None, span.goal),
            ("at_risk", span.goal, span.red_flag),
            ("off_track", span.red_flag, None),
        ]
    return [("on_track", span.goal, None), ("at_risk", span.red_flag, span.goal), ("off_track", None, span.red_flag)]


def _natural(baseline: Baseline, scale: Scale) -> Json:
    limits = baseline.limits
    lower, upper = (number(limit, scale.decimals, locale=scale.locale) for limit in (limits.lower, limits.upper))
    text = _("natural limits %(lower)s–%(upper)s") % {"lower": lower, "upper": upper}
    return {
        "start": baseline.start.isoformat(),
        "end": baseline.end.isoformat(),
        "lower": float(limits.lower),
        "centre": float(limits.centre),
        "upper": float(limits.upper),
        "text": text,
    }


def _path(path: Path | None) -> Json | None:
    if path is None or not path.points:
        return None
    return {
        "points": [{"day": day.isoformat(), "value": float(value)} for day, value in path.points],
        "text": path.text,
    }


def _plain(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
