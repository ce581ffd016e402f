"""Long lists come in parts: each line once, in order, whatever was asked for."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.test import Client
from django.urls import reverse

from objectives.models import Role
from tests.factories import a_kpi, a_person, a_role, an_objective

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client) -> None:
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    client.force_login(admin)


def parts(client: Client, name: str, query: str = "") -> list[dict]:
    """Return the contexts of the first part of a list and of all that follow it."""
    path, found = reverse(name), []
    while not found or query:
        found.append(client.get(path + query).context)
        query = found[-1]["more"]
    return found


def test_people_of_one_name_are_all_listed_once(client: Client, admin: None) -> None:
    for number in range(5):
        a_person("Ana Kovač", email=f"ana-{number}@example.com")
    with patch("kpiplatform.dashboards.configuration.people.views.AT_ONCE", 2):
        found = parts(client, "configuration:people", "?q=ana")
    assert [len(part["rows"]) for part in found] == [2, 2, 1]
    shown = [row.person.email for part in found for row in part["rows"]]
    assert shown == [f"ana-{number}@example.com" for number in range(5)]


def test_kpis_go_on_within_their_objective_and_objectives_without_any_come_last(client: Client, admin: None) -> None:
    first, second = an_objective("First", position=1), an_objective("Second", position=2)
    an_objective("Unmeasured", position=0)
    for number in range(3):
        for objective in (first, second):
            a_kpi(f"{objective.name} {number}", code=f"{objective.name.upper()}-{number}", objective=objective)
    with patch("kpiplatform.dashboards.kpi_setup.queries.AT_ONCE", 2):
        found = parts(client, "kpis:configure")
    groups = [[(group["objective"].name, len(group["rows"])) for group in part["groups"]] for part in found]
    assert groups == [[("First", 2)], [("First", 1), ("Second", 1)], [("Second", 2), ("Unmeasured", 0)]]
    assert {part["count"] for part in found} == {6}
