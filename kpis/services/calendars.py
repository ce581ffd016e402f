"""How the organisation cuts time: calendars, holidays, and periods that are closed to writing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import lock_as_seen
from kpis.domain.periods import Calendar
from kpis.domain.recutting import fiscal_years_move, frequencies_that_move
from kpis.models import (
    Holiday,
    Kpi,
    KpiState,
    Measurement,
    PeriodCalendar,
    PeriodLock,
    ProposedValue,
    StagedReading,
    UnitCalendar,
)
from kpis.queries import calendar_of
from kpis.readings import PROVISIONAL
from kpis.services.defining import note_versions
from kpis.services.rhythm import movable
from objectives.models import Unit

DAY = timedelta(days=1)
# What decides where periods begin and what they are called.
CUT = (
    "fiscal_year_start_month",
    "label_rule",
    "week_start",
    "pattern",
    "year_end_rule",
    "year_end_weekday",
    "year_end_month",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """How many KPIs moved to a calendar, and how many kept theirs because of what is recorded."""

    moved: int
    left: int


class Refused(ValueError):
    """The change would falsify what is recorded; the sentence says how. Nothing was written."""


def add_calendar(*, name: str, said: Mapping[str, Any]) -> PeriodCalendar:
    """Return a new calendar; the first one is the default."""
    with transaction.atomic():
        return PeriodCalendar.objects.create(
            name=name,
            is_default=not PeriodCalendar.objects.filter(is_default=True).exists(),
            working_weekdays=sorted(said["working_weekdays"]),
            **{field: said[field] for field in CUT},
        )


def change_calendar(*, calendar: PeriodCalendar, seen: str, name: str, said: Mapping[str, Any]) -> PeriodCalendar:
    """Change how a calendar cuts time. Raises ChangedMeanwhile, or Refused if recorded periods would move."""
    with transaction.atomic():
        row = lock_as_seen(PeriodCalendar.objects.all(), calendar.pk, seen)
        before = calendar_of(row)
        for field in CUT:
            setattr(row, field, said[field])
        _refuse_if_periods_move(row, before, calendar_of(row))
        row.name, row.working_weekdays = name, sorted(said["working_weekdays"])
        row.save()
        _due_dates_are_open(row)
    return row


def make_default(*, calendar: PeriodCalendar) -> None:
    """Let new KPIs, and pages that belong to no KPI, follow this calendar."""
    with transaction.atomic():
        list(PeriodCalendar.objects.select_for_update().order_by("pk"))
        PeriodCalendar.objects.filter(is_default=True).exclude(pk=calendar.pk).update(is_default=False)
        PeriodCalendar.objects.filter(pk=calendar.pk).update(is_default=True)


def add_holidays(*, calendar: PeriodCalendar, days: Mapping[date, str]) -> int:
    """Add the days that are no working days, and return how many were not there yet."""
    with transaction.atomic():
        known = set(Holiday.objects.filter(calendar=calendar, day__in=days).values_list("day", flat=True))
        Holiday.objects.bulk_create(
            [Holiday(calendar=calendar, day=day, name=name) for day, name in sorted(days.items())],
            ignore_conflicts=True,
        )
        _due_dates_are_open(calendar)
    return len(days.keys() - known)


def remove_holiday(*, calendar: PeriodCalendar, day: date) -> None:
    """Make a day a working day again, if its weekday is one."""
    with transaction.atomic():
        Holiday.objects.filter(calendar=calendar, day=day).delete()
        _due_dates_are_open(calendar)


def follow(*, unit: Unit, calendar: PeriodCalendar, moves_kpis: bool, by: User, today: date, now: datetime) -> Followed:
    """Let a unit and those below follow a calendar; with `moves_kpis` their KPIs too, where nothing recorded changes.

    Where a period or fiscal year of values would move, or what is locked would open, a KPI keeps its calendar. Those
    that move get a version from today on. KPIs below a unit with a calendar of its own are left alone. The same again
    changes nothing.
    """
    with transaction.atomic():
        PeriodCalendar.objects.select_for_update(no_key=True).get(pk=calendar.pk)
        UnitCalendar.objects.update_or_create(unit=unit, defaults={"calendar": calendar})
        kpis = Kpi.objects.filter(unit__path__startswith=unit.path).exclude(calendar=calendar)
        for path in UnitCalendar.objects.exclude(unit=unit).values_list("unit__path", flat=True):
            if path.startswith(unit.path):
                kpis = kpis.exclude(unit__path__startswith=path)
        asked = (
            list(kpis.select_related("unit", "calendar").select_for_update(of=("self",)).order_by("pk"))
            if moves_kpis
            else []
        )
        moved = movable(asked, calendar)
        for kpi in moved:
            kpi.calendar = calendar
        said = {"unit": unit.name, "calendar": calendar.name}
        reason = _("%(unit)s follows the calendar %(calendar)s.") % said
        note_versions(moved, effective_from=today, reason=reason, breaks=False, by=by, now=now)
        Kpi.objects.bulk_update(moved, ["calendar", "version"], batch_size=500)
        KpiState.objects.filter(kpi__in=moved).update(next_due_on=None)
        return Followed(moved=len(moved), left=len(asked) - len(moved))


def follow_no_more(*, unit: Unit) -> None:
    """Let a unit follow the units above again; its KPIs keep the calendar they have."""
    UnitCalendar.objects.filter(unit=unit).delete()


def lock_periods(
    *, calendar: PeriodCalendar, unit: Unit | None, until: date, reason: str, by: User, today: date, now: datetime
) -> PeriodLock:
    """Close the periods whose last day is `until` or earlier, for everybody or for a unit and below. Raises Refused.

    It holds for the KPIs that are there now: those made later bring their history first, and are closed by the next
    lock. One that holds for all of them already is returned as it is.
    """
    if until >= today:
        raise Refused(_("Only what is over can be locked: choose a day before today."))
    end = until + DAY
    with transaction.atomic():
        PeriodCalendar.objects.select_for_update(no_key=True).get(pk=calendar.pk)
        held = PeriodLock.objects.filter(calendar=calendar, unit=unit, locked_until__gte=end)
        kpis = Kpi.objects.filter(calendar=calendar)
        if unit is not None:
            kpis = kpis.filter(unit__path__startswith=unit.path)
        newest = kpis.aggregate(newest=Max("created_at"))["newest"]
        if newest is not None:
            held = held.filter(locked_at__gte=newest)
        return held.order_by("-locked_until").first() or PeriodLock.objects.create(
            calendar=calendar, unit=unit, locked_until=end, reason=reason, locked_by=by, locked_at=now
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What a lock would close: values, how many of them are provisional, and values that wait for a decision."""

    values: int
    provisional: int
    unapproved: int
    held: int


