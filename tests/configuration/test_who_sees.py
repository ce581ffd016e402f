"""Who can see this? The answer is the same as the one that each person would get."""

from __future__ import annotations

from datetime import date

import pytest

from kpiplatform.accounts.models import User
from kpis.models import Kpi
from kpis.queries import kpis_visible_to
from kpis.who_sees import who_sees_kpi
from objectives.models import Objective, Role
from objectives.queries import objectives_visible_to
from objectives.who_sees import who_sees_objective
from tests.factories import a_kpi, a_person, a_role, a_unit, an_objective, the_company

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 22)


@pytest.fixture
def kpis() -> list[Kpi]:
    """KPIs on three levels of the tree and in another branch, and people of every kind of role in each of these."""
    lga = a_unit("lga", "LaGuardia")
    ramp = a_unit("ramp", "Ramp at LaGuardia", parent=lga)
    lga_2 = a_unit("lga-2", "LaGuardia Two")  # its code begins like another one's
    units = [the_company(), lga, ramp, lga_2]
    for role in Role:
        for unit in units:
            a_role(a_person(f"{role.label} of {unit.name}"), role, unit)
        a_role(a_person(f"{role.label} of the past"), role, lga, valid_until=date(2026, 11, 21))
        a_role(a_person(f"{role.label} until today"), role, lga, valid_until=TODAY)
        a_role(a_person(f"{role.label} who left", is_active=False), role, lga)
    a_person("Somebody without role")
    a_person("Installation admin", is_superuser=True)
    made = []
    for unit in units:
        for tier in Kpi.Tier:
            made.append(
                a_kpi(
                    unit=unit,
                    tier=tier,
                    owner=a_person(f"Owner, {unit.name}, {tier}"),
                    deputy=a_person(f"Deputy, {unit.name}, {tier}"),
                    steward=a_person(f"Steward, {unit.name}, {tier}"),
                    objective=an_objective(unit=unit),
                )
            )
    made.append(a_kpi(unit=lga, status=Kpi.Status.RETIRED))
    made.append(a_kpi(unit=lga, status=Kpi.Status.DRAFT))
    return made


def test_it_agrees_for_every_kpi_with_what_each_person_can_open(kpis: list[Kpi]) -> None:
    for kpi in kpis:
        listed = {seen.person.pk for seen in who_sees_kpi(kpi, today=TODAY)}
        opened = {
            person.pk
            for person in User.objects.all()
            if kpis_visible_to(person, today=TODAY).filter(pk=kpi.pk).exists()
        }
        assert listed == opened, kpi.unit
    assert who_sees_kpi(kpis[-2], today=TODAY) == []


def test_it_agrees_for_every_objective_too(kpis: list[Kpi]) -> None:
    retired = an_objective(status=Objective.Status.RETIRED)
    for objective in [*(kpi.objective for kpi in kpis), retired]:
        listed = {seen.person.pk for seen in who_sees_objective(objective, today=TODAY)}
        opened = {
            person.pk
            for person in User.objects.all()
            if objectives_visible_to(person, today=TODAY).filter(pk=objective.pk).exists()
        }
        assert listed == opened


def test_every_reason_is_named() -> None:
    lga = a_unit("lga", "LaGuardia")
    rosa = a_person("Rosa Delgado")
    a_role(rosa, Role.MANAGER, lga)
    a_role(rosa, Role.EXECUTIVE)
    kpi = a_kpi(owner=rosa, unit=lga, tier=Kpi.Tier.STRATEGIC)
    (seen,) = [one for one in who_sees_kpi(kpi, today=TODAY) if one.person == rosa]
    assert seen.reasons == ("owner", "executive: sees every strategic KPI", "manager of LaGuardia")


def test_it_asks_few_queries_for_many_people(django_assert_max_num_queries: object, kpis: list[Kpi]) -> None:
    kpi = Kpi.objects.select_related("unit").get(pk=kpis[0].pk)
    with django_assert_max_num_queries(3):  # type: ignore[operator]
        assert len(who_sees_kpi(kpi, today=TODAY)) > 5


def test_a_long_list_names_the_first_and_how_to_find_the_others(client, monkeypatch) -> None:
    monkeypatch.setattr("kpiplatform.dashboards.configuration.access.LISTED", 1)
    first, second = a_kpi("Arrivals"), a_kpi("Departures")
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN, the_company())
    client.force_login(admin)
    page = client.get("/configuration/access/").content.decode()
    assert "The first 1 by name are listed." in page
    assert first.name in page
    assert second.name not in page
    found = client.get("/configuration/access/?q=Depart").content.decode()
    assert second.name in found
    assert "are listed" in client.get("/configuration/access/?q=r").content.decode()
