"""Sums to date: a cumulative KPI compares what it has reached in the fiscal year with the phased target to date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from kpis.domain.limits import AnyLimits, Limits

ZERO = Decimal(0)
Judged = tuple[AnyLimits | None, str]


def to_date(
    values: Sequence[Decimal | None], limits: Sequence[Judged], years: Sequence[date]
) -> tuple[list[Decimal | None], list[Judged]]:
    """Return values and limits summed from the start of each fiscal year.

    `years` holds the first day of the fiscal year of each period. A period without value has none to date either,
    and adds nothing to the next; from a period without limits on, the year has none.
    """
    sums: list[Decimal | None] = []
    limits_to_date: list[Judged] = []
    year: date | None = None
    total = goal = red_flag = ZERO
    why_none = ""
    for value, (limit, reason), first_day in zip(values, limits, years, strict=True):
        if first_day != year:
            year, total, goal, red_flag, why_none = first_day, ZERO, ZERO, ZERO, ""
        total += value or ZERO
        sums.append(None if value is None else total)
        if isinstance(limit, Limits):
            goal, red_flag = goal + limit.goal, red_flag + limit.red_flag
        else:
            why_none = why_none or reason or "no_target"
        limits_to_date.append((None, why_none) if why_none else (Limits(goal=goal, red_flag=red_flag), ""))
    return sums, limits_to_date
