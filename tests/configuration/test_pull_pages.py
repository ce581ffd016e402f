"""Pulls as their pages tell them: what turns, what was refused, all of them by state, and how fresh the source was."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from kpiplatform.accounts.models import User
from kpiplatform.audit.models import AuditEntry
from kpiplatform.dashboards.configuration.sources.changes import changes_of
from kpiplatform.dashboards.configuration.sources.record import records_of
from kpis.grades import confidence_of
from kpis.models import (
    DataSource,
    Kpi,
    Measurement,
    MeasurementRevision,
    PeriodLock,
    Pull,
    SourceAgreement,
    StagedReading,
)
from kpis.services.uploads import take_upload
from objectives.models import Role
from tests.factories import a_person, a_role, a_unit, limits
from tests.kpis.pulls import NOW, a_mapped_kpi, a_source, lines, pull, write
from tests.kpis.test_rules import a_rule

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def source(settings: Any, tmp_path: Path) -> DataSource:
    settings.KPI_SOURCES_DIR = tmp_path
    return a_source()


@pytest.fixture
def owner(client: Client, source: DataSource) -> User:
    """The owner of the source, who is no administrator."""
    a_role(source.owner, Role.MEMBER)
    client.force_login(source.owner)
    return source.owner


def address(name: str, *args: Any) -> str:
    return reverse(f"configuration:{name}", args=["flights", *args])


def a_held_pull(source: DataSource, kpi: Kpi, values: dict[str, str | None]) -> Pull:
    """A pull that would bring values by the first day of their week; known are 90 and 82 of the first two weeks."""
    for start, value in {"2026-11-02": 90, "2026-11-09": 82}.items():
        first = datetime.fromisoformat(start).date()
        Measurement.objects.create(
            kpi=kpi, period_start=first, period_end=first + 7 * DAY, value=value, state="reported", seq=1,
            recorded_at=NOW,
        )  # fmt: skip
    held = Pull.objects.create(source=source, slot=NOW, state=Pull.State.SUSPECT, until=NOW.date(), started_at=NOW)
    for start, new in values.items():
        first = datetime.fromisoformat(start).date()
        StagedReading.objects.create(
            pull=held, kpi=kpi, period_start=first, period_end=first + 7 * DAY, state="reported",
            value=None if new is None else Decimal(new), reason="" if new else "zero_denominator",
        )  # fmt: skip
    return held


def test_a_held_pull_says_what_it_would_change_and_which_bands_would_turn(
    client: Client, owner: User, source: DataSource
) -> None:
    kpi = a_mapped_kpi(source)
    limits(kpi, goal=80, red_flag=72)
    held = a_held_pull(source, kpi, {"2026-11-02": "70", "2026-11-09": "82", "2026-11-16": "75"})
    stands = Measurement.objects.values("kpi", "period_start", "period_end", "value", "state", "seq", "recorded_at")
    said = {"kind": "manual", "recorded_by": owner, "kpi": kpi}
    MeasurementRevision.objects.create(**stands.get(period_start="2026-11-02") | said)
    changes = changes_of(held, now=NOW)
    assert (changes.total, changes.new, changes.revised, changes.unchanged) == (2, 1, 1, 1)
    assert [(str(one.period.start), one.bands) for one in changes.rows] == [
        ("2026-11-02", ("on_track", "off_track")),
        ("2026-11-16", None),  # new: nothing turns
    ]
    response = client.get(address("pull", held.pk))
    assert [one["after_grade"] for one in response.context["changes"]] == ["", ""]  # not before it is taken
    text = response.content.decode()
    assert "1 new values, 1 changed, 1 as they were." in text
    assert "1 change turns a band." in text
    lines = client.get(address("pull_changes", held.pk)).content.decode().splitlines()
    # The value that stands has a grade, one that waits has none before it is taken.
    (line,) = [line for line in lines if line.startswith(f"{kpi.code},{kpi.name},2026-W45,90,70,on_track,off_track,")]
    assert re.fullmatch("[A-E],", line.partition("off_track,")[2])
    assert AuditEntry.objects.latest("pk").after["name"] == f"flights-pull-{held.pk}-changes.csv"


def test_a_held_pull_promises_only_what_it_would_change(client: Client, owner: User, source: DataSource) -> None:
    kpi = a_mapped_kpi(source)
    held = a_held_pull(source, kpi, {"2026-11-02": "70", "2026-11-09": "71", "2026-11-16": "75"})
    said = {"kpi": kpi, "state": "reported", "recorded_at": NOW}
    for start, pulled in {"2026-11-02": 70, "2026-11-09": 60}.items():  # a person corrected both
        week = {"period_start": start, "period_end": date.fromisoformat(start) + 7 * DAY}
        MeasurementRevision.objects.create(seq=1, value=pulled, kind="pull", pull=held, **week, **said)
        MeasurementRevision.objects.create(seq=2, value=90, kind="manual", recorded_by=owner, **week, **said)
    Measurement.objects.update(seq=2)
    assert [str(one.period.start) for one in changes_of(held, now=NOW).rows] == ["2026-11-16", "2026-11-09"]
    lock = {"calendar": kpi.calendar, "locked_until": date(2026, 11, 16), "locked_by": owner}
    PeriodLock.objects.create(reason="closed", locked_at=timezone.now() + DAY, **lock)
    changes = changes_of(held, now=NOW)
    assert ([str(one.period.start) for one in changes.rows], changes.total, changes.locked) == (["2026-11-16"], 1, 1)
    text = client.get(address("pull", held.pk)).content.decode()
    assert "Apply its change<" in text
    assert "1 more lies in a locked period and stays as it is." in text
    client.post(address("pull", held.pk), {"decision": "apply", "reason": "right"})
    held.refresh_from_db()
    assert (held.values_new, held.values_revised) == (1, 0)


def test_what_was_changed_since_a_held_pull_was_looked_at_is_looked_at_again(
    client: Client, owner: User, source: DataSource
) -> None:
    held = a_held_pull(source, a_mapped_kpi(source), {"2026-11-02": "70"})
    seen = client.get(address("pull", held.pk)).context["form"]["shown"].value()
    Measurement.objects.filter(period_start="2026-11-02").update(value=85)
    said = {"decision": "apply", "reason": "the strike was real", "shown": seen}
    refused = client.post(address("pull", held.pk), said)
    assert refused.status_code == 422
    text = refused.content.decode()
    assert "Values changed since you looked" in text
    assert "the strike was real" in text
    assert "85.0" in text
    again = refused.context["form"]["shown"].value()
    assert client.post(address("pull", held.pk), said | {"shown": again}).status_code == 303
    assert Measurement.objects.get(period_start="2026-11-02").value == 70


def test_a_value_that_would_go_missing_is_a_change_as_well(source: DataSource) -> None:
    kpi = a_mapped_kpi(source)
    held = a_held_pull(source, kpi, {"2026-11-02": None})
    changes = changes_of(held, now=NOW)
    assert (changes.total, changes.new, changes.rows[0].after) == (1, 0, None)


def test_of_a_cumulative_kpi_the_sum_to_date_is_judged(source: DataSource) -> None:
    kpi = a_mapped_kpi(source, is_cumulative=True)
    limits(kpi, goal=80, red_flag=72)
    held = a_held_pull(source, kpi, {"2026-11-02": "60"})
    # 90 and then 172 to date against 80 and 160; with 60 it is 60, and 142 in the week after.
    assert changes_of(held, now=NOW).rows[0].bands == ("on_track", "off_track")


def test_the_owner_of_a_source_decides_and_an_auditor_only_reads(
    client: Client, owner: User, source: DataSource
) -> None:
    kpi = a_mapped_kpi(source)
    held = a_held_pull(source, kpi, {"2026-11-02": "70"})
    decision = {"decision": "apply", "reason": "the strike was real"}
    owner.roles.update(role=Role.AUDITOR, valid_until="2099-12-31")
    text = client.get(address("pull", held.pk)).content.decode()
    assert "Your decision" not in text
    assert client.post(address("pull", held.pk), decision).status_code == 404
    owner.roles.update(role=Role.MEMBER)
    assert client.post(address("pull", held.pk), decision).status_code == 303
    assert Measurement.objects.get(kpi=kpi, period_start="2026-11-02").value == 70
    assert f"{owner.name} applied it: the strike was real" in client.get(address("pull", held.pk)).content.decode()
    source_page = client.get(address("source")).content.decode()
    assert "Configuration</a>" not in source_page
    assert "–</td></tr>" in source_page  # how long somebody thought about it is not how long the pull took


def test_refused_lines_come_as_a_file_that_no_spreadsheet_computes(
    client: Client, owner: User, source: DataSource, tmp_path: Path
) -> None:
    a_mapped_kpi(source)
    a_rule(source, "allowed", columns=["airport"], allowed=["JFK"])
    write(tmp_path, [*lines(until="2026-11-16"), "2026-11-10,=1+1,10"])
    done = pull(source)
    text = client.get(address("pull", done.pk)).content.decode()
    assert "airport is one of JFK: 1 of 29 rows are not so and were refused." in text
    file = client.get(address("pull_refusals", done.pk)).content.decode()
    assert file.lstrip("\ufeff").splitlines() == ["line,why", "30,airport is one of JFK; here it is =1+1."]
    assert AuditEntry.objects.latest("pk").after["name"] == f"flights-pull-{done.pk}-refused.csv"


def test_a_file_that_begins_and_ends_inside_a_week_says_so_before_and_after_it_counts_and_costs_points(
    client: Client, owner: User
) -> None:
    source = a_source(code="sent", owner=owner, config={"origin": "upload", "date_column": "day"})
    kpi = a_mapped_kpi(source, unit=a_unit(), active_from=date(2026, 10, 5))
    content = "\n".join(["day,airport,minutes", *lines(since="2026-10-28", until="2026-11-14")])
    asked = take_upload(source=source, name="flights.csv", pieces=[content.encode()], by=owner, now=NOW)
    assert asked is not None
    page = reverse("configuration:pull", args=["sent", pull(source, slot=asked.slot).pk])
    for _ in range(2):
        response = client.get(page)
        assert [one["after_grade"] for one in response.context["changes"]] == ["D", "C", "D"]
        said = response.content.decode()
        assert "W44, 26 Oct" in said
        assert "the rows begin on Wednesday, 28 Oct 2026; the value is of 5 of 7 days." in said
        assert "the rows end on Friday, 13 Nov 2026; the value is of 5 of 7 days." in said
        client.post(page, {"decision": "apply", "reason": "all there is"})
    starts = ["2026-10-26", "2026-11-02", "2026-11-09"]
    found = confidence_of([(kpi.pk, date.fromisoformat(start)) for start in starts], today=NOW.date())
    lost = [[p.most - p.got for p in its.sources[0].points if p.criterion == "whole"] for its in found.values()]
    assert sorted(lost) == [[], [15], [15]]


def test_the_page_of_a_kpi_says_that_a_newer_pull_is_held_who_decides_and_where(
    client: Client, source: DataSource
) -> None:
    kpi = a_mapped_kpi(source)
    held = a_held_pull(source, kpi, {"2026-11-09": "82"})
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    page, decision = reverse("kpi", args=[kpi.code]), address("pull", held.pk)
    words = "would change values of this KPI and is held: Amara Singh decides."
    client.force_login(kpi.owner)
    assert words not in client.get(page).content.decode()  # it says what stands
    StagedReading.objects.update(value=8200)
    for reader, may_open in ((kpi.owner, False), (admin, True)):
        client.force_login(reader)
        text = client.get(page).content.decode()
        assert words in text
        assert (decision in text) is may_open
    assert words not in client.get(page, {"known": "2026-11-20"}).content.decode()


def test_all_pulls_are_listed_by_state_and_page_by_page(client: Client, owner: User, source: DataSource) -> None:
    Pull.objects.bulk_create(
        Pull(source=source, slot=at, state="failed" if number % 2 else "applied", started_at=at)
        for number, at in enumerate(NOW - number * DAY for number in range(60))
    )
    text = client.get(address("pull_history")).content.decode()
    assert text.count("<tr><th scope") == 50
    following = text.partition("before=")[2].partition('"')[0]
    assert client.get(f"{address('pull_history')}?before={following}").content.decode().count("<tr><th scope") == 10
    failed = client.get(address("pull_history"), {"state": "failed", "before": "no moment"}).content.decode()
    assert failed.count("<tr><th scope") == 30
    assert '<span class="worse">failed</span>' in failed


def test_the_record_begins_with_the_agreement_and_counts_the_slots_in_time(source: DataSource) -> None:
    agreed = SourceAgreement.objects.create(source=source, fresh_within_minutes=60, fresh_since=NOW - 3 * DAY)
    at = datetime(2026, 11, 20, 6, 40, tzinfo=NOW.tzinfo)  # in time; the 21st comes late, the 22nd not at all
    for moment in (at, at + DAY + timedelta(hours=5)):
        Pull.objects.create(source=source, slot=moment, state="applied", finished_at=moment)
    found = records_of([source], now=NOW, zone=NOW.tzinfo)[source.pk]  # type: ignore[arg-type]
    assert found.says == "1 of 3 in time"
    assert [mark.kind for mark in found.marks] == ["met", "missed", "missed"]
    agreed.fresh_within_minutes = None
    assert records_of([DataSource(pk=1)], now=NOW, zone=NOW.tzinfo) == {}  # type: ignore[arg-type]
