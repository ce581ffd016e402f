"""The form of one value: for browsers without scripts, for ratios, corrections and what does not apply."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from kpis.models import Kpi, Measurement, MeasurementRevision, PeriodLock
from objectives.models import Role
from tests.dashboards.my_kpis.sheets import W44, W46, W47, body, enter, type_into, url_of, words_in
from tests.factories import NOW, a_deputy, a_kpi, a_person, a_role, limits

pytestmark = pytest.mark.django_db


def shown(client: Client, kpi: Kpi, start: date) -> str:
    response = client.get(url_of(kpi, start))
    assert response.status_code == 200
    return unescape(response.content.decode())


def send(client: Client, kpi: Kpi, start: date, seq: int = 0, **said: str) -> HttpResponse:
    return client.post(url_of(kpi, start), {"seq": str(seq), **said})


def refusal(response: HttpResponse) -> str:
    assert response.status_code == 422
    return words_in(unescape(response.content.decode()))


def test_it_shows_how_it_stands_and_every_revision(client, crews):
    limits(crews, goal=6, red_flag=4)
    enter(crews, W44, "5", now=NOW - timedelta(days=20))
    enter(crews, W44, "7", seq=1, note="Counted again", user=a_deputy(crews))
    text = words_in(shown(client, crews, W44))
    assert "Crews, W44 Harbor Airports, 26 Oct – 1 Nov 2026." in text
    assert "7\u202fcrews" in text.replace("\u2002", " ") or "7 crews" in text
    assert "2 7 E Ana Kovač 08:00 Counted again 1 5 D" in text


def test_a_value_is_stored_and_leads_back_to_its_cell(client, crews):
    response = send(client, crews, W46, value="6")
    assert response.status_code == 303
    assert response["Location"] == f"{reverse('my:kpis')}#cell-CREWS-{W46}"
    assert Measurement.objects.get().value == 6
    assert "Crews, Harbor Airports, W46: 6\u202fcrews saved." in unescape(
        client.get(reverse("my:kpis")).content.decode()
    )


def test_a_ratio_asks_for_both_parts_by_their_names(client, passed):
    page = shown(client, passed, W46)
    assert "Passed</label>" in page
    assert "Audits</label>" in page
    assert 'name="value"' not in page
    assert send(client, passed, W46, numerator="2", denominator="3").status_code == 303
    value = Measurement.objects.get()
    assert (value.value, value.numerator, value.denominator) == (Decimal("66.66666667"), 2, 3)
    assert 'name="numerator" value="2"' in shown(client, passed, W46)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"numerator": "2"}, "Audits : Type a number, or say that the period does not apply."),
        ({"numerator": "two", "denominator": "3"}, "Passed : “two” is not a number."),
        ({"numerator": "4", "denominator": "3"}, "Passed : The ratio is more than 100, the most this KPI can be."),
    ],
)
def test_a_ratio_that_cannot_be_is_refused_with_all_that_was_typed(client, passed, said, sentence):
    response = send(client, passed, W46, **said)
    assert sentence in refusal(response)
    assert f'value="{said["numerator"]}"' in response.content.decode()
    assert not Measurement.objects.exists()


def test_a_ratio_over_nothing_is_stored_without_value(client, passed):
    assert send(client, passed, W46, numerator="0", denominator="0").status_code == 303
    assert Measurement.objects.get().reason == "zero_denominator"
    assert "No value: the denominator is zero." in words_in(shown(client, passed, W46))


def test_whoever_comes_to_say_that_a_period_does_not_apply_finds_it_said(client, crews):
    ticked = re.compile(r'<input[^>]*name="not_applicable"[^>]* checked')
    address = url_of(crews, W46)
    assert ticked.search(body(client.get(address, {"not_applicable": "1"})))
    assert not ticked.search(body(client.get(address)))
    enter(crews, W46, "6")
    assert f'href="{address}?not_applicable=1">Mark as not applicable' in body(type_into(client, crews, W46, "", seq=1))


def test_a_period_that_does_not_apply_needs_a_reason_and_no_number(client, crews):
    assert "Say why the period does not apply." in refusal(send(client, crews, W46, not_applicable="on"))
    assert send(client, crews, W46, not_applicable="on", reason="Contractor until W46").status_code == 303
    value = Measurement.objects.get()
    assert (value.state, value.reason) == ("not_applicable", "Contractor until W46")
    assert "Not applicable: Contractor until W46." in words_in(shown(client, crews, W46))


def test_the_correction_of_an_older_value_needs_a_reason(client, crews):
    enter(crews, W44, "6", now=NOW - timedelta(days=20))
    response = send(client, crews, W44, seq=1, value="7")
    assert "Say why the value changes: others have read it as it stands." in refusal(response)
    assert 'value="7"' in response.content.decode()
    assert send(client, crews, W44, seq=1, value="7", reason="Counted again").status_code == 303
    assert MeasurementRevision.objects.get(seq=2).kind == "correction"


def test_the_value_of_a_source_is_corrected_with_a_reason(client, rosa):
    fed = a_kpi("On-time departures", owner=rosa, entry=Kpi.Entry.SOURCE)
    assert "Save the correction" in shown(client, fed, W46)
    assert "Say why the value changes" in refusal(send(client, fed, W46, value="77"))
    assert send(client, fed, W46, value="77", reason="The file was late").status_code == 303


def test_a_value_out_of_range_is_refused_even_with_a_reason(client, crews):
    assert "850 is not between 0 and 100." in refusal(send(client, crews, W46, value="850", reason="really"))


def test_an_unusual_move_is_asked_about_and_stored_on_a_yes(client, crews):
    for number in range(6):
        enter(crews, W46 - timedelta(weeks=number), str(5 + number % 2))
    response = send(client, crews, W47, value="57")
    assert "A move of 52 from 5, where 1 is usual. Is it right?" in refusal(response)
    assert 'value="57"' in response.content.decode()
    assert send(client, crews, W47, value="57", sure="1").status_code == 303


def test_a_closed_period_can_stay_provisional_the_open_one_always_is(client, crews):
    assert "Provisional: the final value follows" in shown(client, crews, W46)
    assert "Provisional: the final value follows" not in shown(client, crews, W47)
    assert send(client, crews, W46, value="6", provisional="on").status_code == 303
    assert Measurement.objects.get().state == "provisional"


def test_somebody_quicker_is_shown_beside_what_was_typed_and_the_second_try_keeps_it(client, crews):
    enter(crews, W46, "3.2", user=a_deputy(crews), now=NOW - timedelta(seconds=40))
    response = send(client, crews, W46, seq=0, value="3.1")
    assert "Ana Kovač changed this to 3.2 40 seconds ago. You typed 3.1. Nothing is lost." in refusal(response)
    page = unescape(response.content.decode())
    assert 'name="seq" value="1"' in page
    assert "Keep 3.1" in page
    assert "Take 3.2" in page
    assert send(client, crews, W46, seq=1, value="3.1", sure="1").status_code == 303
    assert Measurement.objects.get().value == Decimal("3.1")


def test_a_locked_period_is_read_only(client, rosa, crews):
    PeriodLock.objects.create(calendar=crews.calendar, locked_until=W47, locked_by=rosa, locked_at=NOW)
    page = shown(client, crews, W46)
    assert "W46 is locked" in page
    assert 'name="value"' not in page
    assert send(client, crews, W46, value="6").status_code == 422
    assert not Measurement.objects.exists()


def test_a_value_older_than_the_grid_can_be_corrected_too(client, crews):
    long_ago = W46 - timedelta(weeks=52)
    enter(crews, long_ago, "6", now=NOW - timedelta(days=300))
    assert send(client, crews, long_ago, seq=1, value="7", reason="Found the paper").status_code == 303
    assert Measurement.objects.get().value == 7


def test_what_no_cell_is_does_not_exist(client, rosa, crews):
    derived = a_kpi("Derived", owner=rosa, entry=Kpi.Entry.DERIVED)
    foreign = a_kpi("Foreign", owner=a_person())
    for kpi, start in (
        (crews, W46 + timedelta(days=1)),  # no week begins on a Tuesday
        (crews, W47 + timedelta(weeks=1)),  # not begun
        (derived, W46),
        (foreign, W46),
    ):
        assert client.get(url_of(kpi, start)).status_code == 404
        assert send(client, kpi, start, value="1").status_code == 404
    assert client.get(f"/my/{crews.code}/yesterday/").status_code == 404
    assert not Measurement.objects.exists()


def test_an_admin_may_correct_any_value(client, crews):
    admin = a_person("Admin")
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    assert send(client, crews, W46, value="6").status_code == 303
    assert MeasurementRevision.objects.get().recorded_by == admin


def test_the_address_needs_a_signed_in_person(crews):
    stranger = Client()
    for url in (reverse("my:kpis"), url_of(crews, W46), reverse("my:block")):
        assert reverse("account_login") in stranger.get(url)["Location"]
        assert stranger.post(url, {"value": "1", "seq": "0"}).status_code == 302
    assert not Measurement.objects.exists()


def test_a_number_beside_the_tick_that_says_none_applies_is_not_dropped(client, crews):
    enter(crews, W46, None, not_applicable="Strike", note="Strike")
    told = send(client, crews, W46, seq=1, value="6", not_applicable="on", reason="Strike")
    assert "You typed a value, too" in refusal(told)
    assert send(client, crews, W46, seq=1, value="6", reason="It ended").status_code == 303
    assert Measurement.objects.get().value == 6
