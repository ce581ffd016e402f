"""Correcting a value on the page of its KPI."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.urls import reverse

from kpis.domain.entry_checks import typed_text
from kpis.models import Evaluation, Kpi, KpiState, Measurement, MeasurementRevision, PeriodLock
from kpis.readings import Origin, Reading
from kpis.services.recording import record_measurements
from objectives.models import Role
from tests.factories import NOW, a_kpi, a_person, a_role, limits, the_calendar

pytestmark = pytest.mark.django_db
D = Decimal
HTMX = {"HX-Request": "true"}
W45, W46, W47, W48 = (date(2026, 11, 2) + timedelta(weeks=weeks) for weeks in range(4))
SAID = {"value": "82.5", "note": "late diversion records", "not_applicable": "", "seq": "1"}


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def kpi(client) -> Kpi:
    """A KPI at risk in W46, whose owner is signed in."""
    kpi = a_kpi(code="OTD", entry=Kpi.Entry.SOURCE)
    a_role(kpi.owner, Role.OWNER)
    limits(kpi, goal=80, red_flag=72)
    store(kpi, {W45: "79.3", W46: "77.6"})
    client.force_login(kpi.owner)
    return kpi


def store(kpi: Kpi, values: dict[date, str], user_id: int | None = None) -> None:
    record_measurements(
        readings=[
            Reading(kpi_id=kpi.pk, period_start=start, period_end=start + timedelta(days=7), value=D(value))
            for start, value in values.items()
        ],
        origin=Origin(kind="manual", user_id=user_id or kpi.owner_id),
        now=NOW - timedelta(hours=1),
    )


def address(kpi: Kpi, start: date = W46) -> str:
    return reverse("kpis:correct", args=[kpi.code, start])


def test_a_correction_is_a_revision_with_its_reason_judged_at_once(client, kpi):
    response = client.post(address(kpi), SAID)
    assert (response.status_code, response["Location"]) == (303, "/kpis/OTD/#table")
    latest = MeasurementRevision.objects.order_by("-seq").first()
    assert (latest.seq, latest.value, latest.kind, latest.note) == (2, D("82.5"), "correction", SAID["note"])
    assert latest.recorded_by == kpi.owner
    assert Evaluation.objects.get(period_start=W46).band == "on_track"
    assert KpiState.objects.get().value == D("82.5")


def test_htmx_gets_the_fact_and_a_word_that_takes_the_focus(client, kpi):
    response = client.post(address(kpi), SAID, headers=HTMX)
    assert response.status_code == 200
    assert '"measurement-recorded"' in response["HX-Trigger"]
    assert "W46, 9–15 Nov is recorded." in response.content.decode()
    assert b"autofocus" in response.content


def test_the_form_shows_the_value_as_the_reader_types_it_and_its_versions(client, kpi):
    kpi.owner.locale = "de"
    kpi.owner.save()
    page = client.get(address(kpi)).content.decode()
    assert 'value="77,6"' in page
    assert "77,6\u202f%" in page
    assert client.post(address(kpi), SAID | {"value": "82,5"}).status_code == 303
    assert Measurement.objects.get(period_start=W46).value == D("82.5")


def test_a_second_press_stores_nothing_more(client, kpi):
    for _ in range(2):
        assert client.post(address(kpi), SAID).status_code == 303
    assert MeasurementRevision.objects.filter(period_start=W46).count() == 2


def test_a_value_that_someone_else_changed_meanwhile_is_not_overwritten_unseen(client, kpi):
    store(kpi, {W46: "70"}, user_id=a_person("Peter Haas").pk)
    response = client.post(address(kpi), SAID)
    page = response.content.decode()
    assert response.status_code == 422
    assert "Someone changed the value meanwhile" in page
    assert "Peter Haas" in page
    assert 'value="82.5"' in page
    assert Measurement.objects.get(period_start=W46).value == 70
    assert 'name="seq" value="2"' in page
    assert client.post(address(kpi), SAID | {"seq": "2"}).status_code == 303
    assert Measurement.objects.get(period_start=W46).value == D("82.5")


def test_another_mistake_does_not_hide_that_someone_changed_the_value(client, kpi):
    store(kpi, {W46: "70"}, user_id=a_person().pk)
    page = client.post(address(kpi), SAID | {"value": "many"}).content.decode()
    assert 'name="seq" value="1"' in page


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"value": ""}, "This field is required."),
        ({"value": "many"}, "“many” is not a number."),
        ({"value": "NaN"}, "“NaN” is not a number."),
        ({"value": "1e3"}, "“1e3” is not a number."),
        ({"value": "82,5"}, "your decimal mark is “.”"),
        ({"value": "101"}, "This KPI lies between 0 and 100."),
        ({"note": ""}, "Say why the value differs from what the source says."),
        ({"note": "x" * 401}, "at most 400 characters"),
        ({"seq": ""}, "This field is required."),
        ({"seq": "-1"}, "greater than or equal to 0"),
    ],
)
def test_a_refused_value_says_why_and_nothing_is_written(client, kpi, said, why):
    Kpi.objects.filter(pk=kpi.pk).update(minimum=0, maximum=100)
    for headers in ({}, HTMX):
        response = client.post(address(kpi), SAID | said, headers=headers)
        assert response.status_code == 422
        assert why in response.content.decode()
    assert MeasurementRevision.objects.count() == 2


def test_an_edited_value_that_others_read_needs_a_reason_also_where_no_source_feeds_it(client, kpi):
    Kpi.objects.filter(pk=kpi.pk).update(entry=Kpi.Entry.MANUAL)
    response = client.post(address(kpi, W45), SAID | {"note": ""})
    assert response.status_code == 422
    assert "Others have read the present value: say why it changes." in response.content.decode()


def test_a_locked_week_is_refused_with_a_sentence(client, kpi):
    PeriodLock.objects.create(calendar=the_calendar(), locked_until=W47, locked_by=kpi.owner, locked_at=NOW)
    response = client.post(address(kpi), SAID)
    assert response.status_code == 422
    assert "W46, 9–15 Nov is locked" in response.content.decode()
    assert Measurement.objects.get(period_start=W46).value == D("77.6")


def test_a_week_that_has_not_begun_is_refused_with_a_sentence(client, kpi):
    response = client.post(address(kpi, W48), SAID | {"seq": "0"})
    assert response.status_code == 422
    assert "W48, 23–29 Nov has not begun." in response.content.decode()


def test_the_open_week_is_stored_as_provisional(client, kpi):
    assert client.post(address(kpi, W47), SAID | {"seq": "0"}).status_code == 303
    assert Measurement.objects.get(period_start=W47).state == "provisional"


def test_a_week_that_does_not_apply_keeps_the_reason_instead_of_a_value(client, kpi):
    client.post(address(kpi), SAID | {"value": "", "not_applicable": "runway closed"})
    stored = Measurement.objects.get(period_start=W46)
    assert (stored.state, stored.value, stored.reason) == ("not_applicable", None, "runway closed")


def test_a_ratio_is_entered_by_its_parts(client, kpi):
    Kpi.objects.filter(pk=kpi.pk).update(
        time_aggregation=Kpi.Aggregation.RATIO_OF_SUMS,
        ratio_factor=100,
        numerator_label="left on time",
        denominator_label="departures",
    )
    page = client.get(address(kpi)).content.decode()
    assert "Left on time" in page
    assert "Departures" in page
    said = SAID | {"numerator": "1,443", "denominator": "1859"}
    assert client.post(address(kpi), said).status_code == 422  # 1,443 may be 1.443
    assert client.post(address(kpi), said | {"numerator": "1443"}).status_code == 303
    stored = Measurement.objects.get(period_start=W46)
    assert (stored.value, stored.numerator) == (D("77.62237762"), 1443)


@pytest.mark.parametrize("start", ["2026-11-10", "2026-13-01", "2026-02-30"])
def test_there_is_a_form_only_for_the_first_day_of_a_period(client, kpi, start):
    assert client.get(f"/kpis/OTD/measurements/{start}/").status_code == 404


@pytest.mark.parametrize("role", [Role.MEMBER, Role.MANAGER, Role.AUDITOR])
def test_whoever_may_only_see_the_kpi_finds_no_form(client, kpi, role):
    person = a_person()
    a_role(person, role)
    client.force_login(person)
    response = client.get(address(kpi))
    assert (response.status_code, response.context["correction_form"]) == (200, None)
    assert client.post(address(kpi), SAID).status_code == 403
    assert MeasurementRevision.objects.count() == 2


def test_a_computed_kpi_has_no_form(client, kpi):
    Kpi.objects.filter(pk=kpi.pk).update(entry=Kpi.Entry.DERIVED)
    assert client.get(address(kpi)).context["correction_form"] is None
    assert client.post(address(kpi), SAID).status_code == 403


@pytest.mark.parametrize(
    ("entry", "start", "is_needed"),
    [("source", W46, True), ("manual", W45, True), ("manual", W46, False), ("manual", W47, False)],
)
def test_a_reason_is_called_optional_only_where_a_change_is_taken_without_one(client, kpi, entry, start, is_needed):
    Kpi.objects.update(entry=entry)
    for path in (address(kpi, start), reverse("my:cell", args=[kpi.code, start])):
        text = client.get(path).content.decode()
        label = text[text.index("Reason") :].split("</label>")[0]
        assert ("optional" not in label) is is_needed, path
    seq = int(start < W47)
    refused = client.post(address(kpi, start), {"value": "90", "note": "", "seq": seq}).status_code == 422
    assert refused is is_needed


def test_a_period_that_did_not_apply_gets_its_value_back_and_neither_of_two_answers_is_dropped(client, kpi):
    client.force_login(kpi.owner)
    both = client.post(address(kpi), SAID | {"not_applicable": "runway closed"})
    assert both.status_code == 422
    assert "empty one of the two" in both.content.decode()
    stands = Measurement.objects.get(kpi=kpi, period_start=W46)
    left = typed_text(stands.value, kpi.decimals, locale="en")
    client.post(address(kpi), SAID | {"value": left, "not_applicable": "runway closed"})
    assert Measurement.objects.get(kpi=kpi, period_start=W46).value is None
    again = SAID | {"value": "81", "seq": "2", "note": "it was open"}
    assert client.post(address(kpi), again | {"not_applicable": "runway closed"}).status_code == 422
    assert client.post(address(kpi), again).status_code == 303
    assert Measurement.objects.get(kpi=kpi, period_start=W46).value == 81


def test_a_value_of_a_period_that_is_over_is_corrected_as_provisional_until_it_is_said_to_be_final(client, kpi):
    client.force_login(kpi.owner)
    client.post(address(kpi), SAID | {"provisional": "on"})
    assert Measurement.objects.get(kpi=kpi, period_start=W46).state == "provisional"
    assert client.get(address(kpi)).context["correction_form"]["provisional"].value() is True
    client.post(address(kpi), SAID | {"seq": "2"})
    assert Measurement.objects.get(kpi=kpi, period_start=W46).state == "reported"
