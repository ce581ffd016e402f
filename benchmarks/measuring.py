"""Timing limit and product in turns, and what may be concluded from it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from django.db import connection

from benchmarks.progress import Progress


class CheckFailed(Exception):
    """What was timed did not do what it should have done, so its time says nothing."""


def check(found: object, expected: object, what: str) -> None:
    """Refuse a measurement unless `found` equals `expected`."""
    if found != expected:
        raise CheckFailed(f"{what}: expected {expected!s:.300}, found {found!s:.300}.")


# Physical row versions: any row written anew, even with the same content, changes them.
VERSIONS = """
SELECT (SELECT sum(xmin::text::bigint) FROM kpis_measurement),
       (SELECT sum(xmin::text::bigint) FROM kpis_measurementrevision),
       (SELECT sum(xmin::text::bigint) FROM kpis_evaluation),
       (SELECT sum(xmin::text::bigint) FROM kpis_kpistate)
"""


def row_versions() -> tuple[object, ...]:
    """Return what changes as soon as a row of values, evaluations or states is written."""
    with connection.cursor() as cursor:
        cursor.execute(VERSIONS)
        return tuple(cursor.fetchone())


class Stopwatch:
    """Seconds spent inside its `with` blocks."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = 0.0

    def __enter__(self) -> Stopwatch:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        self.seconds += time.perf_counter() - self._began


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Seconds of the product and of what it is compared with, round by round, and the ratio wanted."""

    case: str
    versus: str
    reach: float
    product: tuple[float, ...]
    limit: tuple[float, ...]
    note: str = ""
    unit: str = "s"

    @property
    def ratios(self) -> list[float]:
        return [product / limit for product, limit in zip(self.product, self.limit, strict=True)]

    @property
    def ratio(self) -> float:
        """The paired median: each round's own ratio, so that a slow minute of the machine cancels out."""
        return median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """The middle half of the ratios; all of them where there are few."""
        ordered = sorted(self.ratios)
        cut = len(ordered) // 4 if len(ordered) >= 8 else 0
        return ordered[cut], ordered[-1 - cut]

    @property
    def verdict(self) -> str:
        """`ok` or `over` only where the spread lies wholly on one side of the reach."""
        low, high = self.spread
        if high <= self.reach:
            return "ok"
        return "over" if low > self.reach else "within noise"


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often limit and product take turns."""

    times: int
    progress: Progress

    def alternate(self, name: str, *turns: Callable[[], float], times: int | None = None) -> list[tuple[float, ...]]:
        """Run the turns `times` times, every other round backwards, and return the seconds of each turn."""
        rounds = times or self.times
        seconds: list[list[float]] = [[] for _ in turns]
        order = list(range(len(turns)))
        for number in range(rounds):
            self.progress.say(f"{name}, round {number + 1} of {rounds}")
            for index in order if number % 2 == 0 else reversed(order):
                seconds[index].append(turns[index]())
        return [tuple(column) for column in seconds]
