"""Which group of rows goes to which KPI of which unit."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from kpiplatform.dashboards.configuration.people.forms import time_zones
from kpiplatform.dashboards.source_wizard.assigning import AssignForm, Group, chosen
from kpis.models import Kpi
from kpis.sources.measures import Measure, Part
from objectives.models import Role, Unit
from tests.factories import a_kpi, a_person, a_role, a_unit, an_objective, the_calendar, the_company

MEASURE = Measure(name="Yield", numerator=Part(agg="sum", column="mwh"), group_by="park")


@pytest.fixture
def company(db) -> Unit:
    the_calendar()
    a_unit("sued", "Nordsee Süd")
    a_unit("oest", "Ostsee-Öst")
    return the_company()


def filled(*groups: str, **said: str) -> AssignForm:
    """The form as sent with a new KPI for each group, and what else is said."""
    person = a_person("Pia Sommer")
    data = {"objective": str(an_objective("Yield").pk), "owner": str(person.pk), "frequency": "month", **said}
    for place, group in enumerate(groups):
        data |= {f"to-{place}": "new", f"name-{place}": f"Yield, {group}"}
    return form_for(groups, data)


def form_for(groups, data=None, initial=None) -> AssignForm:
    rows = [Group(value=group, rows=7) for group in groups]
    return AssignForm(
        data, measure=MEASURE, groups=rows, kpis=Kpi.objects.order_by("name"), initial=initial or {}, locale="en"
    )


def test_groups_that_are_called_like_units_go_to_these_and_others_to_the_one_that_is_chosen(company):
    form = filled("nordsee süd ", "Börde", unit=str(company.pk), by_name="on")
    assert form.is_valid(), form.errors
    south = Unit.objects.get(code="sued")
    assert [one.get("unit") for one in form.assigned()] == [south.pk, None]
    kept = {"assigned": form.assigned(), "groups": [{"value": "nordsee süd "}, {"value": "Börde"}], "common": {}}
    assert chosen(kept)["by_name"] is True


def test_limits_come_back_as_they_were_typed(company):
    form = filled("Börde", unit=str(company.pk), goal="3800", red_flag="3400.5")
    assert form.is_valid(), form.errors
    kept = {"assigned": form.assigned(), "groups": [{"value": "Börde"}], "common": form.stored_common()}
    again = form_for(["Börde"], initial=chosen(kept))
    assert [again[name].value() for name in ("goal", "red_flag")] == ["3800", "3400.5"]


def test_where_every_group_has_its_unit_none_has_to_be_chosen(company):
    assert filled("Nordsee Süd", "Ostsee-Öst", by_name="on").is_valid()
    form = filled("Nordsee Süd", "Börde", by_name="on")
    assert form.errors["unit"] == ["New KPIs need it."]


def test_unticked_all_go_to_the_unit_that_is_chosen(company):
    form = filled("Nordsee Süd", unit=str(company.pk))
    assert form.is_valid(), form.errors
    assert [one.get("unit") for one in form.assigned()] == [None]


def test_a_name_of_two_units_or_of_none_is_not_offered(company):
    a_unit("sued-2", "Nordsee Süd")
    assert "by_name" not in form_for(["Nordsee Süd"]).fields
    assert "by_name" not in form_for(["Börde"]).fields


@pytest.fixture
def hardly_any_is_listed():
    with patch("kpiplatform.dashboards.source_wizard.assigning.LISTED_AT_MOST", 1):
        yield


def test_of_many_kpis_one_is_named_by_its_code(company, hardly_any_is_listed):
    wanted, _other = a_kpi("Power of the marsh", code="MARSH"), a_kpi("Power of the hill", code="HILL")
    form = filled("Börde", unit=str(company.pk))
    assert "Power of the marsh" not in dict(form.fields["to-0"].choices).values()
    form.data |= {"to-0": "other", "name-0": " marsh"}
    assert form.is_valid(), form.errors
    assert form.assigned() == [{"group": "Börde", "kpi": wanted.pk}]
    form = form_for(["Börde"], form.data | {"name-0": "SWAMP"})
    assert form.errors["name-0"] == ["No KPI that this source may feed has the code “SWAMP”."]


def test_the_code_is_suggested_while_it_is_typed(client, company):
    person = a_person("Grace Lindholm")
    a_role(person, Role.ADMIN)
    client.force_login(person)
    a_kpi("Power of the marsh", code="MARSH")
    with patch("kpiplatform.dashboards.source_wizard.assigning.LISTED_AT_MOST", 0):
        attributes = form_for(["Börde"]).fields["name-0"].widget.attrs
    answer = client.get(str(attributes["hx-get"]), {"name-0": "marsh"}, headers={"hx-request": "true"})
    assert '<option value="MARSH"' in answer.content.decode()


def test_a_kpi_that_is_called_as_the_new_one_would_be_is_chosen_among_many(company, hardly_any_is_listed):
    alike, _other = a_kpi("Yield, Börde"), a_kpi("Yield, elsewhere")
    assert form_for(["Börde"])["to-0"].value() == str(alike.pk)


def test_what_there_is_only_one_of_is_chosen(company):
    objective = an_objective("Yield")
    assert form_for(["Börde"]).initial["objective"] == objective.pk
    assert "unit" not in form_for(["Börde"]).initial
    assert form_for(["Börde"], initial={"objective": 5}).initial["objective"] == 5


def test_what_only_this_machine_calls_a_time_zone_is_none():
    assert {"Europe/Berlin", "Pacific/Auckland"} <= dict(time_zones()).keys()
    assert not {"localtime", "Factory"} & dict(time_zones()).keys()
