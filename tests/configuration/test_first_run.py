"""From an empty installation to the first KPI, by the pages alone."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from kpiplatform.accounts.models import Invitation, User
from kpiplatform.dashboards import tasks
from kpiplatform.dashboards.models import KpiDraft
from kpiplatform.dashboards.navigation import navigation
from kpis.models import Kpi, PeriodCalendar
from objectives.models import Objective, Organisation, Perspective, Role, StrategyPlan, Unit
from tests.architecture.addresses.of_configuration import CUT
from tests.factories import NOW, a_person, a_role, the_calendar, the_company

pytestmark = pytest.mark.django_db


def step(slug: str) -> str:
    return reverse("setup_step", args=[slug])


def in_seven_steps(client: Client, objective: Objective) -> Kpi:
    """Define the first KPI as the pages ask for it."""
    answers: dict[str, dict[str, Any]] = {
        "progress": {
            "name": "Departures on time",
            "purpose": "Ferries that leave on time arrive on time.",
            "decision_informed": "Crews per shift",
            "formula_in_words": "departures on time ÷ departures",
            "measure_unit": "%",
            "decimals": "1",
            "polarity": "higher_is_better",
            "tier": "strategic",
            "green_while_failing": "No.",
        },
        "kind": {"indicator_type": "lagging", "why_kind": "It says what has happened."},
        "target": {"target": "95", "red_flag": "90", "effective_from": "2026-01-01", "why_target": "Reached once."},
        "owner": {"owner": objective.owner_id, "can_move": "Plans the crews."},
        "initiative": {"without_initiative": "Nobody has looked yet."},
        "rhythm": {
            "frequency": "week",
            "calendar": PeriodCalendar.objects.get().pk,
            "time_aggregation": "average",
            "entry": "manual",
            "active_from": "2026-01-01",
            "reporting_lag_days": "1",
            "review_by": "2099-01-01",
            "reaction": "The shift meets.",
        },
    }
    first = {"objective": objective.pk, "unit": objective.unit_id, "reached_when": "Nine of ten ferries leave on time."}
    client.post(reverse("kpis:new"), first)
    draft = KpiDraft.objects.get()
    for key, said in answers.items():
        assert client.post(reverse("kpis:new_step", args=[draft.pk, key]), said).status_code == 303, key
    client.post(reverse("kpis:new_summary", args=[draft.pk]), {"status": "active"})
    return Kpi.objects.get()


@pytest.fixture
def admin(client: Client) -> User:
    admin = User.objects.create_superuser("grace@example.com", name="Grace Lindholm")
    client.force_login(admin)
    return admin


def test_the_command_prints_a_link_by_which_the_first_administrator_comes_in(client: Client) -> None:
    assert "setup_admin" in client.get(reverse("account_login")).content.decode()
    said = StringIO()
    call_command("setup_admin", email="Grace@Example.com", name="Grace Lindholm", stdout=said)
    link = next(word for word in said.getvalue().split() if "/password/reset/key/" in word)
    form = client.get("/" + link.split("/", 3)[3], follow=True)
    password = {"password1": "quay-lantern-42", "password2": "quay-lantern-42"}
    client.post(form.request["PATH_INFO"], password)
    signed_in = client.post(
        reverse("account_login"), {"login": "grace@example.com", "password": "quay-lantern-42"}, follow=True
    )
    assert signed_in.redirect_chain[-1][0] == reverse("setup")
    assert "setup_admin" not in Client().get(reverse("account_login")).content.decode()


def test_six_steps_lead_from_nothing_to_the_first_kpi(client: Client, admin: User) -> None:
    assert client.get(reverse("home"))["Location"] == reverse("setup")
    assert client.get(reverse("configuration"))["Location"] == reverse("setup")
    assert client.get(step("units"))["Location"] == reverse("setup")  # not before there is an organisation

    named = client.post(step("organisation"), {"name": "Quayside Ferries", "time_zone": "Europe/Oslo"})
    assert (named.status_code, named["Location"]) == (303, step("calendar"))
    admin.refresh_from_db()
    assert admin.time_zone == "Europe/Oslo"
    cut = client.post(step("calendar"), CUT | {"name": "Standard", "fiscal_year_start_month": "7"})
    assert cut["Location"] == step("units")
    units = client.post(step("units"), {"units": "Harbour\n  Night ferry\nWorkshop"})
    assert units["Location"] == step("objective")
    assert admin.roles.get().role == Role.ADMIN

    page = client.get(step("objective"))
    said = {name: field.initial for name, field in page.context["form"].fields.items() if field.initial}
    said |= page.context["form"].initial | {"name": "Leave on time", "perspective": "Customer"}
    wanted = client.post(step("objective"), said)
    assert wanted["Location"] == step("kpi")
    for _ in range(2):  # sent twice, it is there once
        client.post(step("objective"), said)
    objective = Objective.objects.get()
    assert (objective.owner, objective.perspective.name, objective.unit.parent) == (admin, "Customer", None)
    assert Perspective.objects.count() == 4
    assert StrategyPlan.objects.get().starts_on.month == 7

    shown = client.get(step("kpi")).content.decode()
    assert "Leave on time" in shown
    assert f"{reverse('kpis:new')}?objective={objective.pk}" in shown
    assert reverse("configuration:new_source") in shown
    kpi = in_seven_steps(client, objective)
    assert (kpi.status, kpi.owner, kpi.objective) == (Kpi.Status.ACTIVE, admin, objective)

    people = {"people": "Ana Example <ana@example.com>\nben@example.com", "role": "member", "valid_until": ""}
    last = client.post(step("people"), people | {"unit": Unit.objects.get(name="Night ferry").pk})
    assert last["Location"] == reverse("setup")
    assert list(User.objects.order_by("pk").values_list("name", flat=True)) == ["Grace Lindholm", "Ana Example", "Ben"]
    assert Invitation.objects.filter(state="owed").count() == 2
    assert "6 of 6 steps done" in client.get(reverse("setup")).content.decode()
    assert client.get(reverse("home"))["Location"] == reverse("scorecard")
    assert client.get(reverse("configuration")).status_code == 200


def test_every_page_of_the_navigation_opens_on_an_empty_installation(client: Client, admin: User) -> None:
    for entry in navigation(admin, "/", today=NOW.date(), counts={}):
        assert client.get(entry["url"], follow=True).status_code == 200, entry["url"]


def test_a_step_sent_again_changes_nothing_that_stands(client: Client, admin: User) -> None:
    for name in ("Quayside Ferries", "Something else"):
        client.post(step("organisation"), {"name": name, "time_zone": "Europe/Oslo"})
    assert Organisation.objects.get().name == "Quayside Ferries"


def test_only_an_empty_installation_takes_the_sample(
    client: Client, admin: User, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any
) -> None:
    settings.KPI_SOURCES_DIR = tmp_path / "sources"
    rung: list[bool] = []
    monkeypatch.setattr(tasks.load_sample_organisation, "delay", lambda: rung.append(True))
    assert client.post(reverse("load_sample")).status_code == 303
    assert rung == [True]
    assert "every 2s" in client.get(reverse("setup_sample")).content.decode()
    the_calendar()
    the_company()
    refused = client.post(reverse("load_sample"))
    assert refused.status_code == 422
    assert "empty installation" in refused.content.decode()
    assert rung == [True]


def test_an_address_that_is_none_is_named_by_its_line(client: Client, admin: User) -> None:
    the_company()
    said = {"people": "Ana Example <ana@example.com>\nBen", "role": "member", "unit": the_company().pk}
    refused = client.post(step("people"), said)
    assert refused.status_code == 422
    assert "Line 2 has no mail address" in refused.content.decode()
    assert User.objects.count() == 1


def test_an_empty_installation_is_led_to_its_plan(client):
    admin = a_person()
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    assert "No plan yet" in client.get(reverse("strategy:objectives")).content.decode()
    assert client.get(reverse("strategy:new_objective"))["Location"] == reverse("strategy:plan")
    plan = {"name": "FY27", "starts_on": "2027-01-01", "ends_on": "2027-12-31"}
    assert client.post(reverse("strategy:plan"), plan)["Location"] == reverse("strategy:perspectives")
    assert client.post(reverse("strategy:perspectives"), {"name": "Customer"}).status_code == 303
    assert client.get(reverse("strategy:new_objective")).status_code == 200
    assert "No objective yet" in client.get(reverse("kpis:configure")).content.decode()
    assert "No objective yet" in client.get(reverse("kpis:new")).content.decode()
