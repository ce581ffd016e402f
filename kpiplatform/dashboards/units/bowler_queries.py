"""Reading the values of all KPIs of a unit for its grid: a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db.models import Count, QuerySet

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.as_known import AsKnown
from kpiplatform.paging import slice_of
from kpis.as_known import define_as_known
from kpis.calculations import by_formulas
from kpis.domain.cumulative import to_date
from kpis.domain.grid import Sample, Series
from kpis.domain.judged import Rules
from kpis.domain.limits import AnyLimits, in_force, limits_for
from kpis.domain.periods import Calendar, Period, WorkingDays, due_on, period_of, year_of_period
from kpis.models import Holiday, Kpi, Measurement, MeasurementRevision, PeriodCalendar
from kpis.queries import calendar_of, kpis_visible_to, rules_of, there_at
from objectives.models import Unit
from objectives.queries import units_visible_to

AT_ONCE = 100
ORDER = ("unit__path", "objective__perspective__position", "objective__position", "position", "code")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """KPIs of the unit and below that the reader may open, a part where they are many; the others as numbers.

    `after` is the KPI below which the next part begins, "" at the end. `rarer` are measured too seldom for the columns.
    `all_ids` are known where a past day is asked for.
    """

    unit: Unit
    above: list[Unit]
    kpis: list[Any]
    after: str
    total: int
    rarer: int
    all_ids: list[int]
    tiers: dict[str, int]
    tier: str
    hidden: int
    calendars: dict[int, Calendar]
    working: dict[int, WorkingDays]


def grid_of(
    *, user: User, code: str, tier: str, frequencies: Collection[str], after: str, today: date, known: AsKnown
) -> Grid:
    """Return the KPIs of the unit from below the KPI `after`, of those there were as known.

    Unit.DoesNotExist for those who may not see it.
    """
    units = units_visible_to(user, today=today)
    unit = units.get(code=code)
    codes = unit.path.strip("/").split("/")
    inside = there_at(Kpi.objects.filter(unit__path__startswith=unit.path), known.at)
    visible = kpis_visible_to(user, today=today, known_at=known.at).filter(pk__in=inside.values("pk"))
    tiers = dict(visible.order_by().values_list("tier").annotate(Count("pk")))
    of_tier = visible.filter(tier=tier) if tier in tiers else visible
    fitting = of_tier.filter(frequency__in=frequencies)
    total = fitting.count()
    part = slice_of(fitting.select_related("unit", "calendar"), order=ORDER, after=after, size=AT_ONCE)
    define_as_known(part.rows, known.at)
    rows = list(PeriodCalendar.objects.order_by("-is_default", "pk"))
    holidays: dict[int, set[date]] = defaultdict(set)
    for calendar_id, day in Holiday.objects.values_list("calendar_id", "day"):
        holidays[calendar_id].add(day)
    return Grid(
        unit=unit,
        above=list(
            units.filter(path__in=[f"/{'/'.join(codes[:count])}/" for count in range(1, len(codes))]).order_by("path")
        ),
        kpis=part.rows,
        after=part.after,
        total=total,
        rarer=(tiers[tier] if tier in tiers else sum(tiers.values())) - total,
        all_ids=list(fitting.order_by().values_list("pk", flat=True)) if known.on else [],
        tiers=tiers,
        tier=tier if tier in tiers else "",
        hidden=inside.count() - sum(tiers.values()),
        calendars={row.pk: calendar_of(row) for row in rows},
        working={
            row.pk: WorkingDays(weekdays=frozenset(row.working_weekdays), holidays=frozenset(holidays[row.pk]))
            for row in rows
        },
    )


def series_of(
    grid: Grid, kpis: Sequence[Any], *, since: date, until: date, today: date, known_at: datetime | None
) -> dict[int, Series]:
    """Return the recorded periods of the KPIs that end after `since` and by `until`, with what judges and expects them.

    Of values, targets and thresholds recorded at or after `known_at` nothing is known; None: all is.
    """
    samples = _samples([kpi.pk for kpi in kpis], since, known_at)
    rules = rules_of(kpis)
    over = by_formulas(kpis, since=since, until=until, today=today, known_at=known_at)
    return {
        kpi.pk: replace(_series(kpi, samples[kpi.pk], rules[kpi.pk], grid, today, known_at), over=over.get(kpi.pk))
        for kpi in kpis
    }


def _samples(kpi_ids: Sequence[int], since: date, known_at: datetime | None) -> dict[int, dict[date, Sample]]:
    recorded: QuerySet[Any] = Measurement.objects.filter(kpi_id__in=kpi_ids, period_end__gt=since)
    if known_at is not None:
        revisions = MeasurementRevision.objects.filter(
            kpi_id__in=kpi_ids, period_end__gt=since, recorded_at__lt=known_at
        )
        recorded = revisions.order_by("kpi_id", "period_start", "-seq").distinct("kpi_id", "period_start")
    samples: dict[int, dict[date, Sample]] = defaultdict(dict)
    columns = ("kpi_id", "period_start", "value", "numerator", "denominator", "state")
    for kpi_id, start, value, numerator, denominator, state in recorded.values_list(*columns):
        samples[kpi_id][start] = Sample(value=value, numerator=numerator, denominator=denominator, state=state)
    return samples


def _series(
    kpi: Any, samples: dict[date, Sample], rules: Rules, grid: Grid, today: date, known_at: datetime | None
) -> Series:
    working = grid.working[kpi.calendar_id] if kpi.lag_in_working_days else None
    known: dict[date, AnyLimits | None] = {}

    def limits(start: date) -> AnyLimits | None:
        if start not in known:
            target = in_force(rules.targets, start, known_at)
            known[start], _reason = limits_for(rules.polarity, target, in_force(rules.thresholds, start, known_at))
        return known[start]

    def due(period: Period) -> date:
        return due_on(period, kpi.reporting_lag_days, working)

    if kpi.is_cumulative:
        samples, known = _to_date(samples, limits, kpi.frequency, grid.calendars[kpi.calendar_id])
    return Series(
        samples=samples,
        limits=limits,
        due=due,
        method=kpi.time_aggregation,
        factor=kpi.ratio_factor,
        is_cumulative=kpi.is_cumulative,
        # Without a first day, values are expected from the first one on.
        active_from=kpi.active_from or min(samples, default=today),
    )


def _to_date(
    samples: dict[date, Sample], limits: Callable[[date], AnyLimits | None], frequency: str, calendar: Calendar
) -> tuple[dict[date, Sample], dict[date, AnyLimits | None]]:
    """Return values and limits summed from the start of each fiscal year, by the first day of the period."""
    starts = sorted(samples)
    sums, summed = to_date(
        [samples[start].value for start in starts],
        [(limits(start), "") for start in starts],
        [year_of_period(period_of(start, frequency, calendar).end, calendar) for start in starts],
    )
    return (
        {start: replace(samples[start], value=value) for start, value in zip(starts, sums, strict=True)},
        {start: limit for start, (limit, _reason) in zip(starts, summed, strict=True)},
    )
