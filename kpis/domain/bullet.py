"""A bullet graph on the common scale of scores. Pure geometry, numbers ready to print."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

WIDTH = 144
SCALE_END = Decimal(10)
RED_FLAG = 48  # a third of the width: score 3.33
GOAL = 96  # two thirds: score 6.67


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullet:
    """One row's bullet graph: `bar` and `was` are distances from the left edge, `""` for none."""

    score: Decimal | None
    previous_score: Decimal | None
    bar: str
    was: str


def bullet(score: Decimal | None, previous_score: Decimal | None = None) -> Bullet:
    """Return the bullet graph of a score from 0 to 10, and of the score at the last review.

    Every row has its red flag at one third and its goal at two thirds, whatever the KPI's unit or polarity.
    A row without a score shows no ring either: there is nothing to compare it with.
    """
    if score is None:
        return Bullet(score=None, previous_score=None, bar="", was="")
    was = "" if previous_score is None else _position(previous_score)
    return Bullet(score=score, previous_score=previous_score, bar=_position(score), was=was)


def _position(score: Decimal) -> str:
    inside = min(max(score, Decimal(0)), SCALE_END)
    return f"{inside * WIDTH / SCALE_END:.1f}"
