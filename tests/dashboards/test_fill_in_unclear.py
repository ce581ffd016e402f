"""Spreadsheets that came back and say too little, or two things at once: nothing typed is passed over in silence."""

from __future__ import annotations

from datetime import date

import pytest
import time_machine

from objectives.models import Role
from tests.dashboards.spreadsheets import confirmed, lines_of, place, sent_back, taken_along
from tests.factories import NOW, a_kpi, a_person, a_role

pytestmark = pytest.mark.django_db
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


def test_nothing_that_was_typed_is_passed_over_in_silence(client, owner):
    a_kpi(code="OTP", owner=owner)
    book = taken_along(client)
    sheet, column = book["Weekly"], place(book, "OTP|value", WEEK).column
    sheet.cell(3, 1).value = None  # the hidden key
    sheet.cell(3, column).value = 82.5
    sheet.append(["GONE|value", "Gone", *[None] * (column - 3), 7])
    found = lines_of(client, sent_back(client, book))
    assert {spot: (status, says[:26]) for spot, (status, _will, says) in found.items()} == {
        "Weekly!3": ("refused", "The row is none that the f"),
        "Weekly!4": ("refused", "The row is none that the f"),
    }


def test_a_column_without_its_period_and_a_sheet_without_its_mark_are_named(client, owner):
    a_kpi(code="OTP", owner=owner)
    a_kpi(code="AUDITS", owner=owner, frequency="month")
    book = taken_along(client)
    cell = place(book, "OTP|value", WEEK)
    cell.value = 82.5
    book["Weekly"].cell(1, cell.column).value = "9 November"
    book["Monthly"]["A1"] = None
    found = lines_of(client, sent_back(client, book))
    assert {spot: says[:40] for spot, (_status, _will, says) in found.items()} == {
        "Monthly": "The hidden cell A1 of the sheet was chan",
        f"Weekly!{cell.column_letter}": "The column has no period in its hidden f",
    }


def test_a_sheet_and_a_column_that_people_made_for_themselves_stop_nothing(client, owner):
    a_kpi(code="OTP", owner=owner)
    book = taken_along(client)
    place(book, "OTP|value", WEEK).value = 82.5
    book.create_sheet("Notes").append(["counted on Monday", 7])
    book["Weekly"].insert_cols(6)
    assert [status for status, *_rest in lines_of(client, sent_back(client, book)).values()] == ["new"]


def test_a_value_that_stands_twice_is_taken_only_if_both_are_the_same(client, owner):
    a_kpi(code="OTP", owner=owner)
    book = taken_along(client)
    first, second = place(book, "OTP|value", WEEK), place(book, "OTP|value", EARLIER)
    first.value, second.value = 82.5, 70
    book["Weekly"].append([cell.value for cell in book["Weekly"][3]])
    book["Weekly"].cell(4, first.column).value = 83
    found = lines_of(client, sent_back(client, book))
    assert found[f"Weekly!{first.coordinate}"][2].startswith("It stands twice in the file: 82.5 here, 83 in Weekly!")
    assert found[f"Weekly!{second.coordinate}"][:2] == ("new", "70.0")


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({5: 81, 9: "strike"}, "It has a number, 81, and does not apply: leave one of them."),
        ({5: 81, 8: "perhaps"}, "“perhaps” is not known: a value that is provisional says yes."),
        ({5: 81, 8: "no"}, ""),
    ],
)
def test_a_row_that_says_two_things_at_once_is_not_taken_by_one_of_them(client, owner, said, says):
    kpi = a_kpi(code="OTP", owner=owner)
    book = taken_along(client, layout="rows")
    row = next(row for row in book["Values"].iter_rows() if row[0].value == f"OTP|{WEEK}")
    for column, value in said.items():
        row[column].value = value
    path = sent_back(client, book)
    (found,) = lines_of(client, path).values()
    assert found[2] == says
    confirmed(client, path)
    assert kpi.measurements.exists() is not bool(says)


def test_a_period_that_does_not_apply_needs_its_reason(client, owner):
    a_kpi(code="OTP", owner=owner)
    book = taken_along(client)
    place(book, "OTP|value", WEEK).value = "n/a"
    (found,) = lines_of(client, sent_back(client, book)).values()
    assert found == ("refused", "", "Say why it does not apply: n/a and the reason.")


def test_the_preview_shows_what_will_stand_there_rounded_and_provisional(client, owner):
    a_kpi(code="OTP", owner=owner)
    book = taken_along(client, layout="rows")
    row = next(row for row in book["Values"].iter_rows() if row[0].value == f"OTP|{WEEK}")
    row[5].value, row[8].value = 0.1 + 0.2, "Yes"
    (found,) = lines_of(client, sent_back(client, book)).values()
    assert found == ("new", "0.3, provisional", "")


def test_what_was_left_out_is_still_named_when_the_rest_is_recorded(client, owner):
    a_kpi(code="OTP", owner=owner)
    book = taken_along(client)
    place(book, "OTP|value", WEEK).value = "eighty"
    place(book, "OTP|value", EARLIER).value = 80
    path = sent_back(client, book)
    confirmed(client, path)
    assert "“eighty” is not a number." in client.get(path).content.decode()
