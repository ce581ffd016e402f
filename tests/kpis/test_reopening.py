"""Locked periods are reopened by another person and close again by time alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.db import Error, transaction
from django.urls import reverse

from kpis.domain.periods import Calendar, Period, period_of
from kpis.models import (
    Kpi,
    KpiInput,
    Measurement,
    MeasurementRevision,
    OwedDerivation,
    PeriodLock,
    PeriodReopening,
)
from kpis.readings import PeriodLocked
from kpis.reopenings import closure_of
from kpis.services.entry import enter_measurement
from kpis.services.reopening import Refused, approve_reopening, ask_to_reopen, reject_reopening
from objectives.models import Organisation, Role
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, limits, the_calendar

pytestmark = pytest.mark.django_db
D = Decimal
DAY = timedelta(days=1)
W40: Period = period_of(date(2026, 9, 28), "week", Calendar())
TODAY = NOW.date()


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def kpi() -> Kpi:
    """A KPI with a value in W40, locked since."""
    kpi = a_kpi(code="OTD", unit=a_unit("lga"))
    a_role(kpi.owner, Role.OWNER, kpi.unit)
    limits(kpi)
    write(kpi, "82", seq=0, note="first")
    PeriodLock.objects.create(
        calendar=the_calendar(), locked_until=W40.end, locked_by=kpi.owner, locked_at=NOW, reason="Quarter closed."
    )
    return kpi


@pytest.fixture
def manager(kpi):
    person = a_person("Sofia Marin")
    a_role(person, Role.MANAGER, kpi.unit)
    return person


def write(kpi: Kpi, value: str, *, seq: int = 1, note: str = "late records", now: datetime = NOW):
    said = {"kpi": kpi, "period": W40, "expected_seq": seq, "user": kpi.owner, "now": now, "note": note}
    return enter_measurement(value=D(value), **said)


def asked(kpi: Kpi, by=None) -> PeriodReopening:
    return ask_to_reopen(kpi=kpi, period=W40, reason="late records", by=by or kpi.owner, now=NOW)


def test_a_reopened_period_takes_a_value_and_closes_again_without_anybody_doing_anything(kpi, manager):
    with pytest.raises(PeriodLocked):
        write(kpi, "60")
    approve_reopening(reopening=asked(kpi), last_day=TODAY + 3 * DAY, by=manager, now=NOW)
    assert write(kpi, "60").revised == 1
    end = datetime(2026, 11, 26, tzinfo=UTC)
    assert write(kpi, "61", seq=2, now=end - timedelta(seconds=1)).revised == 1
    with pytest.raises(PeriodLocked):
        write(kpi, "62", seq=3, now=end)
    assert closure_of(kpi, W40, now=end).is_closed


def test_the_last_day_ends_by_the_clock_of_the_organisation_also_where_the_clocks_change(kpi, manager):
    Organisation.objects.update(time_zone="America/New_York")
    now = datetime(2026, 10, 30, 12, tzinfo=UTC)
    row = approve_reopening(reopening=asked(kpi), last_day=date(2026, 11, 1), by=manager, now=now)
    assert row.expires_at == datetime(2026, 11, 2, 5, tzinfo=UTC)


def test_asked_twice_it_is_one_request_and_another_person_is_told_who_asked(kpi):
    assert asked(kpi) == asked(kpi)
    with pytest.raises(Refused, match="Ana Kovač has asked"):
        asked(kpi, by=a_person("Peter Haas"))
    assert PeriodReopening.objects.count() == 1


def test_what_is_open_need_not_be_asked_for(kpi, manager):
    PeriodLock.objects.update(locked_until=W40.start)
    with pytest.raises(Refused, match="is open"):
        asked(kpi)


@pytest.mark.parametrize("last_day", [TODAY - DAY, TODAY + 32 * DAY])
def test_a_period_is_not_reopened_for_the_past_nor_for_good(kpi, manager, last_day):
    with pytest.raises(Refused, match="within the next 31 days"):
        approve_reopening(reopening=asked(kpi), last_day=last_day, by=manager, now=NOW)


def test_nobody_decides_on_their_own_request_not_even_in_the_database(kpi):
    request = asked(kpi)
    for decide in (
        lambda: approve_reopening(reopening=request, last_day=TODAY, by=kpi.owner, now=NOW),
        lambda: reject_reopening(reopening=request, reason="no", by=kpi.owner, now=NOW),
    ):
        with pytest.raises(Refused, match="own request"):
            decide()
    for own in ({"approved_by": kpi.owner, "expires_at": NOW}, {"rejected_by": kpi.owner, "rejection": "no"}):
        with pytest.raises(Error, match="by_another"), transaction.atomic():
            PeriodReopening.objects.update(decided_at=NOW, **own)


def test_the_first_decision_stands_and_the_second_is_told_whose_it_was(kpi, manager):
    request = asked(kpi)
    reject_reopening(reopening=request, reason="The books are closed", by=manager, now=NOW)
    reject_reopening(reopening=request, reason="pressed twice", by=manager, now=NOW)
    for by in (manager, a_person("Admin")):
        with pytest.raises(Refused, match="Sofia Marin has rejected it"):
            approve_reopening(reopening=request, last_day=TODAY, by=by, now=NOW)
    request.refresh_from_db()
    assert (request.rejection, request.approved_by) == ("The books are closed", None)
    assert asked(kpi) != request


# --- pages --------------------------------------------------------------------------------------


def value_page(kpi: Kpi) -> str:
    return reverse("kpis:correct", args=[kpi.code, W40.start])


def test_from_the_locked_value_to_the_restatement(client, kpi, manager):
    client.force_login(kpi.owner)
    text = client.get(value_page(kpi)).content.decode()
    assert "Periods up to 4 Oct 2026 are locked for every unit, by Ana Kovač" in text
    assert "Quarter closed." in text
    assert 'id="correct-send"' not in text
    ask = reverse("kpis:reopen", args=[kpi.code, W40.start])
    assert ask in text
    made = client.post(ask, {"reason": "late records"})
    assert "nobody has decided yet" in client.get(value_page(kpi)).content.decode()

    client.force_login(manager)
    assert made["Location"] in client.get(reverse("kpis:reopenings")).content.decode()
    assert 'value="2026-11-25"' in client.get(made["Location"]).content.decode()
    client.post(made["Location"], {"decision": "approve", "last_day": "2026-11-25"})

    client.force_login(kpi.owner)
    text = client.get(value_page(kpi)).content.decode()
    assert "Open until the end of 25 Nov 2026, approved by Sofia Marin." in text
    client.post(value_page(kpi), {"value": "60", "seq": "1", "note": "late records"})
    text = client.get(made["Location"]).content.decode()
    written = text.partition("Written while it was open")[2]
    assert "82.0\u202f%" in written
    assert "60.0\u202f%" in written
    assert "late records" in written


def test_a_request_is_among_what_those_owe_who_decide_and_is_asked_for_from_the_locked_cell(client, kpi, manager):
    client.force_login(kpi.owner)
    cell = client.get(reverse("my:cell", args=[kpi.code, W40.start])).content.decode()
    assert reverse("kpis:reopen", args=[kpi.code, W40.start]) in cell
    request = asked(kpi)
    link = reverse("kpis:reopening", args=[request.pk])
    assert link not in client.get(reverse("my:kpis")).content.decode()
    client.force_login(manager)
    text = client.get(reverse("my:kpis")).content.decode()
    assert "Reopen W40 of On-time arrivals?" in text
    assert link in text
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    assert "1 request to reopen a locked period waits" in client.get(reverse("configuration")).content.decode()


def test_a_value_sent_into_a_locked_period_is_refused_and_what_was_typed_stays(client, kpi):
    client.force_login(kpi.owner)
    response = client.post(value_page(kpi), {"value": "60.5", "seq": "1", "note": "late records"})
    assert response.status_code == 422
    text = response.content.decode()
    assert 'value="60.5"' in text
    assert "can be changed only after it is reopened" in text
    assert reverse("kpis:reopen", args=[kpi.code, W40.start]) in text


# --- bringing a version back --------------------------------------------------------------------


@pytest.fixture
def changed_twice(kpi) -> Kpi:
    PeriodLock.objects.update(locked_until=W40.start)
    write(kpi, "60", seq=1)
    write(kpi, "61", seq=2)
    return kpi


def back(client, kpi: Kpi, version: int, **said: str):
    return client.post(reverse("kpis:bring_back", args=[kpi.code, W40.start, version]), {"note": "was right"} | said)


def test_any_earlier_version_is_brought_back_as_a_new_one_with_its_reason(client, changed_twice):
    client.force_login(changed_twice.owner)
    assert back(client, changed_twice, 1, seq="3").status_code == 303
    latest = MeasurementRevision.objects.latest("seq")
    assert (latest.seq, latest.value, latest.kind, latest.note) == (4, 82, "undo", "was right")
    assert Measurement.objects.get().value == 82
    assert back(client, changed_twice, 1, seq="3").status_code == 303  # the second press of the button
    assert MeasurementRevision.objects.count() == 4


@pytest.mark.parametrize("note", ["", "  "])
def test_bringing_back_needs_a_reason(client, changed_twice, note):
    client.force_login(changed_twice.owner)
    assert back(client, changed_twice, 1, seq="3", note=note).status_code == 422
    assert MeasurementRevision.objects.count() == 3


def test_a_value_that_somebody_changed_meanwhile_is_not_overwritten_by_bringing_back(client, changed_twice):
    client.force_login(changed_twice.owner)
    response = back(client, changed_twice, 1, seq="2")
    text = response.content.decode()
    assert response.status_code == 422
    assert "Ana Kovač changed the value meanwhile" in text
    assert "was right" in text
    assert 'name="seq" value="3"' in text
    assert MeasurementRevision.objects.count() == 3


def test_the_page_of_a_value_tells_each_version_before_and_after_to_everybody_who_sees_the_kpi(client, changed_twice):
    auditor = a_person("Victor Amadi")
    a_role(auditor, Role.AUDITOR, changed_twice.unit)
    client.force_login(auditor)
    response = client.get(value_page(changed_twice))
    assert [(row.seq, row.was, row.now, row.why) for row in response.context["versions"]] == [
        (3, "60.0\u202f%", "61.0\u202f%", "late records"),
        (2, "82.0\u202f%", "60.0\u202f%", "late records"),
        (1, "", "82.0\u202f%", "first"),
    ]
    assert 'method="post"' not in response.content.decode().partition("<main")[2]
    assert back(client, changed_twice, 1, seq="3").status_code == 403


def test_a_computed_value_behind_a_lock_is_asked_for_like_any_other(client, kpi, manager):
    sums = a_kpi("Sum", code="SUM", unit=kpi.unit, owner=kpi.owner, entry="derived", formula="[OTD] × 2")
    KpiInput.objects.create(kpi=sums, input=kpi)
    OwedDerivation.objects.create(kpi=sums, period_start=W40.start, period_end=W40.end, waits_for_lock=True)
    PeriodLock.objects.create(calendar=kpi.calendar, locked_until=W40.end, locked_by=manager, locked_at=NOW)
    client.force_login(kpi.owner)
    row = approve_reopening(reopening=asked(kpi), last_day=TODAY, by=manager, now=NOW)
    reopen = reverse("kpis:reopen", args=["SUM", W40.start])
    assert reopen in client.get(reverse("kpis:reopening", args=[row.pk])).content.decode()
    assert reopen in client.get(reverse("kpis:explained", args=["SUM"])).content.decode()
    assert client.post(reopen, {"reason": "its input was corrected"}).status_code == 303
    other = PeriodReopening.objects.get(kpi=sums)
    approve_reopening(reopening=other, last_day=TODAY, by=manager, now=NOW)
    assert reopen not in client.get(reverse("kpis:reopening", args=[row.pk])).content.decode()


def test_an_auditor_and_the_owner_read_who_asked_and_what_was_written(client, kpi, manager):
    row, auditor, stranger = asked(kpi, manager), a_person("Victor Amadi"), a_person("Noah Fields")
    a_role(auditor, Role.AUDITOR, kpi.unit)
    a_role(stranger, Role.MEMBER, kpi.unit)
    page, listed = reverse("kpis:reopening", args=[row.pk]), reverse("kpis:reopenings")
    for person, status in ((auditor, 200), (kpi.owner, 200), (stranger, 404)):
        client.force_login(person)
        assert client.get(page).status_code == status
        assert (page in client.get(listed).content.decode()) == (status == 200)
    client.force_login(auditor)
    assert client.post(page, {"decision": "approve", "last_day": str(TODAY)}).status_code == 403
