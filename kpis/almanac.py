"""The days of the organisation, read once for whatever asks about the days of many KPIs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import connection

from kpis.domain.periods import Calendar, WorkingDays
from objectives.models import Organisation
from objectives.queries import organisation

RULES = [field.name for field in fields(Calendar)]
# Written as SQL, since every judgement asks: to compile the queries would take Python longer than PostgreSQL answers.
DAYS = f"""
SELECT o.name, o.time_zone, c.id, {", ".join(f"c.{rule}" for rule in RULES)}, c.working_weekdays,
       ARRAY(SELECT day FROM kpis_holiday h WHERE h.calendar_id = c.id)
FROM kpis_periodcalendar c LEFT JOIN objectives_organisation o ON true
"""


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
    """Return the almanac as it stands, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(DAYS)
        rows = cursor.fetchall()
    own = Organisation(name=rows[0][0], time_zone=rows[0][1]) if rows and rows[0][0] else organisation()
    return Almanac(
        organisation=own.name,
        zone=ZoneInfo(own.time_zone),
        calendars={pk: Calendar(**dict(zip(RULES, rules, strict=True))) for _, _, pk, *rules, _, _ in rows},
        working={
            pk: WorkingDays(weekdays=frozenset(weekdays), holidays=frozenset(days_off))
            for _, _, pk, *_, weekdays, days_off in rows
        },
    )
