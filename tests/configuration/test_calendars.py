"""Calendars: what would move recorded periods is refused; everything else may change."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from kpiplatform.audit.editing import seen
from kpis.domain.holidays import holidays_in
from kpis.domain.periods import Calendar, period_of
from kpis.domain.recutting import fiscal_years_move, frequencies_that_move
from kpis.models import Holiday, Kpi, KpiState, PeriodCalendar, PeriodLock, ProposedValue, UnitCalendar
from kpis.queries import calendars_of_units
from kpis.readings import Origin, Reading
from kpis.reopenings import closure_of
from kpis.services.calendars import (
    CUT,
    Refused,
    add_calendar,
    add_holidays,
    change_calendar,
    follow,
    lock_periods,
    make_default,
    remove_holiday,
)
from kpis.services.locking import ensure_states
from kpis.services.recording import record_measurements
from objectives.models import Role
from tests.dashboards.measured import W46
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, the_calendar, the_company

WEEK = timedelta(weeks=1)
W46_SPAN = (W46, W46 + timedelta(weeks=1))
WEEKS = Calendar(pattern="445", year_end_month=6)
W41 = period_of(date(2026, 10, 5), "week", Calendar())


def changed(calendar: PeriodCalendar, **said: Any) -> PeriodCalendar:
    rules = {name: getattr(calendar, name) for name in CUT} | {"working_weekdays": [0, 1, 2, 3, 4]} | said
    return change_calendar(calendar=calendar, seen=seen(calendar), name=calendar.name, said=rules)


def record(kpi: Kpi, start: date, end: date) -> None:
    reading = Reading(kpi_id=kpi.pk, period_start=start, period_end=end, value=Decimal(80))
    record_measurements(readings=[reading], origin=Origin(kind="manual", user_id=kpi.owner_id), now=NOW)


@pytest.mark.parametrize(
    ("calendar", "moved"),
    [
        (Calendar(), set()),
        (Calendar(week_start=6), {"week"}),
        (Calendar(fiscal_year_start_month=7), {"year"}),
        (Calendar(fiscal_year_start_month=2), {"quarter", "year"}),
        (Calendar(label_rule="start"), set()),
        (WEEKS, {"month", "quarter", "year"}),
    ],
)
def test_only_periods_that_begin_elsewhere_move(calendar: Calendar, moved: set[str]) -> None:
    spans = [
        ("week", date(2026, 11, 16), date(2026, 11, 23)),
        ("month", date(2026, 10, 1), date(2026, 11, 1)),
        ("quarter", date(2026, 7, 1), date(2026, 10, 1)),
        ("year", date(2025, 1, 1), date(2026, 1, 1)),
    ]
    assert frequencies_that_move(spans, calendar) == moved


def test_a_fiscal_year_moves_for_the_periods_that_it_counts_anew() -> None:
    assert fiscal_years_move([date(2026, 3, 1)], Calendar(), Calendar(fiscal_year_start_month=7))
    week = [date(2026, 7, 6)]  # 29 June to 5 July
    assert not fiscal_years_move(week, Calendar(fiscal_year_start_month=7), Calendar(fiscal_year_start_month=7))
    assert fiscal_years_move(week, Calendar(fiscal_year_start_month=7), Calendar())
    assert not fiscal_years_move([], Calendar(), Calendar(fiscal_year_start_month=7))


def test_a_pasted_list_of_days_is_read_and_what_is_no_day_is_named() -> None:
    text = "2026-12-25 Christmas Day\n\n1 Jan 2027, New Year\n6. January 2027\tEpiphany\n12/25/2026 which?\n2026-02-30"
    assert holidays_in(text) == (
        {date(2026, 12, 25): "Christmas Day", date(2027, 1, 1): "New Year", date(2027, 1, 6): "Epiphany"},
        [5, 6],
    )


@pytest.mark.django_db
def test_weeks_with_values_keep_their_first_day_but_the_fiscal_year_may_change() -> None:
    kpi = a_kpi()
    record(kpi, W46, date(2026, 11, 16))
    with pytest.raises(Refused, match="weekly periods"):
        changed(the_calendar(), week_start=6)
    assert changed(the_calendar(), fiscal_year_start_month=7).fiscal_year_start_month == 7
    assert the_calendar().week_start == 0


@pytest.mark.django_db
def test_sums_over_the_fiscal_year_keep_its_first_day() -> None:
    kpi = a_kpi(is_cumulative=True, time_aggregation=Kpi.Aggregation.SUM)
    record(kpi, W46, date(2026, 11, 16))
    with pytest.raises(Refused, match="add up over the fiscal year"):
        changed(the_calendar(), fiscal_year_start_month=7)


@pytest.mark.django_db
def test_holidays_and_working_days_let_due_dates_be_asked_anew() -> None:
    kpi = a_kpi()
    ensure_states(kpi_ids=[kpi.pk])

    def due_is_open() -> bool:
        was_open = KpiState.objects.get().next_due_on is None
        KpiState.objects.update(next_due_on=date(2026, 12, 1))
        return was_open

    due_is_open()
    assert add_holidays(calendar=the_calendar(), days={date(2026, 12, 25): "Christmas"}) == 1
    assert due_is_open()
    assert add_holidays(calendar=the_calendar(), days={date(2026, 12, 25): "Christmas"}) == 0
    assert Holiday.objects.count() == 1
    due_is_open()
    remove_holiday(calendar=the_calendar(), day=date(2026, 12, 25))
    assert due_is_open()
    changed(the_calendar(), working_weekdays=[6, 0, 1, 2, 3])
    assert due_is_open()


@pytest.mark.django_db
def test_one_calendar_is_the_default() -> None:
    first = the_calendar()
    rules = {name: getattr(first, name) for name in CUT} | {"working_weekdays": [0]}
    second = add_calendar(name="Retail", said=rules)
    assert not second.is_default
    make_default(calendar=second)
    assert PeriodCalendar.objects.get(is_default=True) == second


@pytest.mark.django_db
def test_a_lock_reaches_up_to_a_day_that_is_over_and_is_made_once() -> None:
    by, lga = a_person(), a_unit()
    said: dict[str, Any] = {"calendar": the_calendar(), "by": by, "today": NOW.date(), "now": NOW, "reason": "closed"}
    with pytest.raises(Refused, match="Only what is over"):
        lock_periods(until=date(2026, 12, 31), unit=None, **said)
    for _ in range(2):
        lock_periods(until=date(2026, 10, 31), unit=lga, **said)
    lock_periods(until=date(2026, 9, 30), unit=lga, **said)
    assert [(lock.unit, lock.last_day) for lock in PeriodLock.objects.all()] == [(lga, date(2026, 10, 31))]


@pytest.mark.django_db
def test_what_is_locked_up_to_the_last_day_of_a_month_is_that_month(client: Client) -> None:
    admin, kpi = a_person("Grace Lindholm"), a_kpi(frequency=Kpi.Frequency.MONTH)
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    address = reverse("configuration:lock", args=[the_calendar().pk])
    record(kpi, date(2026, 10, 1), date(2026, 11, 1))
    said = {"until": "2026-10-31", "reason": "October is closed"}
    assert "1 recorded value that ends up to 31 Oct 2026 will be closed" in client.post(address, said).content.decode()
    client.post(address, said | {"sure": f"{said['until']}/all"})
    october, november = (period_of(date(2026, month, 5), "month", Calendar()) for month in (10, 11))
    now = timezone.now()
    assert closure_of(kpi, october, now=now).is_closed
    assert not closure_of(kpi, november, now=now).is_closed
    assert "31 Oct 2026" in client.get(reverse("configuration:calendar", args=[the_calendar().pk])).content.decode()
    assert (
        "Periods up to 31 Oct 2026 are locked"
        in client.get(reverse("kpis:correct", args=[kpi.code, october.start])).content.decode()
    )


@pytest.mark.parametrize("until", [NOW.date(), NOW.date() + timedelta(days=1)])
@pytest.mark.django_db
def test_a_day_that_is_not_over_is_not_locked(until: date) -> None:
    with pytest.raises(Refused, match="a day before today"):
        lock_periods(
            calendar=the_calendar(), unit=None, until=until, reason="", by=a_person(), today=NOW.date(), now=NOW
        )


@pytest.mark.django_db
def test_the_same_lock_once_more_closes_the_kpis_that_were_made_since() -> None:
    kpi, by = a_kpi(created_at=NOW + timedelta(days=1)), a_person()
    said: dict[str, Any] = {"calendar": the_calendar(), "unit": None, "until": date(2026, 10, 31), "by": by}
    for days in (0, 2, 3):
        now = NOW + timedelta(days=days)
        lock_periods(**said, reason="closed", today=NOW.date(), now=now)
        assert closure_of(kpi, W41, now=now).is_closed is (days > 0)
    assert PeriodLock.objects.count() == 2


@pytest.mark.django_db
def test_a_calendar_shows_the_periods_of_what_is_typed_without_saving_it(client: Client) -> None:
    admin = a_person()
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    row = the_calendar()
    typed = {name: getattr(row, name) for name in CUT} | {"name": row.name, "working_weekdays": [0]}
    typed |= {"pattern": "445", "year_end_month": 6}
    path = reverse("configuration:calendar_preview", args=[row.pk])
    text = client.get(path, typed, headers={"HX-Request": "true"}).content.decode()
    assert text.lstrip().startswith('<section id="preview"')
    assert ", 13 weeks" in text
    assert PeriodCalendar.objects.get().pattern == "calendar"


@pytest.mark.django_db
def test_a_lock_is_made_only_when_it_is_sent_a_second_time(client: Client) -> None:
    admin, kpi = a_person(), a_kpi()
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    record(kpi, W46, date(2026, 11, 16))
    path = reverse("configuration:lock", args=[the_calendar().pk])
    asked = client.post(path, {"until": "2026-11-16", "unit": "", "reason": "closed"})
    assert asked.status_code == 422
    text = asked.content.decode()
    assert "1 recorded value that ends up to 16 Nov 2026 will be closed, for every unit." in text
    assert not PeriodLock.objects.exists()
    sure = {"until": "2026-11-16", "unit": "", "reason": "closed", "sure": asked.context["lock_form"]["sure"].value()}
    assert client.post(path, sure | {"until": "2026-11-17"}).status_code == 422, "another day was not asked about"
    assert client.post(path, sure | {"unit": kpi.unit.pk}).status_code == 422
    assert not PeriodLock.objects.exists()
    assert client.post(path, sure).status_code == 303
    assert PeriodLock.objects.get().locked_by == admin


@pytest.mark.django_db
def test_a_year_of_weeks_ends_with_a_week(client: Client) -> None:
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    path = reverse("configuration:new_calendar")
    said = dict(client.get(path).context["form"].initial) | {"name": "Retail", "pattern": "454", "seen": ""}
    refused = client.post(path, said | {"year_end_weekday": 5, "week_start": 0})
    assert refused.status_code == 422
    assert "ends on a Saturday needs weeks that begin on a Sunday" in refused.content.decode()
    assert refused.context["groups"]  # the coming periods still show what was meant
    assert client.post(path, said | {"year_end_weekday": 5, "week_start": 6}).status_code == 303
    assert PeriodCalendar.objects.get(name="Retail").week_start == 6


# --- units with a calendar of their own -----------------------------------------------------------


@pytest.mark.django_db
def test_a_unit_follows_the_nearest_calendar_above_it() -> None:
    standard, british = the_calendar(), PeriodCalendar.objects.create(name="Great Britain")
    company, london = the_company(), a_unit("london", "London")
    heathrow = a_unit("lhr", "Heathrow", parent=london)
    londonderry = a_unit("londonderry", "Londonderry")
    follow(unit=london, calendar=british, moves_kpis=False, by=a_person(), today=NOW.date(), now=NOW)
    found = calendars_of_units([company, london, heathrow, londonderry])
    assert [found[unit.pk] for unit in (company, london, heathrow, londonderry)] == [
        standard,
        british,
        british,
        standard,
    ]


@pytest.mark.django_db
def test_its_kpis_move_with_it_unless_their_periods_would_and_due_dates_are_counted_anew(client: Client) -> None:
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    london = a_unit("london", "London")
    british = PeriodCalendar.objects.create(name="Great Britain")
    july = PeriodCalendar.objects.create(name="July to June", fiscal_year_start_month=7)
    mine, other = a_kpi("Queues", unit=london), a_kpi("Budget", unit=london, calendar=july, is_cumulative=True)
    record(other, *W46_SPAN)
    elsewhere = a_kpi("Queues at home")
    KpiState.objects.create(kpi=mine, next_due_on=date(2026, 11, 25))
    path = reverse("configuration:calendar_units", args=[british.pk])
    answer = client.post(path, {"unit": london.pk, "moves_kpis": "on"}, follow=True).content.decode()
    assert "1 KPI moved to it." in answer
    assert "1 KPI kept its calendar" in answer
    calendars = [Kpi.objects.get(pk=kpi.pk).calendar for kpi in (mine, other, elsewhere)]
    assert calendars == [british, july, the_calendar()]
    assert KpiState.objects.get(kpi=mine).next_due_on is None
    client.post(path, {"remove": UnitCalendar.objects.get().pk})
    assert not UnitCalendar.objects.exists()
    assert Kpi.objects.get(pk=mine.pk).calendar == british


@pytest.mark.parametrize(
    ("cut", "fields", "moves"),
    [
        ({"fiscal_year_start_month": 7}, {}, True),
        ({"week_start": 6}, {}, False),
        ({"pattern": "445", "year_end_weekday": 6}, {}, True),
        ({"fiscal_year_start_month": 7}, {"is_cumulative": True}, False),
        ({"fiscal_year_start_month": 7}, {"entry": Kpi.Entry.DERIVED}, False),
        ({"label_rule": "start"}, {"is_cumulative": True}, True),
    ],
)
@pytest.mark.django_db
def test_a_kpi_moves_to_another_year_as_far_as_no_value_of_it_changes_and_a_version_says_so(cut, fields, moves) -> None:
    kpi = a_kpi(unit=a_unit(), **fields)
    record(kpi, *W46_SPAN)
    other = PeriodCalendar.objects.create(name="Other", **cut)
    said: dict[str, Any] = {"unit": kpi.unit, "calendar": other, "moves_kpis": True, "by": a_person()}
    followed = follow(**said, today=NOW.date(), now=NOW)
    assert (followed.moved, followed.left) == (int(moves), int(not moves))
    kpi.refresh_from_db()
    assert (kpi.calendar == other) is moves
    notes = list(kpi.versions.values_list("version", "effective_from", "definition__calendar_id", "reason"))
    assert notes == ([(2, NOW.date(), other.pk, "LaGuardia follows the calendar Other.")] if moves else [])
    assert follow(**said, today=NOW.date(), now=NOW).moved == 0


@pytest.mark.django_db
def test_what_is_locked_does_not_open_because_a_unit_follows_another_calendar() -> None:
    kpi, by = a_kpi(unit=a_unit()), a_person()
    record(kpi, *W46_SPAN)
    other = PeriodCalendar.objects.create(name="Other")
    said: dict[str, Any] = {"unit": None, "reason": "closed", "by": by, "today": NOW.date(), "now": NOW}
    lock_periods(calendar=kpi.calendar, until=date(2026, 11, 15), **said)
    move: dict[str, Any] = {"unit": kpi.unit, "calendar": other, "moves_kpis": True, "by": by, "today": NOW.date()}
    assert follow(**move, now=NOW).left == 1
    lock_periods(calendar=other, until=date(2026, 11, 15), **said)
    assert follow(**move, now=NOW).moved == 1


@pytest.mark.django_db
def test_before_a_lock_it_is_said_what_is_still_undecided_behind_it(client: Client) -> None:
    admin, kpi = a_person(), a_kpi()
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    record(kpi, W46, date(2026, 11, 16))
    reading = Reading(kpi.pk, W46 - WEEK, W46, Decimal(5), state="provisional")
    record_measurements(readings=[reading], origin=Origin(kind="manual", user_id=admin.pk), now=NOW)
    said = {"kpi": kpi, "period_start": W46 - 2 * WEEK, "period_end": W46 - WEEK, "value": 1, "state": "reported"}
    ProposedValue.objects.create(**said, kind="manual", entered_by=kpi.owner, entered_at=NOW)
    path = reverse("configuration:lock", args=[the_calendar().pk])
    text = client.post(path, {"until": "2026-11-16", "unit": "", "reason": "closed"}).content.decode()
    assert "2 recorded values that end up to 16 Nov 2026 will be closed" in text
    assert "Still undecided there: 1 provisional value, 1 value that waits for approval." in text
