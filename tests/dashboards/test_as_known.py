"""As known on a past day: the page of a KPI, of a unit, and the links between them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpiplatform.dashboards.as_known import NOW as KNOWN_NOW
from kpiplatform.dashboards.as_known import AsKnown, as_known
from kpiplatform.dashboards.kpi_page.queries import kpi_facts
from kpis.models import Commentary, Kpi, KpiOwnership, KpiVersion, KpiWeight, MeasurementRevision, Target
from objectives.models import Organisation, Role
from tests.dashboards.measured import W44, W45, W46, a_week, measured, record, weeks_to
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, limits

pytestmark = pytest.mark.django_db
D = Decimal
TODAY = NOW.date()
DAYS = timedelta(days=1)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


def known_on(day: date) -> AsKnown:
    return as_known(str(day), today=TODAY, zone=ZoneInfo("UTC"))


def page(client, kpi: Kpi, known: str = "", **query: str):
    return client.get(reverse("kpi", args=[kpi.code]), query | ({"known": known} if known else {}))


@pytest.fixture
def restated(client) -> Kpi:
    """A KPI whose latest week was 85 until it became 50 today, and whose goal rose from 80 to 95 today."""
    kpi = measured({}, goal=None)
    limits(kpi, goal=80, red_flag=72, recorded_at=LONG_AGO)
    record(kpi, [a_week(kpi, W45, "82")], now=NOW - 12 * DAYS)
    record(kpi, [a_week(kpi, W46, "85")], now=NOW - 5 * DAYS)
    record(kpi, [a_week(kpi, W46, "50")], now=NOW - timedelta(hours=2), note="late records")
    limits(kpi, goal=95, red_flag=90, recorded_at=NOW - timedelta(hours=3))
    client.force_login(kpi.owner)
    return kpi


def test_a_kpi_stands_as_it_did_with_values_limits_and_band_of_that_day(client, restated):
    then, now = page(client, restated, "2026-11-20"), page(client, restated)
    assert (then.context["band"], now.context["band"]) == ("on_track", "off_track")
    assert [(row.period, row.figures[:2]) for row in then.context["table"].rows] == [
        ("W46", ["85.0", "80.0"]),
        ("W45", ["82.0", "80.0"]),
    ]
    assert [point["value"] for point in then.context["chart"].figure["periods"]] == [82.0, 85.0]
    assert [step["value"] for step in then.context["chart"].figure["goal"]] == [80.0]
    assert then.context["limits"][0].value == "80.0\u202f%"
    assert then.context["revisions"] == []


def test_the_past_is_marked_offers_nothing_to_write_and_leads_back(client, restated):
    text = page(client, restated, "2026-11-20", view="table").content.decode()
    main = text.split("<main", 1)[1]
    assert "As known on 20 Nov 2026." in main
    assert '<a href="?view=table">Back to now</a>' in main
    assert 'method="post"' not in main
    assert "Correct" not in main
    assert 'name="known" type="date" value="2026-11-20"' in main
    assert "view=table&amp;range=all&amp;known=2026-11-20" in main


def test_the_file_of_a_past_day_holds_what_was_known_and_says_so_in_its_name(client, restated):
    response = client.get(reverse("kpi_table", args=[restated.code]), {"known": "2026-11-20"})
    assert 'filename="OTD-known-2026-11-20.csv"' in response["Content-Disposition"]
    assert ",85," in response.content.decode()
    assert ",50," not in response.content.decode()


def test_definition_and_owner_are_those_of_that_day(client, restated):
    said = {"recorded_by": restated.owner, "effective_from": W44}
    sheet = {"name": "Punctual departures", "measure_unit": "pp", "decimals": 2, "polarity": "higher_is_better"}
    KpiVersion.objects.create(kpi=restated, version=1, definition=sheet, recorded_at=NOW - 9 * DAYS, **said)
    KpiVersion.objects.create(kpi=restated, version=2, definition={"name": "New"}, recorded_at=NOW, **said)
    before = a_person("Peter Haas")
    KpiOwnership.objects.create(kpi=restated, owner=before, recorded_at=NOW - 9 * DAYS, **said)
    KpiOwnership.objects.create(kpi=restated, owner=restated.owner, recorded_at=NOW, **said)
    context = page(client, restated, "2026-11-20").context
    assert (context["kpi"].name, context["headline"][0].value) == ("Punctual departures", "85.00")
    assert context["definition_version"] == "Version 1, from 26 Oct"
    assert [row.person.name for row in context["people"]] == ["Peter Haas"]
    restated.refresh_from_db()
    assert restated.name == "On-time departures"


def test_what_people_said_later_is_left_out(client, restated):
    for body, at in (("Early", NOW - 6 * DAYS), ("Late", NOW)):
        Commentary.objects.create(kpi=restated, body=body, author=restated.owner, created_at=at)
    assert [entry.body for entry in page(client, restated, "2026-11-20").context["thread"]] == ["Early"]


def test_before_anything_was_recorded_the_page_says_from_when_on_there_is_something(client, restated):
    text = page(client, restated, "2026-11-01").content.decode()
    assert "No value was recorded by then: the first ones came on 10 Nov 2026." in text
    assert 'href="?known=2026-11-10"' in text


@pytest.mark.parametrize("name", ["unit", "unit_bowler", "scorecard"])
def test_a_list_on_a_day_before_anything_was_recorded_leads_to_the_first_one(client, restated, name):
    a_role(restated.owner, Role.ADMIN)
    address = reverse(name, args=[] if name == "scorecard" else [restated.unit.code])
    begins = client.get(address, {"known": "2026-11-01", "tier": restated.tier}).context["begins"]
    assert (begins.words, "tier=" + restated.tier in begins.url) == ("10 Nov 2026", True)
    assert [client.get(address + query).context["begins"] for query in (begins.url, "")] == [None, None]


@pytest.mark.parametrize(("text", "refused"), [("yesterday", True), ("2026-11-22", False), ("2030-01-01", False)])
def test_today_and_later_is_now_and_what_is_no_day_is_said(client, restated, text, refused):
    response = page(client, restated, text)
    assert bool(response.context["known"].refused) is refused
    assert response.context["band"] == "off_track"


def test_a_day_ends_where_the_organisation_is(restated):
    Organisation.objects.update(time_zone="America/New_York")
    day = as_known("2026-11-20", today=TODAY, zone=ZoneInfo("America/New_York"))
    assert day.at == datetime(2026, 11, 21, 5, tzinfo=UTC)
    after_the_change = as_known("2026-11-01", today=TODAY, zone=ZoneInfo("America/New_York"))
    assert after_the_change.at == datetime(2026, 11, 2, 5, tzinfo=UTC)  # the clocks went back that morning
    assert as_known("9999-12-31", today=TODAY, zone=ZoneInfo("UTC")).refused


def test_the_past_asks_at_most_one_query_more_than_the_present_since_when_it_is_known(client, restated):
    page(client, restated)
    counts = []
    for known in ("", "2026-11-20"):
        with CaptureQueriesContext(connection) as captured:
            page(client, restated, known)
        counts.append(len(captured))
    assert counts[1] <= counts[0] + 1


# --- against a naive replay ---------------------------------------------------------------------

WEEKS = weeks_to(W46, 4)
REVISIONS = st.lists(
    st.tuples(
        st.sampled_from(WEEKS),
        st.integers(0, 20),
        st.one_of(st.none(), st.integers(50, 100)),
        st.sampled_from(["reported", "provisional"]),
    ),
    max_size=12,
)
TARGETS = st.lists(st.tuples(st.sampled_from(WEEKS), st.integers(0, 20), st.integers(75, 95)), max_size=4)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(revisions=REVISIONS, targets=TARGETS, days=st.lists(st.integers(0, 21), min_size=1, max_size=3))
def test_as_known_on_a_day_is_what_replaying_the_revisions_up_to_it_gives(revisions, targets, days):
    kpi = a_kpi()
    owner = kpi.owner
    limits(kpi, goal=70, red_flag=60, recorded_at=LONG_AGO)
    written: dict[date, int] = {}
    said = []
    for start, offset, value, state in sorted(revisions, key=lambda one: one[1]):
        written[start] = written.get(start, 0) + 1
        at = datetime.combine(date(2026, 11, 1) + offset * DAYS, time(12), UTC)
        state, reason = (state, "") if value is not None else ("not_applicable", "closed")
        said.append((start, at, None if value is None else D(value), state))
        MeasurementRevision.objects.create(
            kpi=kpi, period_start=start, period_end=start + 7 * DAYS, seq=written[start], value=value, state=state,
            reason=reason, kind="manual", recorded_by=owner, recorded_at=at,
        )  # fmt: skip
    aims = {(start, offset): goal for start, offset, goal in targets}
    for (start, offset), goal in aims.items():
        at = datetime.combine(date(2026, 11, 1) + offset * DAYS, time(12), UTC)
        Target.objects.create(kpi=kpi, effective_from=start, value=goal, recorded_at=at, recorded_by=owner)
    for offset in days:
        day = date(2026, 10, 31) + offset * DAYS
        rows = kpi_facts(user=owner, code=kpi.code, now=NOW, today=TODAY, known=known_on(day)).rows
        assert [(row.start, row.value, row.state, row.band) for row in rows] == replayed(said, aims, day)


def replayed(said, aims, day):
    """Replay what was said, day by day, and judge it by the goal that was known."""
    known: dict[date, tuple] = {}
    for start, at, value, state in said:
        if at.date() <= day:
            known[start] = (value, state)
    found = []
    for start in sorted(known):
        goal = 70
        begun = [
            (since, offset) for since, offset in aims if since <= start and date(2026, 11, 1) + offset * DAYS <= day
        ]
        if begun:
            goal = aims[max(begun)]
        value, state = known[start]
        band = "" if value is None else "on_track" if value >= goal else "off_track" if value < 60 else "at_risk"
        found.append((start, value, state, band))
    return found


# --- the unit, and moving between pages ---------------------------------------------------------


@pytest.fixture
def manager(client):
    unit = a_unit("lga")
    person = a_person("Sofia Marin")
    a_role(person, Role.MANAGER, unit)
    client.force_login(person)
    return unit


def test_a_unit_stands_as_it_did_and_leaves_out_what_has_no_history(client, manager):
    kpi = a_kpi("Bags", unit=manager)
    limits(kpi, recorded_at=LONG_AGO)
    record(kpi, [a_week(kpi, W46, "85")], now=NOW - 5 * DAYS)
    record(kpi, [a_week(kpi, W46, "50")], now=NOW - timedelta(hours=2), note="late records")
    address = reverse("unit", args=["lga"])
    now, then = client.get(address), client.get(address, {"known": "2026-11-20"})
    assert [row.standing.band for row in now.context["rows"]] == ["off_track"]
    assert [(row.value, row.standing.band) for row in then.context["rows"]] == [("85.0", "on_track")]
    assert {count.band: count.total for count in then.context["story"].counts}["on_track"] == 1
    text = then.content.decode()
    assert "As known on 20 Nov 2026." in text
    assert "Late updates" not in text


def test_targets_limits_and_weights_are_listed_as_they_were_known(client, restated):
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    for weight, at in ((2, NOW - 9 * DAYS), (5, NOW)):
        said = {"recorded_at": at, "recorded_by": admin, "effective_from": W44}
        KpiWeight.objects.create(kpi=restated, weight=weight, **said)
    limits_page = reverse("kpi_limits", args=[restated.code])
    then, now = client.get(limits_page, {"known": "2026-11-20"}), client.get(limits_page)
    assert (len(then.context["history"]), len(now.context["history"])) == (2, 4)
    assert [row["state"] for row in then.context["history"]] == ["in force", "in force"]
    assert 'method="post"' not in then.content.decode().split("<main", 1)[1]
    weight_page = reverse("kpis:weight", args=[restated.code])
    then, now = client.get(weight_page, {"known": "2026-11-20"}), client.get(weight_page)
    assert [(row["weight"], row["is_own"]) for row in then.context["rows"]] == [("2", True)]
    assert [row["weight"] for row in now.context["rows"]] == ["5"]
    assert [row["weight"] for row in then.context["history"]] == ["2"]
    assert "As known on 20 Nov 2026." in then.content.decode()


def test_the_day_is_kept_while_moving_between_pages(client, manager):
    kpi = a_kpi("Bags", unit=manager, code="BAGS")
    limits(kpi, recorded_at=LONG_AGO)
    record(kpi, [a_week(kpi, W46, "85")], now=NOW - 5 * DAYS)
    for address in (
        reverse("unit", args=["lga"]),
        reverse("unit_bowler", args=["lga"]),
        f"{reverse('scorecard')}?tier=operational",
    ):
        joint = "&" if "?" in address else "?"
        text = client.get(f"{address}{joint}known=2026-11-20").content.decode()
        assert "/kpis/BAGS/?known=2026-11-20" in text, address
    text = page(client, kpi, "2026-11-20").content.decode()
    assert f'{reverse("scorecard")}?known=2026-11-20"' in text
    assert KNOWN_NOW.query == ""


def test_longer_periods_are_those_of_that_day_and_stay_on_it(client, restated):
    address = reverse("kpi_over_time", args=[restated.code])
    assert f"{address}?known=2026-11-20" in page(client, restated, "2026-11-20").content.decode()
    then = client.get(address, {"known": "2026-11-20", "by": "month", "rolling": "2"})
    now = client.get(address, {"by": "month"})
    assert [answer.context["rows"][0].value for answer in (then, now)] == ["83.5", "66.0"]
    text = then.content.decode()
    assert "As known on 20 Nov 2026." in text
    assert all("known=2026-11-20" in one.url for one in then.context["frequencies"])
    assert then.context["now_url"] == "?by=month&rolling=2"
    assert "As known on 20 Nov 2026." not in now.content.decode()
