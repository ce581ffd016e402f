"""The KPI's periods in order, each with its value or with why there is none, and the year to date over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from kpiplatform.dashboards.kpi_page.facts import Facts, Row
from kpis.domain.aggregation import Aggregate, Value, aggregate
from kpis.domain.periods import Calendar, Period, due_on, fiscal_year_start, period_of
from kpis.models import Kpi


class Standing(StrEnum):
    """What is known of a period."""

    REPORTED = "reported"
    PROVISIONAL = "provisional"
    NOT_APPLICABLE = "not_applicable"
    NO_VALUE = "no_value"
    MISSING = "missing"
    NOT_DUE = "not_due"


@dataclass(slots=True, kw_only=True)
class Cell:
    """One period; `shown` is what is judged: to date for cumulative KPIs, else the value itself."""

    period: Period
    standing: Standing
    row: Row | None
    shown: Decimal | None

    @property
    def value(self) -> Decimal | None:
        return self.row.value if self.row else None

    @property
    def band(self) -> str:
        return self.row.band if self.row else ""

    @property
    def is_closed(self) -> bool:
        """Whether the value is final: reported, for a period that is over."""
        return self.standing is Standing.REPORTED


def timeline(facts: Facts) -> list[Cell]:
    """Return every period from the first value, or the first expected one, to the latest, oldest first.

    The open period is there only with a value, or where people enter one.
    """
    return list(_cells(facts, {row.start: row for row in facts.rows}))


def latest_closed(cells: Sequence[Cell]) -> Cell | None:
    """Return the latest period with a final value."""
    return next((cell for cell in reversed(cells) if cell.is_closed and cell.value is not None), None)


def open_cell(cells: Sequence[Cell]) -> Cell | None:
    """Return the provisional value after the latest final one."""
    last = cells[-1] if cells else None
    return last if last and last.standing is Standing.PROVISIONAL and last.value is not None else None


def same_year(cells: Sequence[Cell], facts: Facts) -> list[Cell]:
    """Return the periods of the present fiscal year; a week is in the year of its last day."""
    year = fiscal_year_start(facts.today, facts.calendar)
    return [cell for cell in cells if cell.period.last_day >= year]


@dataclass(frozen=True, slots=True, kw_only=True)
class YearToDate:
    """The periods of the fiscal year that are over as one value, the last day they reach, and if one is provisional."""

    total: Aggregate
    through: date
    is_provisional: bool


def year_to_date(cells: Sequence[Cell], facts: Facts) -> YearToDate | None:
    """Return the year to date by the KPI's aggregation over time, with its coverage; None before the first value."""
    counted = {Standing.REPORTED, Standing.PROVISIONAL, Standing.NO_VALUE, Standing.MISSING}
    due = [cell for cell in same_year(cells, facts) if cell.period.end <= facts.today and cell.standing in counted]
    if not any(cell.row for cell in due):
        return None
    if facts.by_formula is not None:
        total = facts.by_formula(due[0].period.start, due[-1].period.end)
    else:
        values = [_value(cell.row) for cell in due]
        total = aggregate(values, facts.kpi.time_aggregation, facts.kpi.ratio_factor)
    may_change = any(cell.standing is Standing.PROVISIONAL for cell in due)
    return YearToDate(total=total, through=due[-1].period.last_day, is_provisional=may_change)


def _cells(facts: Facts, rows: dict[date, Row]) -> Iterator[Cell]:
    starts = [day for day in (min(rows, default=None), facts.kpi.active_from) if day is not None]
    if not starts:
        return
    frequency, calendar = facts.kpi.frequency, facts.calendar
    period = _period(min(starts), frequency, calendar)
    while period.start <= facts.today:
        row = rows.get(period.start)
        if row is not None or period.end <= facts.today or facts.kpi.entry == Kpi.Entry.MANUAL:
            yield Cell(period=period, standing=_standing(period, row, facts), row=row, shown=_shown(row, facts))
        period = _period(period.end, frequency, calendar)


@lru_cache(maxsize=8192)
def _period(day: date, frequency: str, calendar: Calendar) -> Period:
    """Return the period that holds `day`; the same ones are asked for on every page."""
    return period_of(day, frequency, calendar)


def _standing(period: Period, row: Row | None, facts: Facts) -> Standing:
    if row is None:
        due = due_on(period, facts.kpi.reporting_lag_days, facts.working_days)
        return Standing.NOT_DUE if facts.today <= due else Standing.MISSING
    if row.state == Standing.NOT_APPLICABLE:
        return Standing.NOT_APPLICABLE
    if row.value is None:
        return Standing.NO_VALUE
    return Standing.PROVISIONAL if row.state == Standing.PROVISIONAL else Standing.REPORTED


def _shown(row: Row | None, facts: Facts) -> Decimal | None:
    if row is None:
        return None
    return row.judged_value if facts.kpi.is_cumulative and row.is_judged else row.value


def _value(row: Row | None) -> Value | None:
    if row is None:
        return None
    return Value(value=row.value, numerator=row.numerator, denominator=row.denominator, weight=row.denominator)
