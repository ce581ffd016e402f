"""The executive scorecard."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from initiatives.models import ExpectedImpact, Initiative
from kpis.domain.sentences import Sentence
from kpis.models import DataSource, Kpi
from kpis.readings import Origin, Reading
from kpis.services.recording import record_measurements
from objectives.models import Role
from reviews.models import Decision, Forum, Review
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, an_objective, limits, the_company

pytestmark = pytest.mark.django_db
W44, W45, W46 = date(2026, 10, 26), date(2026, 11, 2), date(2026, 11, 9)


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def executive(client):
    person = a_person("Ines Okafor")
    a_role(person, Role.EXECUTIVE)
    client.force_login(person)
    return person


def strategic(name: str, **fields) -> Kpi:
    kpi = a_kpi(name, tier=Kpi.Tier.STRATEGIC, **fields)
    limits(kpi, goal=80, red_flag=72, recorded_at=datetime(2026, 1, 1, tzinfo=UTC))
    return kpi


def record(kpi: Kpi, values: dict[date, str], now: datetime = NOW, note: str = "") -> None:
    record_measurements(
        readings=[
            Reading(kpi_id=kpi.pk, period_start=start, period_end=start + timedelta(days=7), value=Decimal(value))
            for start, value in values.items()
        ],
        origin=Origin(kind="correction" if note else "manual", note=note, user_id=kpi.owner_id),
        now=now,
    )


def a_review(held_on: date = date(2026, 11, 9)) -> Review:
    chair = a_person("Daniel Reyes")
    forum = Forum.objects.create(
        code="executive",
        name="Executive review",
        unit=the_company(),
        tier="strategic",
        chair=chair,
        rule="monthly",
        anchor=held_on,
        starts_at="09:00",
    )
    moment = datetime.combine(held_on, datetime.min.time(), UTC)
    return Review.objects.create(forum=forum, held_on=held_on, state="closed", opened_at=moment, closed_at=moment)


def test_a_reader_sees_which_objective_is_in_trouble_why_who_owns_it_and_what_is_done(client, executive):
    objective = an_objective("Keep every flight we sell")
    kpi = strategic("Nonstop destinations", objective=objective, measure_unit="places", decimals=0)
    record(kpi, {W45: "85", W46: "70"})
    text = client.get(reverse("scorecard")).content.decode()
    assert "Keep every flight we sell" in text
    assert "Off track: Nonstop destinations." in text
    assert "70" in text
    assert "Ana Kovač" in text
    assert 'class="lacks"' in text


def test_what_moved_since_the_review_is_told_as_flow_in_both_directions(client, executive):
    worse, better = strategic("Worse one"), strategic("Better one")
    record(worse, {W45: "85", W46: "75"})
    record(better, {W45: "60", W46: "90"})
    a_review()
    story = client.get(reverse("scorecard")).context["story"]
    assert [(change.name, change.old, change.new) for change in story.worse] == [("Worse one", "on_track", "at_risk")]
    assert [(change.name, change.old, change.new) for change in story.better] == [
        ("Better one", "off_track", "on_track")
    ]
    assert [(count.band, count.total, count.movement) for count in story.counts] == [
        ("on_track", 1, "1 in, 1 out"),
        ("at_risk", 1, "1 in, 0 out"),
        ("off_track", 0, "0 in, 1 out"),
        ("", 0, ""),
    ]


def test_initiatives_that_answer_a_kpi_are_counted_and_finished_ones_are_not(client, executive):
    kpi = strategic("Evening departures")
    record(kpi, {W46: "75"})
    for code, status in (("redesign", "running"), ("old", "done")):
        initiative = Initiative.objects.create(
            code=code,
            name=code,
            unit=the_company(),
            owner=kpi.owner,
            status=status,
            starts_on=W44,
            ends_on=date(2026, 12, 31),
            created_at=NOW,
        )
        ExpectedImpact.objects.create(
            initiative=initiative,
            kpi=kpi,
            change=2,
            starts_on=W44,
            full_effect_on=W46,
            confidence="medium",
            registered_at=NOW,
        )
    (row,) = client.get(reverse("scorecard")).context["rows"]
    assert (row.answer.count, row.lacks_answer) == (1, False)


def test_a_failing_source_is_said_and_its_last_good_values_stay(client, executive):
    kpi = strategic("On-time arrivals")
    record(kpi, {W46: "85"})
    source = DataSource.objects.create(
        code="flights",
        name="Flight operations feed",
        kind="csv_file",
        owner=kpi.owner,
        pull_at="06:10",
        consecutive_failures=2,
        last_applied_at=NOW - timedelta(days=2),
        last_error=Sentence("The file is empty."),
    )
    source.mappings.create(kpi=kpi, spec={})
    text = client.get(reverse("scorecard")).content.decode()
    assert "Flight operations feed is failing." in text
    assert "The file is empty." in text
    assert "85.0" in text


def test_decisions_due_are_listed_with_their_owner(client, executive):
    record(strategic("On-time arrivals"), {W46: "85"})
    review = a_review()
    Decision.objects.create(
        forum=review.forum, title="Fund the winter plan", owner=executive, due_on=date(2026, 11, 26)
    )
    text = client.get(reverse("scorecard")).content.decode()
    assert "Fund the winter plan" in text
    assert "26 Nov" in text


def test_names_and_units_are_shown_as_they_are_written(client, executive):
    kpi = strategic("On <b>time</b> & {band}", code="OT", measure_unit="<%>")
    Kpi.objects.filter(pk=kpi.pk).update(owner=a_person('Ana "<i>" Kovač'))
    record(kpi, {W46: "85"})
    text = client.get(reverse("scorecard")).content.decode()
    row = text[text.index('<tr class="row-kpi">') :].split("</tr>")[0]
    assert "On &lt;b&gt;time&lt;/b&gt; &amp; {band}</a>" in row
    assert '<td class="c-unit">&lt;%&gt;</td>' in row
    assert 'title="Ana &quot;&lt;i&gt;&quot; Kovač"' in row
    assert "<b>time" not in row
    assert "<i>" not in row


def test_a_past_week_shows_what_stood_then(client, executive):
    kpi = strategic("On-time arrivals")
    record(kpi, {W44: "60", W45: "75", W46: "85"})
    (row,) = client.get(reverse("scorecard"), {"week": "2026-W45"}).context["rows"]
    assert (row.value, row.standing.band, row.standing.previous_value) == ("75.0", "at_risk", Decimal(60))
    (group,) = client.get(reverse("scorecard"), {"week": "2026-W45"}).context["perspectives"]
    assert group.objectives[0].band == "at_risk"


def test_as_known_on_a_day_leaves_out_what_was_recorded_later(client, executive):
    kpi = strategic("On-time arrivals")
    limits(kpi, goal=95, red_flag=90, recorded_at=NOW - timedelta(hours=3))
    early = NOW - timedelta(days=5)
    record(kpi, {W46: "85"}, now=early)
    record(kpi, {W46: "50"}, now=NOW - timedelta(hours=2), note="late records")
    (now_row,) = client.get(reverse("scorecard")).context["rows"]
    (then_row,) = client.get(reverse("scorecard"), {"known": "2026-11-20"}).context["rows"]
    assert (now_row.value, now_row.standing.band) == ("50.0", "off_track")
    assert (then_row.value, then_row.standing.band) == ("85.0", "on_track")


@pytest.mark.parametrize("query", [{"week": "2026-11"}, {"week": "<script>"}, {"known": "yesterday"}])
def test_nonsense_in_the_address_is_said_and_the_page_still_shows(client, executive, query):
    record(strategic("On-time arrivals"), {W46: "85"})
    response = client.get(reverse("scorecard"), query)
    assert response.status_code == 200
    assert response.context["chosen"].refused
    assert "<script>" not in response.content.decode()


def test_filters_narrow_the_rows_and_an_empty_answer_says_what_to_do(client, executive):
    unit = a_unit("lga")
    record(strategic("At the airport", unit=unit), {W46: "85"})
    record(strategic("At the company"), {W46: "60"})
    rows = client.get(reverse("scorecard"), {"unit": "lga"}).context["rows"]
    assert [row.kpi.name for row in rows] == ["At the airport"]
    rows = client.get(reverse("scorecard"), {"band": "off_track"}).context["rows"]
    assert [row.kpi.name for row in rows] == ["At the company"]
    assert "Show all" in client.get(reverse("scorecard"), {"theme": "none-such"}).content.decode()


def test_executives_see_strategic_kpis_only_managers_their_unit_and_strangers_nothing(client, executive):
    unit = a_unit("lga")
    record(strategic("Strategic one"), {W46: "85"})
    kpi = a_kpi("Operational one", unit=unit)
    record(kpi, {W46: "85"})
    manager, stranger = a_person("Sofia Marin"), a_person("Nobody Known")
    a_role(manager, Role.MANAGER, unit)

    def seen(person, tier):
        client.force_login(person)
        return [row.kpi.name for row in client.get(reverse("scorecard"), {"tier": tier}).context["rows"]]

    assert seen(executive, "strategic") == ["Strategic one"]
    assert seen(executive, "operational") == []
    assert seen(manager, "operational") == ["Operational one"]
    assert seen(manager, "strategic") == []
    assert seen(stranger, "strategic") == []


def test_an_htmx_request_gets_the_board_alone(client, executive):
    record(strategic("On-time arrivals"), {W46: "85"})
    response = client.get(reverse("scorecard"), headers={"HX-Request": "true"})
    assert response.content.decode().strip().startswith('<div id="board"')
    assert "HX-Request" in response["Vary"]


def test_the_number_of_queries_does_not_grow_with_the_rows(client, executive):
    a_review()
    counts = []
    for number in (2, 10):
        for index in range(number):
            record(strategic(f"KPI {index}"), {W45: "85", W46: "75"})
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("scorecard"))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 20
