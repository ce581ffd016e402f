"""Pulls that end badly: tried again, held for a person, and never half applied."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kpis.domain.sentences import Sentence
from kpis.models import DataSource, MeasurementRevision, Pull, StagedReading
from kpis.services.applying import ATTEMPTS_AT_MOST, NotHeld
from kpis.services.pulling import apply_held_pull, discard_held_pull, due_pulls
from kpis.services.uploads import take_upload
from kpis.signals import pull_ended_badly
from kpis.sources.base import TookTooLong
from tests.factories import a_person
from tests.kpis.pulls import NOW, TODAY, a_mapped_kpi, a_source, lines, pull, values, write

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.KPI_SOURCES_DIR = tmp_path
    return tmp_path


@pytest.fixture
def said() -> Iterator[list[tuple[str, str]]]:
    """State and error of each pull that was said to have ended badly."""
    heard: list[tuple[str, str]] = []

    def note(pull: Pull, now: datetime, **_: Any) -> None:
        heard.append((pull.state, str(pull.error)))

    pull_ended_badly.connect(note)
    yield heard
    pull_ended_badly.disconnect(note)


def again(source: DataSource) -> DataSource:
    return DataSource.objects.get(pk=source.pk)


def test_a_source_that_disappears_keeps_the_last_values_and_says_so(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    write(folder, lines())
    pull(source)
    before = values(kpi)
    (folder / "flights.csv").unlink()
    failed = pull(source, now=NOW + DAY)
    assert (failed.state, str(failed.error)) == ("waiting", "The file flights.csv is not there.")
    assert values(kpi) == before
    source = again(source)
    assert (source.consecutive_failures, str(source.last_error)) == (1, "The file flights.csv is not there.")
    assert (source.cursor, source.last_applied_at, source.usual_rows) == (TODAY, NOW, 4)


def test_a_source_that_comes_back_is_well_again(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    failed = pull(source)
    write(folder, lines())
    done = pull(source, slot=failed.slot, now=NOW + timedelta(seconds=30))
    assert (done.pk, done.state, done.error, done.attempts) == (failed.pk, "applied", None, 2)
    assert len(values(kpi)) == 2
    source = again(source)
    assert (source.consecutive_failures, source.last_error) == (0, None)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "flights.csv is empty."),
        ("<!doctype html>\n<p>Sign in</p>\n", "flights.csv has no column day. It has: <!doctype html>"),
        ("day,airport\n2026-11-20,JFK\n", "flights.csv has no column minutes. It has: day, airport"),
        ("day,airport,minutes\n", "There was no row for the days before 22 Nov 2026."),
        ("day,airport,minutes\n2026-11-22,JFK,5\n", "There was no row for the days before 22 Nov 2026."),
        (
            "day,airport,minutes\n2026-11-20,JFK,5\n2026-11-20,JFK,x\n",
            "1 of 2 lines were refused, more than 20%, so none was taken; the first is line 3: minutes: 'x' is not"
            " a number.",
        ),
    ],
)
def test_a_file_that_is_not_what_was_agreed_is_refused_whole(folder: Path, content: str, why: str) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source, {"value": {"agg": "sum", "column": "minutes"}})
    (folder / "flights.csv").write_text(content)
    failed = pull(source)
    assert (failed.state, str(failed.error), failed.rows_kept) == ("waiting", why, 0)
    assert values(kpi) == {}


def test_the_lines_that_made_a_pull_fail_are_kept_until_the_next_attempt(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source, {"value": {"agg": "sum", "column": "minutes"}})
    write(folder, [*lines(minutes="?", until="2026-11-12"), *lines(since="2026-11-12")])
    failed = pull(source)
    assert (failed.rows_read, failed.rows_refused, failed.refusals.count()) == (52, 12, 12)
    write(folder, lines())
    done = pull(source, slot=failed.slot, now=NOW + HOUR)
    assert (done.state, done.rows_refused, done.refusals.count()) == ("applied", 0, 0)


def test_no_row_is_no_error_where_a_source_may_be_empty(folder: Path) -> None:
    source = a_source(may_be_empty=True)
    a_mapped_kpi(source)
    write(folder, [])
    done = pull(source)
    assert (done.state, done.rows_read, done.values_new) == ("applied", 0, 0)
    write(folder, lines())
    assert pull(source, now=NOW + HOUR).state == "applied"


def test_a_failed_attempt_is_followed_by_others_later_and_later_until_it_is_enough(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    now, pauses, slot = NOW, [], NOW
    while True:
        failed = pull(source, slot=slot, now=now)
        if failed.next_attempt_at is None:
            break
        assert pull(source, slot=slot, now=failed.next_attempt_at - timedelta(seconds=1)).attempts == failed.attempts
        assert due_pulls(now=failed.next_attempt_at - timedelta(seconds=1)) == [(source.pk, LATEST)]
        assert (source.pk, slot) in due_pulls(now=failed.next_attempt_at)
        pauses.append((failed.next_attempt_at - now).total_seconds())
        now = failed.next_attempt_at
    assert pauses == [30, 60, 120, 240, 480, 960, 1920]
    assert (failed.state, failed.attempts) == ("failed", ATTEMPTS_AT_MOST)
    assert pull(source, slot=slot, now=now + HOUR).attempts == ATTEMPTS_AT_MOST


LATEST = datetime(2026, 11, 22, 6, 10, tzinfo=UTC)  # the regular slot of the day, beside the one under test


def test_an_attempt_that_would_come_after_the_next_slot_is_not_made(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    failed = pull(source, now=LATEST + DAY - timedelta(seconds=20), slot=LATEST)
    assert (failed.state, failed.next_attempt_at) == ("failed", None)


def test_the_third_failure_in_a_row_is_said_once(folder: Path, said: list[tuple[str, str]]) -> None:
    source = a_source()
    a_mapped_kpi(source)
    heard = []
    for number in range(5):
        pull(source, now=NOW + number * DAY)
        heard.append(len(said))
    assert heard == [0, 0, 1, 1, 1]
    assert said == [("waiting", "The file flights.csv is not there.")]
    assert again(source).consecutive_failures == 5


def test_a_sent_in_file_that_cannot_be_read_fails_once_and_is_said_at_once(said: list[tuple[str, str]]) -> None:
    source = a_source(config={"origin": "upload", "date_column": "day"})
    a_mapped_kpi(source)
    asked = take_upload(source=source, name="a.csv", pieces=[b"when,minutes\n1,2\n"], by=source.owner, now=NOW)
    assert asked is not None
    failed = pull(source, slot=asked.slot)
    assert (failed.state, failed.attempts, failed.next_attempt_at) == ("failed", 1, None)
    assert [state for state, _why in said] == ["failed"]
    assert (source.pk, asked.slot) not in due_pulls(now=NOW + DAY)


def test_a_sent_in_file_that_only_took_too_long_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    source = a_source(config={"origin": "upload", "date_column": "day"})
    a_mapped_kpi(source)
    asked = take_upload(source=source, name="a.csv", pieces=[b"day\n2026-11-02\n"], by=source.owner, now=NOW)
    assert asked is not None

    def slow(*_: Any, **__: Any) -> None:
        raise TookTooLong(Sentence("It took too long."))

    monkeypatch.setattr("kpis.services.pulling._fetch", slow)
    assert pull(source, slot=asked.slot).state == "waiting"


def test_a_worker_that_always_dies_ends_the_pull_after_some_attempts(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    write(folder, lines())
    Pull.objects.create(
        source=source, slot=NOW, state="running", attempts=ATTEMPTS_AT_MOST, lease_until=NOW, started_at=NOW
    )
    failed = pull(source, slot=NOW, now=NOW + HOUR)
    assert (failed.state, str(failed.error)) == ("failed", "The worker stopped in the middle of it 8 times.")
    assert values(kpi) == {}


def test_an_error_of_the_platform_is_noted_without_its_details(folder: Path, monkeypatch: Any) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    write(folder, lines())

    def fail(**_: Any) -> None:
        raise RuntimeError("password=secret")

    monkeypatch.setattr("kpis.services.applying.record_measurements", fail)
    failed = pull(source)
    assert (failed.state, str(failed.error)) == (
        "waiting",
        "The pull stopped by an error of the platform (RuntimeError).",
    )
    assert values(kpi) == {}
    assert again(source).cursor is None


def test_a_clock_that_went_back_pulls_nothing(folder: Path) -> None:
    source = a_source(cursor=date(2026, 12, 24))
    a_mapped_kpi(source)
    write(folder, lines())
    failed = pull(source)
    assert str(failed.error) == "Rows before 24 Dec 2026 were pulled already, but by the clock it is 22 Nov 2026."


def test_a_pull_without_rows_says_which_days_it_asked_for_and_what_to_do(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    write(folder, lines(until="2026-11-20"))
    pull(source)
    write(folder, lines(since="2026-10-05", until="2026-10-12"))
    assert str(pull(source, now=NOW + DAY).error) == (
        "There was no row for the days from 2 Nov 2026 to before 23 Nov 2026. If the newest rows are older, let the"
        " source look back further."
    )


def test_a_source_without_a_usable_mapping_says_so(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source, {"value": "all"})
    write(folder, lines())
    assert str(pull(source).error) == "There is no active KPI with a mapping that can be followed."


# --- held ---------------------------------------------------------------------------------------


def a_held_pull(folder: Path, source: DataSource, *, now: datetime = NOW + DAY) -> Pull:
    """The second of two pulls; it found a quarter of the usual rows."""
    write(folder, lines())
    pull(source)
    write(folder, lines(until="2026-11-23", a_day=1))
    return pull(source, now=now)


def test_less_than_half_the_usual_rows_are_held_and_nothing_is_applied(
    folder: Path, said: list[tuple[str, str]]
) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    held = a_held_pull(folder, source)
    why = "There were 1 rows a day, usual are 4. Nothing was applied; someone has to decide."
    assert (held.state, str(held.error), held.rows_kept) == ("suspect", why, 14)
    assert values(kpi) == {"2026-11-09": (Decimal(28), "reported"), "2026-11-16": (Decimal(24), "provisional")}
    staged = StagedReading.objects.filter(pull=held).order_by("period_start")
    assert [(row.period_start.isoformat(), row.value) for row in staged] == [("2026-11-09", 7), ("2026-11-16", 7)]
    assert said == [("suspect", why)]
    source = again(source)
    assert (source.cursor, source.usual_rows, str(source.last_error)) == (TODAY, 4, why)


def test_half_the_usual_rows_are_enough(folder: Path, said: list[tuple[str, str]]) -> None:
    source = a_source()
    a_mapped_kpi(source)
    write(folder, lines())
    pull(source)
    write(folder, lines(until="2026-11-23", a_day=2))
    assert pull(source, now=NOW + DAY).state == "applied"
    assert again(source).usual_rows == 4 - round(2 / 4)
    assert said == []


def test_a_source_that_began_in_the_middle_of_its_first_period_is_not_held_for_it(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source, frequency="month")
    states = []
    write(folder, lines(since="2026-11-20", until="2026-12-30"))
    for day in (0, 1, 8, 9, 10, 20):
        states.append(pull(source, now=NOW + day * DAY).state)
    assert states == ["applied"] * 6
    assert again(source).usual_rows == 4


def test_a_second_pull_held_beside_the_first_is_not_said_again(folder: Path, said: list[tuple[str, str]]) -> None:
    source = a_source()
    a_mapped_kpi(source)
    a_held_pull(folder, source)
    assert pull(source, now=NOW + 2 * DAY).state == "suspect"
    assert len(said) == 1


def test_a_held_pull_is_applied_by_a_person_and_shows_who_and_why(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    held = a_held_pull(folder, source)
    person = a_person("Amara Singh")
    done = apply_held_pull(pull_id=held.pk, by=person, reason="The strike was real", now=NOW + DAY + HOUR)
    assert (done.state, done.error, done.values_revised) == ("applied", None, 2)
    assert values(kpi) == {"2026-11-09": (Decimal(7), "reported"), "2026-11-16": (Decimal(7), "reported")}
    revision = MeasurementRevision.objects.filter(kpi=kpi).latest("id")
    assert (revision.kind, revision.recorded_by, revision.pull_id) == ("pull", person, held.pk)
    assert revision.note == "The strike was real"
    source = again(source)
    assert (source.cursor, source.usual_rows, source.last_error) == (TODAY + DAY, 1, None)
    assert not StagedReading.objects.exists()
    with pytest.raises(NotHeld):
        apply_held_pull(pull_id=held.pk, by=person, reason="Again", now=NOW + DAY + HOUR)


def test_a_held_pull_that_is_put_aside_leaves_the_values_as_they_are(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    held = a_held_pull(folder, source)
    before = values(kpi)
    done = discard_held_pull(pull_id=held.pk, by=a_person("Amara Singh"), reason="Half a file", now=NOW + DAY)
    assert done.state == "failed"
    assert str(done.error).endswith("Put aside by Amara Singh: Half a file")
    assert values(kpi) == before
    assert not StagedReading.objects.exists()
    assert again(source).last_error is None


def test_a_decision_about_one_of_two_held_pulls_leaves_the_later_one_to_be_decided(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    held = a_held_pull(folder, source)
    write(folder, lines(until="2026-11-23", a_day=1))
    later = pull(source, now=NOW + DAY + HOUR)
    assert later.state == "suspect"
    person = a_person("Amara Singh")
    apply_held_pull(pull_id=held.pk, by=person, reason="A quiet week", now=NOW + 2 * DAY)
    later.refresh_from_db()
    assert (later.state, str(again(source).last_error)) == ("suspect", str(later.error))
    assert values(kpi)["2026-11-16"][0] == 7
    held.refresh_from_db()
    assert (held.decided_by, held.decided_because) == (person, "A quiet week")
    discard_held_pull(pull_id=later.pk, by=person, reason="As the one before", now=NOW + 2 * DAY)
    assert again(source).last_error is None


def test_a_later_pull_that_is_applied_overtakes_a_held_one(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    held = a_held_pull(folder, source)
    write(folder, lines(until="2026-11-24"))
    assert pull(source, now=NOW + 2 * DAY).state == "applied"
    held.refresh_from_db()
    assert (held.state, str(held.error)) == ("failed", "A later pull was applied, so this one was put aside.")
    assert not StagedReading.objects.exists()
