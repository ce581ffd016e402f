"""What the owner's page asks before it saves: explanations, a yes, a look at a pasted block; and what it shows."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kpiplatform.accounts.models import User
from kpis.models import Commentary, EntryRules, Kpi, Measurement, MeasurementRevision
from tests.dashboards.my_kpis.sheets import (
    HTMX,
    W44,
    W45,
    W46,
    W47,
    answer_in,
    body,
    cell,
    enter,
    page_of,
    row_state,
    type_into,
    words_in,
)
from tests.factories import a_kpi, limits

pytestmark = pytest.mark.django_db
TOLD = {"cause": "A strike.", "action": "Ferries.", "recovery_on": "2026-12-01"}


@pytest.fixture
def crews(rosa: User) -> Kpi:
    """Red under 4, and every red is explained."""
    EntryRules.objects.create(pk=1, explain_below=Decimal("3.33"))
    kpi = a_kpi("Crews", code="CREWS", owner=rosa, measure_unit="crews", decimals=0, minimum=0, maximum=100)
    limits(kpi, goal=6, red_flag=4)
    return kpi


def value() -> Decimal | None:
    return Measurement.objects.filter(period_start=W46).values_list("value", flat=True).first()


# --- explanations ---------------------------------------------------------------------------------------


def test_a_red_typed_into_the_grid_asks_for_its_explanation_and_stays_as_typed(client, crews):
    response = type_into(client, crews, W46, "3")
    assert response.status_code == 422
    shown = cell(body(response), crews, W46)
    assert "3 scores so low that it is saved with its explanation" in shown
    assert 'value="3"' in shown
    for name in TOLD:
        assert f'name="{name}"' in shown
    assert row_state(body(response), crews) == "W46 waits for its explanation"
    assert value() is None
    assert answer_in(client, crews, W46, seq="0", value="3", **TOLD).status_code == 200
    assert value() == 3
    assert Commentary.objects.get().action == "Ferries."


def test_half_an_explanation_is_kept_and_asked_for_again(client, crews):
    half = TOLD | {"recovery_on": "2026-11-10"}
    response = answer_in(client, crews, W46, seq="0", value="3", **half)
    assert response.status_code == 422
    shown = cell(body(response), crews, W46)
    assert "The value is well again after the period it explains, not before." in shown
    assert ">A strike.</textarea>" in shown
    assert 'type="date" value="2026-11-10"' in shown
    assert not Commentary.objects.exists()


def test_the_form_without_scripts_asks_below_its_fields_and_takes_both_in_one_step(client, crews):
    address = reverse("my:cell", args=["CREWS", W46])
    response = client.post(address, {"seq": "0", "value": "3"})
    assert response.status_code == 422
    assert 'name="cause"' in body(response)
    assert 'name="value" value="3"' in body(response)
    assert client.post(address, {"seq": "0", "value": "3", **TOLD}).status_code == 303
    assert (value(), Commentary.objects.count()) == (3, 1)


def test_a_correction_on_the_page_of_the_kpi_is_asked_the_same(client, crews):
    address = reverse("kpis:correct", args=["CREWS", W46])
    response = client.post(address, {"seq": "0", "value": "3", "note": "late"})
    assert response.status_code == 422
    assert "The value scores so low that it is saved with its explanation" in body(response)
    assert client.post(address, {"seq": "0", "value": "3", "note": "late", **TOLD}).status_code == 303
    assert (value(), Commentary.objects.count()) == (3, 1)


# --- sure? -----------------------------------------------------------------------------------------------


@pytest.fixture
def steady(crews: Kpi) -> Kpi:
    for weeks in range(1, 8):
        enter(crews, W46 - timedelta(weeks=weeks), str(8 + weeks % 2))
    return crews


def test_a_yes_is_asked_for_once_and_its_size_stands_in_the_history(client, steady):
    response = type_into(client, steady, W46, "60")
    assert 'name="sure" value="1"' in cell(body(response), steady, W46)
    assert answer_in(client, steady, W46, seq="0", value="60", sure="1").status_code == 200
    assert MeasurementRevision.objects.get(period_start=W46).unusual_by == 51
    page = words_in(body(client.get(reverse("my:cell", args=["CREWS", W46]))))
    assert "Confirmed at 51 times the usual move" in page


def test_the_page_of_the_kpi_asks_whether_an_unusual_value_is_right(client, steady):
    address = reverse("kpis:correct", args=["CREWS", W46])
    response = client.post(address, {"seq": "0", "value": "60"})
    assert response.status_code == 422
    assert "A move of 51 from 9, where 1 is usual: say that it is right." in body(response)
    assert client.post(address, {"seq": "0", "value": "60", "sure": "on"}).status_code == 303
    assert value() == 60


def test_after_the_yes_a_red_still_asks_for_its_explanation_but_not_for_the_yes_again(client, steady):
    response = answer_in(client, steady, W46, seq="0", value="0", sure="1")
    shown = cell(body(response), steady, W46)
    assert 'name="cause"' in shown
    assert 'name="sure" value="1"' in shown
    assert answer_in(client, steady, W46, seq="0", value="0", sure="1", **TOLD).status_code == 200
    assert value() == 0


# --- a block before it is saved ------------------------------------------------------------------------------


def preview(client: Client, cells: dict[str, str], left: list[str]) -> str:
    response = client.post(reverse("my:block"), {"preview": "1", **cells, "left": left}, headers=HTMX)
    assert response.status_code == 200
    return body(response)


def test_a_pasted_block_says_what_goes_where_and_stores_nothing(client, crews):
    enter(crews, W45, "6")
    shown = preview(
        client,
        {f"CREWS@{W44}@0": "5", f"CREWS@{W45}@1": "6", f"CREWS@{W46}@0": "six", f"CREWS@{W47}@0": "7,5"},
        ["Long delays, W46: 3.1", "9"],
    )
    text = words_in(shown)
    assert "1 value will be saved. 1 stands there already. 2 wait in their cells for you." in text
    assert "Crews, Harbor Airports, W46 : “six” is not a number." in text
    assert "“7,5”: your decimal mark is “.”, so write 7.5." in text
    assert "Without a cell to go to Long delays, W46: 3.1 9" in text
    assert 'class="num paste--invalid"' in shown
    assert f'name="CREWS@{W46}@0" value="six"' in shown
    assert Measurement.objects.count() == 1


def test_the_decimal_comma_of_a_block_is_the_persons(client, rosa, crews):
    User.objects.filter(pk=rosa.pk).update(locale="de")
    assert "paste--new" in preview(client, {f"CREWS@{W46}@0": "7,5"}, [])


@pytest.mark.parametrize(("locale", "text"), [("en", "1,250"), ("de", "1.250")])
def test_digits_that_a_spreadsheet_grouped_are_shown_as_they_are_read_before_they_are_saved(client, rosa, locale, text):
    User.objects.filter(pk=rosa.pk).update(locale=locale)
    a_kpi("Revenue", code="REVENUE", owner=rosa, decimals=0)
    shown = preview(client, {f"REVENUE@{W46}@0": text}, [])
    assert f'name="REVENUE@{W46}@0" value="1250"' in shown
    assert f"“{text[1]}” is read as the mark between thousands" in shown
    assert "paste--new" in shown
    assert type_into(client, Kpi.objects.get(code="REVENUE"), W46, text).status_code == 422


def test_an_empty_cell_of_a_block_leaves_the_value_that_stands(client, crews):
    enter(crews, W45, "6")
    shown = preview(client, {f"CREWS@{W45}@1": "", f"CREWS@{W46}@0": "5"}, [])
    assert "1 value will be saved. 1 cell of the block is empty and changes nothing." in words_in(shown)
    assert f"CREWS@{W45}@1" not in shown
    assert "Not saved as it is" not in shown


def test_a_block_that_changes_nothing_offers_nothing_to_save(client, crews):
    enter(crews, W45, "6")
    shown = preview(client, {f"CREWS@{W45}@1": "6"}, [])
    assert "Nothing will be saved. 1 stands there already." in words_in(shown)
    assert "data-paste-go" not in shown


def test_a_block_of_which_nothing_falls_on_a_field_loses_nothing(client, crews):
    assert "<li>9</li>" in preview(client, {"NONE@2026-11-09@0": "1"}, ["9"])


# --- what is shown -------------------------------------------------------------------------------------------


def test_one_frequency_and_more_past_periods_are_chosen_by_links(client, rosa, crews):
    a_kpi("Monthly", code="MONTHLY", owner=rosa, frequency="month")
    page = page_of(client)
    assert "cell-MONTHLY" in page
    assert f"cell-CREWS-{W46 - timedelta(weeks=6)}" not in page
    answer = body(client.get(reverse("my:kpis") + "?frequency=week&periods=13"))
    assert "cell-MONTHLY" not in answer
    assert f"cell-CREWS-{W46 - timedelta(weeks=12)}" in answer
    assert 'href="/my/?frequency=week&periods=26#values"' in answer
    assert 'href="/my/?periods=13#values"' in answer


@pytest.mark.parametrize("query", ["?periods=1000&frequency=second", "?periods=&frequency=", "?periods=x"])
def test_what_the_address_cannot_mean_shows_the_usual_grid(client, crews, query):
    answer = client.get(reverse("my:kpis") + query)
    assert answer.status_code == 200
    assert f"cell-CREWS-{W46 - timedelta(weeks=12)}" not in body(answer)


def test_a_value_typed_into_an_older_column_is_stored_and_comes_back(client, crews):
    old = W46 - timedelta(weeks=10)
    response = client.post(reverse("my:block"), {f"CREWS@{old}@0": "6", f"CREWS@{W46}@0": "7"}, headers=HTMX)
    assert response.status_code == 200
    assert "cell--saved" in cell(body(response), crews, old)
    assert Measurement.objects.get(period_start=old).value == 6


def test_a_day_that_begins_no_period_or_lies_ahead_is_no_field(client, crews):
    cells = {f"CREWS@{day}@0": "6" for day in (date(2026, 11, 10), date(2026, 11, 30))}
    assert client.post(reverse("my:block"), cells, headers=HTMX).status_code == 200
    assert not Measurement.objects.exists()


def test_a_block_is_stored_in_a_number_of_queries_that_does_not_grow_with_its_rows(client, rosa, crews):
    def sent(kpis: list[Kpi]) -> int:
        with CaptureQueriesContext(connection) as captured:
            cells = {f"{kpi.code}@{start}@0": "7" for kpi in kpis for start in (W45, W46, W47)}
            assert client.post(reverse("my:block"), cells, headers=HTMX).status_code == 200
        return len(captured)

    others = [a_kpi(f"Other {number}", owner=rosa, objective=crews.objective) for number in range(5)]
    for kpi in others:
        limits(kpi, goal=6, red_flag=4)
    one = sent([crews])  # the first also prepares what the connection keeps
    assert sent(others) <= one


def test_what_one_may_take_back_is_marked_in_its_cell(client, crews):
    enter(crews, W46, "6")
    enter(crews, W46, "7", seq=1)
    page = page_of(client)
    assert 'data-undo="2" data-undo-name="undo"' in cell(page, crews, W46)
    assert "data-undo=" not in cell(page, crews, W45)
