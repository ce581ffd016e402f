"""Values by spreadsheet: filled in what stands, sent back, looked at, recorded once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.urls import reverse
from openpyxl import Workbook

from kpiplatform.dashboards.fill_in import book
from kpis.models import EntryRules, KeptValue, Kpi, Measurement, MeasurementRevision, PeriodLock
from kpis.readings import Origin, Reading
from kpis.services.recording import record_measurements
from objectives.models import Role
from tests.dashboards.spreadsheets import a_workbook, confirmed, place, sent_back, taken_along
from tests.factories import NOW, a_kpi, a_person, a_role, limits

pytestmark = pytest.mark.django_db
Fill = Callable[[Workbook], None]
WEEK = date(2026, 11, 9)  # the last closed one
EARLIER = date(2026, 10, 5)


@pytest.fixture(autouse=True)
def _sunday():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def owner(client):
    person = a_person(email="ana@example.com")
    a_role(person, Role.OWNER)
    client.force_login(person)
    return person


def record(
    kpi: Kpi, values: dict[date, str], *, state: str = "reported", at: datetime = NOW - timedelta(days=1)
) -> None:
    readings = [
        Reading(
            kpi_id=kpi.pk, period_start=start, period_end=start + timedelta(days=7), value=Decimal(value), state=state
        )
        for start, value in values.items()
    ]
    record_measurements(readings=readings, origin=Origin(kind="manual", user_id=kpi.owner_id), now=at)


def remarks(client: Any, path: str) -> dict[str, tuple[str, str, str, str]]:
    return {line.period: (line.status, line.was, line.will, line.says) for line in client.get(path).context["lines"]}


def test_the_spreadsheet_goes_out_with_what_stands_and_what_is_locked(client, owner):
    kpi = a_kpi("On-time arrivals", code="OTP", owner=owner, minimum=0, maximum=100)
    a_kpi(code="RATIO", owner=owner, frequency="month", time_aggregation="ratio_of_sums", numerator_label="on time")
    a_kpi(code="FED", owner=owner, entry="source")
    record(kpi, {WEEK: "81.25"})
    PeriodLock.objects.create(calendar=kpi.calendar, locked_until=date(2026, 10, 12), locked_by=owner, locked_at=NOW)
    book = taken_along(client)
    assert place(book, "OTP|value", WEEK).value == 81.25
    assert (place(book, "OTP|value", WEEK).protection.locked, place(book, "OTP|value", EARLIER).protection.locked) == (
        False,
        True,
    )
    weekly = book["Weekly"]
    assert weekly.protection.sheet
    assert weekly.row_dimensions[1].hidden
    assert weekly.column_dimensions["A"].hidden
    assert [(rule.type, rule.formula1, rule.formula2) for rule in weekly.data_validations.dataValidation] == [
        ("decimal", "0.0", "100.0")
    ]
    assert [row[0].value for row in book["Monthly"].iter_rows()][2:] == ["RATIO|numerator", "RATIO|denominator"]
    assert "FED" not in str([cell.value for sheet in book for row in sheet.iter_rows() for cell in row])
    assert book["_seen"].sheet_state == "veryHidden"


def test_what_comes_back_is_looked_at_before_it_counts_and_recorded_as_an_upload(client, owner):
    kpi = a_kpi(code="OTP", owner=owner)
    record(kpi, {date(2026, 11, 2): "80"})
    book = taken_along(client)
    place(book, "OTP|value", WEEK).value = 82.5
    path = sent_back(client, book)
    text = client.get(path).content.decode()
    assert "1 new value, 0 changed, 0 refused, 7 as they were." in text
    assert Measurement.objects.count() == 1
    response = confirmed(client, path)
    assert response.status_code == 303
    revision = MeasurementRevision.objects.latest("pk")
    assert (revision.period_start, revision.value, revision.kind, revision.recorded_by) == (
        WEEK,
        Decimal("82.5"),
        "upload",
        owner,
    )
    assert "1 value was recorded." in client.get(path).content.decode()


def test_confirmed_twice_it_is_recorded_once(client, owner):
    a_kpi(code="OTP", owner=owner)
    book = taken_along(client)
    place(book, "OTP|value", WEEK).value = 82.5
    path = sent_back(client, book)
    seen = client.get(path).context["form"]["looked_at"].value()
    assert [client.post(path, {"looked_at": seen}).status_code for _ in range(2)] == [303, 200]
    assert MeasurementRevision.objects.count() == 1


def test_a_correction_of_what_others_have_read_needs_a_reason(client, owner):
    kpi = a_kpi(code="OTP", owner=owner)
    record(kpi, {EARLIER: "80"}, at=NOW - timedelta(days=30))
    book = taken_along(client)
    place(book, "OTP|value", EARLIER).value = 79
    path = sent_back(client, book)
    assert [line.grade for line in client.get(path).context["lines"]] == ["D"]  # of what stands there
    assert remarks(client, path)["2026-W41"] == (
        "changed",
        "80.0",
        "79.0",
        "A change that others have read: it needs a reason.",
    )
    refused = confirmed(client, path)
    assert refused.status_code == 422
    assert "error-summary" in refused.content.decode()
    assert confirmed(client, path, reason="counted again").status_code == 303
    assert MeasurementRevision.objects.latest("pk").note == "counted again"


def test_an_unusual_move_is_asked_about(client, owner):
    kpi = a_kpi(code="OTP", owner=owner)
    record(kpi, {WEEK - timedelta(days=7 * n): str(80 + n % 2) for n in range(1, 10)})
    book = taken_along(client)
    place(book, "OTP|value", WEEK).value = 8.1
    path = sent_back(client, book)
    assert "where 1 is usual" in remarks(client, path)["2026-W46"][3]
    assert "Say that they are right" in confirmed(client, path).content.decode()
    assert confirmed(client, path, sure="on").status_code == 303
    assert Measurement.objects.get(period_start=WEEK).value == Decimal("8.1")


def test_what_needs_an_explanation_is_kept_as_a_draft_and_the_rest_counts(client, owner):
    EntryRules.objects.create(explain_below=Decimal(5))
    kpi = a_kpi(code="OTP", owner=owner)
    limits(kpi, goal=80, red_flag=70)
    book = taken_along(client)
    place(book, "OTP|value", WEEK).value = 60
    path = sent_back(client, book)
    assert remarks(client, path)["2026-W46"][:3] == ("kept", "", "60.0")
    assert "Keep 1 draft" in client.get(path).content.decode()
    said = confirmed(client, path, reason="counted", follow=True).content.decode()
    assert "0 values were recorded. 1 is kept as your draft: it counts once you explain it on My KPIs." in said
    assert not Measurement.objects.exists()
    (kept,) = KeptValue.objects.all()
    assert (kept.value, kept.period_start, kept.entered_by, kept.note) == (60, WEEK, owner, "counted")
    assert "Your 60.0 is kept" in client.get(reverse("my:kpis")).content.decode()


def test_ratios_and_periods_that_do_not_apply_come_back_too(client, owner):
    a_kpi(code="RATIO", owner=owner, time_aggregation="ratio_of_sums", ratio_factor=100)
    book = taken_along(client)
    place(book, "RATIO|numerator", WEEK).value = 3
    place(book, "RATIO|denominator", WEEK).value = 4
    place(book, "RATIO|numerator", EARLIER).value = "n/a closed for works"
    place(book, "RATIO|numerator", date(2026, 10, 12)).value = 3
    path = sent_back(client, book)
    assert {period: status for period, (status, *_rest) in remarks(client, path).items()} == {
        "2026-W46": "new", "2026-W41": "new", "2026-W42": "refused",
    }  # fmt: skip
    confirmed(client, path)
    values = {row.period_start: (row.value, row.state, row.reason) for row in Measurement.objects.all()}
    assert values == {
        WEEK: (Decimal(75), "reported", ""),
        EARLIER: (None, "not_applicable", "closed for works"),
    }


def test_in_rows_a_value_may_be_provisional_or_not_apply(client, owner):
    a_kpi(code="OTP", owner=owner)
    book = taken_along(client, layout="rows")
    rows = {row[0].value: row for row in book["Values"].iter_rows()}
    rows[f"OTP|{WEEK}"][5].value, rows[f"OTP|{WEEK}"][8].value = 81, "yes"
    rows[f"OTP|{EARLIER}"][9].value = "strike"
    path = sent_back(client, book)
    confirmed(client, path)
    assert dict(Measurement.objects.values_list("period_start", "state")) == {
        WEEK: "provisional",
        EARLIER: "not_applicable",
    }


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("eighty", "“eighty” is not a number."),
        ("82,5", "your decimal mark is “.”"),
        (101, "101 is not between 0 and 100."),
    ],
)
def test_what_can_not_be_taken_says_why_and_the_rest_is_taken(client, owner, typed, says):
    a_kpi(code="OTP", owner=owner, minimum=0, maximum=100)
    book = taken_along(client)
    place(book, "OTP|value", WEEK).value = typed
    place(book, "OTP|value", EARLIER).value = 80
    path = sent_back(client, book)
    assert remarks(client, path)["2026-W46"][0] == "refused"
    assert says in remarks(client, path)["2026-W46"][3]
    confirmed(client, path)
    assert [row.period_start for row in Measurement.objects.all()] == [EARLIER]
    assert "1 was left out." in client.get(path).content.decode()


def test_a_text_is_read_with_the_decimal_mark_of_the_person(client, owner):
    owner.locale = "de"
    owner.save(update_fields=["locale"])
    a_kpi(code="OTP", owner=owner)
    assert "with “,” as decimal mark" in client.get(reverse("my:fill_in")).content.decode()
    book = taken_along(client)
    place(book, "OTP|value", WEEK).value = "82,5"
    confirmed(client, sent_back(client, book))
    assert Measurement.objects.get().value == Decimal("82.5")


def test_what_somebody_changed_meanwhile_is_not_overwritten(client, owner):
    kpi = a_kpi(code="OTP", owner=owner)
    record(kpi, {WEEK: "80"})
    book = taken_along(client)
    untouched = sent_back(client, book)
    record(kpi, {WEEK: "81"}, at=NOW)
    assert client.get(untouched).context["lines"] == []
    place(book, "OTP|value", WEEK).value = 70
    path = sent_back(client, book)
    status, was, _will, says = remarks(client, path)["2026-W46"]
    assert (status, was) == ("refused", "81.0")
    assert "changed meanwhile" in says


def test_what_is_confirmed_is_what_was_seen(client, owner):
    kpi = a_kpi(code="OTP", owner=owner)
    book = taken_along(client)
    place(book, "OTP|value", WEEK).value = 70
    path = sent_back(client, book)
    seen = client.get(path).context["form"]["looked_at"].value()
    record(kpi, {WEEK: "81"})
    response = client.post(path, {"looked_at": seen})
    assert response.status_code == 422
    assert Measurement.objects.get().value == 81


def test_emptied_locked_and_foreign_cells_are_not_taken(client, owner):
    kpi = a_kpi(code="OTP", owner=owner)
    record(kpi, {WEEK: "80"})
    theirs = a_kpi(code="THEIRS", owner=a_person("Daniel Reyes"), unit=kpi.unit)
    book = taken_along(client)
    place(book, "OTP|value", WEEK).value = None
    place(book, "OTP|value", EARLIER).value = 80
    sheet = book["Weekly"]
    sheet.cell(sheet.max_row + 1, 1).value = "THEIRS|value"
    sheet.cell(sheet.max_row, place(book, "OTP|value", WEEK).column).value = 1
    book["_seen"].append(["THEIRS", WEEK.isoformat(), 0])
    path = sent_back(client, book)
    PeriodLock.objects.create(calendar=kpi.calendar, locked_until=date(2026, 10, 12), locked_by=owner, locked_at=NOW)
    lines = {(line.kpi, line.period): line.says for line in client.get(path).context["lines"]}
    assert "corrected, not emptied" in lines[kpi.name, "2026-W46"]
    assert lines[kpi.name, "2026-W41"] == "The period is locked."
    assert lines["THEIRS", str(WEEK)] == "There is no such KPI or period that you fill in by hand."
    assert not theirs.measurements.exists()


def test_a_file_that_was_not_made_here_is_refused(client, owner):
    a_kpi(code="OTP", owner=owner)
    response = client.post(reverse("my:fill_in"), {"file": a_workbook(["OTP", 1])})
    assert response.status_code == 422
    assert "not a spreadsheet that was made here" in response.content.decode()


def test_admins_take_all_kpis_along_and_others_their_own(client, owner):
    a_kpi(code="OTP", owner=owner)
    a_kpi(code="THEIRS", owner=a_person("Daniel Reyes"))
    keys = [row[0].value for row in taken_along(client, whose="all")["Weekly"].iter_rows()]
    assert keys[2:] == ["OTP|value"]
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    keys = [row[0].value for row in taken_along(client, whose="all")["Weekly"].iter_rows()]
    assert set(keys[2:]) == {"OTP|value", "THEIRS|value"}


@pytest.mark.parametrize(
    ("most", "says"),
    [(17, "2 KPIs take at most 8 periods in one file."), (1, "These are 2 KPIs; a file has at most 1 values.")],
)
def test_a_file_that_would_not_be_taken_back_is_not_made(client, owner, monkeypatch, most, says):
    a_kpi(code="OTP", owner=owner)
    a_kpi(code="BAGS", owner=owner)
    monkeypatch.setattr(book, "VALUES_AT_MOST", most)
    response = client.get(reverse("my:spreadsheet"), {"layout": "rows", "periods": 9})
    assert response.status_code == 422
    assert says in response.content.decode()


def test_a_file_of_somebody_else_does_not_exist(client, owner):
    a_kpi(code="OTP", owner=owner)
    book = taken_along(client)
    place(book, "OTP|value", WEEK).value = 70
    path = sent_back(client, book)
    client.force_login(a_person("Bea Brandt"))
    assert client.get(path).status_code == 404
