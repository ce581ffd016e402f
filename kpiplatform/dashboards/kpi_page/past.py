"""A KPI as it was known on a past day: its definition of then, its values judged by the limits of then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from kpiplatform.dashboards.kpi_page.facts import Row
from kpis.domain.judged import Judged, Rules, Valued, judge_periods
from kpis.domain.periods import Calendar, year_of_period
from kpis.domain.state import band_since, closed_periods, state_of
from kpis.models import Kpi, KpiState
from kpis.services.stating import LOOK_BACK


def judged_then(rows: Sequence[Row], rules: Rules, kpi: Kpi, calendar: Calendar, at: datetime) -> tuple[Row, ...]:
    """Return the rows with the judgement that what was known at `at` makes of them."""
    values = [Valued(row.start, row.end, row.value, row.state, row.reason) for row in rows]
    years = [year_of_period(row.end, calendar) for row in rows] if kpi.is_cumulative else None
    judged = judge_periods(values, rules, fiscal_years=years, known_at=at)
    return tuple(_with(row, verdict) for row, verdict in zip(rows, judged, strict=True))


def state_then(rows: Sequence[Row], kpi: Kpi, calendar: Calendar, breaks: Sequence[date]) -> KpiState:
    """Return what the state row of the KPI would have said, but for how fresh its values were."""
    newest_first = [_judged(row) for row in reversed(rows[-(LOOK_BACK + 1) :])]
    state = state_of(newest_first, kpi.frequency, calendar, breaks)
    if state.last is None:
        return KpiState(kpi=kpi, health="")
    closed = closed_periods(_judged(row) for row in reversed(rows))
    return KpiState(
        kpi=kpi,
        period_start=state.last.period_start,
        period_end=state.last.period_end,
        value=state.last.value,
        previous_value=state.previous_value,
        band=state.last.band,
        band_since=band_since(closed),
        signal=state.signal,
        health="",
    )


def _with(row: Row, verdict: Judged) -> Row:
    return row._replace(
        is_judged=True,
        judged_value=verdict.value,
        goal=verdict.goal,
        red_flag=verdict.red_flag,
        goal_high=verdict.goal_high,
        red_high=verdict.red_high,
        score=verdict.score,
        band=verdict.band,
        no_band_reason=verdict.no_band_reason,
    )


def _judged(row: Row) -> Judged:
    return Judged(
        row.start,
        row.end,
        row.judged_value,
        row.goal,
        row.red_flag,
        row.goal_high,
        row.red_high,
        row.score,
        row.band,
        row.no_band_reason,
        row.state == "provisional",
    )
