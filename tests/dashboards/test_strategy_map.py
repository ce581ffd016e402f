"""The strategy map, as far as each person sees the strategy."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kpis.models import Kpi
from objectives.models import CausalLink, ObjectiveState, Role
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, an_objective

pytestmark = pytest.mark.django_db
PARTIAL = {"HX-Request": "true"}


@pytest.fixture
def executive(client):
    person = a_person("Ines Okafor")
    a_role(person, Role.EXECUTIVE)
    client.force_login(person)
    return person


def standing(objective, score: str, band: str):
    ObjectiveState.objects.create(objective=objective, score=score, band=band, with_data=1, total=1, computed_at=NOW)
    return objective


def the_map(client, query: str = ""):
    return client.get(reverse("map") + query).context


def cards(context) -> dict[str, dict]:
    return {card["code"]: card for lane in context["lanes"] for card in lane["cards"]}


def test_an_objective_below_another_is_named_on_its_card_and_has_none_itself(client, executive):
    parent = an_objective("Leave on time", code="parent")
    an_objective("Newark on time", code="child", parent=parent)
    found = cards(the_map(client))
    assert found.keys() == {"parent"}
    assert found["parent"]["below"] == ["Newark on time"]


def test_whoever_may_not_open_what_stands_above_sees_ones_own_objective_and_how_many_there_are(client):
    lga = a_unit("lga", "LaGuardia")
    manager = a_person("Sofia Marin")
    a_role(manager, Role.MANAGER, lga)
    client.force_login(manager)
    parent = an_objective("A secret aim", code="parent")
    own = an_objective("Bring arrivals back", code="own", parent=parent, unit=lga)
    CausalLink.objects.create(source=own, target=parent, rationale="A secret belief")
    response = client.get(reverse("map"))
    assert cards(response.context).keys() == {"own"}
    assert response.context["curves"] == []
    text = response.content.decode()
    assert "1 more objective that you may not open" in text
    assert "A secret" not in text


@pytest.mark.parametrize(
    ("evidence", "line"),
    [("supported", "supported"), ("contradicted", "contra"), ("cannot_tell", "cannot"), ("untested", "untested")],
)
def test_the_style_of_a_link_is_its_evidence(client, executive, evidence, line):
    source, target = an_objective("Cause", code="cause"), an_objective("Effect", code="effect")
    CausalLink.objects.create(source=source, target=target, rationale="Because", evidence=evidence, lag_to_days=7)
    context = the_map(client)
    (curve,) = context["curves"]
    assert (curve["line"], curve["words"]) == (line, "+, within 7 days")
    assert cards(context)["cause"]["leads"] == [f"Effect ({CausalLink.Evidence(evidence).label})"]


def test_the_objective_that_stands_worst_is_opened_until_one_is_chosen(client, executive):
    standing(an_objective("Good", code="good"), "8", "on_track")
    standing(an_objective("Bad", code="bad"), "2", "off_track")
    assert the_map(client)["selected"]["name"] == "Bad"
    assert the_map(client, "?objective=good")["selected"]["name"] == "Good"
    assert the_map(client, "?objective=none-such")["selected"]["name"] == "Bad"


def test_a_click_gets_the_map_without_the_page_around_it(client, executive):
    an_objective("Good", code="good")
    response = client.get(reverse("map") + "?objective=good", headers=PARTIAL)
    text = response.content.decode().strip()
    assert text.startswith('<div id="map"')
    assert "<main" not in text


def test_the_list_has_every_kpi_and_leads_to_the_pages_of_objectives(client, executive):
    objective = an_objective("Good", code="good")
    for number in range(4):
        a_kpi(f"KPI {number}", objective=objective, tier=Kpi.Tier.STRATEGIC)
    a_kpi("Not for executives", objective=objective)
    on_map, on_list = (cards(the_map(client, query))["good"] for query in ("", "?view=list"))
    assert (len(on_map["kpis"]), on_map["more"], on_map["url"]) == (2, "2 more KPIs", "/map/?objective=good")
    assert (len(on_list["kpis"]), on_list["more"], on_list["url"]) == (4, "", "/objectives/good/")


def test_queries_do_not_grow_with_objectives(client, executive):
    def add(number: int) -> None:
        objective = standing(an_objective(f"Aim {number}", code=f"aim-{number}"), "5", "at_risk")
        below = an_objective(f"Below {number}", parent=objective)
        a_kpi(objective=objective, tier=Kpi.Tier.STRATEGIC)
        CausalLink.objects.create(source=below, target=objective, rationale="It helps")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse("map")).status_code == 200
        return len(captured)

    add(1)
    few = queries()
    for number in (2, 3, 4):
        add(number)
    assert queries() == few <= 16
