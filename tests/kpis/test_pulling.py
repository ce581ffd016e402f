"""One pull: what is fetched, what is recorded, and when the next one is."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from kpis.models import DataSource, KpiState, Measurement, MeasurementRevision, PeriodLock, PeriodReopening, Pull
from kpis.services.claiming import ATTEMPTS, PULLS
from kpis.services.pulling import due_pulls, request_pull
from kpis.signals import measurements_recorded
from objectives.models import Organisation
from tests.factories import a_kpi, a_person, the_calendar, the_company
from tests.journeys.processes import database_url
from tests.kpis.pulls import NOW, ON_TIME, TODAY, a_mapped_kpi, a_source, lines, pull, values, write
from tests.kpis.reading import named

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SLOT = datetime(2026, 11, 22, 6, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.KPI_SOURCES_DIR = tmp_path
    return tmp_path


def test_a_first_pull_takes_everything_before_today(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source, ON_TIME)
    write(folder, [*lines(until="2026-11-30"), "2026-11-09,EWR,90", "2026-11-09,EWR,90"])
    done = pull(source)
    assert (done.state, done.error, done.since, done.until) == ("applied", None, None, TODAY)
    assert values(kpi) == {
        "2026-11-09": (Decimal("93.33333333"), "reported"),
        "2026-11-16": (Decimal(100), "provisional"),
    }
    measured = Measurement.objects.get(kpi=kpi, period_start="2026-11-09")
    assert (measured.numerator, measured.denominator) == (28, 30)
    assert (done.rows_read, done.rows_kept, done.rows_refused) == (54, 54, 0)
    assert (done.values_new, done.values_revised, done.values_unchanged) == (2, 0, 0)
    source.refresh_from_db()
    assert (source.cursor, source.usual_rows, source.consecutive_failures) == (TODAY, 4, 0)
    assert source.last_applied_at == NOW
    revision = MeasurementRevision.objects.filter(kpi=kpi).first()
    assert revision is not None
    assert (revision.kind, revision.pull_id, revision.recorded_by_id) == ("pull", done.pk, None)
    assert KpiState.objects.get(kpi=kpi).dirty_from == date(2026, 11, 9)


def test_the_evaluation_is_asked_for_once_the_values_are_committed(
    folder: Path, django_capture_on_commit_callbacks: Any
) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    write(folder, lines())
    asked: list[list[int]] = []

    def note(kpi_ids: list[int], **_: Any) -> None:
        asked.append(list(kpi_ids))

    measurements_recorded.connect(note)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            pull(source)
    finally:
        measurements_recorded.disconnect(note)
    assert asked == [[kpi.pk]]


def test_today_is_the_day_of_the_organisation(folder: Path) -> None:
    the_company()
    Organisation.objects.update(time_zone="America/New_York")
    source = a_source()
    a_mapped_kpi(source, frequency="day")
    write(folder, lines(until="2026-11-30"))
    assert pull(source, now=datetime(2026, 11, 22, 3, 0, tzinfo=UTC)).until == date(2026, 11, 21)


def test_the_next_pull_looks_back_and_writes_only_what_changed(folder: Path) -> None:
    source = a_source(look_back_days=3)
    daily, weekly = a_mapped_kpi(source, frequency="day"), a_mapped_kpi(source)
    write(folder, lines())
    pull(source)
    # The 10th is before the window, the 16th in it; the week that holds the first day looked back to is read whole.
    write(folder, [*lines(until="2026-11-23"), "2026-11-10,JFK,1", "2026-11-16,JFK,1"])
    done = pull(source, now=NOW + DAY)
    assert (done.since, done.until, done.state) == (date(2026, 11, 16), TODAY + DAY, "applied")
    assert (done.values_new, done.values_revised, done.values_unchanged) == (1, 2, 5)
    assert values(weekly) == {"2026-11-09": (Decimal(28), "reported"), "2026-11-16": (Decimal(29), "reported")}
    assert values(daily)["2026-11-10"] == (Decimal(4), "reported")
    assert values(daily)["2026-11-16"] == (Decimal(5), "reported")
    assert values(daily)["2026-11-22"] == (Decimal(4), "reported")


def test_a_month_is_recomputed_from_its_start(folder: Path) -> None:
    source = a_source(look_back_days=3)
    monthly = a_mapped_kpi(source, frequency="month")
    a_mapped_kpi(source, frequency="day")
    write(folder, lines(since="2026-10-25"))
    pull(source)
    write(folder, [*lines(since="2026-10-25", until="2026-11-23"), "2026-11-01,JFK,1", "2026-10-31,JFK,1"])
    assert pull(source, now=NOW + DAY).since == date(2026, 9, 1)
    assert values(monthly) == {"2026-10-01": (Decimal(28), "reported"), "2026-11-01": (Decimal(89), "provisional")}


def test_the_same_slot_again_does_nothing(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    write(folder, lines())
    first = pull(source)
    write(folder, lines(a_day=5))
    again = pull(source, now=NOW + timedelta(hours=1), slot=NOW)
    assert (again.pk, again.attempts, again.finished_at) == (first.pk, 1, first.finished_at)
    assert values(kpi)["2026-11-09"] == (Decimal(28), "reported")
    assert MeasurementRevision.objects.count() == 2


def test_another_slot_without_news_writes_no_revision(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    write(folder, lines())
    pull(source)
    done = pull(source, now=NOW + timedelta(hours=1))
    assert (done.state, done.values_new, done.values_revised, done.values_unchanged) == ("applied", 0, 0, 2)
    assert MeasurementRevision.objects.count() == 2


def test_retired_kpis_and_drafts_get_no_values(folder: Path) -> None:
    source = a_source()
    kpis = [a_mapped_kpi(source, status=status) for status in ("active", "draft", "retired")]
    write(folder, lines())
    pull(source)
    assert [len(values(kpi)) for kpi in kpis] == [2, 0, 0]


def test_a_mapping_that_cannot_be_followed_stops_only_its_own_kpi(folder: Path) -> None:
    source = a_source()
    good = a_mapped_kpi(source)
    bad = a_mapped_kpi(source, {"value": {"agg": "average", "column": "minutes"}}, code="BAD")
    write(folder, lines())
    done = pull(source)
    assert (done.state, done.rows_refused) == ("applied", 1)
    refusal = done.refusals.get()
    assert (refusal.line, str(refusal.why)[:26]) == (0, "BAD: value: agg is one of ")
    assert (len(values(good)), len(values(bad))) == (2, 0)


def test_bad_lines_are_named_and_the_rest_is_kept(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source, ON_TIME)
    write(folder, ["2026-11-09,JFK,late", *lines(), "9 November,JFK,5"])
    done = pull(source)
    assert (done.state, done.rows_read, done.rows_kept, done.rows_refused) == ("applied", 54, 52, 2)
    assert named(done.refusals.order_by("id")) == [
        (2, "minutes: 'late' is not a number."),
        (55, "day: '9 November' is not a day written as %Y-%m-%d."),
    ]
    assert Measurement.objects.get(kpi=kpi, period_start="2026-11-09").denominator == 28


def test_a_value_the_kpi_cannot_have_is_named_and_not_taken(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source, code="FLIGHTS", maximum=27)
    write(folder, lines())
    done = pull(source)
    assert values(kpi) == {"2026-11-16": (Decimal(24), "provisional")}
    assert str(done.refusals.get().why) == "FLIGHTS 2026-W46: 28 is above the greatest possible value, 27."


def lock(until: date) -> None:
    PeriodLock.objects.create(
        calendar=the_calendar(), locked_until=until, reason="Books closed", locked_by=a_person(), locked_at=NOW
    )


def test_a_locked_period_keeps_its_value_and_the_others_get_theirs(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source, code="FLIGHTS")
    write(folder, lines())
    pull(source)
    lock(date(2026, 11, 16))
    write(folder, lines(a_day=5))
    done = pull(source, now=NOW + timedelta(hours=1))
    assert (done.state, done.values_revised, done.rows_refused) == ("applied", 1, 1)
    assert str(done.refusals.get().why) == (
        "FLIGHTS 2026-W46 is locked: 28 stands, 35 was not taken. Have the period reopened, then read its days again."
    )
    assert values(kpi) == {"2026-11-09": (Decimal(28), "reported"), "2026-11-16": (Decimal(30), "provisional")}


def test_a_locked_period_whose_value_stays_the_same_is_not_worth_a_word(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source, ON_TIME)
    write(folder, lines(minutes=16) + lines(minutes=5, a_day=2))
    pull(source)
    lock(date(2026, 11, 16))
    done = pull(source, now=NOW + timedelta(hours=1))
    assert (done.state, done.rows_refused, done.refusals.count()) == ("applied", 0, 0)


def test_a_period_that_was_opened_again_takes_its_value(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    write(folder, lines())
    lock(date(2026, 11, 16))
    PeriodReopening.objects.create(
        kpi=kpi,
        period_start=date(2026, 11, 9),
        reason="Late files",
        requested_by=a_person(),
        requested_at=NOW,
        decided_at=NOW,
        approved_by=a_person(),
        expires_at=NOW + DAY,
    )
    assert pull(source).rows_refused == 0
    assert len(values(kpi)) == 2


# --- when ---------------------------------------------------------------------------------------


def test_a_source_is_due_once_a_day_from_its_time_on(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    write(folder, lines())
    assert due_pulls(now=SLOT - timedelta(seconds=1)) == [(source.pk, SLOT - DAY)]
    assert due_pulls(now=SLOT) == [(source.pk, SLOT)]
    pull(source, slot=SLOT)
    assert due_pulls(now=NOW) == []
    assert due_pulls(now=SLOT + 3 * DAY) == [(source.pk, SLOT + 3 * DAY)]


@pytest.mark.parametrize(
    ("zone", "at", "days"),
    [
        ("Europe/Berlin", time(2, 30), ("10-24", "10-25", "10-26")),  # the hour that comes twice
        ("America/New_York", time(1, 30), ("10-31", "11-01", "11-02")),
        ("Europe/Berlin", time(2, 30), ("03-28", "03-29", "03-30")),  # the hour that is skipped
    ],
)
def test_a_slot_in_the_night_that_the_clock_changes_is_done_once(
    folder: Path, zone: str, at: time, days: tuple[str, ...]
) -> None:
    Organisation.objects.update_or_create(pk=1, defaults={"name": "Harbor Airports", "time_zone": zone})
    source = a_source(pull_at=at)
    a_mapped_kpi(source)
    write(folder, lines(since="2026-01-05", until="2026-11-23"))
    for day in days:
        morning = datetime.fromisoformat(f"2026-{day}T12:00Z")
        ((_pk, slot),) = due_pulls(now=morning)
        assert pull(source, slot=slot, now=morning).state == "applied"
        assert due_pulls(now=morning) == []
        assert due_pulls(now=morning + timedelta(hours=8)) == []


def test_a_source_that_is_off_or_feeds_nothing_is_not_due() -> None:
    a_mapped_kpi(a_source(code="off", is_enabled=False))
    a_mapped_kpi(a_source(code="retired"), status="retired")
    a_source(code="unmapped")
    assert due_pulls(now=NOW) == []


def a_pull_in_hand(source: DataSource) -> Pull:
    """A pull that a worker claimed, for two minutes."""
    lease = NOW + timedelta(seconds=120)
    return Pull.objects.create(source=source, slot=SLOT, state="running", attempts=1, lease_until=lease, started_at=NOW)


def test_a_pull_whose_worker_is_gone_is_due_at_once(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    left = a_pull_in_hand(source)
    write(folder, lines())
    assert due_pulls(now=NOW) == [(source.pk, SLOT)]
    done = pull(source, slot=SLOT, now=NOW)
    assert (done.pk, done.state, done.attempts) == (left.pk, "applied", 2)


def test_a_pull_whose_worker_stands_still_is_due_when_its_lease_is_over(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    left = a_pull_in_hand(source)
    write(folder, lines())
    later = NOW + timedelta(seconds=121)
    with psycopg.connect(database_url()) as its_session:
        its_session.execute("SELECT pg_advisory_lock(%s, %s)", [PULLS, left.pk * ATTEMPTS + 1])
        assert due_pulls(now=NOW + timedelta(seconds=119)) == []
        assert pull(source, slot=SLOT, now=NOW + timedelta(seconds=119)).state == "running"
        assert due_pulls(now=later) == [(source.pk, SLOT)]
        done = pull(source, slot=SLOT, now=later)
    assert (done.pk, done.state, done.attempts) == (left.pk, "applied", 2)


def test_a_pull_asked_for_is_due_at_once_and_only_once(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    write(folder, lines())
    pull(source, slot=SLOT)
    asked = request_pull(source=source, now=NOW + timedelta(hours=1))
    assert request_pull(source=source, now=NOW + timedelta(hours=2)) == asked
    assert due_pulls(now=NOW + timedelta(hours=2)) == [(source.pk, asked.slot)]
    assert pull(source, slot=asked.slot, now=NOW + timedelta(hours=2)).state == "applied"
    assert request_pull(source=source, now=NOW + timedelta(hours=3)) != asked


def test_a_kpi_that_is_entered_by_hand_is_left_alone(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    by_hand = a_kpi(entry="manual")
    write(folder, lines())
    pull(source)
    assert values(by_hand) == {}
