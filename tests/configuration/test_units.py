"""The tree of units: every change keeps the paths true."""

from __future__ import annotations

import pytest

from kpiplatform.audit.editing import ChangedMeanwhile, seen
from objectives.models import Role, Unit
from objectives.queries import scope_of
from objectives.services.founding import found_units
from objectives.services.refusal import Refused
from objectives.services.units import add_unit, close_unit, edit_unit, order_unit, reopen_unit
from tests.factories import NOW, a_person, a_role, a_unit, an_objective, the_company

pytestmark = pytest.mark.django_db


def paths() -> dict[str, str]:
    return dict(Unit.objects.values_list("code", "path"))


def edited(unit: Unit, *, name: str = "", parent: Unit | None = None) -> Unit:
    return edit_unit(unit=unit, seen=seen(unit), name=name or unit.name, parent=parent)


def test_a_unit_moves_with_all_that_is_below_it_and_its_neighbours_stay() -> None:
    lga, jfk = a_unit("lga"), a_unit("jfk", "Kennedy")
    a_unit("ramp", "Ramp", parent=lga)
    a_unit("lga-2", "LaGuardia Two")
    moved = edited(lga, parent=jfk)
    assert moved.parent == jfk
    assert paths() == {
        "company": "/company/",
        "jfk": "/company/jfk/",
        "lga": "/company/jfk/lga/",
        "ramp": "/company/jfk/lga/ramp/",
        "lga-2": "/company/lga-2/",
    }


def test_a_code_with_an_underscore_is_no_pattern() -> None:
    one, other = a_unit("a_c", "One"), a_unit("abc", "Other")
    edited(one, parent=add_unit(name="New", parent=the_company(), code="new"))
    assert paths()["abc"] == "/company/abc/"
    assert paths()["a_c"] == "/company/new/a_c/"
    assert other.parent == the_company()


def test_a_manager_of_the_old_place_no_longer_reaches_it() -> None:
    lga, jfk = a_unit("lga"), a_unit("jfk", "Kennedy")
    ramp, manager = a_unit("ramp", "Ramp", parent=lga), a_person()
    a_role(manager, Role.MANAGER, lga)
    edited(ramp, parent=jfk)
    scope = scope_of(manager, today=NOW.date())
    assert not Unit.objects.filter(scope.units(""), pk=ramp.pk).exists()


@pytest.mark.parametrize("target", ["lga", "ramp"])
def test_a_unit_is_never_below_itself(target: str) -> None:
    lga = a_unit("lga")
    a_unit("ramp", "Ramp", parent=lga)
    with pytest.raises(Refused, match="below itself"):
        edited(lga, parent=Unit.objects.get(code=target))
    assert paths()["lga"] == "/company/lga/"


def test_the_top_stays_the_top() -> None:
    with pytest.raises(Refused, match="top of the organisation"):
        edited(the_company(), parent=a_unit("lga"))


def test_a_rename_that_somebody_else_did_before_is_told() -> None:
    lga = a_unit("lga")
    token = seen(lga)
    edited(lga, name="LaGuardia Airport")
    with pytest.raises(ChangedMeanwhile):
        edit_unit(unit=lga, seen=token, name="LGA", parent=None)
    assert Unit.objects.get(code="lga").name == "LaGuardia Airport"


def test_a_unit_closes_only_when_it_is_empty_and_opens_again() -> None:
    lga = a_unit("lga")
    role = a_role(a_person(), Role.MEMBER, lga)
    objective = an_objective(unit=lga)
    with pytest.raises(Refused, match="active objectives, people with a role in it"):
        close_unit(unit=lga)
    role.delete()
    objective.delete()
    with pytest.raises(Refused, match="KPIs"):
        close_unit(unit=lga, holds="KPIs")
    close_unit(unit=lga)
    with pytest.raises(Refused, match="closed"):
        add_unit(name="Ramp", parent=lga)
    reopen_unit(unit=lga)
    assert Unit.objects.get(code="lga").is_active


def test_siblings_change_places() -> None:
    for name in ("One", "Two", "Three"):
        add_unit(name=name, parent=the_company())
    order_unit(unit=Unit.objects.get(name="Three"), up=True)
    order_unit(unit=Unit.objects.get(name="One"), up=True)
    names = Unit.objects.filter(parent=the_company()).order_by("position").values_list("name", flat=True)
    assert list(names) == ["One", "Three", "Two"]


def test_a_pasted_list_becomes_a_tree_and_pasted_again_nothing_new() -> None:
    admin = a_person()
    lines = [(0, "Sales"), (1, "North"), (4, "Far North"), (0, "Sales Support")]
    the_company()
    for _ in range(2):
        found_units(lines=lines, by=admin)
    assert paths() == {
        "company": "/company/",
        "SALES": "/company/SALES/",
        "NORTH": "/company/SALES/NORTH/",
        "FAR-NORTH": "/company/SALES/NORTH/FAR-NORTH/",
        "SALES-SUPPORT": "/company/SALES-SUPPORT/",
    }
    assert admin.roles.get().role == Role.ADMIN
