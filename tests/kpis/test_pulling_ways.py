"""Other ways that rows come in: snapshots, files sent in, days asked for again, many KPIs from one group each."""

from __future__ import annotations

import json
import logging
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kpis.models import DataSource, Pull, SourceUpload, SourceUploadPart
from kpis.services.credentials import set_credential
from kpis.services.pulling import apply_held_pull, due_pulls, request_pull
from kpis.services.reaching import preview_of
from kpis.services.uploads import UploadRefused, take_upload
from kpis.tasks import pull_source
from tests.factories import a_person
from tests.kpis.pulls import NOW, a_mapped_kpi, a_source, lines, pull, values, write
from tests.kpis.web_server import HERE, Answer, serving

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
COUNTED = {"value": {"agg": "sum", "column": "minutes"}}


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.KPI_SOURCES_DIR = tmp_path
    return tmp_path


# --- snapshots ----------------------------------------------------------------------------------


def a_snapshot(**fields: Any) -> DataSource:
    return a_source(is_snapshot=True, config={"path": "flights.csv"}, **fields)


def stock(folder: Path, level: int) -> None:
    (folder / "flights.csv").write_text(f"airport,minutes\nJFK,{level}\nLGA,1\n")


def test_a_snapshot_is_of_the_day_it_is_taken_and_final_with_the_last_slot_in_its_period(folder: Path) -> None:
    source = a_snapshot()
    weekly, daily = a_mapped_kpi(source, COUNTED), a_mapped_kpi(source, COUNTED, frequency="day")
    stock(folder, 10)
    friday = NOW - 2 * DAY
    done = pull(source, now=friday)
    assert (done.state, done.rows_read, done.since, done.until) == ("applied", 2, friday.date(), friday.date())
    assert values(weekly) == {"2026-11-16": (Decimal(11), "provisional")}
    stock(folder, 20)
    assert pull(source, now=NOW).state == "applied"
    # It is Sunday, and the next slot is in another week.
    assert values(weekly) == {"2026-11-16": (Decimal(21), "reported")}
    assert values(daily) == {"2026-11-20": (Decimal(11), "reported"), "2026-11-22": (Decimal(21), "reported")}


def test_a_snapshot_that_was_missed_is_a_gap_that_stays(folder: Path) -> None:
    source = a_snapshot(look_back_days=14)
    daily = a_mapped_kpi(source, COUNTED, frequency="day")
    for day in (0, 1, 4):
        stock(folder, day)
        pull(source, now=NOW + day * DAY)
    assert list(values(daily)) == ["2026-11-22", "2026-11-23", "2026-11-26"]


def test_a_snapshot_of_half_the_usual_rows_is_held(folder: Path) -> None:
    source = a_snapshot()
    a_mapped_kpi(source)
    (folder / "flights.csv").write_text("airport,minutes\n" + "JFK,1\n" * 9)
    pull(source)
    (folder / "flights.csv").write_text("airport,minutes\n" + "JFK,1\n" * 4)
    assert pull(source, now=NOW + DAY).state == "suspect"


def test_a_source_without_days_that_is_no_snapshot_says_so(folder: Path) -> None:
    source = a_source(config={"path": "flights.csv"})
    a_mapped_kpi(source)
    stock(folder, 1)
    assert str(pull(source).error) == "The source needs the setting date_column."


# --- reports ------------------------------------------------------------------------------------


def test_a_report_by_month_is_read_every_day_and_corrects_the_month_before(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source, {"value": {"agg": "sum", "column": "minutes"}}, frequency="month")
    (folder / "flights.csv").write_text("day,minutes\n2026-09-01,9\n2026-10-01,10\n")
    assert pull(source).state == "applied"
    assert pull(source, now=NOW + 2 * DAY).state == "applied"  # there is nothing of November yet, as every day
    (folder / "flights.csv").write_text("day,minutes\n2026-09-01,9\n2026-10-01,11\n")
    assert pull(source, now=NOW + 14 * DAY).values_revised == 1
    assert values(kpi)["2026-10-01"] == (Decimal(11), "reported")


