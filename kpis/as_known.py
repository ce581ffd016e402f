"""KPIs as they stood at the end of a past period, or as they were known on a past day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Max, Min

from kpis.domain.judged import Judged, Rules, Valued, judge_periods
from kpis.domain.periods import Calendar, year_of_period
from kpis.domain.state import State, band_since, closed_periods, state_of
from kpis.models import Kpi, KpiVersion, MeasurementRevision
from kpis.queries import breaks_of, calendars, fiscal_years_of, rules_of

LOOK_BACK = 27  # periods: what the state row reads, too
WHOLE_YEARS = 800  # periods, of days more than two years: the newest may have begun only now
EVERYTHING = 100_000

# What of the definition sheet pages say or compute with. Where the KPI belongs is as it is now: that decides who may
# open it.
DEFINED = (
    "version", "name", "purpose", "decision_informed", "formula_in_words", "inclusions", "measure_unit", "decimals",
    "numerator_label", "denominator_label", "polarity", "tier", "indicator_type", "frequency", "time_aggregation",
    "unit_aggregation", "is_cumulative", "ratio_factor", "minimum", "maximum", "reporting_lag_days",
    "lag_in_working_days", "cost_to_measure", "unintended_consequences", "baseline_value", "baseline_note",
    "benchmark_value", "benchmark_source", "benchmark_on", "review_by", "active_from",
)  # fmt: skip
# The values known at a moment are the latest revisions recorded before it.
VALUES_KNOWN = """
SELECT k.kpi_id, r.period_start, r.period_end, r.value, r.state, r.reason
FROM unnest(%(ids)s::bigint[]) AS k(kpi_id)
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (period_start) period_start, period_end, value, state, reason
    FROM kpis_measurementrevision
    WHERE kpi_id = k.kpi_id AND period_end <= %(before)s
      AND (%(known_at)s::timestamptz IS NULL OR recorded_at < %(known_at)s)
    ORDER BY period_start DESC, seq DESC LIMIT %(periods)s
) AS r
ORDER BY k.kpi_id, r.period_start
"""
CLOSED_BEFORE = """
SELECT k.kpi_id, e.band, e.score, e.value
FROM unnest(%s::bigint[]) AS k(kpi_id)
CROSS JOIN LATERAL (
    SELECT band, score, value FROM kpis_evaluation
    WHERE kpi_id = k.kpi_id AND period_end <= %s AND NOT is_provisional AND value IS NOT NULL
    ORDER BY period_start DESC LIMIT 1
) AS e
"""


def definitions_then(kpi_ids: Collection[int], known_at: datetime) -> dict[int, dict[str, Any]]:
    """Return what the sheets of KPIs said by what was known at a moment, by column; nothing before a first version."""
    versions = KpiVersion.objects.filter(kpi_id__in=kpi_ids, recorded_at__lt=known_at)
    latest = versions.order_by("kpi_id", "-version").distinct("kpi_id").values_list("kpi_id", "definition")
    return {kpi_id: said_in(definition) for kpi_id, definition in latest}


def said_in(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a stored sheet says of a KPI, as the values of its columns."""
    fields = {field.name: field for field in Kpi._meta.concrete_fields}
    return {name: fields[name].to_python(definition[name]) for name in DEFINED if name in definition}


def defined_then(kpi: Kpi, said: Mapping[str, Any]) -> Kpi:
    """Return the KPI with what its sheet said then, in memory alone; unchanged where no version was recorded yet."""
    for name, value in said.items():
        setattr(kpi, name, value)
    return kpi


def define_as_known(kpis: Sequence[Kpi], known_at: datetime | None) -> None:
    """Give the KPIs, in memory alone, what their sheets said by what was known at a moment, None for now."""
    if known_at is None:
        return
    sheets = definitions_then([kpi.pk for kpi in kpis], known_at)
    for kpi in kpis:
        defined_then(kpi, sheets.get(kpi.pk, {}))


