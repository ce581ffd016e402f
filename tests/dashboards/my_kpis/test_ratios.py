"""Ratios in the owner's grid: both parts in one cell, the result beside them, and what is asked about slips."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from kpis.models import Kpi, Measurement
from tests.dashboards.my_kpis.sheets import (
    HTMX,
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

pytestmark = pytest.mark.django_db


def stored(kpi: Kpi) -> tuple[Decimal | None, Decimal | None, Decimal | None] | None:
    rows = Measurement.objects.filter(kpi=kpi, period_start=W46)
    return rows.values_list("numerator", "denominator", "value").first()


def test_both_parts_are_typed_into_one_cell_and_stand_there_with_what_they_come_to(client, passed):
    assert 'placeholder="missing" inputmode="text"' in cell(page_of(client), passed, W46)
    response = type_into(client, passed, W46, "12/400")
    assert response.status_code == 200
    assert stored(passed) == (12, 400, 3)
    for page in (body(response), page_of(client)):
        shown = cell(page, passed, W46)
        assert 'value="12/400"' in shown
        assert words_in(shown) == "3.0"
    assert "typed as passed/audits" in shown
    assert Measurement.objects.get().seq == 1
    type_into(client, passed, W46, "12/400", seq=1)  # sent again with a page saved whole
    assert Measurement.objects.get().seq == 1
    assert "W46 saved" in row_state(page_of(client), passed)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("4/12/2026", "“4/12/2026” may be a date: type passed/audits, such as 12/400."),
        ("12-Apr", "“12-Apr” may be a date: type passed/audits, such as 12/400."),
        ("3 %", "“3 %” is no ratio: type passed/audits, such as 12/400."),
        ("12/many", "“many” is not a number."),
        ("12/1,200", "“1,200” can be read as 1200 or as 1.200: write one of them."),
        ("500/400", "500/400 is more than 100, the most this KPI can be."),
    ],
)
def test_what_is_no_ratio_is_said_and_stays_as_it_was_typed(client, passed, text, sentence):
    response = type_into(client, passed, W46, text)
    assert response.status_code == 422
    shown = cell(body(response), passed, W46)
    assert f'value="{text}"' in shown
    assert sentence in words_in(shown)
    assert stored(passed) is None


def test_a_ratio_over_nothing_is_asked_about_and_can_be_meant(client, passed):
    response = type_into(client, passed, W46, "0/0")
    assert response.status_code == 422
    shown = cell(body(response), passed, W46)
    assert "“0/0” divides by zero, so W46 would have no value. Is it right?" in words_in(shown)
    assert 'value="0/0"' in shown
    assert stored(passed) is None
    assert answer_in(client, passed, W46, value="0/0", seq="0", sure="1").status_code == 200
    assert stored(passed) == (0, 0, None)
    shown = cell(page_of(client), passed, W46)
    assert ('value="0/0"' in shown, words_in(shown)) == (True, "–")


def test_a_pasted_block_is_shown_and_saved_with_its_ratios(client, passed, crews):
    cells = {f"AUDITS@{W45}@0": "2/4", f"AUDITS@{W46}@0": "04/12", f"CREWS@{W46}@0": "5"}
    preview = words_in(body(client.post(reverse("my:block"), {**cells, "preview": "1"}, headers=HTMX)))
    assert "2 values will be saved." in preview
    assert "“04/12” may be a date" in preview
    assert stored(passed) is None
    response = client.post(reverse("my:block"), cells, headers=HTMX)
    assert response.status_code == 422
    assert 'value="04/12"' in cell(body(response), passed, W46)
    assert Measurement.objects.get(kpi=passed).value == 50


def test_somebody_who_was_quicker_is_told_with_both_parts(client: Client, passed):
    enter(passed, W46, None, numerator=Decimal(9), denominator=Decimal(12), user=passed.owner)
    response = type_into(client, passed, W46, "10/12")
    assert response.status_code == 422
    said = words_in(cell(body(response), passed, W46))
    assert "You changed this to 9/12" in said
    assert "Keep 10/12" in said


def test_a_provisional_ratio_is_confirmed_as_it_is(client, passed):
    Kpi.objects.update(active_from=W46)
    for week in (W46, W47):
        enter(passed, week, None, numerator=Decimal(9), denominator=Decimal(12), provisional=True)
    assert "Confirm 9/12" in words_in(page_of(client))
    answer_in(client, passed, W46, value="9/12", seq="1", final="1")
    assert Measurement.objects.get(period_start=W46).state == "reported"
