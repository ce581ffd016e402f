"""What is asked of one object in Python agrees with what the queries find, for every role."""

from __future__ import annotations

import pytest

from kpis.models import Kpi
from kpis.queries import edits_values_of, kpis_editable_by
from objectives.models import Objective, Role, Unit
from objectives.queries import objectives_visible_to, opens_objective
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, an_objective, the_company

pytestmark = pytest.mark.django_db
TODAY = NOW.date()


@pytest.fixture
def near() -> Unit:
    near, far = a_unit("lga", "LaGuardia"), a_unit("jfk", "Kennedy")
    for number, unit in enumerate((the_company(), near, a_unit("lga-ramp", "Ramp", parent=near), far)):
        objective = an_objective(f"Objective {number}", code=f"o{number}", unit=unit)
        a_kpi(f"KPI {number}", code=f"K{number}", unit=unit, objective=objective)
    an_objective("Given up", code="gone", unit=near, status=Objective.Status.RETIRED)
    a_kpi("Not yet", code="DRAFT", unit=near, status=Kpi.Status.DRAFT)
    return near


@pytest.mark.parametrize("role", [*Role, None])
def test_one_kpi_or_objective_is_open_to_those_whose_queries_find_it(near, role):
    person = a_person("Rosa Delgado")
    if role:
        a_role(person, role, near)
    Kpi.objects.filter(code="K3").update(deputy=person)
    Kpi.objects.filter(code="DRAFT").update(owner=person)
    Objective.objects.filter(code__in=["o3", "gone"]).update(owner=person)

    found = set(kpis_editable_by(person, today=TODAY))
    assert {kpi for kpi in Kpi.objects.all() if edits_values_of(person, kpi, today=TODAY)} == found
    opened = set(objectives_visible_to(person, today=TODAY))
    objectives = Objective.objects.select_related("unit")

    def opens(one: Objective) -> bool:
        of = {"status": one.status, "owner_id": one.owner_id, "unit_path": one.unit.path}
        return opens_objective(person, **of, today=TODAY)

    assert {one for one in objectives if opens(one)} == opened
