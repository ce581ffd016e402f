"""What is asked of typed values: numbers in the person's locale, ranges, reasons, unusual moves."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.domain.entry_checks import (
    EntryRefused,
    Problem,
    check_begun,
    check_range,
    is_correction,
    parts_text,
    storable,
    typed_number,
    typed_parts,
    typed_text,
    ungrouped,
    unusual_move,
)

D = Decimal


@pytest.mark.parametrize(
    ("text", "locale", "read"),
    [
        ("1,234", "en", "1234"),
        ("-1,234 %", "en", "-1234 %"),
        ("1,180/1,200", "en", "1180/1200"),
        ("1.234", "de", "1234"),
        ("1.234", "en", "1.234"),
        ("1,234.5", "en", "1,234.5"),
        ("1,234,567", "en", "1,234,567"),
        ("0,234", "en", "0,234"),
        ("1,23", "en", "1,23"),
        ("1.234", "fr", "1.234"),
    ],
)
def test_grouped_digits_are_read_as_the_person_writes_them(text, locale, read):
    assert ungrouped(text, locale=locale) == read


@pytest.mark.parametrize(
    ("locale", "text", "value"),
    [
        ("en", "3.2", "3.2"),
        ("en", " 76.25 ", "76.25"),
        ("en", "-4", "-4"),
        ("en", "\N{MINUS SIGN}4", "-4"),
        ("en", "1,234.5", "1234.5"),
        ("en", "1,234,567", "1234567"),
        ("en", "1.234", "1.234"),
        ("de", "3,2", "3.2"),
        ("de-AT", "1.234,5", "1234.5"),
        ("fr", "1 234,5", "1234.5"),
        ("sv", "1\u00a0234,5", "1234.5"),
    ],
)
def test_a_number_is_read_as_the_locale_writes_it(locale, text, value):
    assert typed_number(text, locale=locale) == D(value)


@pytest.mark.parametrize(
    ("locale", "text", "problem"),
    [
        ("en", "1,234", Problem.AMBIGUOUS),
        ("en", "-1,234", Problem.AMBIGUOUS),
        ("de", "1.234", Problem.AMBIGUOUS),
        ("fr", "1.234", Problem.AMBIGUOUS),
        ("en", "3,2", Problem.OTHER_MARK),
        ("en", "0,123", Problem.OTHER_MARK),
        ("de", "3.2", Problem.OTHER_MARK),
        ("en", "12 %", Problem.NOT_A_NUMBER),
        ("en", "twelve", Problem.NOT_A_NUMBER),
        ("en", "NaN", Problem.NOT_A_NUMBER),
        ("en", "inf", Problem.NOT_A_NUMBER),
        ("en", "1_000", Problem.NOT_A_NUMBER),
        ("en", "1e3", Problem.NOT_A_NUMBER),
        ("en", "٣", Problem.NOT_A_NUMBER),
        ("en", "", Problem.NOT_A_NUMBER),
    ],
)
def test_what_cannot_be_read_for_sure_is_refused(locale, text, problem):
    with pytest.raises(EntryRefused) as refused:
        typed_number(text, locale=locale)
    assert refused.value.problem is problem


def test_a_percent_sign_is_read_past_where_percent_is_the_unit():
    assert typed_number("76.2 %", locale="en", percent=True) == D("76.2")


@given(
    value=st.decimals(min_value=-(10**12), max_value=10**12, places=8),
    locale=st.sampled_from(["en", "de", "fr", "pl", "xx"]),
    decimals=st.integers(0, 4),
)
def test_a_value_shown_for_typing_reads_back_as_itself(value, locale, decimals):
    assert typed_number(typed_text(value, decimals, locale=locale), locale=locale) == value


def test_a_value_is_shown_with_every_digit_it_has():
    assert typed_text(D("76.25000000"), 1, locale="en") == "76.25"
    assert typed_text(D("6.00000000"), 0, locale="en") == "6"
    assert typed_text(D("6.00000000"), 1, locale="de") == "6,0"
    assert typed_text(None, 1, locale="en") == ""


@pytest.mark.parametrize(
    ("value", "minimum", "maximum", "problem"),
    [
        ("850", "0", "100", Problem.OUTSIDE),
        ("-0.1", "0", "100", Problem.OUTSIDE),
        ("-1", "0", None, Problem.BELOW),
        ("101", None, "100", Problem.ABOVE),
    ],
)
def test_a_value_out_of_range_is_refused(value, minimum, maximum, problem):
    low, high = minimum and D(minimum), maximum and D(maximum)
    with pytest.raises(EntryRefused) as refused:
        check_range(D(value), minimum=low, maximum=high)
    assert (refused.value.problem, refused.value.low, refused.value.high) == (problem, low, high)


def test_the_bounds_themselves_are_possible():
    check_range(D(0), minimum=D(0), maximum=D(100))
    check_range(D(100), minimum=D(0), maximum=D(100))
    check_range(D(10**9), minimum=None, maximum=None)


def test_a_period_that_has_not_begun_has_no_value():
    check_begun(date(2026, 11, 22), today=date(2026, 11, 22))
    with pytest.raises(EntryRefused):
        check_begun(date(2026, 11, 23), today=date(2026, 11, 22))


def test_a_number_of_more_than_twenty_digits_is_refused():
    with pytest.raises(EntryRefused) as refused:
        storable(D(10**20))
    assert refused.value.problem is Problem.TOO_LARGE


@pytest.mark.parametrize(
    ("state", "period_end", "wanted"),
    [
        ("reported", date(2026, 11, 9), True),
        ("not_applicable", date(2026, 11, 9), True),
        ("provisional", date(2026, 11, 9), False),
        ("", date(2026, 11, 9), False),
        ("reported", date(2026, 11, 16), False),  # the latest closed week
        ("provisional", date(2026, 11, 23), False),  # the open week
    ],
)
def test_only_what_lies_before_the_latest_closed_period_is_a_correction(state, period_end, wanted):
    assert is_correction(state=state, period_end=period_end, latest_closed_end=date(2026, 11, 16)) is wanted


STEADY = [D(n) for n in (50, 52, 49, 51, 50, 52, 51)]  # moves of 2, 3, 2, 1, 2, 1: the median is 2


def test_a_move_of_more_than_six_times_the_usual_is_told():
    found = unusual_move(D("63.1"), STEADY)
    assert found is not None
    assert (found.before, found.move, found.usual) == (51, D("12.1"), 2)
    assert unusual_move(D(63), STEADY) is None
    assert unusual_move(D("38.9"), STEADY) is not None


def test_what_is_usual_needs_five_moves_and_some_movement():
    assert unusual_move(D(500), STEADY[:5]) is None
    assert unusual_move(D(500), STEADY[:6]) is not None
    assert unusual_move(D(500), [D(6)] * 20) is None


def test_where_a_kpi_mostly_stands_still_its_rare_moves_are_the_usual_ones():
    crews = [D(n) for n in (5, 5, 5, 6, 6, 6, 5, 5)]
    found = unusual_move(D(20), crews)
    assert found is not None
    assert found.usual == 1
    assert unusual_move(D(11), crews) is None


# --- ratios -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "locale", "parts"),
    [
        ("12/400", "en", ("12", "400")),
        (" 12 / 400 ", "en", ("12", "400")),
        ("1,200.5/4,000.5", "en", ("1200.5", "4000.5")),
        ("0,5/1,25", "de", ("0.5", "1.25")),
        ("-3/12", "en", ("-3", "12")),
        ("1÷3", "en", ("1", "3")),
        ("0/0", "en", ("0", "0")),
    ],
)
def test_a_ratio_is_read_as_its_two_parts(text: str, locale: str, parts: tuple[str, str]) -> None:
    assert typed_parts(text, locale=locale) == tuple(map(Decimal, parts))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("4/12/2026", Problem.DATE_LIKE),
        ("2026-04-12", Problem.DATE_LIKE),
        ("12.4.2026", Problem.DATE_LIKE),
        ("04/12", Problem.DATE_LIKE),
        ("4/05", Problem.DATE_LIKE),
        ("12-Apr", Problem.DATE_LIKE),
        ("Apr-12", Problem.DATE_LIKE),
        ("12. März", Problem.DATE_LIKE),
        ("3", Problem.PARTS_WANTED),
        ("3%", Problem.PARTS_WANTED),
        ("", Problem.PARTS_WANTED),
        ("1/2/x", Problem.PARTS_WANTED),
        ("1/", Problem.NOT_A_NUMBER),
        ("1/1,234", Problem.AMBIGUOUS),
        ("12/many", Problem.NOT_A_NUMBER),
    ],
)
def test_what_may_be_a_date_or_is_no_ratio_is_refused(text: str, problem: Problem) -> None:
    with pytest.raises(EntryRefused) as refused:
        typed_parts(text, locale="en")
    assert refused.value.problem is problem


@given(
    st.decimals("-9999999", "9999999", places=2), st.decimals("0", "9999999", places=3), st.sampled_from(["en", "de"])
)
def test_a_ratio_reads_back_as_it_was_written(numerator: Decimal, denominator: Decimal, locale: str) -> None:
    written = parts_text(numerator, denominator, locale=locale)
    assert typed_parts(written, locale=locale) == (numerator, denominator)
