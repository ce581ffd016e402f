"""Numbers and days as they stand in files."""

from datetime import date
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.domain.month_names import MONTH_OF
from kpis.domain.parsing import NumberFormat, Refused, parse_day, parse_number, to_storage

PLAIN = NumberFormat()
GERMAN = NumberFormat(decimal=",", grouping=".")
FRENCH = NumberFormat(decimal=",", grouping=" ", percent=True)
US = NumberFormat(grouping=",", percent=True, accounting=True)
SWISS = NumberFormat(grouping="'")


@pytest.mark.parametrize(
    ("text", "fmt", "expected"),
    [
        ("12", PLAIN, "12"),
        (" 12.50 ", PLAIN, "12.50"),
        ("0", PLAIN, "0"),
        ("-3.5", PLAIN, "-3.5"),
        ("\N{MINUS SIGN}3.5", PLAIN, "-3.5"),
        (".5", PLAIN, "0.5"),
        ("-.5", PLAIN, "-0.5"),
        ("007", PLAIN, "7"),
        ("1234567890.123456789012345678901234567890", PLAIN, "1234567890.123456789012345678901234567890"),
        ("1.234,5", GERMAN, "1234.5"),
        ("1234,5", GERMAN, "1234.5"),
        ("1.234.567", GERMAN, "1234567"),
        ("1 234,5", FRENCH, "1234.5"),
        ("1\N{NARROW NO-BREAK SPACE}234\N{NO-BREAK SPACE}567,5", FRENCH, "1234567.5"),
        ("12,5 %", FRENCH, "12.5"),
        ("12,5\N{NARROW NO-BREAK SPACE}%", FRENCH, "12.5"),
        ("1,234.5%", US, "1234.5"),
        ("12.5", US, "12.5"),
        ("(12)", US, "-12"),
        ("(1,234.50)", US, "-1234.50"),
        ("( 12 )", US, "-12"),
        ("(12%)", US, "-12"),
        ("-5%", US, "-5"),
        ("1'234.5", SWISS, "1234.5"),
    ],
)
def test_what_the_mapping_declares_is_read_exactly(text, fmt, expected):
    number = parse_number(text, fmt)
    assert number == D(expected)
    assert str(number) == str(D(expected))


@pytest.mark.parametrize(
    ("text", "fmt"),
    [
        *((text, PLAIN) for text in ("", "   ", "-", "\N{MINUS SIGN}", ".", "5.", "--5", "+5", "5-", "1.2.3", "n/a")),
        *((text, US) for text in ("1_000", "NaN", "nan", "inf", "Infinity", "-inf", "sNaN", "1e5", "1E5", "0x1F")),
        *((text, PLAIN) for text in ("٣", "１２", "१२", "²", "1\N{NO-BREAK SPACE}234", "1 234", "12 000", "€5")),
        ("12%", PLAIN),
        ("12 %", SWISS),
        ("(12)", PLAIN),
        ("(-12)", US),
        ("-(12)", US),
        ("()", US),
        ("(12", US),
        ("12)", US),
        ("%", US),
        ("5%%", US),
        ("1,234", PLAIN),
        ("1,5", PLAIN),
        ("1.5", NumberFormat(decimal=",")),
        ("1,23,456", US),
        ("12,34", US),
        (",123", US),
        ("1,234,", US),
        ("1234,567", US),
        ("1.234,567.8", GERMAN),
        ("0.5", GERMAN),
        ("1" * 65, PLAIN),
    ],
)
def test_what_it_does_not_declare_is_refused_in_a_sentence(text, fmt):
    with pytest.raises(Refused, match=r"\.$"):
        parse_number(text, fmt)


def test_a_comma_where_points_are_declared_is_explained():
    with pytest.raises(Refused, match=r"decimals follow '\.'"):
        parse_number("1,5", PLAIN)
    with pytest.raises(Refused, match="decimals follow ','"):
        parse_number("1.5", NumberFormat(decimal=","))
    with pytest.raises(Refused, match="is not a number"):
        parse_number("1,234.x", US)


def test_there_is_no_negative_zero():
    assert str(parse_number("-0.00", PLAIN)) == "0.00"
    assert not to_storage(D("-0.000000001")).is_signed()


@pytest.mark.parametrize("wrong", [{"decimal": ";"}, {"grouping": "_"}, {"decimal": ",", "grouping": ","}])
def test_a_format_that_could_not_be_read_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\.$"):
        NumberFormat(**wrong)


