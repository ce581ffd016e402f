"""A form that arrives twice, by a double press or by sending again after Back, does what one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.architecture.addresses import OF_THINGS
from tests.architecture.forms import Shown
from tests.architecture.people_and_things import ROLES, World
from tests.factories import a_unit


def who_may(name: str) -> str:
    """Return the least role that may post to the address about OURS."""
    address = OF_THINGS[name]
    may = [role for role in ROLES if (address.post_answer or address.answer)(role, "OURS") == 200]
    return "owner" if "owner" in may else may[-1]


DERIVED = {"objectives_objectivestate"}  # computed anew whenever something below an objective is written


def stored() -> dict[str, str]:
    """Return what each table of the product holds, as a digest: the same digest, the same rows."""
    with connection.cursor() as cursor:
        cursor.execute(digests())
        return dict(cursor.fetchall())


@cache
def digests() -> str:
    """Return one statement for all tables; through the models it would take a third of these tests."""
    ours = {"objectives", "kpis", "initiatives", "reviews", "alerts", "accounts", "dashboards", "api", "audit"}
    tables = {model._meta.db_table for model in apps.get_models() if model._meta.app_label in ours} - DERIVED
    one = "SELECT '{0}', md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM {0} AS t"
    return " UNION ALL ".join(one.format(table) for table in sorted(tables))


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return [table for table in one if one[table] != other[table]]


def told(name: str, world: World) -> tuple[str, Mapping[str, Any]]:
    address = OF_THINGS[name]
    return reverse(name, args=address.args(world, "OURS")), dict(address.said(world, "OURS"))


@pytest.mark.parametrize("name", sorted(name for name in OF_THINGS if OF_THINGS[name].post))
def test_what_arrives_twice_is_written_once(world: World, client: Client, name: str) -> None:
    world.seat(client, who_may(name))
    path, said = told(name, world)
    assert client.post(path, said).status_code == OF_THINGS[name].posted
    once = stored()
    assert client.post(path, said).status_code in {302, 303, 404, 422}
    assert differing(stored(), once) == []


def pk(kind: str, key: str = "OURS") -> Callable[[World], str]:
    return lambda world: str(world.things[kind][key].pk)


def person(role: str) -> Callable[[World], str]:
    return lambda world: str(world.people[role].pk)


def ours(world: World) -> str:
    return str(world.kpis["OURS"].unit_id)


def customer(world: World) -> str:
    return str(world.kpis["OURS"].objective.perspective_id)


# What is typed into forms that the table above does not post, over what the page shows in them.
FILLED: dict[str, dict[str, Any]] = {
    "alerts:acknowledge": {},
    "alerts:retry": {},
    "alerts:subscription": {"what": "worst"},
    "alerts:subscriptions": {},
    "configuration:entry_rules": {"explain_below": "3.5"},
    "configuration:give": {"to": person("manager")},
    "configuration:invite": {"name": "Bea Brandt", "email": "bea@example.com"},
    "configuration:leave": {},
    "configuration:new_calendar": {"name": "Early weeks"},
    "configuration:organisation": {"name": "Harbor"},
    "configuration:new_source": {"name": "Shop"},
    "configuration:source": {"name": "Bags"},
    "configuration:source_access": {"path": "elsewhere.csv"},
    "configuration:source_figure": {"to-0": lambda world: str(world.kpis["OURS"].pk)},
    "configuration:source_reading": {"unique_by": "origin"},
    "configuration:unit_close": {},
    "configuration:units": {"name": "Newark", "code": "ewr"},
    "initiatives:new": {"name": "A second belt", "starts_on": "2026-12-01", "ends_on": "2027-03-01"},
    "kpis:new": {"objective": pk("objective"), "unit": ours, "reached_when": "On time."},
    "reviews:new_forum": {"name": "Belts", "code": "belts", "unit": ours, "chair": person("manager"), "weekday": "4"},
    "strategy:new_link": {"source": pk("objective"), "target": pk("objective", "COMPANY"), "rationale": "Bags first."},
    "strategy:new_objective": {"name": "Lose nothing", "perspective": customer, "unit": ours, "owner": person("owner")},
    "strategy:objective": {"description": "Every bag."},
    "strategy:perspectives": {"row": customer, "name": "Neighbours"},
    "strategy:plan": {"vision": "No bag is late."},
    "strategy:themes": {"name": "Bags"},
    "setup_step": {"name": "Lose nothing"},
}
# Things that the pages don't show, because what they show can't be ended: it is in use.
ELSEWHERE: dict[str, Callable[[World], str]] = {
    "configuration:leave": lambda world: reverse("configuration:leave", args=[world.people["stranger"].pk]),
    "configuration:unit_close": lambda world: reverse("configuration:unit_close", args=[a_unit("ewr", "Newark").code]),
}
NOT_TRIED = {
    "account_logout": "it writes nothing of the product",
    "kpi_list:send": "it takes a file; tests/dashboards/test_kpi_list.py sends one twice",
    "kpi_list:read": "a file is read by its columns; tests/dashboards/test_kpi_list.py imports one twice",
    "my:fill_in": "it takes a file; tests/dashboards/test_fill_in.py sends some",
    "my:look": "what a file changes is confirmed; tests/dashboards/test_fill_in.py confirms twice",
    "api:tokens": "its answer shows a secret once; tests/api tries it",
    "configuration:source_figures": "it asks the source; tests/configuration/test_connecting.py has one to ask",
    "configuration:source_values": "tests/configuration/test_connecting.py presses its button twice",
    "configuration:unit_order": "each press moves the unit by one place",
    "my:approvals": "its buttons decide: my_kpis/test_approvals.py presses each twice",
    "reviews:calendar_address": "each press makes an address in place of the last; the page shows it",
    "theme": "it sets what it names",
}


def test_every_form_that_a_page_shows_is_sent_twice(shown: list[Shown]) -> None:
    posted = {name for name in OF_THINGS if OF_THINGS[name].post}
    assert {form.name for form in shown} - posted - NOT_TRIED.keys() == FILLED.keys()


@pytest.mark.parametrize("name", FILLED)
def test_what_is_filled_in_and_arrives_twice_is_written_once(
    world: World, client: Client, shown: list[Shown], name: str
) -> None:
    typed = {field: value(world) if callable(value) else value for field, value in FILLED[name].items()}
    form = next(form for form in shown if form.name == name and typed.keys() <= form.data.keys())
    world.seat(client, form.role)
    path = ELSEWHERE[name](world) if name in ELSEWHERE else form.path
    before = stored()
    first = client.post(path, form.data | typed)
    assert first.status_code in {302, 303}, first.content.decode().partition("error-summary")[2][:900]
    once = stored()
    assert differing(once, before) != []
    assert client.post(path, form.data | typed).status_code in {302, 303, 404, 422}
    assert differing(stored(), once) == []
