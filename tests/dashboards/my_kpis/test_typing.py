"""Typing into the owner's grid: what is stored, what is asked, and that nothing typed is lost."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.my_kpis import saving
from kpis.models import Kpi, Measurement, MeasurementRevision, PeriodLock
from tests.dashboards.my_kpis.sheets import (
    HTMX,
    W42,
    W43,
    W44,
    W45,
    W46,
    W47,
    answer_in,
    body,
    cell,
    enter,
    row_state,
    type_into,
    url_of,
    words_in,
)
from tests.factories import NOW, a_deputy, a_kpi, a_person, limits

pytestmark = pytest.mark.django_db


def value(kpi: Kpi, start: date) -> Decimal | None:
    return Measurement.objects.filter(kpi=kpi, period_start=start).values_list("value", flat=True).first()


# --- one cell -----------------------------------------------------------------------------------------


def test_a_typed_value_is_stored_and_the_cell_and_its_row_come_back(client, crews):
    limits(crews, goal=6, red_flag=4)
    response = type_into(client, crews, W46, "5")
    assert response.status_code == 200
    assert value(crews, W46) == 5
    part = body(response)
    assert part.startswith('<td class="cell cell--saved" id="cell-CREWS-2026-11-09">')
    assert 'name="CREWS@2026-11-09@1"' in cell(part, crews, W46)
    assert "band--risk" in cell(part, crews, W46)
    assert row_state(part, crews) == "W46 saved 08:00"
    assert 'hx-swap-oob="true"' in part
    fact = json.loads(response["HX-Trigger"])["measurement-recorded"]
    assert fact["message"] == "Crews, Harbor Airports, W46: 5\u202fcrews saved, at risk."


def test_a_value_that_changes_the_band_says_so(client, crews):
    limits(crews, goal=6, red_flag=4)
    type_into(client, crews, W46, "6")
    response = type_into(client, crews, W46, "3", seq=1)
    message = json.loads(response["HX-Trigger"])["measurement-recorded"]["message"]
    assert message.endswith("saved, on track before, off track now.")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("850", "850 is not between 0 and 100. Not saved."),
        ("six", "“six” is not a number. Not saved."),
        ("1,234", "“1,234” can be read as 1234 or as 1.234: write one of them. Not saved."),
        ("3,2", "“3,2”: your decimal mark is “.”, so write 3.2. Not saved."),
        ("NaN", "“NaN” is not a number. Not saved."),
    ],
)
def test_a_refused_value_stays_as_typed_with_the_reason_and_what_is_stored(client, crews, text, sentence):
    enter(crews, W46, "6")
    response = type_into(client, crews, W46, text, seq=1)
    assert response.status_code == 422
    assert "HX-Trigger" not in response
    part = body(response)
    shown = cell(part, crews, W46)
    assert "cell--invalid" in shown
    assert f'value="{text}"' in shown
    assert 'data-saved="6"' in shown
    assert 'aria-invalid="true"' in shown
    assert row_state(part, crews) == sentence
    assert value(crews, W46) == 6


def test_a_decimal_comma_is_read_where_the_person_writes_one(client, rosa, crews):
    User.objects.filter(pk=rosa.pk).update(locale="de")
    assert type_into(client, crews, W46, "3,25").status_code == 200
    assert value(crews, W46) == Decimal("3.25")
    assert type_into(client, crews, W47, "3.25").status_code == 422
    assert value(crews, W47) is None


def test_leaving_a_cell_as_it_was_writes_nothing(client, crews):
    enter(crews, W44, "6")
    response = type_into(client, crews, W44, "6", seq=1)
    assert response.status_code == 200
    assert "HX-Trigger" not in response
    assert MeasurementRevision.objects.count() == 1
    assert type_into(client, crews, W46, "").status_code == 200
    assert value(crews, W46) is None


def test_a_value_cannot_be_emptied_but_marked_as_not_applicable(client, crews):
    enter(crews, W46, "6")
    for text in ("", "n/a"):
        part = body(type_into(client, crews, W46, text, seq=1))
        assert "If W46 does not apply, say why." in part
        assert "Mark as not applicable" in part
    assert value(crews, W46) == 6


def test_an_older_value_asks_for_a_reason_in_its_cell_and_keeps_what_was_typed(client, crews):
    enter(crews, W44, "6", now=NOW - timedelta(days=20))
    response = type_into(client, crews, W44, "7", seq=1)
    assert response.status_code == 422
    shown = cell(body(response), crews, W44)
    assert "W44 has been read as 6. Why is it 7?" in words_in(shown)
    assert "cell--asking" in shown
    assert 'name="value" value="7"' in shown
    assert value(crews, W44) == 6
    response = answer_in(client, crews, W44, value="7", seq="1", sure="1", reason="Counted again")
    assert response.status_code == 200
    assert value(crews, W44) == 7
    revision = MeasurementRevision.objects.get(seq=2)
    assert (revision.kind, revision.note) == ("correction", "Counted again")


def test_an_unusual_move_is_asked_about_and_stored_on_a_yes(client, crews):
    for number, start in enumerate([W42 - timedelta(weeks=1), W42, W43, W44, W45, W46]):
        enter(crews, start, str(5 + number % 2))
    response = type_into(client, crews, W47, "57")
    assert response.status_code == 422
    shown = cell(body(response), crews, W47)
    assert "A move of 51 from 6, where 1 is usual. Is it right?" in shown
    assert "Save 57" in shown
    assert value(crews, W47) is None
    assert answer_in(client, crews, W47, value="57", seq="0", sure="1").status_code == 200
    assert value(crews, W47) == 57


def test_a_locked_period_keeps_what_was_typed_and_says_so(client, rosa, crews):
    PeriodLock.objects.create(calendar=crews.calendar, locked_until=W47, locked_by=rosa, locked_at=NOW)
    response = type_into(client, crews, W46, "6")
    assert response.status_code == 422
    assert row_state(body(response), crews) == "W46 is locked. Not saved."
    assert value(crews, W46) is None


# --- somebody else was quicker ------------------------------------------------------------------------


@pytest.fixture
def ana_was_quicker(crews: Kpi) -> Kpi:
    enter(crews, W46, "3", now=NOW - timedelta(days=1))
    enter(crews, W46, "3.2", seq=1, user=a_deputy(crews), now=NOW - timedelta(seconds=10))
    return crews


def test_a_value_changed_by_another_is_not_overwritten_and_both_are_shown(client, ana_was_quicker):
    response = type_into(client, ana_was_quicker, W46, "3.1", seq=1)
    assert response.status_code == 422
    part = body(response)
    shown = cell(part, ana_was_quicker, W46)
    assert "cell--conflict" in shown
    assert 'value="3.1"' in shown
    assert "Ana Kovač changed this to 3.2 ten seconds ago. You typed 3.1. Nothing is lost." in words_in(shown)
    assert "Keep 3.1" in shown
    assert "Take 3.2" in shown
    assert row_state(part, ana_was_quicker) == "conflict in W46"
    assert value(ana_was_quicker, W46) == Decimal("3.2")


def test_keeping_ones_value_writes_it_over_the_one_that_was_shown(client, ana_was_quicker):
    response = answer_in(client, ana_was_quicker, W46, value="3.1", seq="2", sure="1", reason="")
    assert response.status_code == 200
    assert value(ana_was_quicker, W46) == Decimal("3.1")
    assert MeasurementRevision.objects.count() == 3


def test_taking_the_other_value_writes_nothing(client, ana_was_quicker):
    response = answer_in(client, ana_was_quicker, W46, take="1")
    assert response.status_code == 200
    assert "HX-Trigger" not in response
    assert 'value="3.2"' in cell(body(response), ana_was_quicker, W46)
    assert MeasurementRevision.objects.count() == 2


def test_a_cell_that_was_not_touched_is_no_conflict_and_shows_the_new_value(client, ana_was_quicker):
    response = type_into(client, ana_was_quicker, W46, "3", seq=1)
    assert response.status_code == 200
    assert 'value="3.2"' in cell(body(response), ana_was_quicker, W46)


def test_typing_what_the_other_typed_is_no_conflict(client, ana_was_quicker):
    assert type_into(client, ana_was_quicker, W46, "3.2", seq=1).status_code == 200
    assert MeasurementRevision.objects.count() == 2


# --- taking back, confirming ----------------------------------------------------------------------------


def test_ones_own_change_is_taken_back(client, crews):
    enter(crews, W46, "6", now=NOW - timedelta(days=1))
    type_into(client, crews, W46, "7", seq=1)
    response = answer_in(client, crews, W46, undo="2")
    assert value(crews, W46) == 6
    assert "measurement-recorded" in response["HX-Trigger"]
    assert row_state(body(response), crews) == "W46 taken back 08:00, 7 → 6"


def test_taking_back_what_was_changed_again_shows_what_is_there(client, ana_was_quicker):
    response = answer_in(client, ana_was_quicker, W46, undo="2")
    assert response.status_code == 200
    assert 'value="3.2"' in cell(body(response), ana_was_quicker, W46)
    why = "nothing was taken back, because somebody else has changed the value since."
    assert why in response["HX-Trigger"]
    assert why in body(client.post(url_of(ana_was_quicker, W46), {"undo": "2"}, follow=True))
    assert answer_in(client, ana_was_quicker, W46, undo="x").status_code == 200
    assert MeasurementRevision.objects.count() == 2


def test_a_provisional_value_of_a_closed_period_is_confirmed_as_it_is(client, crews):
    enter(crews, W46, "6", now=NOW - timedelta(days=8))
    assert Measurement.objects.get().state == "provisional"
    response = answer_in(client, crews, W46, value="6", seq="1", sure="1", final="1")
    assert response.status_code == 200
    assert Measurement.objects.get().state == "reported"


# --- many cells at once -----------------------------------------------------------------------------------


def send_grid(client: Client, cells: dict[str, str], *, htmx: bool = True) -> HttpResponse:
    return client.post(reverse("my:block"), cells, headers=HTMX if htmx else {})


@pytest.fixture
def a_grid(rosa: User, crews: Kpi) -> dict[str, str]:
    """Every kind of cell at once: unchanged, new, changed, invalid, older, empty, contested, foreign, from a source."""
    enter(crews, W42, "4", now=NOW - timedelta(days=30))
    enter(crews, W44, "5", now=NOW - timedelta(days=20))
    enter(crews, W45, "5", now=NOW - timedelta(days=10))
    enter(crews, W45, "5.5", seq=1, user=a_deputy(crews), note="Counted", now=NOW - timedelta(minutes=3))
    enter(crews, W46, "6", now=NOW - timedelta(days=2))
    fed = a_kpi("Fed", code="FED", owner=rosa, entry=Kpi.Entry.SOURCE)
    foreign = a_kpi("Foreign", code="FOREIGN", owner=a_person())
    return {
        f"CREWS@{W42}@1": "4",
        f"CREWS@{W43}@0": "six",
        f"CREWS@{W44}@1": "7",
        f"CREWS@{W45}@1": "9",
        f"CREWS@{W46}@1": "8",
        f"CREWS@{W47}@0": "9",
        f"{fed.code}@{W46}@0": "1",
        f"{foreign.code}@{W46}@0": "1",
        "CREWS@nonsense@1": "1",
        f"CREWS@{W47}@x": "1",
    }


def test_a_block_stores_what_it_can_and_lists_the_rest_as_typed(client, crews, a_grid):
    response = send_grid(client, a_grid)
    assert response.status_code == 422
    assert json.loads(response["HX-Trigger"])["measurement-recorded"]["message"] == "2 values saved."
    assert (value(crews, W46), value(crews, W47)) == (8, 9)
    assert (value(crews, W43), value(crews, W44), value(crews, W45)) == (None, 5, Decimal("5.5"))
    assert set(Measurement.objects.values_list("kpi__code", flat=True)) == {"CREWS"}
    part = body(response)
    assert f'id="cell-CREWS-{W42}"' not in part
    for start, state in ((W43, "invalid"), (W44, "asking"), (W45, "conflict"), (W46, "saved"), (W47, "saved")):
        assert f"cell--{state}" in cell(part, crews, start)
    assert row_state(part, crews) == "W43, W44 and W45 not saved"
    assert "Ana Kovač changed this to 5.5 three minutes ago." in part
    assert "<b>Crews, Harbor Airports, W43</b><p> “six” is not a number.</p>" in part


def test_a_grid_sent_without_scripts_shows_the_page_with_what_is_not_saved(client, crews, a_grid):
    response = send_grid(client, a_grid, htmx=False)
    assert response.status_code == 422
    page = body(response)
    assert "<html" in page
    assert 'value="six"' in cell(page, crews, W43)
    assert "cell--saved" in cell(page, crews, W47)
    assert (value(crews, W46), value(crews, W47)) == (8, 9)


def test_a_grid_that_is_all_right_leads_back_to_the_page(client, crews):
    response = send_grid(client, {f"CREWS@{W46}@0": "6", f"CREWS@{W47}@0": ""}, htmx=False)
    assert (response.status_code, response["Location"]) == (303, reverse("my:kpis"))
    assert "1 value saved." in client.get(reverse("my:kpis")).content.decode()


def test_an_untouched_grid_writes_nothing_and_is_no_conflict_when_others_wrote(client, ana_was_quicker):
    response = send_grid(client, {f"CREWS@{W46}@1": "3", f"CREWS@{W47}@0": ""})
    assert response.status_code == 200
    assert "HX-Trigger" not in response
    assert 'value="3.2"' in cell(body(response), ana_was_quicker, W46)
    assert MeasurementRevision.objects.count() == 2


def test_a_block_saves_the_others_when_one_cell_is_contested_between_reading_and_writing(client, crews):
    other = a_kpi("Other", code="OTHER", owner=crews.owner)
    ana = a_deputy(crews)
    stored = saving.enter_measurements

    def interrupted(**said):
        if not Measurement.objects.exists():
            enter(crews, W46, "4", user=ana)
        return stored(**said)

    with patch.object(saving, "enter_measurements", interrupted):
        response = send_grid(client, {f"CREWS@{W46}@0": "6", f"OTHER@{W46}@0": "7"})
    assert response.status_code == 422
    assert (value(crews, W46), value(other, W46)) == (4, 7)
    assert "Ana Kovač changed this to 4 just now." in body(response)


def test_the_address_of_the_block_leads_to_the_page(client, rosa):
    assert client.get(reverse("my:block"))["Location"] == reverse("my:kpis")


def test_what_a_grid_opened_before_a_lock_sends_is_kept_in_sight_and_said(client, rosa, crews):
    type_into(client, crews, W45, "4")
    PeriodLock.objects.create(calendar=crews.calendar, locked_until=W46, locked_by=rosa, locked_at=NOW)
    cells = {f"CREWS@{W45}@1": "9", f"CREWS@{W46}@0": "7"}
    whole = client.post(reverse("my:block"), cells)
    assert whole.status_code == 422
    assert (value(crews, W45), value(crews, W46)) == (4, 7)
    assert "You typed 9. W45 is locked." in words_in(body(whole))
    assert reverse("kpis:reopen", args=["CREWS", W45]) in body(whole)
    part = client.post(reverse("my:block"), {f"CREWS@{W45}@1": "8"}, headers=HTMX)
    assert "You typed 8. W45 is locked." in words_in(body(part))
    assert client.post(reverse("my:block"), {f"CREWS@{W45}@1": "4"}).status_code == 303


def test_what_cannot_be_taken_back_because_of_a_lock_is_said(client, rosa, crews):
    enter(crews, W46, "6", now=NOW - timedelta(days=1))
    type_into(client, crews, W46, "7", seq=1)
    PeriodLock.objects.create(calendar=crews.calendar, locked_until=W47, locked_by=rosa, locked_at=NOW)
    why = "nothing was taken back, because the period was locked meanwhile."
    assert why in answer_in(client, crews, W46, undo="2")["HX-Trigger"]
    assert why in body(client.post(url_of(crews, W46), {"undo": "2"}, follow=True))
    assert value(crews, W46) == 7
