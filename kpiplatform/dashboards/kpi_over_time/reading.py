"""Longer periods of a KPI from what is known of it, and of the KPIs that are parts of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from kpiplatform.dashboards.kpi_page.facts import Facts, Row
from kpiplatform.dashboards.kpi_page.timeline import Standing, timeline
from kpis.calculations import by_formulas
from kpis.domain.aggregation import Aggregate, Value, aggregate
from kpis.domain.over_time import Part, Span, spans
from kpis.domain.periods import Period, period_of
from kpis.models import Kpi, Measurement
from kpis.queries import calendar_of

DUE = {Standing.REPORTED, Standing.PROVISIONAL, Standing.NO_VALUE, Standing.MISSING}


def due_parts(facts: Facts) -> list[Part]:
    """Return the KPI's own periods that are due, oldest first, without those that don't apply."""
    return [Part(period=cell.period, value=_value(cell.row)) for cell in timeline(facts) if cell.standing in DUE]


def spans_of(facts: Facts, parts: Sequence[Part], *, frequency: str, rolling: int) -> list[Span]:
    """Return the periods of `frequency` that hold the parts, oldest first."""
    kpi = facts.kpi

    def combine(parts: Sequence[Part]) -> Aggregate:
        if facts.by_formula is not None and parts:
            return facts.by_formula(parts[0].period.start, parts[-1].period.end)
        return aggregate([part.value for part in parts], kpi.time_aggregation, kpi.ratio_factor)

    return spans(
        parts,
        frequency=frequency,
        calendar=facts.calendar,
        method=kpi.time_aggregation,
        combine=combine,
        rolling=rolling,
        today=facts.today,
        breaks=[version.effective_from for version in facts.versions if version.breaks_series],
    )


class OfUnit(NamedTuple):
    """What the KPI of a unit has in a longer period, and the first days of the periods that have a value.

    One that follows a calendar with other periods has nothing in those of the whole.
    """

    total: Aggregate
    starts: tuple[date, ...]
    has_other_periods: bool


def values_of_units(facts: Facts, parts: Sequence[Part], span: Span) -> dict[int, OfUnit]:
    """Return what each KPI that is a part of this one has in a longer period, by its id, over the same own periods.

    Each is aggregated over time as it is on its own page.
    """
    own = [one.period for one in parts if span.period.start <= one.period.last_day < span.period.end]
    ends = {period.start: period.end for period in own}
    kpis = list(Kpi.objects.filter(pk__in=[other.pk for other in facts.below]).select_related("calendar"))
    apart = {kpi.pk for kpi in kpis if _has_other_periods(kpi, own)}
    found: dict[int, dict[date, Value]] = {kpi.pk: {} for kpi in kpis}
    rows = Measurement.objects.filter(kpi__in=found.keys() - apart, period_start__in=ends)
    for kpi_id, start, value, numerator, denominator in rows.values_list(
        "kpi_id", "period_start", "value", "numerator", "denominator"
    ):
        if value is not None or numerator is not None:
            found[kpi_id][start] = Value(value=value, numerator=numerator, denominator=denominator, weight=denominator)
    same = [kpi for kpi in kpis if kpi.pk not in apart]
    over = by_formulas(same, since=own[0].start, until=own[-1].end, today=facts.today) if len(own) > 1 else {}
    return {
        kpi.pk: OfUnit(
            over[kpi.pk](own[0].start, own[-1].end)
            if kpi.pk in over
            else _over_time([found[kpi.pk].get(start) for start in ends], kpi),
            tuple(sorted(found[kpi.pk])),
            kpi.pk in apart,
        )
        for kpi in kpis
    }


def _has_other_periods(kpi: Kpi, own: Sequence[Period]) -> bool:
    calendar = calendar_of(kpi.calendar)
    theirs = (period_of(one.start, kpi.frequency, calendar) for one in own)
    return any((one.start, one.end) != (other.start, other.end) for one, other in zip(own, theirs, strict=True))


def _over_time(values: Sequence[Value | None], kpi: Kpi) -> Aggregate:
    """Return one value of several periods; a single period is its own value, rolled up or not."""
    method = kpi.time_aggregation if len(values) > 1 or kpi.time_aggregation == "ratio_of_sums" else "last"
    return aggregate(values, method, kpi.ratio_factor)


def _value(row: Row | None) -> Value | None:
    if row is None or (row.value is None and row.numerator is None):
        return None
    return Value(value=row.value, numerator=row.numerator, denominator=row.denominator, weight=row.denominator)
