"""The grade of confidence in a value, wherever the value is."""

from __future__ import annotations

import csv
from html import unescape
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from kpis.models import Kpi
from objectives.models import Role
from tests.api.programs import a_program
from tests.dashboards.test_export import csv_rows, exported
from tests.factories import NOW, a_person, a_role
from tests.initiatives.factories import a_promise, an_initiative
from tests.kpis.computed import DAY, MONDAY, WEEK, an_input, computed, say

pytestmark = pytest.mark.django_db
BEFORE = {"known": "2026-11-20"}


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def owner(client: Client):
    person = a_person(email="ana@example.com")
    a_role(person, Role.OWNER)
    client.force_login(person)
    return person


@pytest.fixture
def corrected(owner) -> Kpi:
    """A KPI whose value another system sent on 17 November, and that was corrected by hand today."""
    kpi = an_input("SENT", weeks=0, owner=owner, tier=Kpi.Tier.STRATEGIC)
    say(kpi, MONDAY, 80, at=NOW - 5 * DAY)
    say(kpi, MONDAY, 81, kind="correction", note="typing error")
    return kpi


def text(client: Client, kpi: Kpi, **query: str) -> str:
    content = client.get(reverse("kpi", args=[kpi.code]), query).content.decode()
    trust = content.split('id="trust">', 1)[1].split("</div>", 1)[0]
    return " ".join(unescape(strip_tags(trust.replace("<", " <"))).split())


def test_the_page_of_a_computed_kpi_names_each_input_with_its_points(client: Client, owner) -> None:
    an_input("SENT", owner=owner, name="Flights")
    an_input("TYPED", kind="manual", name="Secret costs")  # somebody else's
    kpi = computed("[TYPED] / [SENT]", owner=owner)
    said = text(client, kpi)
    assert "Data confidence D as the weakest of 2 inputs" in said
    assert "a KPI you may not open D" in said
    assert "Secret costs" not in said
    assert "Flights , W46" in said
    assert "sent by another system 20 of 20" in said
    assert "typed" not in said


def test_a_past_page_grades_by_what_was_known_then(client: Client, corrected: Kpi) -> None:
    assert "corrected by hand" in text(client, corrected)
    said = text(client, corrected, **BEFORE)
    assert "sent by another system" in said
    assert "Changed since never" in said
    a_role(corrected.owner, Role.MEMBER)
    for name, arguments in (("scorecard", []), ("unit", ["company"])):
        then, now = (client.get(reverse(name, args=arguments), query).context["rows"] for query in (BEFORE, {}))
        assert (then[0].grade, now[0].grade) == ("B", "D")


def test_files_and_programs_get_the_grade_with_the_value(client: Client, corrected: Kpi) -> None:
    (row,) = csv_rows(exported(client, "csv", "measurements"), "measurements")
    assert (row["kpi"], row["confidence"]) == ("SENT", "D")
    versions = csv_rows(exported(client, "csv", "revisions"), "revisions")
    assert [row["confidence"] for row in versions] == ["B", "D"]
    for query, grade in (({}, "D"), (BEFORE, "B")):
        content = client.get(reverse("kpi_table", args=["SENT"]), query).content.decode("utf-8-sig")
        rows: list[dict[str, Any]] = list(csv.DictReader(content.splitlines()))
        assert [row["confidence"] for row in rows if row["first_day"] == str(MONDAY)] == [grade]
    program = a_program(corrected.owner)
    for known, grade in (({}, "D"), ({"known_on": "2026-11-20"}, "B")):
        (value,) = program.get("kpis/SENT/measurements", **known).json()["items"]
        (month,) = program.get("kpis/SENT/measurements", frequency="month", **known).json()["items"]
        assert (value["confidence"], month["confidence"]) == (grade, grade)
    assert program.get("kpis/SENT").json()["standing"]["confidence"] == "D"
    assert [row["standing"]["confidence"] for row in program.get("kpis").json()["items"]] == ["D"]


