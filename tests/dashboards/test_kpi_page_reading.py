"""Who sees which KPI, what the page reads, how many queries it asks, and what htmx gets of it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kpis.domain.sentences import Sentence
from kpis.models import (
    Annotation,
    Commentary,
    DataSource,
    Kpi,
    KpiState,
    KpiVersion,
    PeriodLock,
    PeriodReopening,
    Pull,
    SourceMapping,
)
from objectives.models import Organisation, Role
from tests.dashboards.measured import (
    W44,
    W45,
    W46,
    W47,
    a_ratio,
    a_week,
    facts_of,
    measured,
    page_of,
    record,
    weeks_to,
)
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, limits, the_calendar

pytestmark = pytest.mark.django_db
D = Decimal
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


def address(kpi: Kpi, query: str = "") -> str:
    return reverse("kpi", args=[kpi.code]) + query


def a_source(**fields) -> DataSource:
    owner = fields.pop("owner", None) or a_person("Amara Singh")
    plain = {"code": "flights", "name": "Flight operations feed", "kind": "sql_query", "pull_at": "06:10"}
    return DataSource.objects.create(owner=owner, **plain | fields)


# --- access -------------------------------------------------------------------------------------


def test_strangers_and_other_units_get_the_same_answer_as_for_a_kpi_that_is_not_there(client):
    kpi = measured({W46: "82"})
    stranger = a_person("Somebody Else")
    a_role(stranger, Role.MANAGER, a_unit("jfk", "Kennedy"))
    client.force_login(stranger)
    for name in ("kpi", "kpi_table"):
        assert client.get(reverse(name, args=[kpi.code])).status_code == 404
        assert client.get(reverse(name, args=["NONE"])).status_code == 404


def test_the_page_asks_for_a_sign_in(client):
    kpi = measured({W46: "82"})
    assert client.get(address(kpi)).status_code == 302


def test_an_auditor_reads_everything_and_is_offered_nothing_to_write(client):
    kpi = measured({W46: "82"})
    auditor = a_person("Victor Amadi")
    a_role(auditor, Role.AUDITOR)
    client.force_login(auditor)
    page = client.get(address(kpi)).content.decode()
    assert 'method="post"' not in page.split("<main", 1)[1]
    assert "Correct" not in page
    assert "82.0" in page


def test_a_member_may_comment_but_not_correct(client):
    kpi = measured({W46: "82"})
    member = a_person("Noah Fields")
    a_role(member, Role.MEMBER)
    client.force_login(member)
    page = client.get(address(kpi)).content.decode()
    assert 'id="comment"' in page
    assert "Correct" not in page
    assert 'href="measurements/2026-11-09/"' in page


def test_a_computed_kpi_is_corrected_at_its_inputs_only():
    kpi = measured({W46: "82"}, entry=Kpi.Entry.DERIVED)
    assert page_of(kpi)["may_correct"] is False


def test_the_guard_is_shown_only_to_those_who_may_open_it():
    guard = measured({W46: "0.6"}, code="CANC", name="Cancellation rate", unit=a_unit("jfk", "Kennedy"))
    kpi = measured({W46: "82"}, guard=guard, guard_reason="must not rise to make departures look punctual")
    assert page_of(kpi)["guard"] is None
    shown = page_of(kpi, admin())["guard"]
    assert (shown.name, shown.words) == ("Cancellation rate", "0.6\u202f%, goal 80.0")
    assert shown.reason == "Must not rise to make departures look punctual."


def admin():
    person = a_person("Grace Lindholm")
    a_role(person, Role.ADMIN)
    return person


# --- units below --------------------------------------------------------------------------------


def test_the_units_below_are_the_kpis_that_are_parts_of_this_one():
    reader, whole = admin(), measured({W46: "82"})
    ewr, jfk = a_unit("ewr", "Newark"), a_unit("jfk", "Kennedy")
    newark = measured({}, code="EWR-OTD", unit=ewr, ratio_factor=100, part_of=whole)
    record(newark, [a_ratio(newark, W45, 800, 1000), a_ratio(newark, W46, 776, 1000)])
    measured({W46: "70"}, code="EWR-EVE", unit=ewr)
    measured({W46: "70"}, code="JFK-OLD", unit=jfk, part_of=whole, status=Kpi.Status.DRAFT)
    table = page_of(whole, reader)["parts"]
    assert table.title == "By unit, W46"
    assert [(row.code, row.unit, row.value, row.gap, row.change) for row in table.rows] == [
        ("EWR-OTD", "Newark", "77.6", "−2.4", "−2.4")
    ]
    assert (table.rows[0].denominator, table.rows[0].count) == ("1,000", "−24")
    assert page_of(newark, reader)["parts"] is None


def test_units_that_the_reader_may_not_open_are_left_out():
    whole = measured({W46: "82"})
    measured({W46: "70"}, code="EWR-OTD", unit=a_unit("ewr", "Newark"), part_of=whole)
    assert page_of(whole)["parts"] is None


# --- locks, source, revisions, thread -----------------------------------------------------------

SPEC = {"where": [], "numerator": {"agg": "count"}, "denominator": {"agg": "count"}, "factor": 100}


def with_mapping(kpi: Kpi, source: DataSource, spec: dict) -> Kpi:
    SourceMapping.objects.create(kpi=kpi, source=source, spec=spec)
    return kpi


def test_locked_weeks_offer_no_correction_until_one_is_reopened():
    kpi = measured({W44: "82", W45: "82", W46: "82"})
    PeriodLock.objects.create(calendar=the_calendar(), locked_until=W46, locked_by=kpi.owner, locked_at=NOW)
    PeriodLock.objects.create(
        calendar=the_calendar(), unit=a_unit("jfk"), locked_until=W47, locked_by=kpi.owner, locked_at=NOW
    )
    PeriodReopening.objects.create(
        kpi=kpi,
        period_start=W44,
        reason="late records",
        requested_by=kpi.owner,
        requested_at=NOW,
        decided_at=NOW,
        approved_by=admin(),
        expires_at=NOW + timedelta(days=1),
    )
    assert {row.period: row.change for row in page_of(kpi)["table"].rows} == {
        "W46": "Correct",
        "W45": "locked",
        "W44": "Correct",
    }


def test_a_failing_source_says_since_when_and_what_it_said(client):
    source = a_source(
        consecutive_failures=2, last_error=Sentence("line 12: no number"), last_applied_at=NOW - timedelta(days=4)
    )
    kpi = with_mapping(measured({W46: "82"}), source, SPEC)
    for days in (5, 3, 1):
        at = NOW - timedelta(days=days)
        Pull.objects.create(source=source, slot=at, state="failed", finished_at=at)
    KpiState.objects.filter(kpi=kpi).update(health="source_error")
    client.force_login(kpi.owner)
    page = client.get(address(kpi)).content.decode()
    assert "Source failing since 19 Nov 2026, 08:00: showing the last good value." in page
    assert "line 12: no number" in page
    assert page_of(kpi)["band_state"] == "stale"


def test_revisions_show_changes_first_and_every_version_on_request():
    kpi = measured({W45: "82", W46: "77.9"})
    record(kpi, [a_week(kpi, W46, "77.6")], now=NOW + timedelta(hours=1), note="late diversion records")
    latest = page_of(kpi)
    assert [(row.period, row.was, row.now, row.who, row.why) for row in latest["revisions"]] == [
        ("W46", "77.9", "77.6", "Ana Kovač", "late diversion records")
    ]
    assert latest["revision_count"] == 3
    everything = page_of(kpi, all_revisions=True)["revisions"]
    assert [(row.was, row.now) for row in everything] == [("77.9", "77.6"), ("", "77.9"), ("", "82.0")]


def test_a_closed_week_is_told_from_a_correction():
    kpi = measured({})
    record(kpi, [a_week(kpi, W46, "80.4", state="provisional")], now=NOW - timedelta(days=9))
    record(kpi, [a_week(kpi, W46, "77.6")], now=NOW - timedelta(days=6))
    assert [row.why for row in page_of(kpi)["revisions"]] == ["period closed"]


def test_the_thread_tells_explanations_comments_and_answers_apart():
    kpi = measured({W46: "60"})
    said = {"kpi": kpi, "author": kpi.owner}
    explanation = Commentary.objects.create(
        kind="explanation",
        period_start=W46,
        cause="Storm",
        action="More crews",
        recovery_on=date(2026, 12, 2),
        created_at=NOW - timedelta(hours=2),
        **said,
    )
    Commentary.objects.create(body="Which crews?", parent=explanation, created_at=NOW - timedelta(hours=1), **said)
    Commentary.objects.create(body="Seen.", period_start=W45, created_at=NOW, **said)
    entries = page_of(kpi)["thread"]
    assert [entry.does for entry in entries] == ["explains W46", "comments on W45"]
    assert [(answer.does, answer.body) for answer in entries[0].answers] == [("answers", "Which crews?")]
    assert entries[0].recovery == "2 Dec (W49)"


def test_what_people_write_is_text_and_never_markup(client):
    kpi = measured({W46: "82"})
    script = "</script><script>alert(1)</script>"
    Annotation.objects.create(kpi=kpi, period_start=W46, period_end=W47, text=script, author=kpi.owner, created_at=NOW)
    Commentary.objects.create(kpi=kpi, body=script, author=kpi.owner, created_at=NOW)
    client.force_login(kpi.owner)
    page = client.get(address(kpi)).content.decode()
    assert "alert(1)" in page
    assert "<script>alert(1)" not in page


# --- htmx and addresses -------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?view=xmr", "?view=table&range=all", "?range=short", "?view=none&range=%01"])
def test_every_view_is_a_page_of_its_own_and_a_part_for_htmx(client, query: str):
    kpi = measured({start: "82" for start in weeks_to(W46, 15)})
    client.force_login(kpi.owner)
    whole, part = client.get(address(kpi, query)), client.get(address(kpi, query), headers=HTMX)
    assert (whole.status_code, part.status_code) == (200, 200)
    assert b"<html" in whole.content
    assert b"<html" not in part.content
    assert b'id="chart-panel"' in part.content
    assert part["Cache-Control"] == "no-store"
    assert "HX-Request" in whole["Vary"]


def test_going_back_gets_the_whole_page(client):
    kpi = measured({W46: "82"})
    client.force_login(kpi.owner)
    page = client.get(address(kpi, "?view=xmr"), headers=HTMX | {"HX-History-Restore-Request": "true"})
    assert b"<html" in page.content


def test_tabs_and_spans_are_links_that_say_which_is_chosen(client):
    kpi = measured({start: "82" for start in weeks_to(W46, 15)})
    client.force_login(kpi.owner)
    page = client.get(address(kpi, "?view=xmr&range=short")).content.decode()
    assert re.search(r'href="\?view=xmr&amp;range=short" aria-current="page"', page)
    assert re.search(r'href="\?range=short"[^>]*hx-push-url="true">Values<', page)
    assert re.search(r'href="\?view=xmr&amp;range=all"[^>]*>All<', page)


def test_a_point_of_the_chart_says_the_grade_that_the_table_shows():
    kpi = measured({start: "82" for start in weeks_to(W46, 15)})
    page = page_of(kpi, span="long", graded=3)
    latest = next(row for row in page["table"].rows if row.start == W46.isoformat())
    points = {point["start"]: point["hover"] for point in page["chart"].figure["periods"]}
    assert latest.grade
    assert f"Data confidence {latest.grade}" in points[W46.isoformat()]


@pytest.mark.parametrize(
    ("weeks", "span", "shown"), [(50, "short", 13), (50, "long", 26), (50, "year", 46), (50, "all", 50), (50, "", 46)]
)
def test_a_span_shows_so_many_closed_weeks(weeks: int, span: str, shown: int):
    kpi = measured({start: "82" for start in weeks_to(W46, weeks)})
    assert len(page_of(kpi, span=span)["chart"].figure["periods"]) == shown


def test_few_weeks_in_the_year_and_days_beyond_counting_start_with_the_long_span():
    early = measured({start: "82" for start in weeks_to(W46, 30)})
    links = page_of(early, now=NOW.replace(month=2))["spans"]
    assert [link.key for link in links if link.current] == ["long"]
    daily = measured({}, code="DAY", frequency=Kpi.Frequency.DAY, active_from=date(2026, 1, 1))
    assert [link.key for link in page_of(daily)["spans"] if link.current] == ["long"]


def test_without_scripts_the_table_is_the_chart(client):
    kpi = measured({W46: "82"})
    client.force_login(kpi.owner)
    page = client.get(address(kpi)).content.decode()
    assert "The chart needs JavaScript; the table below has every figure of it." in page
    assert page.index("Table of the chart") > page.index("<noscript>")


def test_the_file_is_named_after_the_kpi(client):
    kpi = measured({W46: "82"})
    client.force_login(kpi.owner)
    response = client.get(reverse("kpi_table", args=[kpi.code]))
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="OTD.csv"'
    assert response.content.decode("utf-8-sig").splitlines()[1].startswith("OTD,2026-W46")


# --- queries ------------------------------------------------------------------------------------


def test_twelve_queries_whatever_there_is_to_show(client):
    source, guard = a_source(), measured({W46: "1"}, code="CANC")
    kpi = with_mapping(measured({W46: "82"}), source, SPEC)
    Kpi.objects.filter(pk=kpi.pk).update(guard=guard)
    client.force_login(kpi.owner)
    few = queries_for(client, address(kpi))
    record(kpi, [a_week(kpi, start, "79") for start in weeks_to(W45, 259)])
    for index in range(30):
        day = W46 - timedelta(weeks=index)
        Annotation.objects.create(
            kpi=kpi,
            period_start=day,
            period_end=day + timedelta(days=1),
            text=f"Note {index}",
            author=a_person(),
            created_at=NOW,
        )
        Commentary.objects.create(kpi=kpi, body=f"Comment {index}", author=a_person(), created_at=NOW)
        limits(kpi, goal=70 + index, red_flag=60, since=day)
        KpiVersion.objects.create(
            kpi=kpi,
            version=index + 2,
            effective_from=day,
            definition={},
            recorded_at=NOW,
            recorded_by=kpi.owner,
        )
    Kpi.objects.filter(pk=kpi.pk).update(deputy=a_person(), steward=a_person())
    for query in ("?range=all", "?view=xmr&range=all", "?view=table&range=all", "?revisions=all"):
        assert queries_for(client, address(kpi, query)) == few
    assert few <= 12


def queries_for(client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_the_facts_hold_numbers_as_they_were_stored():
    kpi = measured({W46: "77.62237762"}, goal="80.12345678", baseline_value=D("66.80000001"))
    facts = facts_of(kpi)
    row = facts.rows[0]
    assert (row.value, row.goal) == (D("77.62237762"), D("80.12345678"))
    assert all(isinstance(number, Decimal) for number in (row.value, row.goal, row.red_flag, row.score))
    assert facts.rules.targets[0].value == D("80.12345678")


def test_the_organisations_day_decides_which_week_is_open():
    kpi = measured({W46: "82"}, entry=Kpi.Entry.MANUAL)
    late_on_sunday = NOW.replace(hour=23)
    assert page_of(kpi, now=late_on_sunday)["table"].rows[0].period == "W47"
    Organisation.objects.update(time_zone="Asia/Tokyo")  # where it is Monday already
    assert page_of(kpi, now=late_on_sunday)["table"].rows[0].period == "W48"


def test_a_kpi_without_any_rows_reads_like_one_with_them():
    facts = facts_of(a_kpi(code="EMPTY", owner=admin()))
    assert (facts.rows, facts.remarks, facts.comments, facts.promises, facts.revisions) == ((), (), (), (), ())
    assert facts.holidays == frozenset()
