"""A form that somebody else overtook is refused: it says who, overwrites nothing, and keeps what was typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from objectives.models import Role
from tests.architecture.forms import Shown, form_with
from tests.architecture.people_and_things import World
from tests.architecture.test_sent_twice import differing, stored
from tests.factories import a_person, a_role

Typed = Callable[[World], dict[str, Any]]


def words(field: str, **others: str) -> tuple[Typed, Typed]:
    """Return what the quicker person and the overtaken one type into a field of words."""
    return lambda world: {field: "Quicker", **others}, lambda world: {field: "Typed", **others}


def owner_to(role: str) -> Typed:
    return lambda world: {"owner": str(world.people[role].pk), "reason": "absence"}


def forum_of(key: str) -> Typed:
    return lambda world: {"forum": str(world.things["forum"][key].pk)}


def from_source(rationale: str) -> Typed:
    return lambda world: {"source": str(world.things["objective"]["OURS"].pk), "rationale": rationale}


# What the quicker person and then the overtaken one typed, by the address of the form. The first field is compared.
EDITS: dict[str, tuple[Typed, Typed]] = {
    "configuration:agreement": (lambda world: {"row_columns": "origin"}, lambda world: {"row_columns": "carrier"}),
    "configuration:calendar": words("name"),
    "configuration:entry_rules": (lambda world: {"unusual_factor": "4"}, lambda world: {"unusual_factor": "8"}),
    "configuration:organisation": words("name"),
    "configuration:person": words("name"),
    "configuration:rule": (lambda world: {"columns": "origin"}, lambda world: {"columns": "carrier"}),
    "configuration:source": words("name"),
    "configuration:source_access": words("path"),
    "configuration:source_reading": words("unique_by"),
    "configuration:unit": words("name"),
    "initiatives:edit": words("name"),
    "initiatives:impact": words("rationale"),
    "initiatives:milestone": words("name"),
    "initiatives:risk": words("text"),
    "kpi_limits": (
        lambda world: {"target": "83", "reason": "plan"},
        lambda world: {"target": "84", "reason": "plan"},
    ),
    "kpis:annotation": words("text"),
    "kpis:calculation": (
        lambda world: {"formula": "[COMPANY] + 1"},
        lambda world: {"formula": "[COMPANY] + 2"},
    ),
    "kpis:cadence": (forum_of("OURS"), forum_of("COMPANY")),
    "kpis:definition": words("name", reason="clearer"),
    "kpis:owner": (owner_to("member"), owner_to("manager")),
    "reviews:action": words("text"),
    "reviews:decision": words("outcome"),
    "reviews:edit_forum": words("name"),
    "reviews:move": (lambda world: {"held_on": "2099-03-02"}, lambda world: {"held_on": "2099-03-03"}),
    "strategy:link": (from_source("Quicker"), from_source("Typed")),
    "strategy:objective": words("name"),
    "strategy:perspectives": words("name"),
    "strategy:plan": words("name"),
    "strategy:themes": words("name"),
}


def test_every_form_that_carries_what_was_seen_is_tried(shown: list[Shown]) -> None:
    assert {form.name for form in shown if any(form.data.get("seen", []))} == EDITS.keys()


@pytest.mark.parametrize("name", EDITS)
def test_who_was_overtaken_is_told_by_whom_and_keeps_what_was_typed(
    world: World, shown: list[Shown], name: str
) -> None:
    form = next(one for one in shown if one.name == name and any(one.data.get("seen", [])))
    quicker = a_person("Bea Brandt", email="bea@example.com")
    a_role(quicker, Role.ADMIN)
    first, second = Client(), Client()
    first.force_login(quicker)
    second.force_login(world.people[form.role])
    theirs, typed = (make(world) for make in EDITS[name])
    assert first.post(form.path, form.data | theirs).status_code in {302, 303}
    stands = stored()
    response = second.post(form.path, form.data | typed)
    text = response.content.decode()
    assert response.status_code == 422
    assert "Bea Brandt" in text.partition("error-summary")[2].partition("</div>")[0]
    assert differing(stored(), stands) == []
    again = form_with(text, "seen").data
    assert {field: again[field] for field in typed} == {field: [value] for field, value in typed.items()}
    assert second.post(form.path, again).status_code in {302, 303}
    assert differing(stored(), stands) != []
