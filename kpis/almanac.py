"""The days of the organisation, read once for whatever asks about the days of many KPIs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef

from kpis.domain.periods import Calendar, WorkingDays
from kpis.models import Holiday, PeriodCalendar
from kpis.queries import calendar_of
from objectives.queries import organisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Almanac:
    """The organisation's name and time zone, and its calendars with their working days by id."""

    organisation: str
    zone: ZoneInfo
    calendars: Mapping[int, Calendar]
    working: Mapping[int, WorkingDays]

    def today(self, now: datetime) -> date:
        """Return the organisation's date: in its time zone the day may have changed already, or not yet."""
        return now.astimezone(self.zone).date()


def almanac() -> Almanac:
    """Return the almanac as it stands, in two queries."""
    own = organisation()
    days = Holiday.objects.filter(calendar=OuterRef("pk")).order_by("day").values("day")
    rows = list(PeriodCalendar.objects.annotate(days_off=ArraySubquery(days)))
    return Almanac(
        organisation=own.name,
        zone=ZoneInfo(own.time_zone),
        calendars={row.pk: calendar_of(row) for row in rows},
        working={
            row.pk: WorkingDays(weekdays=frozenset(row.working_weekdays), holidays=frozenset(row.days_off))
            for row in rows
        },
    )
