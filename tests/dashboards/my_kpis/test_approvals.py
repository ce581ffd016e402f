"""Values that wait for an approval on the owner's page: what each of the two people sees and can do."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kpiplatform.accounts.models import User
from kpis.models import EntryRules, Kpi, Measurement, PeriodLock, ProposedValue
from objectives.models import Role
from tests.dashboards.my_kpis.sheets import HTMX, W45, W46, body, cell, enter, page_of, row_state, type_into, words_in
from tests.factories import NOW, a_kpi, a_person, a_role, limits

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> User:
    person = a_person("Ana Kovač")
    a_role(person, Role.OWNER)
    return person


@pytest.fixture
def crews(rosa: User, ana: User) -> Kpi:
    kpi = a_kpi("Crews", code="CREWS", owner=rosa, deputy=ana, measure_unit="crews", decimals=0, needs_approval=True)
    limits(kpi, goal=6, red_flag=4)
    return kpi


@pytest.fixture
def deputy(ana: User) -> Client:
    client = Client()
    client.force_login(ana)
    return client


def decide(client: Client, **said: str | list[str]) -> HttpResponse:
    return client.post(reverse("my:approvals"), said)


def token(seq: int = 0) -> str:
    return f"{ProposedValue.objects.latest('pk').pk}@{seq}"


def test_what_the_deputy_types_waits_in_the_cell_without_a_band(crews, deputy):
    response = type_into(deputy, crews, W46, "5")
    assert response.status_code == 200
    shown = cell(body(response), crews, W46)
    assert "cell--waiting" in shown
    assert 'value="5"' in shown
    assert "band--" not in shown
    assert row_state(body(response), crews).startswith("W46 waits for approval")
    assert "waits for approval. It counts once somebody else has approved it." in response["HX-Trigger"]
    assert not Measurement.objects.exists()


def test_the_owner_finds_it_first_and_approves_it_there(client, crews, deputy):
    type_into(deputy, crews, W46, "5")
    page = page_of(client)
    assert page.index("Values to approve") < page.index("Values due")
    assert "One value waits for your approval" in words_in(page)
    assert re.search(r"5 crews [A-E] by Ana Kovač, no value yet\.", words_in(page))
    assert decide(client, one=token(), my="1")["Location"] == reverse("my:kpis")
    assert Measurement.objects.get().value == 5
    assert "Values to approve" not in page_of(client)


def test_the_owner_does_not_type_over_what_waits_but_opens_it(client, crews, deputy):
    type_into(deputy, crews, W46, "5")
    shown = cell(page_of(client), crews, W46)
    assert "<input" not in shown
    form = body(client.get(reverse("my:cell", args=["CREWS", W46])))
    assert "5\u202fcrews, entered by Ana Kovač 08:00, waits for approval." in form
    assert "Approve or reject it" in form


def test_who_reads_the_page_of_the_value_is_told_that_one_waits(client, crews, deputy):
    type_into(deputy, crews, W46, "5")
    page = body(client.get(reverse("kpis:correct", args=["CREWS", W46])))
    assert "5\u202fcrews, entered by Ana Kovač on 22 Nov 2026, 08:00, waits for approval." in page


def test_a_value_typed_while_another_came_to_wait_is_a_conflict_with_both_shown(client, crews, deputy):
    type_into(deputy, crews, W46, "5")
    response = type_into(client, crews, W46, "6")
    assert response.status_code == 422
    shown = words_in(cell(body(response), crews, W46))
    assert "Ana Kovač entered 5 just now; it waits for approval. You typed 6. Nothing is lost." in shown
    answer = {"value": "6", "seq": "0", "proposed": token().partition("@")[0]}
    assert client.post(reverse("my:cell", args=["CREWS", W46]), answer, headers=HTMX).status_code == 200
    assert Measurement.objects.get().value == 6
    assert ProposedValue.objects.get().outcome == "replaced"


def test_the_deputy_takes_back_what_waits(crews, deputy):
    type_into(deputy, crews, W46, "5")
    pk = token().partition("@")[0]
    response = deputy.post(reverse("my:cell", args=["CREWS", W46]), {"withdraw": pk}, headers=HTMX)
    assert response.status_code == 200
    assert "the value that waited is taken back." in response["HX-Trigger"]
    assert 'value=""' in cell(body(response), crews, W46)
    assert ProposedValue.objects.get().outcome == "withdrawn"


def test_a_rejection_needs_a_reason_which_the_author_reads_in_the_row(client, crews, deputy):
    type_into(deputy, crews, W46, "5")
    refused = decide(client, decision="reject", chosen=token())
    assert refused.status_code == 422
    assert "Say why: whoever entered the value has to know what to do." in body(refused)
    assert f'value="{token()}" aria-label="Crews, Harbor Airports, W46" checked' in body(refused)
    assert decide(client, decision="reject", chosen=token(), reason="The wrong week").status_code == 303
    assert row_state(page_of(deputy), crews) == "W46 rejected by Rosa Delgado: The wrong week"
    type_into(deputy, crews, W46, "6")
    assert row_state(page_of(deputy), crews).startswith("W46 waits for approval")


@pytest.mark.parametrize(
    "pressed", [{"decision": "approve", "chosen": "{}"}, {"decision": "approve_all", "shown": "{}"}, {"one": "{}"}]
)
def test_every_button_of_approval_pressed_twice_does_it_once(client, crews, deputy, pressed):
    type_into(deputy, crews, W46, "5")
    said = {name: value.format(token()) for name, value in pressed.items()}
    assert decide(client, **said).status_code == 303
    assert decide(client, **said).status_code == 303
    assert Measurement.objects.get().seq == 1


def test_a_value_that_its_author_changed_meanwhile_is_not_said_to_be_approved(client, crews, deputy, rosa):
    other = a_kpi("Other", code="OTHER", owner=rosa, deputy=crews.deputy, needs_approval=True)
    type_into(deputy, crews, W46, "5")
    seen = token()
    type_into(deputy, crews, W46, "6")
    response = client.post(reverse("my:approvals"), {"one": seen}, headers=HTMX)
    assert (response.status_code, "HX-Trigger" in response) == (422, False)
    assert "1 value was changed, taken back or decided by somebody else meanwhile" in body(response)
    assert "Nothing was saved yet" in body(response)
    assert not Measurement.objects.exists()
    type_into(deputy, other, W46, "7")
    response = decide(client, decision="approve", chosen=[seen, token(), "9" * 30])
    assert "<b>1 value approved.</b>" in body(response)
    assert "Nothing was saved yet" not in body(response)
    assert Measurement.objects.get().value == 7


def test_one_of_several_that_has_another_value_meanwhile_stays_and_the_others_are_approved(client, crews, deputy, rosa):
    other = a_kpi("Other", code="OTHER", owner=rosa, deputy=crews.deputy, needs_approval=True)
    type_into(deputy, crews, W46, "5")
    first = token()
    type_into(deputy, other, W46, "7")
    second = token()
    Measurement.objects.create(
        kpi=crews, period_start=W46, period_end=W46.replace(day=16), value=9, state="reported", seq=1, recorded_at=NOW
    )
    response = decide(client, decision="approve_all", shown=[first, second])
    assert response.status_code == 422
    assert "Crews, Harbor Airports, W46 has another value meanwhile: compare, then decide again." in body(response)
    assert Measurement.objects.get(kpi=other).value == 7
    assert Measurement.objects.get(kpi=crews).value == 9


def test_nobody_decides_about_their_own_value_or_one_that_is_not_theirs_to_see(client, crews, deputy):
    type_into(deputy, crews, W46, "5")
    assert decide(deputy, one=token()).status_code == 422
    stranger = Client()
    person = a_person("Noah Fields")
    a_role(person, Role.OWNER)
    stranger.force_login(person)
    assert "Crews" not in body(stranger.get(reverse("my:approvals")))
    assert decide(stranger, one=token()).status_code == 422
    assert not Measurement.objects.exists()


def test_where_owners_need_approval_their_deputy_decides(client, crews, deputy):
    EntryRules.objects.create(pk=1, owner_needs_approval=True)
    assert "cell--waiting" in cell(body(type_into(client, crews, W46, "5")), crews, W46)
    assert decide(deputy, one=token()).status_code == 303
    assert Measurement.objects.get().value == 5


def test_the_list_shows_what_stands_there_and_why_it_changes_in_a_constant_number_of_queries(client, crews, ana, rosa):
    enter(crews, W45, "6")
    enter(crews, W45, "5", seq=1, user=ana, note="Counted again")
    page = words_in(body(client.get(reverse("my:approvals"))))
    assert "Crews, Harbor Airports, W45 6 crews D 5 crews D" in page.replace("\u202f", " ")
    assert "Counted again" in page
    with CaptureQueriesContext(connection) as one:
        client.get(reverse("my:approvals"))
    for number in range(4):
        enter(a_kpi(f"Other {number}", owner=rosa, deputy=ana, needs_approval=True), W46, "5", user=ana)
    with CaptureQueriesContext(connection) as five:
        client.get(reverse("my:approvals"))
    assert len(one) == len(five)


def test_a_value_whose_period_was_locked_meanwhile_is_no_dead_end(client, rosa, crews, deputy):
    type_into(deputy, crews, W45, "5")
    type_into(deputy, crews, W46, "5")
    PeriodLock.objects.create(calendar=crews.calendar, locked_until=W46, locked_by=rosa, locked_at=NOW)
    first, second = (f"{one.pk}@0" for one in ProposedValue.objects.order_by("period_start"))
    reopen = reverse("kpis:reopen", args=[crews.code, W45])
    page = body(client.get(reverse("my:approvals")))
    assert reopen in page
    assert f'name="shown" value="{first}"' not in page
    assert "Approve it" in page
    assert reopen in page_of(client)
    refused = decide(client, decision="approve", chosen=[first, second])
    assert "Crews, Harbor Airports, W45 is locked: the value still waits." in words_in(body(refused))
    assert list(Measurement.objects.values_list("period_start", flat=True)) == [W46]
    assert decide(client, decision="reject", chosen=first, reason="too late").status_code in {200, 302, 303}
    assert ProposedValue.objects.get(period_start=W45).outcome == ProposedValue.Outcome.REJECTED
