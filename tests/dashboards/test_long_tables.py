"""Tables of very many KPIs come in parts; what is said above them is about all, or says that it isn't."""

from __future__ import annotations

import re
from unittest.mock import patch

import pytest
from django.urls import reverse

from kpis.models import Kpi, KpiState
from objectives.models import Role
from tests.dashboards.measured import W46, measured
from tests.factories import NOW, a_person, a_role, a_unit, an_objective

pytestmark = pytest.mark.django_db
PAGES = {
    "scorecard": (reverse("scorecard") + "?tier=operational&band=at_risk", "scorecard.parts.ROWS_AT_ONCE"),
    "unit": (reverse("unit", args=["lga"]) + "?tier=operational", "scorecard.parts.ROWS_AT_ONCE"),
    "grid": (reverse("unit_bowler", args=["lga"]) + "?by=week", "units.bowler_queries.AT_ONCE"),
}


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def manager(client):
    person = a_person("Sofia Marin")
    a_role(person, Role.MANAGER, a_unit("lga", "LaGuardia"))
    client.force_login(person)
    return person


@pytest.fixture
def five(manager):
    unit = manager.roles.get().unit
    return [
        measured({W46: "75"}, unit=unit, objective=an_objective(f"Aim {code}"), code=code, name=f"Number {code}")
        for code in "ABCDE"
    ]


@pytest.fixture
def two_at_once(request):
    with patch(f"kpiplatform.dashboards.{PAGES[request.param][1]}", 2):
        yield PAGES[request.param][0]


@pytest.mark.parametrize("two_at_once", PAGES, indirect=True)
def test_every_kpi_stands_in_one_of_the_parts(client, five, two_at_once):
    seen, url = [], two_at_once
    for _part in range(3):
        response = client.get(url)
        table = response.content.decode().split("<table")[-1].split("</table>")[0]
        seen.append(re.findall(r'href="/kpis/(\w)/"', table))
        url = two_at_once.split("?")[0] + response.context["more"] if response.context["more"] else ""
    assert url == ""
    assert [len(set(part)) for part in seen] == [2, 2, 1]
    assert sorted(code for part in seen for code in set(part)) == list("ABCDE")
    top = client.get(two_at_once.split("?")[0] + response.context["top"])
    assert (top.context["top"], client.get(two_at_once).context["top"]) == ("", "")


@pytest.mark.parametrize("two_at_once", PAGES, indirect=True)
def test_a_row_that_is_gone_leads_to_the_top(client, five, two_at_once):
    context = client.get(f"{two_at_once}&after=999999").context
    assert context["more"] != ""
    assert client.get(f"{two_at_once}&after=x").status_code == 200


def test_counts_of_a_scorecard_are_about_all_its_rows(client, five):
    with patch("kpiplatform.dashboards.scorecard.parts.ROWS_AT_ONCE", 2):
        context = client.get(PAGES["scorecard"][0]).context
    assert {count.band: count.total for count in context["story"].counts}["at_risk"] == 5


def test_the_grid_says_that_it_counts_a_part(client, five):
    with patch("kpiplatform.dashboards.units.bowler_queries.AT_ONCE", 2):
        part = client.get(PAGES["grid"][0]).context["lede"]
    assert part == "0 of 2 KPIs were off track in W46. Counted are the 2 KPIs shown here, of 5."
    assert "Counted" not in client.get(PAGES["grid"][0]).context["lede"]


def test_late_values_are_named_up_to_a_number_and_then_counted(client, five):
    KpiState.objects.filter(kpi__in=Kpi.objects.all()).update(health="late", days_late=3)
    with patch("kpiplatform.dashboards.units.presenter.NAMED_AT_ONCE", 2):
        response = client.get(PAGES["unit"][0])
    assert [row["name"] for row in response.context["late"]] == ["Number A", "Number B"]
    assert "and 3 more, not longer than these" in response.content.decode()
