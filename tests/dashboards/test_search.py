"""Search: who finds what, what fits best, and how many queries it takes."""

from __future__ import annotations

from datetime import date
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kpiplatform.dashboards.search.finding import find
from kpiplatform.dashboards.search.matching import asked
from kpis.models import Kpi
from objectives.models import Role
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, an_objective
from tests.initiatives.factories import an_initiative

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 22)


@pytest.fixture(autouse=True)
def now_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def manager():
    person = a_person("Sofia Marin")
    a_role(person, Role.MANAGER)
    return person


def titles(typed: str, user, limit: int = 20) -> dict[str, list[str]]:
    return {
        group.key: [found.title for found in group.results] for group in find(typed, user, today=TODAY, limit=limit)
    }


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("  Kovač ", ("kovac",)),
        ("ÉVÈNING\x00 Departures", ("evening", "departures")),
        ("a b c d e f g h", ("a", "b", "c", "d", "e", "f")),
        ("x" * 200, ("x" * 80,)),
        ("   ", ()),
    ],
)
def test_what_is_typed_is_compared_without_accents_and_capitals(typed: str, words: tuple[str, ...]) -> None:
    assert asked(typed).words == words


def test_every_word_must_fit_and_a_name_that_begins_with_it_comes_first(manager) -> None:
    ana = a_person("Ana Kovač")
    for name in ("Crews per evening", "On-time evening departures", "Evening departures", "Night arrivals"):
        a_kpi(name, owner=ana)
    assert titles("evening", manager)["kpis"] == [
        "Evening departures",
        "Crews per evening",
        "On-time evening departures",
    ]
    assert titles("DEP even", manager)["kpis"] == ["Evening departures", "On-time evening departures"]
    assert titles("kovac night", manager) == {"kpis": ["Night arrivals"]}
    assert titles("Kovač", manager)["people"] == ["Ana Kovač"]


def test_a_code_finds_its_kpi_before_names_that_hold_it(manager) -> None:
    a_kpi("Otd of others", code="X-1")
    a_kpi("On-time departures", code="OTD")
    assert titles("otd", manager)["kpis"][0] == "On-time departures"


@pytest.mark.parametrize("typed", ["%", "_", "\\", "'; --", "[X]"])
def test_signs_mean_themselves(manager, typed: str) -> None:
    a_kpi("Evening departures")
    assert titles(typed, manager) == {}
    a_kpi(f"Share {typed} of all")
    assert titles(typed, manager) == {"kpis": [f"Share {typed} of all"]}


def test_nobody_finds_what_they_may_not_open() -> None:
    here, there = a_unit("lga", "LaGuardia"), a_unit("jfk", "Kennedy")
    member, stranger, executive = a_person("Noah Fields"), a_person("Nobody Known"), a_person("Ines Okafor")
    a_role(member, Role.MEMBER, here)
    a_role(executive, Role.EXECUTIVE)
    for unit in (here, there):
        a_kpi(f"Delay at {unit.name}", unit=unit)
        an_initiative(f"Less delay at {unit.name}", unit=unit)
        an_objective(f"End delay at {unit.name}", unit=unit)
    a_kpi("Delay of all", tier=Kpi.Tier.STRATEGIC)
    assert titles("delay", member) == {
        "kpis": ["Delay at LaGuardia"],
        "objectives": ["End delay at LaGuardia"],
        "initiatives": ["Less delay at LaGuardia"],
    }
    assert titles("delay", executive)["kpis"] == ["Delay of all"]
    assert "initiatives" not in titles("delay", executive)
    assert titles("delay", stranger) == {}
    assert titles("Noah", stranger) == {}
    assert titles("noah", executive)["people"] == ["Noah Fields"]


def test_nothing_typed_leads_to_the_pages_one_may_open(manager) -> None:
    pages = titles("", manager)
    assert list(pages) == ["pages"]
    assert "Initiatives" in pages["pages"]
    assert "Configuration" not in pages["pages"]
    assert titles("initia", manager)["pages"] == ["Initiatives"]


def test_what_is_left_out_is_told(manager) -> None:
    for number in range(3):
        a_kpi(f"Delay {number}")
    (group,) = find("delay", manager, today=TODAY, limit=2)
    assert ([found.title for found in group.results], group.more) == (["Delay 0", "Delay 1"], True)


def test_the_palette_gets_numbered_options_and_the_page_a_page(manager, client: Client) -> None:
    kpi = a_kpi("Evening departures")
    client.force_login(manager)
    options = client.get("/search/?q=evening", headers={"HX-Request": "true"}).content.decode()
    assert options.startswith('<div class="palette__list" role="listbox" id="palette-options"')
    assert f'id="palette-1" href="/kpis/{kpi.code}/"' in options
    page = client.get("/search/?q=evening").content.decode()
    assert page.count("<h1>") == 1
    assert 'id="palette-1"' not in page


def test_searching_asks_the_same_queries_for_one_and_for_many(manager, client: Client) -> None:
    client.force_login(manager)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/search/?q=delay", headers={"HX-Request": "true"})
        return len(captured)

    def more(count: int) -> None:
        for _ in range(count):
            a_kpi("Delay", objective=an_objective("Less delay"))
            an_initiative("Against delay")
            a_role(a_person("Delay Jones"), Role.OWNER)

    more(1)
    queries()
    few = queries()
    more(4)
    assert queries() == few <= 14
