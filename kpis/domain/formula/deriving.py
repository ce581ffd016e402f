"""The value of a derived KPI in any span of days: its inputs first, each aggregated its own way, then the formula."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from kpis.domain.aggregation import Aggregate
from kpis.domain.formula.evaluating import Absent, Missing, Result, evaluate
from kpis.domain.formula.series import Series, Span, Taken
from kpis.domain.formula.tree import Node, Reference, Rolling, Term, ToDate, terms
from kpis.domain.parsing import TOO_LARGE, to_storage
from kpis.domain.periods import DAY, Calendar, Frequency, Period, fiscal_year_start, period_of, previous_period


@dataclass(frozen=True, kw_only=True)
class Calculation:
    """A formula with what it is computed from: its inputs by code, and what a missing one counts as.

    `nested` are the inputs that are formulas themselves and are aggregated by aggregating their own inputs: what they
    are computed by from a day on, the newest first.
    """

    formula: Node
    missing: Missing
    calendar: Calendar
    inputs: Mapping[str, Series]
    nested: Mapping[str, Sequence[Holding]]

    @cached_property
    def terms(self) -> list[Term]:
        """The references of the formula."""
        return terms(self.formula)


class Holding(NamedTuple):
    """What a KPI is computed by in the periods that start on or after a day; None where it was not computed."""

    since: date
    calculation: Calculation | None


def calculation_on(holding: Sequence[Holding], start: date) -> Calculation | None:
    """Return what computes the period that starts on a day; `holding` comes newest first."""
    return next((one.calculation for one in holding if one.since <= start), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The least and the greatest value that a KPI can have in one of its periods, None where nobody said any."""

    least: Decimal | None = None
    most: Decimal | None = None

    def hold(self, value: Decimal) -> bool:
        """Return whether a value that is stored is possible."""
        return (self.least is None or self.least <= value) and (self.most is None or value <= self.most)


UNBOUNDED = Bounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The value of a derived KPI in a span, or why there is none.

    `is_waiting` says that an input is simply not there yet, `is_final` is false while the span or an input is open.
    On `changes_on` time alone may make it another value; None once the span is over.
    """

    value: Decimal | None
    reason: str
    is_waiting: bool
    is_final: bool
    taken: Mapping[Term, Taken]
    changes_on: date | None

    def of(self, term: Term) -> Result:
        """Return what a term of the formula came to."""
        return self.taken[term].value


def derive(calculation: Calculation, span: Span, *, today: date, bounds: Bounds = UNBOUNDED) -> Outcome:
    """Return the value of a formula in a span; nothing where not one of its inputs has anything to say of it.

    What lies outside of `bounds` is no value, as it is none where it is typed or read.
    """
    taken = {term: _take(calculation, term, span, today) for term in calculation.terms}
    result: Result = Absent.MISSING
    if any(one.is_there for one in taken.values()):
        result = evaluate(calculation.formula, lambda term: taken[term].value, calculation.missing)
    if isinstance(result, Decimal) and result.copy_abs() >= TOO_LARGE:
        result = Absent.TOO_LARGE
    if isinstance(result, Decimal) and not bounds.hold(to_storage(result)):
        result = Absent.NOT_POSSIBLE
    value = result if isinstance(result, Decimal) else None
    return Outcome(
        value=value,
        reason=str(result) if isinstance(result, Absent) else "",
        is_waiting=result is Absent.MISSING and not all(one.is_there for one in taken.values()),
        is_final=span.end <= today and all(one.is_final for one in taken.values() if one.is_there),
        taken=taken,
        changes_on=min([span.end, *_ends_that_count(calculation, today)]) if span.end > today else None,
    )


def _ends_that_count(calculation: Calculation, today: date) -> Iterator[date]:
    """Yield when periods of inputs end of which a missing one counts as zero from then on."""
    if calculation.missing is Missing.ZERO:
        yield from (period_of(today, one.frequency, one.calendar).end for one in calculation.inputs.values())
    for holding in calculation.nested.values():
        nested = calculation_on(holding, today)
        if nested is not None:
            yield from _ends_that_count(nested, today)


def aggregate_derived(
    holding: Sequence[Holding], span: Span, frequency: Frequency, calendar: Calendar, *, today: date
) -> Aggregate:
    """Return the value of a KPI with the aggregation `formula` over many of its periods: inputs first, then formula.

    What computes its last period in the span computes the whole, with the inputs for all days of it. The coverage is
    that of the input with the largest gap.
    """
    calculation = calculation_on(holding, period_of(span.end - DAY, frequency, calendar).start)
    if calculation is None:
        return Aggregate(value=None, present=0, due=0, complete=False, reason=str(Absent.NO_ROLLUP))
    found = derive(calculation, span, today=today)
    least = min(found.taken.values(), key=lambda one: (one.present - one.due, one.present))
    return Aggregate(
        value=found.value,
        present=least.present,
        due=least.due,
        complete=0 < least.due == least.present,
        reason="no_values" if found.is_waiting else found.reason,
    )


def span_of(term: Term, span: Span, calendar: Calendar) -> Span | None:
    """Return the days that a term is about where the formula is about `span`; None if nothing lies before it."""
    match term:
        case Reference(back=0):
            return span
        case ToDate():
            return Span(start=fiscal_year_start(span.end - DAY, calendar), end=span.end)
        case _ if span.period is None:
            return None
        case Reference():
            return Span.of(_back(span.period, term.back, calendar))
        case Rolling():
            return Span(start=_back(span.period, term.count - 1, calendar).start, end=span.end)


def days_of_periods(span: Span, frequency: Frequency, calendar: Calendar) -> Span:
    """Return the days of the periods that end in a longer span, as it is made of the weeks that end in it."""
    last = period_of(span.end - DAY, frequency, calendar)
    start = period_of(span.start, frequency, calendar).start
    return Span(start=start, end=last.end if last.end <= span.end else last.start)


def _take(calculation: Calculation, term: Term, span: Span, today: date) -> Taken:
    wanted = span_of(term, span, calculation.calendar)
    if wanted is None:
        return Taken(span=span, value=Absent.NO_ROLLUP)
    series = calculation.inputs[term.code]
    own = series.own(wanted)
    # How many periods there are is 1 in the first of a year, whatever its value.
    counts_periods = series.method == "count" and not isinstance(term, Reference)
    if own is not None and not counts_periods:
        return own
    nested = calculation.nested.get(term.code)
    if nested is None:
        return series.over(wanted, missing=calculation.missing, today=today)
    rhythm = series.frequency, series.calendar
    found = aggregate_derived(nested, days_of_periods(wanted, *rhythm), *rhythm, today=today)
    return Taken(
        span=wanted,
        value=found.value if found.value is not None else _why(found.reason),
        present=found.present,
        due=found.due,
        is_there=found.present > 0,
        is_final=found.complete and wanted.end <= today,
    )


def _why(reason: str) -> Absent:
    return Absent(reason) if reason in set(Absent) else Absent.MISSING


def _back(period: Period, count: int, calendar: Calendar) -> Period:
    for _ in range(count):
        period = previous_period(period, calendar)
    return period
