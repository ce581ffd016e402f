"""Scorecard and pages of units as known on a past day: what stood on the screen then, and nothing learned since."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.urls import reverse

from initiatives.models import Initiative
from kpis.models import Kpi, KpiState, KpiVersion, KpiWeight, SourceMapping
from kpis.objectives_as_known import objectives_as_known
from kpis.readings import PROVISIONAL, REPORTED, Origin, Reading
from kpis.services.defining import move_on
from kpis.services.judging import judge
from kpis.services.recording import record_measurements
from kpis.services.rolling import roll_up_objectives
from objectives.models import Organisation, Role
from reviews.models import Decision
from tests.factories import NOW, a_kpi, a_role, an_objective, limits
from tests.kpis.pulls import a_source
from tests.reviews.factories import a_forum, a_held_review

pytestmark = pytest.mark.django_db
W44, W45, W46 = date(2026, 10, 26), date(2026, 11, 2), date(2026, 11, 9)
WEEK = timedelta(weeks=1)
DAY = "2026-11-12"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def kpi(client) -> Kpi:
    kpi = a_kpi("On-time arrivals", tier=Kpi.Tier.STRATEGIC, created_at=LONG_AGO)
    limits(kpi, goal=80, red_flag=72, recorded_at=LONG_AGO)
    a_role(kpi.owner, Role.EXECUTIVE)
    client.force_login(kpi.owner)
    return kpi


def record(kpi: Kpi, start: date, value: str, *, on: date, state: str = REPORTED, note: str = "") -> None:
    record_measurements(
        readings=[Reading(kpi.pk, start, start + WEEK, Decimal(value), state=state)],
        origin=Origin(kind="manual", note=note, user_id=kpi.owner_id),
        now=datetime(on.year, on.month, on.day, 9, tzinfo=UTC),
    )


def scorecard(client, **query):
    return client.get(reverse("scorecard"), query).context


def held_review(on: date) -> None:
    a_held_review(a_forum(tier="strategic"), at=datetime(on.year, on.month, on.day, 10, tzinfo=UTC))


def test_a_week_that_was_running_is_not_shown_as_one_that_was_over(client, kpi):
    record(kpi, W44, "75", on=date(2026, 11, 2))
    record(kpi, W45, "95", on=date(2026, 11, 4), state=PROVISIONAL)
    record(kpi, W45, "60", on=date(2026, 11, 9))
    then = scorecard(client, known="2026-11-05")
    (row,) = then["rows"]
    assert (row.standing.period_start, row.value, row.standing.band) == (W44, "75.0", "at_risk")
    assert (then["chosen"].shown_week.key, then["chosen"].later) == ("2026-W44", "")
    assert scorecard(client, known="2026-11-05", week="2026-W46")["chosen"].week is None
    (row,) = scorecard(client, known="2026-11-09")["rows"]
    assert (row.value, row.standing.band) == ("60.0", "off_track")


def test_a_week_that_had_ended_with_a_part_of_its_rows_counts_as_little_as_it_did_then(client, kpi):
    record(kpi, W44, "75", on=date(2026, 11, 2))
    record(kpi, W45, "20", on=date(2026, 11, 4), state=PROVISIONAL)
    judge(kpi_ids=[kpi.pk], now=datetime(2026, 11, 12, tzinfo=UTC))
    stood = KpiState.objects.get(kpi=kpi)
    record(kpi, W45, "85", on=date(2026, 11, 16))
    (row,) = scorecard(client, known=DAY)["rows"]
    assert (row.standing.period_start, row.standing.value, row.standing.band) == (W44, stood.value, stood.band)
    page = client.get(reverse("kpi", args=[kpi.code]), {"known": DAY}).content.decode()
    assert "75.0" in page.split("vs goal")[0]
    rolled = objectives_as_known(
        objective_ids=[kpi.objective_id], before=date(2026, 11, 13), known_at=datetime(2026, 11, 13, tzinfo=UTC)
    )
    assert rolled[kpi.objective_id].score == stood.score


def test_movement_since_the_review_is_told_by_what_was_known_and_not_by_limits_set_since(client, kpi):
    record(kpi, W44, "75", on=date(2026, 11, 2))
    record(kpi, W45, "85", on=date(2026, 11, 9))
    held_review(date(2026, 11, 5))
    limits(kpi, goal=99, red_flag=98, since=W44, recorded_at=datetime(2026, 11, 20, 9, tzinfo=UTC))
    record(kpi, W44, "76", on=date(2026, 11, 21), note="late records")
    for address in (reverse("scorecard"), reverse("unit", args=["company"])):
        context = client.get(address, {"known": "2026-11-12", "tier": "strategic"}).context
        (row,) = context["rows"]
        assert (row.then_band, row.standing.band) == ("at_risk", "on_track"), address


def test_decisions_and_failures_of_today_are_none_of_a_past_day(client, kpi):
    record(kpi, W44, "75", on=date(2026, 11, 2))
    forum = a_forum(tier="strategic")
    Decision.objects.create(forum=forum, title="Buy a tug", owner=kpi.owner, due_on=W46, kpi=kpi)
    source = a_source(code="feed", consecutive_failures=3, owner=kpi.owner)
    SourceMapping.objects.create(source=source, kpi=kpi, spec={"value": {"agg": "count"}})
    now, then = scorecard(client), scorecard(client, known=DAY)
    assert [change.name for change in now["story"].decisions] == ["Buy a tug"]
    assert len(now["board"].failing) == 1
    assert (then["story"].decisions, then["board"].failing) == ([], [])


def test_a_kpi_that_was_made_later_is_no_gap_of_that_day(client, kpi):
    record(kpi, W45, "85", on=date(2026, 11, 9))
    a_kpi("Made since", tier=kpi.tier, objective=kpi.objective, created_at=datetime(2026, 11, 20, tzinfo=UTC))
    for address in (reverse("scorecard"), reverse("unit", args=["company"]), reverse("unit_bowler", args=["company"])):
        assert "Made since" not in client.get(address, {"known": "2026-11-12"}).content.decode(), address
        assert "Made since" in client.get(address, {"known": "2026-11-20"}).content.decode(), address
    known_at = datetime(2026, 11, 13, tzinfo=UTC)
    rolled = objectives_as_known(objective_ids=[kpi.objective_id], before=known_at.date(), known_at=known_at)
    assert rolled[kpi.objective_id].coverage == 1


def test_the_last_value_recorded_is_the_last_one_of_that_day(client, kpi):
    record(kpi, W45, "85", on=date(2026, 11, 9))
    record(kpi, W46, "85", on=date(2026, 11, 16))
    assert scorecard(client, known="2026-11-12")["known"].startswith("9 Nov 2026")
    assert scorecard(client)["known"].startswith("16 Nov 2026")


def test_what_was_restated_of_later_weeks_is_left_out_of_a_past_week(client, kpi):
    held_review(date(2026, 10, 30))
    for week in (W44, W45):
        record(kpi, week, "85", on=date(2026, 11, 9))
        record(kpi, week, "86", on=date(2026, 11, 10), note="late records")
    assert [row.when for row in scorecard(client)["story"].restated] == ["W45", "W44"]
    assert [row.when for row in scorecard(client, week="2026-W44")["story"].restated] == ["W44"]


def test_today_is_that_of_the_organisation_not_of_greenwich(client, kpi):
    Organisation.objects.update(time_zone="Pacific/Auckland")
    now = datetime(2026, 11, 21, 20, tzinfo=UTC)  # a morning of the 22nd there
    record(kpi, W46, "85", on=date(2026, 11, 16))
    KpiState.objects.update(recorded_at=now - timedelta(hours=1), health="fresh")
    with patch("django.utils.timezone.now", return_value=now):
        for address in (reverse("scorecard"), reverse("unit", args=["company"])):
            (row,) = client.get(address).context["rows"]
            assert row.fresh == "today", address


def test_objective_and_map_stand_as_they_stood_and_lead_on_to_the_same_day(client, kpi):
    record(kpi, W45, "85", on=date(2026, 11, 9))
    other = a_kpi("Bags", code="BAGS", tier=kpi.tier, objective=kpi.objective, created_at=LONG_AGO)
    limits(other, goal=80, red_flag=72, recorded_at=LONG_AGO)
    record(other, W45, "60", on=date(2026, 11, 9))
    record(kpi, W45, "40", on=date(2026, 11, 20), note="late records")
    said = {"effective_from": W44, "recorded_by": kpi.owner, "recorded_at": datetime(2026, 11, 21, tzinfo=UTC)}
    KpiWeight.objects.create(kpi=other, weight=0, **said)
    Initiative.objects.create(
        code="gate", name="Gate redesign", owner=kpi.owner, objective=kpi.objective, unit=kpi.unit,
        status=Initiative.Status.RUNNING, starts_on=W44, ends_on=W46, created_at=NOW,
    )  # fmt: skip
    roll_up_objectives(objective_ids=[kpi.objective_id], now=NOW)
    code = kpi.objective.code
    known_at = datetime(2026, 11, 13, tzinfo=UTC)
    rolled = objectives_as_known(objective_ids=[kpi.objective_id], before=known_at.date(), known_at=known_at)
    score = f"{rolled[kpi.objective_id].score:.1f}"
    for address, link in (
        (reverse("objective", args=[code]), f"/kpis/BAGS/?known={DAY}"),
        (reverse("map"), f"/objectives/{code}/?known={DAY}"),
        (reverse("map", query={"view": "list"}), f"/objectives/{code}/?known={DAY}"),
    ):
        joint = "&" if "?" in address else "?"
        then, now = (client.get(one).content.decode() for one in (f"{address}{joint}known={DAY}", address))
        assert f"score {score}" in then or f"score of {score}" in then or f"<dd>{score}<" in then, address
        assert link in then
        assert link.split("?")[0] + '"' in now
        assert "As known on 12 Nov 2026" in then
        assert ("85.0" in then, "40.0" in then) == (True, False), address
        assert ("Gate redesign" in then, "Gate redesign" in now) == (False, True), address
    assert "weights and since when" not in client.get(f"/objectives/{code}/?known={DAY}").content.decode().lower()
    assert f"/objectives/{code}/?known={DAY}" in client.get(reverse("scorecard"), {"known": DAY}).content.decode()


def test_pages_of_a_past_day_have_the_definitions_of_the_day(client, kpi):
    record(kpi, W45, "85", on=date(2026, 11, 9))
    said = {"effective_from": W44, "recorded_by": kpi.owner}
    sheet = {"name": "Arrivals in time", "polarity": "higher_is_better", "measure_unit": "% of all"}
    KpiVersion.objects.create(kpi=kpi, version=1, definition=sheet, recorded_at=LONG_AGO, **said)
    changed = {"name": "Complaints", "polarity": "unscored", "measure_unit": "letters"}
    at = datetime(2026, 11, 20, tzinfo=UTC)
    KpiVersion.objects.create(kpi=kpi, version=2, definition=changed, recorded_at=at, **said)
    Kpi.objects.update(**changed)
    company = {"args": ["company"], "query": {"tier": "strategic", "known": DAY}}
    for address in (
        reverse("scorecard", query={"known": DAY}),
        reverse("unit", **company),
        reverse("unit_bowler", **company),
        reverse("map", query={"view": "list", "known": DAY}),
        reverse("objective", args=[kpi.objective.code], query={"known": DAY}),
    ):
        text = client.get(address).content.decode()
        assert ("Arrivals in time" in text, "% of all" in text, "Complaints" in text) == (True, True, False), address
    (row,) = scorecard(client, known=DAY)["rows"]
    assert row.standing.band == "on_track"
    then = {"before": at.date(), "known_at": at, "on": date(2026, 11, 19)}
    assert objectives_as_known(objective_ids=[kpi.objective_id], **then)[kpi.objective_id].band == "on_track"


def moved(kpi: Kpi, to: str, *, on: date) -> None:
    move_on(kpi=kpi, to=to, by=kpi.owner, now=datetime(on.year, on.month, on.day, 12, tzinfo=UTC))


def test_a_kpi_that_was_retired_since_is_there_as_it_was(client, kpi):
    record(kpi, W45, "95", on=date(2026, 11, 9))
    moved(kpi, "retired", on=date(2026, 11, 13))
    codes = [[row.kpi.code for row in scorecard(client, **said)["rows"]] for said in ({"known": DAY}, {})]
    assert codes == [[kpi.code], []]
    then = scorecard(client, known=DAY)
    assert (then["rows"][0].standing.band, then["perspectives"][0].objectives[0].band) == ("on_track", "on_track")
    page = reverse("kpi", args=[kpi.code])
    past = client.get(page, {"known": DAY})
    assert (past.context["kpi"].pk, past.context["now_url"]) == (kpi.pk, reverse("scorecard"))
    assert "The KPI was retired since." in past.content.decode()
    assert f"known={DAY}" in past.context["all_periods_url"]
    assert reverse("kpi_versions", args=[kpi.code]) not in past.content.decode()
    assert client.get(page).status_code == 404
    moved(kpi, "active", on=date(2026, 11, 16))
    there = {day: len(scorecard(client, known=day)["rows"]) for day in (DAY, "2026-11-14", "2026-11-17")}
    assert there[DAY] == there["2026-11-17"] == 1


def test_a_kpi_that_was_no_part_of_it_then_is_missing(client, kpi):
    record(kpi, W45, "95", on=date(2026, 11, 9))
    other = a_kpi("Draft of then", tier=Kpi.Tier.STRATEGIC, status="draft", created_at=LONG_AGO)
    limits(other, recorded_at=LONG_AGO)
    moved(other, "active", on=date(2026, 11, 16))
    assert [row.kpi.name for row in scorecard(client, known=DAY)["rows"]] == [kpi.name]
    assert len(scorecard(client)["rows"]) == 2


@pytest.mark.parametrize("name", ["unit", "unit_bowler", "objective"])
def test_a_retired_kpi_is_on_every_page_of_a_past_day(client, kpi, name):
    record(kpi, W45, "95", on=date(2026, 11, 9))
    moved(kpi, "retired", on=date(2026, 11, 13))
    path = reverse(name, args=[kpi.objective.code if name == "objective" else kpi.unit.code])
    assert kpi.name in client.get(path, {"known": DAY}).content.decode()
    assert kpi.name not in client.get(path).content.decode()


def test_a_kpi_that_counts_for_another_objective_since_counted_for_its_former_one_then(client, kpi):
    former, new = kpi.objective, an_objective("Turn aircraft round in time")
    record(kpi, W45, "95", on=date(2026, 11, 9))
    first = {"objective_id": former.pk}
    by = {"recorded_by": kpi.owner, "effective_from": date(2026, 1, 1)}
    KpiVersion.objects.create(kpi=kpi, version=1, definition=first, recorded_at=LONG_AGO, **by)
    Kpi.objects.filter(pk=kpi.pk).update(objective=new)
    changed = {"version": 2, "definition": {"objective_id": new.pk}, "recorded_at": NOW - timedelta(days=3)}
    KpiVersion.objects.create(kpi=kpi, **changed, **by)
    shown = [scorecard(client, **said)["perspectives"][0].objectives[0] for said in ({"known": DAY}, {})]
    assert [(one.name, one.rows[0].kpi.name) for one in shown] == [(former.name, kpi.name), (new.name, kpi.name)]
    assert shown[0].band == "on_track"
    for objective, counts in ((former, 1), (new, 0)):
        page = client.get(reverse("objective", args=[objective.code]), {"known": DAY}).content.decode()
        assert (kpi.name in page) == bool(counts)
    rolled = objectives_as_known(
        objective_ids=[former.pk, new.pk], before=date(2026, 11, 13), known_at=datetime(2026, 11, 13, tzinfo=UTC)
    )
    assert (rolled[former.pk].total, rolled[new.pk].total) == (1, 0)