def test_a_file_of_the_last_thirty_days_leaves_the_month_that_it_has_the_end_of(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source, frequency="month")
    write(folder, lines(since="2026-09-01"))
    pull(source)
    before = values(kpi)
    write(folder, lines(since="2026-10-24", until="2026-11-24"))
    assert pull(source, now=NOW + 2 * DAY).state == "applied"
    assert values(kpi) == before | {"2026-11-01": (Decimal(4 * 23), "provisional")}


# --- files sent in ------------------------------------------------------------------------------


def sent(source: DataSource, content: str, *, now: datetime = NOW) -> Pull:
    asked = take_upload(source=source, name="flights.csv", pieces=[content.encode()], by=source.owner, now=now)
    assert asked is not None
    return pull(source, slot=asked.slot, now=now)


def test_a_file_that_is_sent_in_is_read_whole_and_not_on_a_schedule(folder: Path) -> None:
    source = a_source(config={"origin": "upload", "date_column": "day"})
    kpi = a_mapped_kpi(source)
    assert due_pulls(now=NOW) == []
    assert sent(source, "\n".join(["day,airport,minutes", *lines()])).state == "applied"
    # A correction of a week that no other source would look back to.
    later = "\n".join(["day,airport,minutes", *lines(since="2026-10-05", until="2026-10-12"), *lines()])
    done = sent(source, later, now=NOW + 3 * DAY)
    assert (done.state, done.since) == ("applied", None)
    assert list(values(kpi)) == ["2026-10-05", "2026-11-09", "2026-11-16"]
    # The newest file alone has bytes; what was sent before stays known.
    assert [upload.parts.count() for upload in SourceUpload.objects.all()] == [1, 0]


@pytest.mark.parametrize("state", ["waiting", "running"])
def test_a_file_that_is_not_read_yet_is_not_replaced_by_the_next_one(state: str) -> None:
    source = a_source(config={"origin": "upload", "date_column": "day"})
    a_mapped_kpi(source)
    january, february = (f"day,airport,minutes\n2026-0{month}-05,JFK,1\n".encode() for month in (1, 2))
    said: dict[str, Any] = {"source": source, "by": source.owner, "name": "month.csv"}
    first = take_upload(pieces=[january], now=NOW, **said)
    assert first is not None
    Pull.objects.update(state=state, attempts=int(state == "running"), started_at=NOW, lease_until=NOW + DAY)
    with pytest.raises(UploadRefused, match=r"^“month.csv” was sent before and is not read yet. Nothing was stored"):
        take_upload(pieces=[february], now=NOW + DAY, **said)
    assert take_upload(pieces=[january], now=NOW + DAY, **said) == first  # sent twice
    assert (Pull.objects.count(), SourceUpload.objects.count()) == (1, 1)
    Pull.objects.update(state="failed")
    assert take_upload(pieces=[february], now=NOW + DAY, **said) != first


def test_a_file_of_old_days_alone_is_compared_with_the_usual_by_the_days_it_has(folder: Path) -> None:
    source = a_source(config={"origin": "upload", "date_column": "day"})
    kpi = a_mapped_kpi(source)
    header, weeks = "day,airport,minutes", {"since": "2025-01-06", "until": "2025-01-20"}
    sent(source, "\n".join([header, *lines()]))
    assert sent(source, "\n".join([header, *lines(**weeks)]), now=NOW + DAY).state == "applied"
    assert values(kpi)["2025-01-06"] == (Decimal(28), "reported")
    held = sent(source, "\n".join([header, *lines(**weeks, a_day=1)]), now=NOW + 2 * DAY)
    assert str(held.error).startswith("There were 1 rows a day, usual are 4.")
    apply_held_pull(pull_id=held.pk, by=source.owner, reason="a quiet month", now=NOW + 2 * DAY)
    source.refresh_from_db()
    assert source.usual_rows == 1


