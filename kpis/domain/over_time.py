"""A KPI at a coarser frequency: each longer period from the values in it, and what to compare it with."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from kpis.domain.aggregation import Aggregate, Value
from kpis.domain.periods import Calendar, Frequency, Period, fiscal_year_start, period_of, same_period_last_year

# What is added up says something only as a whole: a part of it is compared with nothing.
ADDED_UP = frozenset({"sum", "count"})


class Uncompared(StrEnum):
    """Why there is no difference from another period."""

    NO_SUCH_PERIOD = "no_such_period"  # week 53, 29 February
    NO_VALUE = "no_value"
    INCOMPLETE = "incomplete"
    OTHER_DEFINITION = "other_definition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A period of the KPI's own frequency that is due; `value` is None where it is missing."""

    period: Period
    value: Value | None


Combine = Callable[[Sequence[Part]], Aggregate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """This period's value less that of another, of which `other_due` values were due; else why there is none."""

    change: Decimal | None = None
    other: Period | None = None
    other_due: int = 0
    why_none: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A longer period: its own aggregate, the fiscal year to its end, the last few of its kind, and two differences.

    There is nothing rolling before there are enough periods. `mixes_definitions` says that the definition changed,
    with a break of the series, inside it, `year_mixes_definitions` that it did in the year up to its end.
    """

    period: Period
    total: Aggregate
    is_over: bool
    to_date: Aggregate
    rolling: Aggregate | None
    previous: Difference
    last_year: Difference
    mixes_definitions: bool
    year_mixes_definitions: bool


def frequencies_from(frequency: str) -> list[Frequency]:
    """Return a frequency and all coarser ones."""
    order = list(Frequency)
    return order[order.index(Frequency(frequency)) :]


def spans(
    parts: Sequence[Part],
    *,
    frequency: str,
    calendar: Calendar,
    method: str,
    combine: Combine,
    rolling: int,
    today: date,
    breaks: Sequence[date] = (),
) -> list[Span]:
    """Return every period of `frequency` from the first part to the last, in order.

    A part belongs to the period that holds its last day, as a week belongs to a month. `combine` makes one value of
    parts by `method`, the KPI's aggregation over time; `rolling` periods end with each one; `breaks` are the days
    from which the KPI means something else.
    """
    if not parts:
        return []
    last_days = [part.period.last_day for part in parts]

    def within(start: date, end: date) -> Sequence[Part]:
        return parts[bisect_left(last_days, start) : bisect_left(last_days, end)]

    periods = list(_periods(last_days[0], last_days[-1], frequency, calendar))
    totals = [_total(period, within(period.start, period.end), combine) for period in periods]
    at = {period.start: index for index, period in enumerate(periods)}
    found = []
    for index, (period, total) in enumerate(zip(periods, totals, strict=True)):

        def against(other: int | None, here: int = index) -> Difference:
            if other is None:
                return Difference(why_none=Uncompared.NO_VALUE)
            return _difference(here, other, periods, totals, method=method, today=today, breaks=breaks)

        year_ago = same_period_last_year(period, calendar)
        year = fiscal_year_start(period.last_day, calendar)
        found.append(
            Span(
                period=period,
                total=total,
                is_over=period.end <= today,
                to_date=combine(within(year, period.end)),
                rolling=combine(within(periods[index - rolling + 1].start, period.end))
                if index >= rolling - 1
                else None,
                previous=against(index - 1 if index else None),
                last_year=against(at.get(year_ago.start))
                if year_ago
                else Difference(why_none=Uncompared.NO_SUCH_PERIOD),
                mixes_definitions=any(period.start < day < period.end for day in breaks),
                year_mixes_definitions=any(year < day < period.end for day in breaks),
            )
        )
    return found


def _periods(first: date, last: date, frequency: str, calendar: Calendar) -> Iterator[Period]:
    period = period_of(first, frequency, calendar)
    while period.start <= last:
        yield period
        period = period_of(period.end, frequency, calendar)


def _total(period: Period, parts: Sequence[Part], combine: Combine) -> Aggregate:
    """Return the aggregate of the parts; a period of the KPI's own frequency is its value, rolled up or not."""
    if len(parts) != 1 or parts[0].period != period:
        return combine(parts)
    value = parts[0].value
    number = value.value if value else None
    return Aggregate(
        value=number,
        numerator=value.numerator if value else None,
        denominator=value.denominator if value else None,
        present=int(number is not None),
        due=1,
        complete=number is not None,
        reason="" if number is not None else "no_values",
    )


def _difference(
    here: int,
    other: int,
    periods: Sequence[Period],
    totals: Sequence[Aggregate],
    *,
    method: str,
    today: date,
    breaks: Sequence[date],
) -> Difference:
    mine, theirs = totals[here], totals[other]
    if mine.value is None or theirs.value is None:
        return Difference(other=periods[other], why_none=Uncompared.NO_VALUE)
    whole = mine.complete and theirs.complete and periods[here].end <= today
    if method in ADDED_UP and not whole:
        return Difference(other=periods[other], why_none=Uncompared.INCOMPLETE)
    if bisect_right(sorted(breaks), periods[here].last_day) != bisect_right(sorted(breaks), periods[other].start):
        return Difference(other=periods[other], why_none=Uncompared.OTHER_DEFINITION)
    return Difference(change=mine.value - theirs.value, other=periods[other], other_due=theirs.due)
