"""The lists of configuration ask the same number of queries however long they are."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kpis.models import PeriodCalendar, Pull
from objectives.models import Role
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, an_objective, numbers
from tests.kpis.pulls import a_mapped_kpi, a_source


def more(count: int) -> None:
    """Add units, people with roles, KPIs, objectives, calendars, and sources with a pull."""
    for number in (next(numbers) for _ in range(count)):
        unit, person = a_unit(f"unit-{number}", f"Unit {number}"), a_person(f"Person {number}")
        a_role(person, Role.MANAGER, unit)
        a_kpi(f"KPI {number}", unit=unit, owner=person, objective=an_objective(unit=unit))
        PeriodCalendar.objects.create(name=f"Calendar {number}")
        source = a_source(code=f"source-{number}", owner=person)
        a_mapped_kpi(source, unit=unit)
        Pull.objects.create(source=source, slot=NOW, state=Pull.State.SUSPECT)


@pytest.mark.django_db
def test_lists_of_any_length_ask_the_same_queries(client: Client) -> None:
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    kpi = a_kpi()
    paths = [
        reverse("configuration"),
        reverse("configuration:people"),
        reverse("configuration:units"),
        reverse("configuration:calendars"),
        reverse("configuration:sources"),
        reverse("configuration:access"),
        reverse("configuration:kpi_access", args=[kpi.code]),
        reverse("setup"),
    ]

    def asked() -> dict[str, int]:
        counts = {}
        for path in paths:
            with CaptureQueriesContext(connection) as captured:
                assert client.get(path).status_code == 200
            counts[path] = len(captured)
        return counts

    client.force_login(admin)
    more(2)
    asked()
    few = asked()
    more(5)
    assert asked() == few
    assert max(few.values()) <= 30, few
