"""The list of values that changed after they were first reported."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kpiplatform.dashboards.scorecard.restated import restated_since
from kpis.models import Kpi, PeriodReopening
from kpis.readings import Origin, Reading
from kpis.restatements import grades_of_changes, restatements
from kpis.services.recording import record_measurements
from objectives.models import Role
from reviews.models import Forum, Pack, Review
from tests.dashboards.measured import W44, W45, W46, a_week, record
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, limits, the_company

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
EARLY = NOW - 12 * DAY


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def admin(client):
    person = a_person("Grace Lindholm")
    a_role(person, Role.ADMIN)
    client.force_login(person)
    return person


def restated(name: str = "Bags", *, was: str = "85", now: str = "70", at: datetime = NOW - DAY, **fields) -> Kpi:
    """Return a KPI whose W45 was restated."""
    kpi = a_kpi(name, **fields)
    limits(kpi, goal=80, red_flag=72, recorded_at=datetime(2026, 1, 1, tzinfo=UTC))
    record(kpi, [a_week(kpi, W45, was)], now=EARLY)
    record(kpi, [a_week(kpi, W45, now)], now=at, note="late records")
    return kpi


def rows(client, **query):
    return client.get(reverse("restatements"), query).context["rows"]


def test_a_restated_value_says_what_it_was_and_is_its_bands_who_and_why(client, admin):
    restated()
    (row,) = rows(client)
    assert (row.period, row.was, row.now, row.old, row.new, row.moved) == (
        "W45",
        "85.0",
        "70.0\u202f%",
        "on_track",
        "off_track",
        True,
    )
    assert (row.who, row.why, row.at) == ("Ana Kovač", "late records", "21 Nov 2026, 08:00")
    text = client.get(reverse("restatements")).content.decode()
    assert "1 value was restated; 1 of them changed band." in text


def test_a_computed_value_that_changed_because_its_inputs_did_is_told_as_such(client, admin):
    kpi = a_kpi("Bags per flight", entry=Kpi.Entry.DERIVED)
    for value, at in (("80", EARLY), ("70", NOW - DAY)):
        computed = Origin(kind="derived", note="1")
        record_measurements(readings=[a_week(kpi, W45, value)], origin=computed, now=at)
    assert [(row.who, row.why) for row in rows(client)] == [("computed", "computed, definition version 1")]
    page = client.get(reverse("kpis:correct", args=[kpi.code, W45]))
    assert [row.who for row in page.context["versions"]] == ["computed", "computed"]


def test_first_values_provisional_ones_and_the_same_said_again_are_no_restatements(client, admin):
    kpi = a_kpi("Bags")
    record(kpi, [a_week(kpi, W44, "80")], now=EARLY)
    record(kpi, [a_week(kpi, W45, "80", state="provisional")], now=EARLY)
    record(kpi, [a_week(kpi, W45, "85")], now=NOW - DAY)
    record(kpi, [a_week(kpi, W46, None, state="not_applicable", reason="strike")], now=EARLY)
    record(kpi, [a_week(kpi, W46, None, state="not_applicable", reason="a strike")], now=NOW - DAY)
    assert rows(client) == []


def test_the_statement_of_the_scorecard_finds_the_same_as_the_list():
    kpi = restated(at=NOW - 2 * DAY)
    restated("Belts", was="85", now="85")
    record(kpi, [a_week(kpi, W44, "80", state="provisional"), a_week(kpi, W46, "81")], now=EARLY)
    gone = a_week(kpi, W46, None, state="not_applicable", reason="strike")
    record(kpi, [a_week(kpi, W44, "82"), gone], now=NOW - DAY)
    record(kpi, [a_week(kpi, W46, "83")], now=NOW)
    ids = list(Kpi.objects.values_list("pk", flat=True))
    for until, count in ((None, 3), (NOW, 2), (NOW - DAY, 1)):
        listed = restatements(zone=ZoneInfo("UTC"), until=until).filter(recorded_at__gt=EARLY)
        asked = {"kpi_ids": ids, "since": EARLY, "known_at": until, "before": NOW.date()}
        found = restated_since(**asked, now=NOW, zone=UTC)
        grades = grades_of_changes(list(listed), now=NOW, zone=UTC, known_at=until)
        assert [(row.was_grade, row.grade) for row in found] == [grades[row.pk] for row in listed]
        assert any(row.was_grade for row in found)
        assert [(row.period_start, row.was, row.value) for row in found] == [
            (row.period_start, row.was, row.value) for row in listed
        ]
        assert len(found) == count


def test_a_value_that_vanishes_or_appears_is_a_restatement(client, admin):
    kpi = a_kpi("Bags")
    record(kpi, [a_week(kpi, W45, "80")], now=EARLY)
    record(kpi, [a_week(kpi, W45, None, state="not_applicable", reason="strike")], now=NOW - 2 * DAY)
    record(kpi, [a_week(kpi, W45, "81")], now=NOW - DAY)
    assert [(row.was, row.now) for row in rows(client)] == [("none", "81.0\u202f%"), ("80.0", "none")]


def test_bands_are_by_the_limits_known_when_it_was_restated(client, admin):
    kpi = restated(was="85", now="82")
    limits(kpi, goal=95, red_flag=90, recorded_at=NOW - timedelta(hours=1))
    assert [(row.old, row.new) for row in rows(client)] == [("on_track", "on_track")]


def test_a_sum_to_date_is_judged_with_the_weeks_before_as_they_were_known(client, admin):
    kpi = a_kpi("Flights", is_cumulative=True, measure_unit="flights")
    limits(kpi, goal=100, red_flag=80, recorded_at=datetime(2026, 1, 1, tzinfo=UTC))
    record(kpi, [a_week(kpi, W44, "120"), a_week(kpi, W45, "100")], now=EARLY)
    record(kpi, [a_week(kpi, W45, "30")], now=NOW - 2 * DAY, note="counted twice")  # 150 of 200: off track
    record(kpi, [a_week(kpi, W44, "500")], now=NOW - DAY, note="late")  # known only later
    assert [(row.period, row.old, row.new) for row in rows(client)] == [
        ("W44", "on_track", "on_track"),
        ("W45", "on_track", "off_track"),
    ]


def test_it_is_narrowed_by_days_unit_tier_and_kpi(client, admin):
    lga = a_unit("lga")
    restated("Here", unit=lga, code="HERE")
    restated("Elsewhere", tier=Kpi.Tier.STRATEGIC)
    restated("Long ago", at=NOW - 11 * DAY)
    assert {row.kpi.name for row in rows(client, unit="lga")} == {"Here"}
    assert {row.kpi.name for row in rows(client, tier="strategic")} == {"Elsewhere"}
    assert {row.kpi.name for row in rows(client, kpi="HERE")} == {"Here"}
    assert {row.kpi.name for row in rows(client, **{"from": "2026-11-11", "to": "2026-11-11"})} == {"Long ago"}
    assert len(rows(client, **{"from": "nonsense", "to": "9999-99-99"})) == 3


def a_pack(kpi: Kpi, *, frozen_at: datetime, code: str = "executive") -> Pack:
    chair = a_person("Daniel Reyes")
    forum = Forum.objects.create(
        code=code, name="Executive review", unit=the_company(), tier="strategic", chair=chair, rule="monthly",
        anchor=frozen_at.date(), starts_at="09:00",
    )  # fmt: skip
    said = {"opened_at": frozen_at, "closed_at": frozen_at, "state": "closed"}
    review = Review.objects.create(forum=forum, held_on=frozen_at.date(), **said)
    content = {"kpis": [{"code": kpi.code, "period_start": str(W45), "value": "85"}]}
    return Pack.objects.create(review=review, content=content, sha256="0" * 64, frozen_at=frozen_at)


def test_the_pack_that_showed_the_old_value_last_is_named_to_those_who_may_open_it(client, admin):
    kpi = restated()
    a_pack(kpi, frozen_at=NOW - 10 * DAY, code="earlier")
    pack = a_pack(kpi, frozen_at=NOW - 8 * DAY)
    a_pack(kpi, frozen_at=NOW, code="later")
    (row,) = rows(client)
    assert (row.pack, row.pack_url) == ("Executive review, 14 Nov 2026", reverse("reviews:pack", args=[pack.pk]))
    client.force_login(kpi.owner)
    (row,) = rows(client)
    assert row.pack == ""


def test_a_value_written_while_its_period_was_open_again_says_who_opened_it(client, admin):
    kpi = restated()
    PeriodReopening.objects.create(
        kpi=kpi, period_start=W45, reason="late", requested_by=kpi.owner, requested_at=EARLY, approved_by=admin,
        decided_at=NOW - 2 * DAY, expires_at=NOW,
    )  # fmt: skip
    assert [row.reopening for row in rows(client)] == ["reopened by Grace Lindholm"]


def test_nobody_finds_restatements_of_kpis_they_may_not_see(client, admin):
    restated("Here", unit=a_unit("lga"), code="HERE")
    restated("Elsewhere", unit=a_unit("jfk"), code="ELSE")
    member = a_person("Noah Fields")
    a_role(member, Role.MEMBER, Kpi.objects.get(code="HERE").unit)
    client.force_login(member)
    assert [row.kpi.code for row in rows(client)] == ["HERE"]
    assert rows(client, kpi="ELSE") == []
    assert "ELSE" not in client.get(reverse("restatements_file")).content.decode()


def test_the_file_has_exact_numbers_and_no_text_that_a_spreadsheet_computes(client, admin):
    kpi = a_kpi("=HYPERLINK(1)", decimals=0)
    record(kpi, [a_week(kpi, W45, "80.125")], now=EARLY)
    record(kpi, [a_week(kpi, W45, "-81.5")], now=NOW - DAY, note="@late")
    response = client.get(reverse("restatements_file"))
    _head, line = csv.reader(io.StringIO(response.content.decode("utf-8-sig")))
    assert (line[1], line[3], line[5], line[6], line[12]) == ("'=HYPERLINK(1)", "2026-W45", "80.125", "-81.5", "'@late")
    assert 'filename="restatements-2026-08-24-2026-11-22.csv"' in response["Content-Disposition"]


def test_both_values_have_the_grade_of_their_time(client, admin):
    restated()
    (row,) = rows(client)
    (head, line) = csv.reader(io.StringIO(client.get(reverse("restatements_file")).content.decode("utf-8-sig")))
    assert (row.was_grade, row.now_grade) == tuple(
        line[head.index(f"confidence {when}")] for when in ("before", "after")
    )
    assert "" < row.was_grade < row.now_grade  # changed since


def test_the_number_of_queries_does_not_grow_with_the_rows(client, admin):
    counts = []
    for number in (1, 5):
        for index in range(number):
            restated(f"KPI {index}")
        rows(client)
        with CaptureQueriesContext(connection) as captured:
            rows(client)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 18


def test_the_list_goes_on_below_its_last_row_and_the_file_has_all_of_it(client, admin, monkeypatch):
    monkeypatch.setattr("kpiplatform.dashboards.restatements.views.ON_A_PAGE", 2)
    for number in range(5):
        restated(f"Bags {number}", at=NOW - DAY * (1 + number // 2))
    names, address = [], reverse("restatements") + "?tier=operational"
    while address:
        page = client.get(address)
        names.append([row.kpi.name for row in page.context["rows"]])
        assert "5 values were restated; " in page.content.decode()
        assert "after" not in page.context["file_query"]
        address = page.context["more"] and reverse("restatements") + page.context["more"]
    assert names == [["Bags 1", "Bags 0"], ["Bags 3", "Bags 2"], ["Bags 4"]]
    assert len(rows(client, after="nonsense")) == 2
    lines = csv.reader(io.StringIO(client.get(reverse("restatements_file")).content.decode()))
    assert len(list(lines)) == 6


def test_a_provisional_value_of_a_period_that_was_over_is_listed_by_itself(client, admin):
    kpi = a_kpi("Bags")
    running, over = NOW - 17 * DAY, EARLY  # W45 ended on 8 November
    for value, at, state in (("90", running, "provisional"), ("88", over, "provisional"), ("70", NOW, "reported")):
        record(kpi, [a_week(kpi, W45, value, state=state)], now=at)
    assert rows(client) == []
    assert "they are no restatements" in client.get(reverse("restatements")).content.decode()
    (row,) = rows(client, kind="provisional")
    assert (row.was, row.now) == ("88.0", "70.0\u202f%")  # what changed while the week ran is left out
    text = client.get(reverse("restatements"), {"kind": "provisional"}).content.decode()
    assert "1 provisional value became another" in text
    file = client.get(reverse("restatements_file"), {"kind": "provisional"})
    assert 'filename="provisional-' in file["Content-Disposition"]
    assert "Bags" in file.content.decode()


def test_days_in_the_wrong_order_are_turned_round_and_what_is_no_day_is_said(client, admin):
    restated()
    day, later = str((NOW - DAY).date()), str(NOW.date())
    assert len(rows(client, **{"from": later, "to": day})) == 1
    text = client.get(reverse("restatements"), {"from": "2026-13-01"}).content.decode()
    assert "“2026-13-01” is not a date; it is left out." in text


def test_what_was_said_of_a_running_week_is_no_restatement_whatever_it_was(client, admin):
    kpi = a_kpi("Strikes")
    week = {"kpi_id": kpi.pk, "period_start": W46, "period_end": W46 + 7 * DAY}
    origin = Origin(kind="manual", user_id=admin.pk)
    for value, state, at in (
        (None, "not_applicable", NOW - 10 * DAY),
        (D(7), "provisional", NOW - 9 * DAY),
        (None, "not_applicable", NOW - 8 * DAY),
    ):
        reading = Reading(**week, value=value, state=state, reason="" if value else "strike")
        record_measurements(readings=[reading], origin=origin, now=at)
    assert rows(client) == []
    record_measurements(readings=[Reading(**week, value=D(8))], origin=origin, now=NOW - DAY)
    assert [row.now[:1] for row in rows(client)] == ["8"]
