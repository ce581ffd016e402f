"""Formulas as they are stored, and the values that they are computed from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import QuerySet

from kpis.domain.aggregation import Aggregate
from kpis.domain.formula.deriving import (
    Bounds,
    Calculation,
    Holding,
    aggregate_derived,
    days_of_periods,
    span_of,
)
from kpis.domain.formula.errors import FormulaError, Problem
from kpis.domain.formula.evaluating import Missing
from kpis.domain.formula.fitting import Shape, refuse_misfit
from kpis.domain.formula.parsing import parse
from kpis.domain.formula.series import Known, Series, Span
from kpis.domain.formula.tree import Node, ToDate, codes, terms
from kpis.domain.periods import Calendar, Frequency, fiscal_year_start
from kpis.models import Kpi, KpiVersion
from kpis.queries import calendar_of

VALUES = """
SELECT m.kpi_id, m.period_start, m.period_end, m.value, m.numerator, m.denominator, m.state
FROM unnest(%s::bigint[], %s::date[], %s::date[]) AS wanted(kpi_id, since, until)
JOIN kpis_measurement m ON m.kpi_id = wanted.kpi_id AND m.period_end > wanted.since AND m.period_start < wanted.until
ORDER BY m.kpi_id, m.period_start
"""
VALUES_KNOWN = """
SELECT DISTINCT ON (r.kpi_id, r.period_start)
    r.kpi_id, r.period_start, r.period_end, r.value, r.numerator, r.denominator, r.state
FROM unnest(%s::bigint[], %s::date[], %s::date[]) AS wanted(kpi_id, since, until)
JOIN kpis_measurementrevision r
    ON r.kpi_id = wanted.kpi_id AND r.period_end > wanted.since AND r.period_start < wanted.until
