"""The values of one KPI as they are known now, or were known on a day, with what judged them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Max, Min, QuerySet

from kpis.domain.judged import Judged, Valued, judge_periods
from kpis.domain.periods import first_of_year
from kpis.models import Evaluation, Kpi, Measurement, MeasurementRevision
from kpis.queries import calendars, fiscal_years_of, rules_of


def values_known(kpi: Kpi, known_at: datetime | None) -> QuerySet[Any]:
    """Return the value of each period, oldest first: the present one, or the latest recorded before `known_at`."""
    if known_at is None:
        return Measurement.objects.filter(kpi=kpi).order_by("period_start")
    rows = MeasurementRevision.objects.filter(kpi=kpi, recorded_at__lt=known_at)
    return rows.order_by("period_start", "-seq").distinct("period_start")


def reach_known(kpi: Kpi, known_at: datetime | None) -> tuple[date, date] | None:
    """Return where the first period with a value starts and where the last one ends, None before there is any."""
    rows: QuerySet[Any] = Measurement.objects.filter(kpi=kpi)
    if known_at is not None:
        rows = MeasurementRevision.objects.filter(kpi=kpi, recorded_at__lt=known_at)
    found = rows.aggregate(first=Min("period_start"), last=Max("period_end"))
    return (found["first"], found["last"]) if found["first"] else None


def judged(kpi: Kpi, rows: Sequence[Any], known_at: datetime | None) -> dict[date, Any]:
    """Return the judgement of each of the values by the start of its period: as stored, or as it was then."""
    if not rows:
        return {}
    if known_at is None:
        stored = Evaluation.objects.filter(
            kpi=kpi, period_start__gte=rows[0].period_start, period_start__lte=rows[-1].period_start
        )
        return {row.period_start: row for row in stored}
    values = [Valued(row.period_start, row.period_end, row.value, row.state, row.reason) for row in rows]
    by_calendar = calendars()
    if kpi.is_cumulative:
        begins = first_of_year(values[0].period_start, kpi.frequency, by_calendar[kpi.calendar_id])
        before = values_known(kpi, known_at).filter(period_start__gte=begins, period_start__lt=values[0].period_start)
        values = [Valued(row.period_start, row.period_end, row.value, row.state, row.reason) for row in before] + values
    years = fiscal_years_of(kpi, values, by_calendar)
    found: list[Judged] = list(judge_periods(values, rules_of([kpi])[kpi.pk], fiscal_years=years, known_at=known_at))
    return {row.period_start: row for row in found}
