"""Another frequency, calendar or unit for KPIs with values: what would falsify or open what is recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from django.utils.translation import gettext as _

from kpis.dates import day
from kpis.domain.periods import Calendar
from kpis.domain.recutting import fiscal_years_move, frequencies_that_move
from kpis.locks import Lock, closed_to, locks
from kpis.models import Kpi, Measurement, PeriodCalendar
from kpis.queries import calendar_of, calendars
from kpis.services.refusal import Refused
from objectives.models import Unit

DAY = timedelta(days=1)


class Place(NamedTuple):
    """Where a KPI is, and by which calendar: both decide what is locked of it."""

    unit: Unit
    calendar: PeriodCalendar


def refuse_to_falsify(kpi: Kpi, was: Place) -> None:
    """Raise Refused where the KPI, changed but not saved, has values of other periods, or locked ones would open."""
    before, after = calendar_of(was.calendar), calendar_of(kpi.calendar)
    spans = Measurement.objects.filter(kpi=kpi).values_list("period_start", "period_end")
    if frequencies_that_move(((kpi.frequency, start, end) for start, end in spans), after):
        raise Refused(
            _(
                "Its values are recorded by other periods, which would be none any more. A KPI keeps its rhythm: "
                "define another one for what comes, and retire this one."
            )
        )
    if _years_move(kpi, before, after):
        raise Refused(
            _(
                "Its values add up over the fiscal year, and they would be counted from another day. It keeps its "
                "calendar: define another KPI for what comes, and retire this one."
            )
        )
    known = locks()
    opened = _opened(_closed_to(kpi, known, was), _closed_to(kpi, known, Place(kpi.unit, kpi.calendar)))
    if opened is not None:
        words = {"day": day(opened - DAY), "calendar": kpi.calendar.name, "unit": kpi.unit.name}
        told = _("Its periods up to %(day)s are locked, and would be open in “%(calendar)s” for %(unit)s.") % words
        raise Refused(f"{told} {_('Lock them there first.')}")


def movable(kpis: Sequence[Kpi], calendar: PeriodCalendar) -> list[Kpi]:
    """Return the KPIs for which nothing recorded changes under another calendar.

    Neither the periods of their values, nor the fiscal year in which these are added up, nor what is locked.
    """
    after, by_calendar, known = calendar_of(calendar), calendars(), locks()
    left = _with_moved_periods(kpis, after)
    for kpi in kpis:
        was, then = Place(kpi.unit, kpi.calendar), Place(kpi.unit, calendar)
        opened = _opened(_closed_to(kpi, known, was), _closed_to(kpi, known, then))
        if opened is not None or _years_move(kpi, by_calendar[kpi.calendar_id], after):
            left.add(kpi.pk)
    return [kpi for kpi in kpis if kpi.pk not in left]


def _years_move(kpi: Kpi, before: Calendar, after: Calendar) -> bool:
    """Return whether values would be counted from another day; a formula may hold the year to date."""
    if before == after or not (kpi.is_cumulative or kpi.entry == Kpi.Entry.DERIVED):
        return False
    return fiscal_years_move(Measurement.objects.filter(kpi=kpi).values_list("period_end", flat=True), before, after)


def _with_moved_periods(kpis: Collection[Kpi], after: Calendar) -> set[int]:
    recorded = Measurement.objects.filter(kpi__in=kpis).order_by()
    starts: dict[str, set[date]] = defaultdict(set)
    for frequency, start, end in recorded.values_list("kpi__frequency", "period_start", "period_end").distinct():
        if frequencies_that_move([(frequency, start, end)], after):
            starts[frequency].add(start)
    found: set[int] = set()
    for frequency, moved in starts.items():
        of_these = recorded.filter(kpi__frequency=frequency, period_start__in=moved)
        found |= set(of_these.values_list("kpi_id", flat=True).distinct())
    return found


def _closed_to(kpi: Kpi, known: Iterable[Lock], place: Place) -> date | None:
    """Return the end of what is locked of the KPI in a place."""
    return closed_to(known, calendar_id=place.calendar.pk, path=place.unit.path, made_at=kpi.created_at)


def _opened(before: date | None, after: date | None) -> date | None:
    """Return the end of what was locked if less of it is, else None."""
    return before if before is not None and (after is None or after < before) else None
