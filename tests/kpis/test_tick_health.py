"""The health of KPIs over time: due, late, stale, source failing, and well again."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kpis.models import DataSource, Holiday, Kpi, KpiState, PeriodCalendar
from kpis.readings import NOT_APPLICABLE, PROVISIONAL, REPORTED, Origin, Reading
from kpis.services.health import refresh_health
from kpis.services.recording import record_measurements
from objectives.models import Organisation
from tests.factories import NOW, a_kpi, the_calendar
from tests.kpis.pulls import a_mapped_kpi, a_source

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
FIRST = date(2026, 10, 26)  # four weeks before the open one began


def record(
    kpi: Kpi, *starts: date, state: str = REPORTED, value: Decimal | None = Decimal(77), judge: bool = True, now=NOW
) -> None:
    record_measurements(
        readings=[
            Reading(
                kpi_id=kpi.pk,
                period_start=start,
                period_end=start + 7 * DAY,
                value=value,
                state=state,
                reason="" if value is not None else "closed",
            )
            for start in starts
        ],
        origin=Origin(kind="manual", user_id=kpi.owner_id),
        now=now,
        judge=judge,
    )


def weeks(*offsets: int) -> list[date]:
    """Starts of weeks, 0 is the one that NOW is in."""
    return [date(2026, 11, 16) + offset * 7 * DAY for offset in offsets]


def health(kpi: Kpi) -> tuple[str, int, date | None]:
    state = KpiState.objects.get(kpi=kpi)
    return state.health, state.days_late, state.next_due_on


def a_weekly_kpi(**fields: Any) -> Kpi:
    return a_kpi(**{"active_from": FIRST, "reporting_lag_days": 2, "stale_after_days": 7, **fields})


def test_a_kpi_with_every_closed_period_is_fresh_until_the_open_one_is_due() -> None:
    kpi = a_weekly_kpi()
    record(kpi, *weeks(-3, -2, -1))
    assert health(kpi) == ("fresh", 0, date(2026, 11, 24))


def test_a_value_is_late_the_day_after_it_was_due_and_stale_after_its_grace() -> None:
    kpi = a_weekly_kpi()
    record(kpi, *weeks(-3, -2, -1))
    found = {}
    for day in (2, 3, 9, 10):
        refresh_health(now=NOW + day * DAY)
        found[day] = health(kpi)
    due = date(2026, 11, 24)
    assert found == {2: ("fresh", 0, due), 3: ("late", 1, due), 9: ("late", 7, due), 10: ("stale", 8, due)}


def test_a_late_value_makes_the_kpi_fresh_at_the_moment_it_is_judged() -> None:
    kpi = a_weekly_kpi()
    record(kpi, *weeks(-3, -2, -1))
    refresh_health(now=NOW + 5 * DAY)
    assert health(kpi)[0] == "late"
    record(kpi, *weeks(0), now=NOW + 5 * DAY)
    assert health(kpi) == ("fresh", 0, date(2026, 12, 1))


def test_a_period_somebody_forgot_is_due_before_later_ones() -> None:
    kpi = a_weekly_kpi()
    record(kpi, *weeks(-3, -1))
    assert health(kpi) == ("stale", 12, date(2026, 11, 10))


def test_a_gap_in_what_a_source_gave_is_no_delay() -> None:
    kpi = a_weekly_kpi(entry="source")
    record(kpi, *weeks(-3, -1))
    assert health(kpi) == ("fresh", 0, date(2026, 11, 24))


def test_a_provisional_value_of_a_period_that_is_over_is_still_owed() -> None:
    kpi = a_weekly_kpi(entry="source")
    record(kpi, *weeks(-3, -2))
    record(kpi, *weeks(-1), state=PROVISIONAL)
    assert health(kpi) == ("late", 5, date(2026, 11, 17))


def test_a_period_that_does_not_apply_is_not_missing() -> None:
    kpi = a_weekly_kpi()
    record(kpi, *weeks(-3, -2))
    record(kpi, *weeks(-1), state=NOT_APPLICABLE, value=None)
    assert health(kpi) == ("fresh", 0, date(2026, 11, 24))


def test_a_kpi_that_never_had_a_value_says_so() -> None:
    kpi = a_weekly_kpi()
    refresh_health(now=NOW)
    assert health(kpi) == ("never", 19, date(2026, 11, 3))


def test_nothing_is_expected_before_the_first_day() -> None:
    kpi = a_weekly_kpi(active_from=date(2026, 11, 11))
    refresh_health(now=NOW)
    assert health(kpi) == ("never", 0, date(2026, 11, 24))


def test_working_days_and_holidays_move_the_due_date() -> None:
    Holiday.objects.create(calendar=the_calendar(), day=date(2026, 11, 23), name="Founders' day")
    kpi = a_weekly_kpi(lag_in_working_days=True)
    record(kpi, *weeks(-3, -2, -1))
    assert health(kpi) == ("fresh", 0, date(2026, 11, 25))
    refresh_health(now=NOW + 4 * DAY)
    assert health(kpi) == ("late", 1, date(2026, 11, 25))


def test_long_periods_are_found_from_their_due_date() -> None:
    kpi = a_kpi(frequency="quarter", active_from=date(2026, 1, 1), reporting_lag_days=10)
    refresh_health(now=NOW)
    assert health(kpi) == ("never", 226, date(2026, 4, 10))
    refresh_health(now=NOW + DAY)
    assert health(kpi) == ("never", 227, date(2026, 4, 10))


def test_today_is_the_day_of_the_organisation() -> None:
    kpi = a_weekly_kpi(active_from=date(2026, 11, 16))
    Organisation.objects.update_or_create(pk=1, defaults={"name": "Harbor", "time_zone": "Pacific/Auckland"})
    refresh_health(now=NOW.replace(hour=10, day=24))
    assert health(kpi)[1] == 0
    refresh_health(now=NOW.replace(hour=11, day=24))
    assert health(kpi)[1] == 1


def test_a_failing_source_is_said_on_its_kpis_alone_and_ends_with_the_failure() -> None:
    source = a_source()
    fed, other = a_mapped_kpi(source, active_from=FIRST), a_weekly_kpi()
    record(fed, *weeks(-1))
    record(other, *weeks(-3, -2, -1))
    DataSource.objects.update(consecutive_failures=1)
    assert refresh_health(now=NOW) == 1
    assert (health(fed)[0], health(other)[0]) == ("source_error", "fresh")
    DataSource.objects.update(consecutive_failures=0)
    refresh_health(now=NOW)
    assert health(fed)[0] == "fresh"


def test_a_source_that_was_switched_off_does_not_fail() -> None:
    source = a_source(consecutive_failures=5, is_enabled=False)
    kpi = a_mapped_kpi(source, active_from=FIRST)
    record(kpi, *weeks(-1))
    refresh_health(now=NOW)
    assert health(kpi)[0] == "fresh"


def test_nothing_is_written_where_nothing_changed_and_the_number_of_queries_stays_the_same() -> None:
    for _ in range(2):
        a_weekly_kpi()
    refresh_health(now=NOW)
    with CaptureQueriesContext(connection) as few:
        assert refresh_health(now=NOW) == 0
    for _ in range(6):
        a_weekly_kpi()
    refresh_health(now=NOW)
    with CaptureQueriesContext(connection) as many:
        assert refresh_health(now=NOW) == 0
    assert len(few) == len(many)


def test_retired_kpis_and_drafts_are_not_waited_for() -> None:
    for status in ("draft", "retired"):
        a_weekly_kpi(status=status)
    assert PeriodCalendar.objects.exists()
    assert refresh_health(now=NOW) == 0
    assert not KpiState.objects.exists()
