"""What is known about how values came to be, read for many at once."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kpis.domain.confidence import Evidence, confidence
from kpis.evidence import Version, evidence_of
from kpis.models import DataSource, Holiday, Kpi
from kpis.readings import Origin, Reading
from kpis.services.recording import record_measurements
from tests.factories import a_kpi, a_person
from tests.kpis.pulls import NOW, a_mapped_kpi, a_source, lines, pull, write
from tests.kpis.test_rules import a_rule

pytestmark = pytest.mark.django_db
WEEK, DAY = timedelta(weeks=1), timedelta(days=1)
MONDAY = date(2026, 11, 9)
TODAY = NOW.date()


def say(kpi: Kpi, start: date, value: int, *, at: datetime, kind: str = "manual", state: str = "reported") -> None:
    reading = Reading(kpi_id=kpi.pk, period_start=start, period_end=start + WEEK, value=Decimal(value), state=state)
    note = "typing error" if kind == "correction" else ""
    record_measurements(
        readings=[reading], origin=Origin(kind=kind, user_id=kpi.owner_id, note=note), now=at, judge=False
    )


def its(kpi: Kpi, start: date = MONDAY) -> Evidence:
    version = Version(kpi.pk, start, None, TODAY)
    return evidence_of([version])[version]


def test_a_value_is_in_time_until_the_end_of_its_due_day_where_the_organisation_is() -> None:
    kpi = a_kpi(active_from=MONDAY - 20 * WEEK, reporting_lag_days=1)
    monday = datetime(2026, 11, 16, 20, tzinfo=NOW.tzinfo)
    say(kpi, MONDAY, 80, at=monday - 3 * DAY, state="provisional")
    assert its(kpi).days_late is None  # not reported yet
    say(kpi, MONDAY, 81, at=monday)
    assert (its(kpi).days_late, its(kpi).corrections) == (0, 0)
    say(kpi, MONDAY, 82, at=monday + 2 * DAY, kind="correction")
    say(kpi, MONDAY, 83, at=monday + 3 * DAY, kind="correction")
    found = its(kpi)
    assert (found.kind, found.days_late, found.corrections) == ("correction", 0, 2)
    Kpi.objects.update(lag_in_working_days=True, reporting_lag_days=0)
    assert its(kpi).days_late == 1  # the last day itself, a Sunday, was the due day
    Kpi.objects.update(reporting_lag_days=1)
    Holiday.objects.create(calendar=kpi.calendar, day=date(2026, 11, 16), name="Founders' day")
    assert its(kpi).days_late == -1


def test_what_lies_before_anybody_expected_the_kpi_was_never_late() -> None:
    kpi = a_kpi(active_from=MONDAY + WEEK)
    say(kpi, MONDAY, 80, at=NOW)
    assert its(kpi).days_late is None


def test_the_periods_that_are_missing_among_the_last_twelve_count() -> None:
    kpi = a_kpi(active_from=MONDAY - 20 * WEEK)
    for week in (0, 1, 2, 4, 5):  # one is missing
        say(kpi, MONDAY - week * WEEK, 80, at=NOW)
    assert (its(kpi).present, its(kpi).due) == (5, 6)
    assert (its(kpi, MONDAY - 5 * WEEK).present, its(kpi, MONDAY - 5 * WEEK).due) == (1, 1)


def test_a_definition_counts_as_reviewed_until_the_day_of_its_next_review() -> None:
    kpi = a_kpi(review_by=TODAY)
    say(kpi, MONDAY, 80, at=NOW)
    assert its(kpi).is_reviewed
    Kpi.objects.update(review_by=TODAY - DAY)
    assert not its(kpi).is_reviewed
    Kpi.objects.update(review_by=None)
    assert not its(kpi).is_reviewed


def test_what_a_pull_brought_comes_with_what_its_rules_found(settings: Any, tmp_path: Path) -> None:
    settings.KPI_SOURCES_DIR = tmp_path
    source = a_source()
    kpi = a_mapped_kpi(source, active_from=MONDAY - 20 * WEEK)
    a_rule(source, "filled")
    a_rule(source, "range", "refuse", high=9)
    write(tmp_path, lines(until="2026-11-16", minutes=10) + ["2026-11-10,JFK,9"] * 200)
    assert pull(source, now=NOW - 4 * DAY).state == "applied"
    found = its(kpi)
    assert (found.kind, found.rules_kept, found.rules_checked, found.reconciled) == ("pull", 1, 2, None)
    assert found.days_late is None  # the first pull of a source brings its past
    write(tmp_path, [*lines(until="2026-11-22", minutes=9), *["2026-11-10,JFK,9"] * 200])
    DataSource.objects.update(usual_rows=1)
    assert pull(source, now=NOW).state == "applied"
    assert its(kpi).corrections == 1
    assert its(kpi).rules_kept == 2
    assert confidence(its(kpi), of=kpi.pk, start=MONDAY).grade == "C"  # no control total, changed once, never reviewed


def test_many_values_are_read_in_one_query() -> None:
    kpis = [a_kpi(active_from=MONDAY - 20 * WEEK) for _ in range(3)]
    for kpi in kpis:
        say(kpi, MONDAY, 80, at=NOW)
    with CaptureQueriesContext(connection) as captured:
        there = {Version(kpi.pk, MONDAY, None, TODAY) for kpi in kpis}
        found = evidence_of([*there, Version(kpis[0].pk, MONDAY - WEEK, None, TODAY)])
    assert len(captured) == 1
    assert found.keys() == there
    assert evidence_of([]) == {}


def test_a_second_person_counts_who_approved_the_latest_version() -> None:
    kpi = a_kpi(active_from=MONDAY - 20 * WEEK)
    say(kpi, MONDAY, 80, at=NOW)
    assert not its(kpi).is_approved
    reading = Reading(kpi_id=kpi.pk, period_start=MONDAY, period_end=MONDAY + WEEK, value=Decimal(81))
    origin = Origin(kind="manual", user_id=kpi.owner_id, approved_by_id=a_person("Grace Lindholm").pk)
    record_measurements(readings=[reading], origin=origin, now=NOW, judge=False)
    assert its(kpi).is_approved


def test_what_is_computed_from_other_kpis_has_no_evidence_of_its_own() -> None:
    kpi = a_kpi(active_from=MONDAY - 20 * WEEK)
    say(kpi, MONDAY, 80, at=NOW, kind="derived")
    assert evidence_of([Version(kpi.pk, MONDAY, None, TODAY)]) == {}