def states_as_known(
    *, kpis: Sequence[Kpi], before: date, known_at: datetime | None, whole_bands: bool = False
) -> dict[int, tuple[State, date]]:
    """Return the state of each KPI over periods that ended on or before `before`, by what was known at `known_at`.

    Values, targets and thresholds recorded later do not exist for the answer; the KPIs come with the definitions of
    then. A value that was last said to be provisional counts as little as it did then, also where its period had ended.
    With the state comes the first period of its present band, looked for in the latest 27, or in all with
    `whole_bands`. KPIs without any value then are left out. Five queries, and one for whole bands.
    """
    by_calendar = calendars()
    rules = rules_of(kpis)
    breaks = breaks_of([kpi.pk for kpi in kpis], known_at)

    def judged(some: Sequence[Kpi], periods: int) -> dict[int, list[Judged]]:
        values = _known_values(some, before, known_at, periods)
        known = {kpi.pk: values[kpi.pk] for kpi in some}
        if periods < EVERYTHING:
            sums = [kpi for kpi in some if kpi.is_cumulative]
            known |= {kpi.pk: _whole_years(known[kpi.pk], by_calendar[kpi.calendar_id], periods) for kpi in sums}
        return {kpi.pk: _judged(kpi, known[kpi.pk], rules[kpi.pk], by_calendar, known_at) for kpi in some}

    states = {}
    newest = judged(kpis, WHOLE_YEARS if any(kpi.is_cumulative for kpi in kpis) else LOOK_BACK)
    for kpi in kpis:
        newest_first = newest[kpi.pk][:LOOK_BACK]
        closed = closed_periods(newest_first)
        if closed:
            state = state_of(newest_first, kpi.frequency, by_calendar[kpi.calendar_id], breaks.get(kpi.pk, ()))
            states[kpi.pk] = (state, band_since(closed))
    if whole_bands:
        older = [kpi for kpi in kpis if kpi.pk in states and _may_be_older(states[kpi.pk][1], newest[kpi.pk])]
        for pk, newest_first in judged(older, EVERYTHING).items():
            states[pk] = (states[pk][0], band_since(closed_periods(newest_first)))
    return states


def _may_be_older(since: date, newest_first: Sequence[Judged]) -> bool:
    looked_at = newest_first[:LOOK_BACK]
    return len(looked_at) == LOOK_BACK and since == closed_periods(looked_at)[-1].period_start


def _known_values(
    kpis: Sequence[Kpi], before: date, known_at: datetime | None, periods: int
) -> dict[int, list[Valued]]:
    values: dict[int, list[Valued]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            VALUES_KNOWN,
            {"ids": [kpi.pk for kpi in kpis], "before": before, "known_at": known_at, "periods": periods},
        )
        for kpi_id, *valued in cursor.fetchall():
            values[kpi_id].append(Valued(*valued))
    return values


def _judged(
    kpi: Kpi, values: Sequence[Valued], rules: Rules, by_calendar: dict[int, Calendar], known_at: datetime | None
) -> list[Judged]:
    """Return the values as judged by what was known, newest first."""
    years = fiscal_years_of(kpi, values, by_calendar)
    return list(judge_periods(values, rules, fiscal_years=years, known_at=known_at))[::-1]


def first_recorded(*, kpi_ids: Collection[int], by: datetime) -> datetime | None:
    """Return when the first value of the KPIs was recorded; None if that was before `by`, or there is none."""
    recorded = MeasurementRevision.objects.filter(kpi_id__in=kpi_ids)
    if recorded.filter(recorded_at__lt=by).exists():
        return None
    return recorded.aggregate(first=Min("recorded_at"))["first"]


def last_recorded(*, kpi_ids: Collection[int], known_at: datetime) -> datetime | None:
    """Return when the latest value of the KPIs was recorded that was known at a moment."""
    recorded = MeasurementRevision.objects.filter(kpi_id__in=kpi_ids, recorded_at__lt=known_at)
    return recorded.aggregate(last=Max("recorded_at"))["last"]


def standing_before(
    *, kpis: Sequence[Kpi], before: date, known_at: datetime | None
) -> dict[int, tuple[str, object, object]]:
    """Return (band, score, value) of the latest closed period of each KPI that ended on or before a day.

    By the judgements that stand today; with `known_at` by what was known then.
    """
    if known_at is not None:
        states = states_as_known(kpis=kpis, before=before, known_at=known_at)
        return {pk: (last.band, last.score, last.value) for pk, (state, _) in states.items() if (last := state.last)}
    with connection.cursor() as cursor:
        cursor.execute(CLOSED_BEFORE, [[kpi.pk for kpi in kpis], before])
        return {kpi_id: (band, score, value) for kpi_id, band, score, value in cursor.fetchall()}


def _whole_years(values: list[Valued], calendar: Calendar, asked: int) -> list[Valued]:
    """Return the values, oldest first, without those of a first year that had more than were asked for."""
    if len(values) < asked:
        return values
    oldest = year_of_period(values[0].period_end, calendar)
    return [row for row in values if year_of_period(row.period_end, calendar) > oldest]
