"""What is known of an input over time, and what it comes to in a span of days."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from kpis.domain.aggregation import Value, aggregate
from kpis.domain.formula.evaluating import Absent, Missing, Result
from kpis.domain.periods import DAY, Calendar, Frequency, Period, period_of, periods_between

ZERO = Decimal(0)
NOTHING = Value(value=ZERO, numerator=ZERO, denominator=ZERO, weight=ZERO)
PROVISIONAL, NOT_APPLICABLE = "provisional", "not_applicable"


class Known(NamedTuple):
    """What is recorded of an input in one of its periods."""

    start: date
    end: date
    value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The days that a value is about; `period` is None where they are no period of anything."""

    start: date
    end: date
    period: Period | None = None

    @classmethod
    def of(cls, period: Period) -> Span:
        """Return the days of a period."""
        return cls(start=period.start, end=period.end, period=period)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an input gave for a span, from how many of its periods that were due.

    `is_there` is false where nothing at all was recorded, `is_final` while more may come or change.
    """

    span: Span
    value: Result
    present: int = 0
    due: int = 1
    is_there: bool = True
    is_final: bool = True


@dataclass(frozen=True, kw_only=True)
class Series:
    """An input: its rhythm, how it is aggregated over time, its values, oldest first. None is due before `begins`."""

    frequency: Frequency
    calendar: Calendar
    method: str
    factor: Decimal = Decimal(1)
    begins: date | None = None
    values: Sequence[Known] = ()

    def own(self, span: Span) -> Taken | None:
        """Return what the input gives for a period of its own, as it was recorded; None for any longer span."""
        row = self._by_start.get(span.start)
        if row is not None and row.end == span.end:
            value = Absent.MISSING if row.value is None else row.value
            present = int(row.value is not None)
            return Taken(span=span, value=value, present=present, is_final=row.state != PROVISIONAL)
        if span.end <= period_of(span.start, self.frequency, self.calendar).end:
            return Taken(span=span, value=Absent.MISSING, is_there=False, is_final=False)
        return None

    def over(self, span: Span, *, missing: Missing, today: date) -> Taken:
        """Return what the input comes to in the days of a span: the aggregate of its periods that end in it.

        It is final once all of them are there or, where missing ones count as zero or are left out, once the span is
        over.
        """
        days = self._last_days
        rows = self.values[bisect_left(days, span.start) : bisect_left(days, span.end)]
        periods = self._periods(span)
        recorded = {row.start for row in rows}
        gaps = [period for period in periods if period.start not in recorded]
        owed = sum(period.end <= today for period in gaps)
        if not rows:
            return Taken(span=span, value=Absent.MISSING, due=owed, is_there=False, is_final=False)
        said = {row.start: _value(row) for row in rows if row.state != NOT_APPLICABLE}
        found = list(said.values())
        present = [value for value in found if value is not None]
        if missing is Missing.ZERO:  # each in its place: the first and the last one are told by it
            said |= {period.start: None for period in gaps if period.end <= today}
            counted = [said[start] or NOTHING for start in sorted(said)]
        else:
            counted = present
        total = aggregate(counted, self.method, self.factor)
        is_whole = not gaps and len(present) == len(found)
        return Taken(
            span=span,
            value=total.value if total.value is not None else _REASONS.get(total.reason, Absent.MISSING),
            present=len(present),
            due=len(found) + owed,
            is_final=(is_whole if missing is Missing.BLANK else span.end <= today)
            and all(row.state != PROVISIONAL for row in rows),
        )

    @cached_property
    def _by_start(self) -> dict[date, Known]:
        return {row.start: row for row in self.values}

    @cached_property
    def _last_days(self) -> list[date]:
        return [row.end - DAY for row in self.values]

    def _periods(self, span: Span) -> list[Period]:
        """Return the input's periods that end in the span, from its first one on."""
        begins = self.begins or (self.values[0].start if self.values else span.start)
        periods = periods_between(max(span.start, begins), span.end, self.frequency, self.calendar)
        return [one for one in periods if one.start >= begins and span.start <= one.last_day < span.end]


_REASONS = {"no_rollup": Absent.NO_ROLLUP, "zero_denominator": Absent.ZERO_DENOMINATOR}


def _value(row: Known) -> Value | None:
    """Return the value as it is aggregated; a ratio of nothing still has its parts."""
    if row.value is None and row.numerator is None:
        return None
    return Value(value=row.value, numerator=row.numerator, denominator=row.denominator, weight=row.denominator)
