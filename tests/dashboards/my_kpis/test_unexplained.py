"""Values that were typed without the explanation that they need: kept for whoever typed them, counted nowhere."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from kpiplatform.accounts.models import User
from kpis.models import EntryRules, KeptValue, Kpi, Measurement, PeriodLock
from objectives.models import Role
from tests.dashboards.my_kpis.sheets import (
    W46,
    W47,
    answer_in,
    body,
    cell,
    enter,
    page_of,
    row_state,
    type_into,
    url_of,
    words_in,
)
from tests.factories import NOW, a_person, a_role, limits

pytestmark = pytest.mark.django_db
TOLD = {"cause": "A strike.", "action": "Ferries.", "recovery_on": "2026-12-01"}
STATE = "W46: your 3 waits for an explanation"


@pytest.fixture
def ana() -> User:
    person = a_person("Ana Kovač")
    a_role(person, Role.OWNER)
    return person


@pytest.fixture
def crews(crews: Kpi, ana: User) -> Kpi:
    """Red under 4, and every red is explained."""
    EntryRules.objects.create(pk=1, explain_below=Decimal("3.33"))
    limits(crews, goal=6, red_flag=4)
    crews.deputy = ana
    crews.save()
    return crews


def form_of(client: Client, kpi: Kpi) -> str:
    return body(client.get(url_of(kpi, W46)))


def test_what_was_typed_stands_in_the_grid_after_the_page_was_closed_and_counts_nowhere(client, crews):
    assert "it is kept here for you and does not count" in body(type_into(client, crews, W46, "3"))
    page = page_of(client)
    shown = cell(page, crews, W46)
    assert 'value="3"' in shown
    assert "cell--unexplained" in shown
    assert "waits for an explanation" in shown
    assert "cell-pop" not in shown
    assert row_state(page, crews) == STATE
    assert "Your 3 is kept, and counts once it is saved with its explanation." in words_in(page)
    assert not Measurement.objects.exists()


def test_nobody_else_sees_it(client, crews, ana):
    type_into(client, crews, W46, "3")
    other = Client()
    other.force_login(ana)
    assert 'value="3"' not in cell(page_of(other), crews, W46)
    assert "waits for its explanation" not in form_of(other, crews)


def test_its_form_holds_what_was_typed_and_saves_it_with_the_explanation(client, crews):
    half = {"cause": "A strike.", "action": ""}
    answer_in(client, crews, W46, value="3", seq="0", **half)
    said = form_of(client, crews)
    assert "3 crews, typed 08:00, waits for its explanation." in words_in(said)
    assert 'name="value" value="3"' in said
    assert "A strike.</textarea>" in said
    assert "errorlist" not in said
    assert client.post(url_of(crews, W46), {"seq": "0", "value": "3", **TOLD}).status_code == 303
    assert Measurement.objects.get().value == 3
    assert not KeptValue.objects.exists()


def test_the_form_without_scripts_keeps_it_too(client, crews):
    assert client.post(url_of(crews, W46), {"seq": "0", "value": "3"}).status_code == 422
    assert row_state(page_of(client), crews) == STATE


def test_the_page_of_the_kpi_keeps_it_and_shows_it_again(client, crews):
    address = reverse("kpis:correct", args=["CREWS", W46])
    assert client.post(address, {"seq": "0", "value": "3", "note": "late", "cause": "A strike."}).status_code == 422
    again = body(client.get(address))
    assert 'value="3"' in again
    assert "A strike.</textarea>" in again
    assert row_state(page_of(client), crews) == STATE


@pytest.mark.parametrize("said", [{"take": "1"}, {"value": "", "seq": "0"}])
def test_it_is_let_go_by_a_button_or_by_emptying_its_cell(client, crews, said):
    type_into(client, crews, W46, "3")
    assert answer_in(client, crews, W46, **said).status_code == 200
    assert not KeptValue.objects.exists()


def test_another_value_takes_its_place_and_a_better_one_is_stored(client, crews):
    type_into(client, crews, W46, "3")
    type_into(client, crews, W46, "2")
    assert KeptValue.objects.get().value == 2
    assert type_into(client, crews, W46, "5").status_code == 200
    assert (Measurement.objects.get().value, KeptValue.objects.count()) == (5, 0)


def test_where_somebody_else_was_quicker_their_value_stands_and_ones_own_is_not_lost(client, crews, ana):
    type_into(client, crews, W46, "3")
    enter(crews, W46, "6", user=ana)
    page = page_of(client)
    assert 'value="6"' in cell(page, crews, W46)
    assert row_state(page, crews) == STATE
    assert 'name="value" value="3"' in form_of(client, crews)


def test_a_preview_of_a_pasted_block_keeps_nothing(client, crews):
    client.post(reverse("my:block"), {f"CREWS@{W46}@0": "3", "preview": "1"}, headers={"HX-Request": "true"})
    assert not KeptValue.objects.exists()


def test_what_a_lock_keeps_from_being_explained_can_still_be_seen_and_let_go(client, crews):
    type_into(client, crews, W46, "3")
    PeriodLock.objects.create(calendar=crews.calendar, locked_until=W47, locked_by=crews.owner, locked_at=NOW)
    page = words_in(form_of(client, crews))
    assert "3 crews, typed" in page.replace("\u202f", " ")
    assert "Ask to reopen it" in page
    answer_in(client, crews, W46, take="1")
    assert not KeptValue.objects.exists()
