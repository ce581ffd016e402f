"""The pages of a unit: its scorecard and its grid."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from initiatives.models import ExpectedImpact, Initiative, Milestone
from kpis.models import Kpi, KpiState
from objectives.models import Role
from reviews.models import Decision, Forum, Review
from tests.dashboards.measured import W44, W45, W46, a_week, measured, record
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, an_objective, limits, the_company

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def lga():
    return a_unit("lga", "LaGuardia")


@pytest.fixture
def manager(client, lga):
    person = a_person("Sofia Marin")
    a_role(person, Role.MANAGER, lga)
    client.force_login(person)
    return person


def in_unit(values, unit, code, **fields) -> Kpi:
    fields.setdefault("objective", an_objective(f"Aim of {code}"))
    return measured(values, unit=unit, code=code, **fields)


def an_initiative(code: str, unit, **fields) -> Initiative:
    fields.setdefault("owner", a_person("Rosa Delgado"))
    dates = {"starts_on": date(2026, 9, 1), "ends_on": date(2027, 1, 31), "created_at": NOW}
    return Initiative.objects.create(code=code, unit=unit, status="running", **{"name": code, **dates, **fields})


def a_forum(unit, code: str = "board", **fields) -> Forum:
    fields.setdefault("chair", a_person("Daniel Reyes"))
    return Forum.objects.create(
        code=code, name=f"Forum {code}", unit=unit, tier="operational", rule="weekly", weekday=3,
        anchor=date(2026, 1, 1), starts_at="09:00", **fields,
    )  # fmt: skip


def unit_page(client, code: str = "lga", query: str = ""):
    return client.get(reverse("unit", args=[code]) + query).context


def test_a_manager_sees_the_unit_and_those_below_and_nothing_beside(client, manager, lga):
    airline = a_unit("lga-dl", "Delta", parent=lga)
    in_unit({W46: "90"}, lga, "OURS", name="Our own")
    in_unit({W46: "60"}, airline, "BELOW", name="Below us")
    in_unit({W46: "60"}, a_unit("jfk", "Kennedy"), "THEIRS", name="Theirs")
    response = client.get(reverse("unit", args=["lga"]))
    assert [group["name"] for group in response.context["table"]] == ["LaGuardia", "Delta"]
    text = response.content.decode()
    assert "Our own" in text
    assert "Theirs" not in text
    (below,) = response.context["below"]
    assert (below["name"], [count["count"] for count in below["bands"]]) == ("Delta", [0, 0, 1, 0])


def test_the_first_unit_is_the_highest_of_ones_own(client, manager, lga):
    a_unit("lga-dl", "Delta", parent=lga)
    assert client.get(reverse("units"))["Location"] == reverse("unit", args=["lga"])


def test_within_a_unit_the_worst_comes_first(client, manager, lga):
    for code, value in (("GOOD", "90"), ("WORST", "60"), ("RISK", "75")):
        in_unit({W46: value}, lga, code)
    text = client.get(reverse("unit", args=["lga"])).content.decode()
    places = [text.index(f'href="{reverse("kpi", args=[code])}">') for code in ("WORST", "RISK", "GOOD")]
    assert places == sorted(places)


def test_movement_is_counted_from_the_review_of_the_nearest_unit(client, manager, lga):
    in_unit({W44: "90", W45: "90", W46: "60"}, lga, "OURS")
    for unit, code, held_on in ((the_company(), "company", date(2026, 11, 19)), (lga, "own", date(2026, 11, 9))):
        Review.objects.create(forum=a_forum(unit, code), held_on=held_on, state="closed", opened_at=NOW, closed_at=NOW)
    story = unit_page(client)["story"]
    assert story.since == "9 Nov"
    assert [(change.old, change.new) for change in story.worse] == [("on_track", "off_track")]


def test_late_updates_say_who_and_how_many_days(client, manager, lga):
    for code, days in (("SOON", 2), ("LONG", 12)):
        kpi = in_unit({W45: "90"}, lga, code, owner=a_person(f"Owner of {code}"))
        KpiState.objects.filter(kpi=kpi).update(health="late", days_late=days)
    late = unit_page(client)["late"]
    assert [(row["who"], row["days"]) for row in late] == [("Owner of LONG", "12 days"), ("Owner of SOON", "2 days")]


def test_initiatives_slip_by_a_milestone_behind_its_first_date_or_an_end_that_moved(client, manager, lga):
    behind = an_initiative("behind", lga)
    Milestone.objects.create(
        initiative=behind, name="Roll-out", planned_on=date(2026, 10, 23), due_on=date(2026, 12, 4), position=1
    )
    an_initiative("moved", lga, ends_on=date(2027, 2, 10), first_ends_on=date(2027, 1, 31))
    an_initiative("in-time", lga)
    slipping = unit_page(client)["slipping"]
    assert [(row["name"], row["text"]) for row in slipping] == [
        ("behind", "Roll-out is 6 weeks behind its first date, 23 Oct."),
        ("moved", "Its end moved by 10 days to 10 Feb 2027."),
    ]


def test_an_initiative_of_another_unit_that_moves_ours_is_counted_and_not_named(client, manager, lga):
    kpi = in_unit({W46: "75"}, lga, "OURS")
    foreign = an_initiative("foreign", the_company(), name="A foreign plan")
    ExpectedImpact.objects.create(
        initiative=foreign, kpi=kpi, change=2, starts_on=date(2026, 10, 1), full_effect_on=date(2026, 12, 1),
        confidence="low", registered_at=NOW,
    )  # fmt: skip
    response = client.get(reverse("unit", args=["lga"]))
    assert response.context["hidden"].initiatives == 1
    assert "A foreign plan" not in response.content.decode()


def test_decisions_wait_in_the_units_forums_and_about_its_kpis_as_far_as_the_reader_may_open_them(client, manager, lga):
    kpi = in_unit({W46: "75"}, lga, "OURS")
    other = a_forum(the_company(), "elsewhere")
    for forum, title in ((a_forum(lga, "own"), "Keep a gate free"), (other, "A closed matter")):
        Decision.objects.create(
            forum=forum, title=title, owner=forum.chair, due_on=date(2026, 11, 20), kpi=kpi if forum == other else None
        )
    response = client.get(reverse("unit", args=["lga"]))
    (decision,) = response.context["decisions"]
    assert (decision["name"], decision["late"]) == ("Keep a gate free", "2 days overdue")
    assert response.context["hidden"].decisions == 1
    assert "A closed matter" not in response.content.decode()


def test_an_executive_sees_the_strategic_kpis_of_a_unit_and_how_many_there_are_besides(client, lga):
    person = a_person("Ines Okafor")
    a_role(person, Role.EXECUTIVE)
    client.force_login(person)
    in_unit({W46: "75"}, lga, "OPERATIONAL")
    in_unit({W46: "75"}, lga, "STRATEGIC", tier=Kpi.Tier.STRATEGIC)
    context = unit_page(client)
    assert [row.kpi.code for row in context["rows"]] == ["STRATEGIC"]
    assert context["hidden"].kpis == 1


def test_weekly_values_stand_in_the_months_of_the_grid_and_are_judged_there(client, manager, lga):
    in_unit({W44: "60", W45: "90", W46: "90"}, lga, "OURS")
    context = client.get(reverse("unit_bowler", args=["lga"])).context
    october, november = context["groups"][0]["rows"][0]["cells"][-2:]
    assert context["columns"][-1] == {"name": "Nov", "below": "to 22 Nov", "is_last": False}
    # the week of 26 October ends on 1 November
    assert (october["kind"], october["text"]) == ("before", "")
    assert (november["heat"], november["text"]) == ("provisional", "80.0")


def test_what_a_formula_derives_rolls_its_inputs_up_in_a_month_of_the_grid_as_known_too(client, manager, lga):
    for code, early, late in (("LATE", "2", "2"), ("ALL", "4", "100")):
        kpi = a_kpi(code=code, unit=lga, time_aggregation=Kpi.Aggregation.SUM, active_from=W44)
        record(kpi, [a_week(kpi, W45, early), a_week(kpi, W46, late)], now=NOW - timedelta(days=3))
        record(kpi, [a_week(kpi, W46, "8")], now=NOW)
    derived = {"entry": Kpi.Entry.DERIVED, "time_aggregation": Kpi.Aggregation.FORMULA, "decimals": 3}
    share = a_kpi(code="SHARE", formula="[LATE] / [ALL]", unit=lga, active_from=W45, **derived)
    record(share, [a_week(share, W45, "0.5"), a_week(share, W46, "0.02")], now=NOW - timedelta(days=3))
    for query, text in (("", "0.833"), ("?known=2026-11-20", "0.038")):
        groups = client.get(reverse("unit_bowler", args=["lga"]) + query).context["groups"]
        row = next(row for row in groups[0]["rows"] if row["kpi"].code == "SHARE")
        assert (row["cells"][-1]["text"], row["to_date"]) == (text, text)


@pytest.mark.parametrize(("show", "text"), [("value", "75.0"), ("gap", "−5.0"), ("score", "4.6")])
def test_a_week_shows_its_value_its_gap_or_its_score(client, manager, lga, show, text):
    in_unit({W46: "75"}, lga, "OURS")
    context = client.get(reverse("unit_bowler", args=["lga"]) + f"?by=week&show={show}").context
    cell = context["groups"][0]["rows"][0]["cells"][-2]
    assert (cell["heat"], cell["text"]) == ("risk", text)


def test_a_cumulative_kpi_shows_what_was_reached_against_the_goal_to_date(client, manager, lga):
    in_unit({W45: "70", W46: "95"}, lga, "OURS", is_cumulative=True, time_aggregation="sum")
    context = client.get(reverse("unit_bowler", args=["lga"]) + "?by=week").context
    before, latest = context["groups"][0]["rows"][0]["cells"][-3:-1]
    assert [(cell["text"], cell["heat"]) for cell in (before, latest)] == [("70.0", "off"), ("165.0", "on")]


def test_the_grid_of_a_past_day_knows_nothing_that_was_recorded_later(client, manager, lga):
    then = datetime(2026, 11, 10, 8, tzinfo=UTC)
    kpi = in_unit({}, lga, "OURS", active_from=W44, goal=None)
    limits(kpi, recorded_at=then)
    record(kpi, [a_week(kpi, W44, "90"), a_week(kpi, W45, "90")], now=then)
    record(kpi, [a_week(kpi, W45, "60")], note="recounted")

    def weeks(query: str) -> list[tuple[str, str]]:
        context = client.get(reverse("unit_bowler", args=["lga"]) + f"?by=week&{query}").context
        names = [one["name"] for one in context["columns"]]
        cells = dict(zip(names, context["groups"][0]["rows"][0]["cells"], strict=True))
        return [(cells[week]["text"], cells[week]["heat"]) for week in ("W44", "W45")]

    assert weeks("") == [("90.0", "on"), ("60.0", "off")]
    assert weeks("known=2026-11-12") == [("90.0", "on"), ("90.0", "on")]
    assert weeks("known=2026-11-09") == [("missing", "missing"), ("not due", "not_due")]


def test_a_day_that_is_none_is_refused_in_a_sentence(client, manager, lga):
    text = client.get(reverse("unit_bowler", args=["lga"]) + "?known=yesterday").content.decode()
    assert "“yesterday” is not a date; everything known now is shown." in text


def test_a_cell_without_a_figure_says_in_words_what_is_missing(client, manager, lga):
    kpi = in_unit({W44: "90", W46: "90"}, lga, "OURS", active_from=W44)
    record(kpi, [a_week(kpi, W45, None, state="not_applicable", reason="strike")])
    in_unit({W44: "90"}, lga, "LATE", active_from=W44)
    text = client.get(reverse("unit_bowler", args=["lga"]) + "?by=week").content.decode()
    assert text.count("<b>n/a</b>") == 1
    assert text.count('<td class="heat heat--missing">missing</td>') == 2
    assert text.count('role="img" aria-label="On track"') == 3


def test_kpis_measured_less_often_than_the_columns_are_counted(client, manager, lga):
    in_unit({}, lga, "MONTHLY", frequency=Kpi.Frequency.MONTH)
    context = client.get(reverse("unit_bowler", args=["lga"]) + "?by=week").context
    assert context["groups"] == []
    assert context["rarer"] == "1 KPI is measured less often"


@pytest.mark.parametrize("name", ["unit", "unit_bowler"])
def test_queries_do_not_grow_with_units_or_kpis(client, manager, lga, name):
    forum = a_forum(lga)

    def add(number: int) -> None:
        kpi = in_unit({W46: "75"}, a_unit(f"u{number}", f"Unit {number}", parent=lga), f"KPI-OF-{number}")
        initiative = an_initiative(f"plan-{number}", kpi.unit)
        Milestone.objects.create(
            initiative=initiative, name="Step", planned_on=W44, due_on=W44, position=1, owner=kpi.owner
        )
        Decision.objects.create(forum=forum, title=f"D{number}", owner=kpi.owner, due_on=W46, kpi=kpi)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse(name, args=["lga"])).status_code == 200
        return len(captured)

    add(1)
    few = queries()
    for number in (2, 3, 4):
        add(number)
    assert queries() == few <= 25