def closing(*, calendar: PeriodCalendar, unit: Unit | None, until: date) -> Closing:
    """Return what a lock up to and with `until` would close."""
    kpis = Kpi.objects.filter(calendar=calendar)
    if unit is not None:
        kpis = kpis.filter(unit__path__startswith=unit.path)
    inside = {"kpi__in": kpis, "period_end__lte": until + DAY}
    values = Measurement.objects.filter(**inside)
    return Closing(
        values=values.count(),
        provisional=values.filter(state=PROVISIONAL).count(),
        unapproved=ProposedValue.objects.filter(**inside, outcome=ProposedValue.Outcome.WAITING).count(),
        held=StagedReading.objects.filter(**inside).count(),
    )


def _refuse_if_periods_move(row: PeriodCalendar, before: Calendar, after: Calendar) -> None:
    recorded = Measurement.objects.filter(kpi__calendar=row)
    spans = recorded.order_by().values_list("kpi__frequency", "period_start", "period_end").distinct()
    moved = frequencies_that_move(spans, after)
    if moved:
        words = ", ".join(str(Kpi.Frequency(frequency).label) for frequency in sorted(moved))
        raise Refused(
            _(
                "Values are recorded in %(frequencies)s periods of this calendar, and these periods would move. "
                "Make a new calendar for what comes instead; here only names, working days and holidays change."
            )
            % {"frequencies": words}
        )
    cumulative = recorded.filter(kpi__is_cumulative=True).order_by().values_list("period_end", flat=True).distinct()
    if fiscal_years_move(cumulative, before, after):
        raise Refused(
            _(
                "Values that add up over the fiscal year are recorded, and they would be counted from another day. "
                "Make a new calendar for what comes instead."
            )
        )


def _due_dates_are_open(calendar: PeriodCalendar) -> None:
    """Let the next look at health ask anew when the values of this calendar's KPIs are due."""
    KpiState.objects.filter(kpi__calendar=calendar).update(next_due_on=None)