def test_the_same_file_again_is_read_again_and_stored_once(folder: Path) -> None:
    source = a_source(config={"origin": "upload", "date_column": "day"})
    a_mapped_kpi(source)
    content = "\n".join(["day,airport,minutes", *lines()])
    sent(source, content)
    assert sent(source, content, now=NOW + timedelta(hours=1)).values_unchanged == 2
    assert SourceUpload.objects.count() == 1


@pytest.mark.parametrize(("pieces", "why"), [([], "is empty"), ([b"x" * 700_000] * 2, "more than 1 MiB")])
def test_a_file_that_is_not_taken_leaves_the_one_before(settings: Any, pieces: list[bytes], why: str) -> None:
    settings.KPI_UPLOAD_MAX_MB = 1
    source = a_source(config={"origin": "upload", "date_column": "day"})
    # It feeds no KPI yet, so there is nothing to pull.
    assert take_upload(source=source, name="first.csv", pieces=[b"day\n"], by=source.owner, now=NOW) is None
    with pytest.raises(UploadRefused, match=why):
        take_upload(source=source, name="second.csv", pieces=pieces, by=source.owner, now=NOW)
    assert SourceUpload.objects.get().name == "first.csv"
    assert bytes(SourceUploadPart.objects.get().content) == b"day\n"


def test_a_source_that_nobody_sent_a_file_for_says_so() -> None:
    source = a_source(config={"origin": "upload", "date_column": "day"})
    a_mapped_kpi(source)
    assert str(pull(source).error) == "No file was sent in yet."


# --- late rows ----------------------------------------------------------------------------------


def test_rows_later_than_the_source_looks_back_are_read_when_their_days_are_asked_for(folder: Path) -> None:
    source = a_source(look_back_days=3)
    kpi = a_mapped_kpi(source)
    write(folder, lines(since="2026-10-05"))
    pull(source)
    write(folder, [*lines(since="2026-10-05"), "2026-10-13,JFK,1"])
    assert pull(source, now=NOW + timedelta(hours=1)).values_revised == 0
    asked = request_pull(source=source, now=NOW + timedelta(hours=2), since=date(2026, 10, 14))
    again = request_pull(source=source, now=NOW + timedelta(hours=3), since=date(2026, 10, 13))
    assert again.pk == asked.pk
    done = pull(source, slot=asked.slot, now=NOW + timedelta(hours=4))
    assert (done.state, done.since, done.values_revised) == ("applied", date(2026, 10, 12), 1)
    assert values(kpi)["2026-10-12"] == (Decimal(29), "reported")


def test_a_pull_that_waits_keeps_the_reason_of_whoever_asked_and_is_due_at_once_when_asked_for_again() -> None:
    source, later = a_source(), NOW + timedelta(hours=1)
    failed = pull(source)
    assert failed.next_attempt_at is not None
    mine = request_pull(source=source, now=later, since=date(2026, 10, 14), by=source.owner, reason="late")
    assert (mine.pk, mine.next_attempt_at, mine.asked_because) == (failed.pk, None, "late")
    theirs = request_pull(source=source, now=later, since=date(2026, 9, 1), by=a_person("Ana"), reason="moved")
    assert theirs.pk != mine.pk
    mine.refresh_from_db()
    assert (mine.since, mine.asked_because) == (date(2026, 10, 14), "late")


# --- many KPIs ----------------------------------------------------------------------------------


def test_one_source_feeds_a_kpi_for_each_group(folder: Path) -> None:
    source = a_source()
    airports = {
        code: a_mapped_kpi(source, {"group": {"airport": code}, **COUNTED}, code=code) for code in ("JFK", "LGA", "EWR")
    }
    write(folder, [*lines(minutes=1), "2026-11-10,LGA,7"])
    assert pull(source).state == "applied"
    assert {code: values(kpi).get("2026-11-09") for code, kpi in airports.items()} == {
        "JFK": (Decimal(28), "reported"),
        "LGA": (Decimal(7), "reported"),
        "EWR": (Decimal(0), "reported"),
    }


