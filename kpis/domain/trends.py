"""The trends of many KPIs at once: what `trend_of` says of each, worked out in arrays.

The numbers are floats here. Where a value lies so near a line, or a point so near the middle between two places, that
rounding could decide, the word is with `trend_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from kpis.domain.sparkline import BOTTOM, PRINTED, RIGHT, TOP, Spark, form_of
from kpis.domain.state import SPARK_PERIODS, trend_of
from kpis.domain.xmr import FEWEST_POINTS, LIMITS_BY_MEAN, NEAR_COUNT, NEAR_WINDOW, RUN_LENGTH

type Floats = NDArray[np.float64]
type Bools = NDArray[np.bool_]

# Of the largest value: limits of thirty values, worked out in floats, are nearer to the exact ones than a tenth of it.
CLEAR = 1e-11
# A limit that is off by so much moves no point further than this many times that, over the height of the line.
STRETCH = 6 * (BOTTOM - TOP)
WORDS = np.array([*PRINTED, ""], dtype=object)  # the last is not drawn
NOT_DRAWN = -1
STORED = orjson.dumps(
    Spark(path="%s", goal="%s", range_top="%s", range_height="%s", band="%s", last_x=PRINTED[RIGHT], last_y="%s")
).decode()
UNBROKEN = form_of((False,) * SPARK_PERIODS)
PLACES = tuple(range(SPARK_PERIODS))


class Series(NamedTuple):
    """The latest closed values of a KPI as texts, newest first, and where the first of them stand in the sparkline.

    Place 0 is that of the latest period; a value nowhere in the sparkline has -1.
    """

    values: Sequence[str]
    places: tuple[int, ...]
    goal: Decimal | None
    band: str


class Told(NamedTuple):
    """A trend, ready to be stored: the sparkline as JSON."""

    previous_value: str | None
    signal: str
    spark: str


class _Limits(NamedTuple):
    """Natural limits by the values before the latest, NaN where those are too few, and how far off they may be."""

    centre: Floats
    reach: Floats
    slack: Floats


def trends_of(series: Sequence[Series]) -> list[Told]:
    """Return the trend of each KPI; each has one value at least."""
    if not series:
        return []
    values, known = _table(series)
    goals = np.array([np.nan if row.goal is None else float(row.goal) for row in series])
    with np.errstate(divide="ignore", invalid="ignore"):
        limits = _limits(values, known)
        signals, unsure_signals = _signals(values, known, limits)
        tenths, unsure_places = _tenths(_drawn(series, values, known), goals, limits)
    columns = (WORDS[tenths].tolist(), signals.tolist(), (unsure_signals | unsure_places).tolist())
    return [
        _told_exactly(row) if unsure else Told(_previous(row), signal, _spark(words, row.band))
        for row, words, signal, unsure in zip(series, *columns, strict=True)
    ]


def _previous(row: Series) -> str | None:
    return row.values[row.places.index(1)] if 1 in row.places else None


def _spark(words: Sequence[str], band: str) -> str:
    """Return what is stored of a sparkline whose latest period has a value."""
    *heights, goal, top, height = words
    heights.reverse()
    path = form_of(tuple([not place for place in heights])) if "" in heights else UNBROKEN
    return STORED % (path % tuple(filter(None, heights)), goal, top, height, band, heights[-1])


def _told_exactly(row: Series) -> Told:
    trend = trend_of([Decimal(value) for value in row.values], row.places, goal=row.goal, band=row.band)
    return Told(_previous(row), trend.signal, orjson.dumps(trend.spark or {}).decode())


def _table(series: Sequence[Series]) -> tuple[Floats, Bools]:
    """Return the values, newest first in each row, zero after the oldest, and which are values."""
    counts = np.array([len(row.values) for row in series])
    known = np.arange(max(counts.max(), SPARK_PERIODS)) < counts[:, None]
    values = np.zeros(known.shape)
    values[known] = orjson.loads(f"[{','.join([value for row in series for value in row.values])}]")
    return values, known


def _limits(values: Floats, known: Bools) -> _Limits:
    before = known[:, 1:].sum(axis=1)
    moves = np.abs(values[:, 1:-1] - values[:, 2:]) * known[:, 2:]
    enough = before >= FEWEST_POINTS
    centre = np.where(enough, values[:, 1:].sum(axis=1) / before, np.nan)
    reach = float(LIMITS_BY_MEAN) * (moves.sum(axis=1) / (before - 1))
    return _Limits(centre, np.where(enough, reach, np.nan), CLEAR * np.abs(values).max(axis=1))


def _signals(values: Floats, known: Bools, limits: _Limits) -> tuple[NDArray[np.str_], Bools]:
    """Return whether the latest values are signals, and where that is not sure."""
    run = values[:, :RUN_LENGTH] - limits.centre[:, None]
    run *= np.sign(run[:, :1])  # positive is on the side of the latest value
    latest, near = run[:, 0], run[:, :NEAR_WINDOW] - limits.reach[:, None] / 2
    in_a_row = known[:, RUN_LENGTH - 1] & (run > 0).all(axis=1)
    near_limit = (near[:, 0] > 0) & ((near > 0).sum(axis=1) >= NEAR_COUNT)
    lines = np.column_stack((run, near, latest - limits.reach))
    unsure = (np.abs(lines) < limits.slack[:, None]).any(axis=1)
    routine = np.where((latest > limits.reach) | in_a_row | near_limit, "signal", "routine")
    return np.where(np.isnan(limits.centre), "too_few", routine), unsure


def _drawn(series: Sequence[Series], values: Floats, known: Bools) -> Floats:
    """Return the values at their places in the sparkline, the latest first, NaN where none is."""
    drawn = np.where(known, values, np.nan)[:, :SPARK_PERIODS]
    for index, row in enumerate(series):
        count = len(row.places)
        if row.places != PLACES[:count]:  # there are gaps
            drawn[index] = np.nan
            at = [place for place in row.places if place >= 0]
            drawn[index, at] = values[index, :count][[place >= 0 for place in row.places]]
    return drawn


def _tenths(drawn: Floats, goals: Floats, limits: _Limits) -> tuple[NDArray[np.int64], Bools]:
    """Return in tenths what is printed of each sparkline, and where that is not sure.

    How far from the top the periods stand, the latest first, and the goal; where the range begins, and how high it is.
    """
    lines = np.column_stack((drawn, goals, limits.centre + limits.reach, limits.centre - limits.reach))
    low, high = np.fmin.reduce(lines, axis=1), np.fmax.reduce(lines, axis=1)
    span = high - low
    unit = np.where(span > 0, (BOTTOM - TOP) / span, 0.0)
    base = np.where(span > 0, BOTTOM, (TOP + BOTTOM) // 2)
    at = base[:, None] - unit[:, None] * (lines - low[:, None])
    slack = np.where(np.isnan(limits.centre), 0.0, 1e-9 + STRETCH * limits.slack / span)
    half_way = np.abs(at - np.floor(at) - 0.5)
    unsure = (half_way < slack[:, None]).any(axis=1) | np.isnan(drawn[:, 0])
    tenths = np.where(np.isnan(at), NOT_DRAWN, np.rint(at)).astype(int)
    tenths[:, -1] -= np.where(tenths[:, -1] == NOT_DRAWN, 0, tenths[:, -2])
    return tenths, unsure
