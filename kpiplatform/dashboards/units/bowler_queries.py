"""Reading the values of all KPIs of a unit for its grid: a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count

from kpiplatform.accounts.models import User
from kpis.domain.grid import Sample, Series
from kpis.domain.limits import AnyLimits, in_force, limits_for
from kpis.domain.periods import Calendar, Period, WorkingDays, due_on
from kpis.models import Holiday, Kpi, Measurement, PeriodCalendar
from kpis.queries import calendar_of, kpis_visible_to, rules_of
from objectives.models import Unit
from objectives.queries import units_visible_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The KPIs of the unit and below that the reader may open, and those that they may not as a number."""

    unit: Unit
    above: list[Unit]
    kpis: list[Any]
    tiers: dict[str, int]
    tier: str
    hidden: int
    calendars: dict[int, Calendar]
    working: dict[int, WorkingDays]


def grid_of(*, user: User, code: str, tier: str, today: date) -> Grid:
    """Return the KPIs of the unit; Unit.DoesNotExist for those who may not see it."""
    units = units_visible_to(user, today=today)
    unit = units.get(code=code)
    codes = unit.path.strip("/").split("/")
    inside = Kpi.objects.filter(unit__path__startswith=unit.path, status=Kpi.Status.ACTIVE)
    visible = kpis_visible_to(user, today=today).filter(pk__in=inside.values("pk"))
    tiers = dict(visible.order_by().values_list("tier").annotate(Count("pk")))
    shown = visible.filter(tier=tier) if tier in tiers else visible
    rows = list(PeriodCalendar.objects.order_by("-is_default", "pk"))
    holidays: dict[int, set[date]] = defaultdict(set)
    for calendar_id, day in Holiday.objects.values_list("calendar_id", "day"):
        holidays[calendar_id].add(day)
    return Grid(
        unit=unit,
        above=list(
            units.filter(path__in=[f"/{'/'.join(codes[:count])}/" for count in range(1, len(codes))]).order_by("path")
        ),
        kpis=list(
            shown.select_related("unit").order_by(
                "unit__path", "objective__perspective__position", "objective__position", "position", "code"
            )
        ),
        tiers=tiers,
        tier=tier if tier in tiers else "",
        hidden=inside.count() - sum(tiers.values()),
        calendars={row.pk: calendar_of(row) for row in rows},
        working={
            row.pk: WorkingDays(weekdays=frozenset(row.working_weekdays), holidays=frozenset(holidays[row.pk]))
            for row in rows
        },
    )


def series_of(grid: Grid, kpis: Sequence[Any], *, since: date, today: date) -> dict[int, Series]:
    """Return the recorded periods of the KPIs that end after `since`, with what judges and expects them."""
    samples: dict[int, dict[date, Sample]] = defaultdict(dict)
    recorded = Measurement.objects.filter(kpi_id__in=[kpi.pk for kpi in kpis], period_end__gt=since)
    columns = ("kpi_id", "period_start", "value", "numerator", "denominator", "state")
    for kpi_id, start, value, numerator, denominator, state in recorded.values_list(*columns):
        samples[kpi_id][start] = Sample(value=value, numerator=numerator, denominator=denominator, state=state)
    rules = rules_of(kpis)

    def series(kpi: Any) -> Series:
        own = rules[kpi.pk]
        working = grid.working[kpi.calendar_id] if kpi.lag_in_working_days else None
        known: dict[date, AnyLimits | None] = {}

        def limits(start: date) -> AnyLimits | None:
            if start not in known:
                threshold = in_force(own.thresholds, start)
                known[start], _reason = limits_for(own.polarity, in_force(own.targets, start), threshold)
            return known[start]

        def due(period: Period) -> date:
            return due_on(period, kpi.reporting_lag_days, working)

        return Series(
            samples=samples[kpi.pk],
            limits=limits,
            due=due,
            method=kpi.time_aggregation,
            factor=kpi.ratio_factor,
            is_cumulative=kpi.is_cumulative,
            # Without a first day, values are expected from the first one on.
            active_from=kpi.active_from or min(samples[kpi.pk], default=today),
        )

    return {kpi.pk: series(kpi) for kpi in kpis}
