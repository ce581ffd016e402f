"""How far KPIs are closed to writing: what locks reach them, and what of them stands behind these."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from django.db.models import QuerySet

from kpis.models import Evaluation, Kpi, PeriodLock, PeriodReopening

# What a judgement says; whoever signed a period off signed this.
SAID = ("value", "goal", "red_flag", "goal_high", "red_high", "score", "band", "no_band_reason")


class Lock(NamedTuple):
    """Periods of a calendar that end on or before a day are closed, for everybody (no path) or a unit and below."""

    calendar_id: int
    unit_path: str | None
    until: date
    made_at: datetime

    def reaches(self, *, calendar_id: int, path: str, made_at: datetime) -> bool:
        """Return whether it holds for a KPI of that unit and calendar which was made then."""
        inside = self.unit_path is None or path.startswith(self.unit_path)
        return inside and calendar_id == self.calendar_id and made_at <= self.made_at


def locks() -> list[Lock]:
    """Return every lock there is."""
    rows = PeriodLock.objects.values_list("calendar_id", "unit__path", "locked_until", "locked_at")
    return [Lock(*row) for row in rows]


def closed_to(locks: Iterable[Lock], *, calendar_id: int, path: str, made_at: datetime) -> date | None:
    """Return the day before which periods of a KPI have ended that are closed, None where all are open."""
    reaching = (one.until for one in locks if one.reaches(calendar_id=calendar_id, path=path, made_at=made_at))
    return max(reaching, default=None)


def closed_of(kpi: Kpi) -> date | None:
    """Return the day before which closed periods of the KPI have ended; it comes with its unit."""
    return closed_to(locks(), calendar_id=kpi.calendar_id, path=kpi.unit.path, made_at=kpi.created_at)


def closed_of_all(kpis: QuerySet[Kpi]) -> date | None:
    """Return the latest such day of several KPIs."""
    known = locks()
    rows = kpis.order_by().values_list("calendar_id", "unit__path", "created_at").distinct() if known else ()
    days = (closed_to(known, calendar_id=calendar, path=path, made_at=made) for calendar, path, made in rows)
    return max((day for day in days if day is not None), default=None)


def judged_behind(kpi: Kpi, until: date | None, *, now: datetime) -> dict[date, tuple[object, ...]]:
    """Return the end and the judgement of each period that is closed by `until` and not open again, by its start."""
    if until is None:
        return {}
    again = PeriodReopening.objects.filter(kpi=kpi, approved_by__isnull=False, expires_at__gt=now)
    rows = Evaluation.objects.filter(kpi=kpi, period_end__lte=until)
    rows = rows.exclude(period_start__in=again.values("period_start"))
    return {start: said for start, *said in rows.values_list("period_start", "period_end", *SAID)}