WHERE r.recorded_at < %s
ORDER BY r.kpi_id, r.period_start, r.seq DESC
"""
# What of a definition says how values come together.
DEFINED = ("entry", "formula", "missing_policy", "time_aggregation", "frequency", "ratio_factor", "active_from")
parsed = lru_cache(maxsize=2048)(parse)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A definition as it holds for the periods that start on or after a day; without formula it is not derived."""

    number: int
    effective_from: date
    formula: Node | None
    missing: Missing
    bounds: Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A formula and the spans that it is to be computed for."""

    formula: Node
    missing: Missing
    calendar: Calendar
    spans: Sequence[Span]


def shape_of(kpi: Kpi) -> Shape:
    """Return what of a KPI must fit where it is referred to."""
    return Shape(
        unit=kpi.measure_unit,
        frequency=Frequency(kpi.frequency),
        calendar=calendar_of(kpi.calendar),
        method=kpi.time_aggregation,
    )


def checked_formula(text: str, *, code: str, shape: Shape, among: QuerySet[Kpi]) -> Node:
    """Return the formula of a KPI with that code and shape, referring to KPIs `among` those that the writer may see.

    Raises FormulaError; a KPI that the writer may not see is not there.
    """
    formula = parsed(text)
    inputs = {kpi.code: kpi for kpi in among.filter(code__in=codes(formula)).select_related("calendar")}
    for term in terms(formula):
        if term.code == code:
            raise FormulaError(Problem.ITSELF, term.at, text=term.code)
        if term.code not in inputs:
            raise FormulaError(Problem.UNKNOWN_KPI, term.at, text=term.code)
    refuse_misfit(formula, shape, {name: shape_of(kpi) for name, kpi in inputs.items()})
    return formula


def versions_of(kpi_ids: Iterable[int], known_at: datetime | None = None) -> dict[int, list[Version]]:
    """Return the versions of the definition that hold for some period of each KPI, the newest first.

    With `known_at` those that were recorded before.
    """
    found: dict[int, list[Version]] = defaultdict(list)
    rows = KpiVersion.objects.filter(kpi_id__in=list(kpi_ids)).order_by("kpi_id", "-version")
    if known_at is not None:
        rows = rows.filter(recorded_at__lt=known_at)
    for kpi_id, number, since, sheet in rows.values_list("kpi_id", "version", "effective_from", "definition"):
        if not found[kpi_id] or since < found[kpi_id][-1].effective_from:
            found[kpi_id].append(_version(number, since, sheet))
    return found


def version_in_force(versions: Sequence[Version], start: date) -> Version | None:
    """Return the version that computes the period that starts on a day, None if the KPI was not derived then."""
    version = next((one for one in versions if one.effective_from <= start), None)
    return version if version is not None and version.formula is not None else None


def calculations(wanted: Sequence[Wanted], known_at: datetime | None = None) -> list[Calculation]:
    """Return each formula with all the values that its spans need, in a number of queries that stays the same.

    With `known_at` these are the values that were known then, and inputs are aggregated by their definitions of then.
    """
    kpis, formulas = _inputs_by_code({code for one in wanted for code in codes(one.formula)}, known_at)
    rhythms = {code: (Frequency(kpi.frequency), calendar_of(kpi.calendar)) for code, kpi in kpis.items()}
    reach = _Reach(formulas, rhythms)
    for one in wanted:
        for span in one.spans:
            reach.add(one.formula, span, one.calendar)
    series = _series(kpis, reach, known_at)
    nested: dict[str, list[Holding]] = {}

    def calculation(formula: Node, missing: Missing, calendar: Calendar) -> Calculation:
        own = codes(formula)
        return Calculation(
            formula=formula,
            missing=missing,
            calendar=calendar,
            inputs={code: series[code] for code in own},
            nested={code: of_input(code) for code in own if code in formulas},
        )

    def of_input(code: str) -> list[Holding]:
        if code not in nested:
            calendar = rhythms[code][1]
            nested[code] = [
                Holding(one.since, calculation(one.formula, one.missing, calendar) if one.formula else None)
                for one in formulas[code]
            ]
        return nested[code]

    return [calculation(one.formula, one.missing, one.calendar) for one in wanted]


class _Reach:
    """The first and the last day for which values of each input are needed."""

    def __init__(
        self, formulas: Mapping[str, Sequence[_Dated]], rhythms: Mapping[str, tuple[Frequency, Calendar]]
    ) -> None:
        self.formulas, self.rhythms = formulas, rhythms
        self.days: dict[str, tuple[date, date]] = {}

    def add(self, formula: Node, span: Span, calendar: Calendar) -> None:
        for term in terms(formula):
            own = span_of(term, span, calendar)
            if own is None:
                continue
            # Any days of a span may be asked for, so the year to date begins with that of its first day.
            start = fiscal_year_start(span.start, calendar) if isinstance(term, ToDate) else own.start
            since, until = self.days.get(term.code, (start, own.end))
            self.days[term.code] = (min(since, start), max(until, own.end))
            if term.code in self.formulas:
                frequency, of_input = self.rhythms[term.code]
                inside = days_of_periods(Span(start=start, end=own.end), frequency, of_input)
                for one in self.formulas[term.code]:
                    if one.formula is not None:
                        self.add(one.formula, inside, of_input)


def _version(number: int, since: date, sheet: Mapping[str, object]) -> Version:
    is_derived = sheet.get("entry") == Kpi.Entry.DERIVED
    return Version(
        number=number,
        effective_from=since,
        formula=parsed_or_none(str(sheet.get("formula", ""))) if is_derived else None,
        missing=Missing(str(sheet.get("missing_policy", Missing.BLANK))),
        bounds=Bounds(least=_bound(sheet.get("minimum")), most=_bound(sheet.get("maximum"))),
    )


def _bound(stored: object) -> Decimal | None:
    return None if stored is None else Decimal(str(stored))


def parsed_or_none(text: str) -> Node | None:
    """Return a stored formula; None for a text that was never one."""
    try:
        return parsed(text)
    except FormulaError:
        return None


def _defined_then(kpis: Iterable[Kpi], known_at: datetime | None) -> None:
    """Let the KPIs be defined as they were known to be then; those that had no version yet stay as they are."""
    by_id = {kpi.pk: kpi for kpi in kpis}
    if known_at is None or not by_id:
        return
    versions = KpiVersion.objects.filter(kpi_id__in=by_id, recorded_at__lt=known_at).order_by("version")
    for kpi_id, sheet in versions.values_list("kpi_id", "definition"):
        for name in DEFINED:
            if name in sheet:
                field: Any = Kpi._meta.get_field(name)
                setattr(by_id[kpi_id], name, field.to_python(sheet[name]))


class _Dated(NamedTuple):
    """The formula of a KPI from a day on; None while it was not computed."""

    since: date
    formula: Node | None
    missing: Missing


def _inputs_by_code(wanted: set[str], known_at: datetime | None) -> tuple[dict[str, Kpi], dict[str, Sequence[_Dated]]]:
    """Return the KPIs of these codes, and those that a formula among them refers to where it is aggregated itself.

    With them the formulas of the latter, of every version that holds for some period.
    """
    found: dict[str, Kpi] = {}
    formulas: dict[str, Sequence[_Dated]] = {}
    while wanted:
        some = {kpi.code: kpi for kpi in Kpi.objects.filter(code__in=wanted).select_related("calendar")}
        _defined_then(some.values(), known_at)
        found |= some
        dated = _dated([kpi for kpi in some.values() if _nested(kpi) is not None], known_at)
        formulas |= {kpi.code: dated[kpi.pk] for kpi in some.values() if kpi.pk in dated}
        referred = [codes(one.formula) for of in dated.values() for one in of if one.formula is not None]
        wanted = {code for of_one in referred for code in of_one} - found.keys()
    return found, formulas


def _dated(kpis: Sequence[Kpi], known_at: datetime | None) -> dict[int, Sequence[_Dated]]:
    """Return by which formula each KPI was computed from when on, the newest first, by its id.

    The newest is that of the KPI as it is defined; one without versions was always computed so.
    """
    if not kpis:
        return {}
    versions = versions_of([kpi.pk for kpi in kpis], known_at)
    found: dict[int, Sequence[_Dated]] = {}
    for kpi in kpis:
        known = versions[kpi.pk]
        now = _Dated(known[0].effective_from if known else date.min, _nested(kpi), Missing(kpi.missing_policy))
        found[kpi.pk] = [now, *(_Dated(one.effective_from, one.formula, one.missing) for one in known[1:])]
    return found


def _nested(kpi: Kpi) -> Node | None:
    if kpi.entry != Kpi.Entry.DERIVED or kpi.time_aggregation != Kpi.Aggregation.FORMULA:
        return None
    return parsed_or_none(kpi.formula)


def _series(kpis: Mapping[str, Kpi], reach: _Reach, known_at: datetime | None) -> dict[str, Series]:
    values: dict[int, list[Known]] = defaultdict(list)
    asked = [(kpis[code].pk, since, until) for code, (since, until) in reach.days.items()]
    with connection.cursor() as cursor:
        spans = [list(column) for column in zip(*asked, strict=True)] or [[], [], []]
        cursor.execute(*((VALUES, spans) if known_at is None else (VALUES_KNOWN, [*spans, known_at])))
        for kpi_id, *known in cursor.fetchall():
            values[kpi_id].append(Known(*known))
    return {
        code: Series(
            frequency=Frequency(kpi.frequency),
            calendar=reach.rhythms[code][1],
            method=kpi.time_aggregation,
            factor=kpi.ratio_factor,
            begins=kpi.active_from,
            values=values[kpi.pk],
        )
        for code, kpi in kpis.items()
    }


type OverDays = Callable[[date, date], Aggregate]


def by_formulas(
    kpis: Iterable[Kpi], *, since: date, until: date, today: date, known_at: datetime | None = None
) -> dict[int, OverDays]:
    """Return what gives the value of a KPI for any days within a span: its inputs aggregated, then its formula.

    By the id of the KPI, of those that are aggregated so. The values are read at once, in a number of queries that
    stays the same; with `known_at` by what was known then. The KPIs come with their calendars.
    """
    own = [kpi for kpi in kpis if kpi.time_aggregation == Kpi.Aggregation.FORMULA]
    _defined_then(own, known_at)
    own = [kpi for kpi in own if _nested(kpi) is not None]
    whole, dated = Span(start=since, end=until), _dated(own, known_at)
    wanted = [
        Wanted(formula=one.formula, missing=one.missing, calendar=calendar_of(kpi.calendar), spans=[whole])
        for kpi in own
        for one in dated[kpi.pk]
        if one.formula is not None
    ]
    made = iter(calculations(wanted, known_at) if wanted else [])
    return {
        kpi.pk: _over_days(
            kpi, [Holding(one.since, next(made) if one.formula is not None else None) for one in dated[kpi.pk]], today
        )
        for kpi in own
    }


def by_formula(kpi: Kpi, *, since: date, until: date, today: date, known_at: datetime | None = None) -> OverDays | None:
    """Return what gives the value of one KPI for any days within a span; None for one that is not aggregated so."""
    return by_formulas([kpi], since=since, until=until, today=today, known_at=known_at).get(kpi.pk)


def _over_days(kpi: Kpi, holding: Sequence[Holding], today: date) -> OverDays:
    rhythm = Frequency(kpi.frequency), calendar_of(kpi.calendar)
    return lambda start, end: aggregate_derived(holding, Span(start=start, end=end), *rhythm, today=today)