def test_a_longer_period_is_worth_as_much_as_its_weakest_value(client: Client, owner) -> None:
    kpi = an_input("SENT", weeks=0, owner=owner, time_aggregation="sum")
    for week in range(8):
        say(kpi, MONDAY - week * WEEK, 80, at=NOW - week * WEEK - 5 * DAY)
    say(kpi, MONDAY - 2 * WEEK, 81, kind="correction", note="typing error")  # ends on 1 November
    rows = client.get(reverse("kpi_over_time", args=["SENT"]), {"by": "month", "rolling": "2"}).context["rows"]
    graded = [(row.grade, row.to_date_grade, row.rolling_grade) for row in rows if row.grade]
    assert graded == [("D", "D", "D"), ("B", "B", "B"), ("B", "B", "B")]
    weeks = client.get(reverse("kpi_over_time", args=["SENT"]), {"by": "week"}).context["rows"]
    assert [row.grade for row in weeks[:4]] == ["B", "B", "D", "B"]


def test_the_grid_shows_the_grade_of_the_latest_closed_period_or_of_every_cell(client: Client, corrected: Kpi) -> None:
    a_role(corrected.owner, Role.MEMBER)
    say(corrected, MONDAY - WEEK, 79, at=NOW - WEEK - 5 * DAY)
    page = client.get(reverse("unit_bowler", args=["company"]), {"by": "week"})
    assert [row["grade"] for group in page.context["groups"] for row in group["rows"]] == ["D"]
    (row,) = client.get(reverse("unit_bowler", args=["company"]), {"by": "week", "show": "grade"}).context["groups"][0][
        "rows"
    ]
    assert [cell["text"] for cell in row["cells"] if cell["kind"] == "value"] == ["B", "D"]
    assert row["to_date"] == "D"


def test_objective_map_and_units_below_show_the_grade_beside_the_value(client: Client, corrected: Kpi) -> None:
    a_role(corrected.owner, Role.MEMBER)
    whole = an_input("WHOLE", owner=corrected.owner, guard=corrected)
    Kpi.objects.filter(pk=corrected.pk).update(part_of=whole)
    letter = 'aria-label="Data confidence D"'
    objective = corrected.objective.code
    for address in (
        reverse("objective", args=[objective]),
        reverse("map", query={"objective": objective, "view": "list"}),
    ):
        assert letter in client.get(address).content.decode()
    page = client.get(reverse("kpi", args=["WHOLE"])).context
    assert [row.grade for row in page["parts"].rows] == ["D"]
    assert page["guard"].grade == "D"


def test_a_calculation_and_a_promise_show_the_grade_of_the_value_they_tell_of(client: Client, corrected: Kpi) -> None:
    share = computed("[SENT]", owner=corrected.owner)
    page = client.get(reverse("kpis:explained", args=[share.code])).context
    assert page["explained"]["grade"] == "D"
    initiative = an_initiative(owner=corrected.owner)
    a_promise(initiative, corrected)
    (view,) = client.get(reverse("initiatives:initiative", args=[initiative.code])).context["impacts"]
    assert view.grade == "D"


def test_every_version_of_a_value_stands_with_its_grade(client: Client, corrected: Kpi) -> None:
    (revision,) = client.get(reverse("kpi", args=["SENT"])).context["revisions"]
    assert (revision.was_grade, revision.grade) == ("B", "D")
    (present, first) = client.get(reverse("kpis:correct", args=["SENT", MONDAY])).context["versions"]
    assert (present.was_grade, present.grade, first.was_grade, first.grade) == ("B", "D", "", "B")
    back = client.get(reverse("kpis:bring_back", args=["SENT", MONDAY, 1])).context
    assert (back["now_grade"], back["then_grade"]) == ("D", "B")
    known = client.get(reverse("kpi", args=["SENT"]), {**BEFORE, "revisions": "all"}).context["revisions"]
    assert [one.grade for one in known] == ["B"]


def test_each_term_of_a_computed_value_has_its_grade(client: Client, owner) -> None:
    sent = an_input("SENT", name="Flights", owner=owner, review_by=NOW.date())
    typed = an_input("TYPED", kind="manual", name="Costs", owner=owner)
    computed("[SENT] / [TYPED]", owner=owner)
    response = client.get(reverse("kpis:explained", args=["SHARE"]), {"period": str(MONDAY)})
    grades = {term["name"]: term["grade"] for term in response.context["explained"]["terms"]}
    assert grades[sent.name] < grades[typed.name] == response.context["explained"]["grade"]