@settings(deadline=None)
@given(number=st.decimals(-(10**12), 10**12, places=4), fmt=st.sampled_from([PLAIN, GERMAN, FRENCH, US, SWISS]))
def test_a_number_written_in_a_format_is_read_back(number, fmt):
    grouped = f"{number:,.4f}" if fmt.grouping else f"{number:.4f}"
    text = grouped.translate(str.maketrans({",": fmt.grouping, ".": fmt.decimal}))
    assert parse_number(text, fmt) == number


@settings(deadline=None)
@given(text=st.text(max_size=12), fmt=st.sampled_from([PLAIN, GERMAN, FRENCH, US]))
def test_any_text_is_a_finite_number_or_refused(text, fmt):
    try:
        number = parse_number(text, fmt)
    except Refused as refusal:
        assert str(refusal).endswith(".")  # noqa: PT017 (refusing is one of two right answers)
    else:
        assert number.is_finite()
        assert any(character in "0123456789" for character in text)


# --- at the door --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("1", "1.00000000"),
        ("0.000000005", "0.00000000"),
        ("0.000000015", "0.00000002"),
        ("0.0000000051", "0.00000001"),
        ("-0.000000025", "-0.00000002"),
        ("99999999999999999999.99999999", "99999999999999999999.99999999"),
        ("1E-999999", "0.00000000"),
    ],
)
def test_more_than_eight_decimals_are_rounded_half_even(value, stored):
    assert format(to_storage(D(value)), "f") == stored


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_is_not_stored(value):
    with pytest.raises(Refused, match="finite"):
        to_storage(D(value))


@pytest.mark.parametrize("value", ["1E20", "-1E20", "99999999999999999999.999999995", "1E999999"])
def test_what_does_not_fit_is_not_stored(value):
    with pytest.raises(Refused, match="20 digits"):
        to_storage(D(value))


# --- days ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("2026-11-22", "%Y-%m-%d"),
        (" 22.11.2026 ", "%d.%m.%Y"),
        ("11/22/2026", "%m/%d/%Y"),
        ("2026-11-22 10:00:00", "%Y-%m-%d %H:%M:%S"),
    ],
)
def test_a_day_is_read_as_its_pattern_says(text, pattern):
    assert parse_day(text, pattern) == date(2026, 11, 22)


@pytest.mark.parametrize("text", ["", "22.11.2026", "2026-02-29", "2026-11-22x", "٢٠٢٦-١١-٢٢", "0026-11-22", "NaT"])
def test_a_day_written_otherwise_is_refused(text):
    with pytest.raises(Refused, match=r"\.$"):
        parse_day(text, "%Y-%m-%d")


@pytest.mark.parametrize(
    ("text", "pattern", "day"),
    [
        ("Nov 2026", "%b %Y", (2026, 11, 1)),
        ("Mär 2026", "%b %Y", (2026, 3, 1)),
        ("Okt. 26", "%b %y", (2026, 10, 1)),
        ("22. Dezember 2026", "%d. %B %Y", (2026, 12, 22)),
        ("juillet 2026", "%b %Y", (2026, 7, 1)),
        ("2026-W05", "%G-W%V", (2026, 1, 26)),
        ("2026-W53", "%G-W%V", (2026, 12, 28)),
        ("Q4 2026", "Q%q %Y", (2026, 10, 1)),
        ("Q1 26", "Q%q %y", (2026, 1, 1)),
        ("202611", "%Y%m", (2026, 11, 1)),
    ],
)
def test_a_month_a_week_or_a_quarter_is_its_first_day(text, pattern, day):
    assert parse_day(text, pattern) == date(*day)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [("2025-W53", "%G-W%V"), ("Q5 2026", "Q%q %Y"), ("Q0 2026", "Q%q %Y"), ("jui 2026", "%b %Y"), ("Summe", "%b %Y")],
)
def test_a_week_quarter_or_month_that_there_is_not_is_refused(text, pattern):
    with pytest.raises(Refused, match="is not a day written as"):
        parse_day(text, pattern)


def test_no_name_of_a_month_is_that_of_another_in_another_language():
    assert (MONTH_OF["juni"], MONTH_OF["juli"], MONTH_OF["juin"], MONTH_OF["juil"]) == (6, 7, 6, 7)
    assert "jui" not in MONTH_OF


@pytest.mark.parametrize("pattern", ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %Z"])
def test_a_moment_with_a_zone_is_not_a_day(pattern):
    with pytest.raises(ValueError, match="without a time zone"):
        parse_day("2026-11-22T03:00:00+0000", pattern)