# --- faults -------------------------------------------------------------------------------------


def test_a_file_in_another_unit_is_refused_by_what_the_kpi_can_be(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source, {"value": {"agg": "mean", "column": "minutes"}}, code="DELAY", maximum=600)
    write(folder, lines(minutes=10))
    pull(source)
    write(folder, lines(minutes=10_000))
    done = pull(source, now=NOW + timedelta(hours=1))
    assert (done.values_revised, done.rows_refused) == (0, 2)
    assert str(done.refusals.first().why) == "DELAY 2026-W46: 10000 is above the greatest possible value, 600."
    assert values(kpi)["2026-11-09"] == (Decimal(10), "reported")


def test_a_sign_in_page_in_place_of_data_fails_the_pull_and_keeps_the_values(folder: Path, settings: Any) -> None:
    settings.KPI_EGRESS_ALLOW = list(HERE)
    body = {"now": json.dumps([{"day": "2026-11-20", "minutes": 1}]).encode()}
    with serving(lambda path: Answer(body["now"])) as server:
        source = a_source(kind="http_json", config={"url": server.url, "date_column": "day"})
        kpi = a_mapped_kpi(source)
        assert pull(source).state == "applied"
        body["now"] = b"<!DOCTYPE html><form>Sign in</form>"
        failed = pull(source, now=NOW + DAY)
    assert str(failed.error).startswith("127.0.0.1 answered with a web page instead of data")
    assert values(kpi) == {"2026-11-16": (Decimal(1), "provisional")}


def test_a_secret_is_in_no_log_no_task_no_page_no_error_and_no_row(
    folder: Path, settings: Any, caplog: Any, client: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    settings.KPI_EGRESS_ALLOW = list(HERE)
    secret = "s3cret-t0ken"
    with serving(lambda path: Answer(b"no", status=401)) as server:
        config = {"url": server.url, "date_column": "day", "auth": "token"}
        source = a_source(kind="http_json", config=config)
        a_mapped_kpi(source)
        set_credential(source=source, name="token", secret=secret, by=source.owner, now=NOW)
        asked = request_pull(source=source, now=NOW)
        # What a task is told of a pull.
        pull_source(source.pk, asked.slot.isoformat())
        with pytest.raises(Exception, match="status 401") as refused:
            preview_of(kind="http_json", config=config, secrets={"token": secret}, now=NOW)
    assert server.asked[0][1]["Authorization"] == f"Bearer {secret}"
    failed = Pull.objects.get()
    client.force_login(a_person(is_superuser=True))
    pages = [client.get(f"/configuration/sources/{source.code}/").content.decode()]
    pages.append(client.get("/configuration/sources/").content.decode())
    assert str(failed.error).startswith("127.0.0.1 refused the request (status 401)")
    for said in (str(failed.error), str(refused.value), repr(refused.value), caplog.text, *pages):
        assert secret not in said


def test_a_look_at_a_source_needs_nothing_stored(folder: Path) -> None:
    write(folder, lines())
    look = preview_of(kind="csv_file", config={"path": "flights.csv"}, secrets={}, now=NOW)
    assert [(column.name, column.guess.kind) for column in look.before.columns] == [
        ("day", "day"),
        ("airport", "text"),
        ("minutes", "number"),
    ]
    assert (len(look.before.rows), look.before.rows[0]) == (50, ["2026-11-09", "JFK", "10"])
    assert DataSource.objects.count() == 0


def test_slots_of_a_monthly_source_are_far_apart(folder: Path) -> None:
    source = a_source(repeats="monthly", day_of_month=31)
    a_mapped_kpi(source)
    write(folder, lines())
    assert due_pulls(now=NOW) == [(source.pk, datetime(2026, 10, 31, 6, 10, tzinfo=UTC))]
    pull(source, slot=datetime(2026, 10, 31, 6, 10, tzinfo=UTC))
    assert due_pulls(now=NOW + 7 * DAY) == []
