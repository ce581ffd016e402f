from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from kpis.domain import figures

NARROW = "\u202f"


@pytest.mark.parametrize(
    ("value", "decimals", "locale", "printed"),
    [
        ("77.6", 1, "en", "77.6"),
        ("0", 1, "en", "0.0"),
        ("0.05", 1, "en", "0.1"),
        ("-2.45", 1, "en", "−2.5"),
        ("-0.04", 1, "en", "0.0"),
        ("1234567.891", 2, "en", "1,234,567.89"),
        ("1234567.891", 2, "en-GB", "1,234,567.89"),
        ("1234567.891", 2, "de", "1.234.567,89"),
        ("1234567.891", 2, "de_AT", "1.234.567,89"),
        ("1234567.891", 2, "fr", f"1{NARROW}234{NARROW}567,89"),
        ("1234567.891", 2, "es", "1.234.567,89"),
        ("1234", 0, "es", "1234"),
        ("12345", 0, "es", "12.345"),
        ("1234", 0, "en", "1,234"),
        ("-1234", 0, "de", "−1.234"),
        ("1234.5", 1, "xx", "1,234.5"),
        ("100000000000000000000", 0, "en", "100,000,000,000,000,000,000"),
    ],
)
def test_a_number_reads_as_in_its_locale(value: str, decimals: int, locale: str, printed: str) -> None:
    assert figures.number(Decimal(value), decimals, locale=locale) == printed


def test_a_missing_number_is_a_dash_and_not_zero() -> None:
    assert figures.number(None, 1) == "–"
    assert figures.signed(None, 1) == "–"
    assert figures.with_unit(figures.number(None, 1), "%") == "–"


@pytest.mark.parametrize(
    ("value", "decimals", "printed"),
    [
        ("4.7", 1, "+4.7"),
        ("-2.4", 1, "−2.4"),
        ("0", 1, "±0"),
        ("0.04", 1, "±0"),
        ("-0.4", 0, "±0"),
        ("1500", 0, "+1,500"),
    ],
)
def test_a_difference_always_shows_its_sign(value: str, decimals: int, printed: str) -> None:
    assert figures.signed(Decimal(value), decimals) == printed


def test_a_unit_follows_after_a_narrow_space_that_does_not_break() -> None:
    assert figures.with_unit("77.6", "%") == f"77.6{NARROW}%"
    assert figures.with_unit("137.1", "") == "137.1"


@pytest.mark.parametrize(
    ("value", "unit", "printed"),
    [("-2.4", "%", f"−2.4{NARROW}pts"), ("2.8", "min", f"+2.8{NARROW}min"), ("-5", "", "−5.0")],
)
def test_percentages_differ_by_points(value: str, unit: str, printed: str) -> None:
    assert figures.delta(Decimal(value), unit, 1) == printed


@pytest.mark.parametrize(
    ("change", "polarity", "better"),
    [
        ("1", "higher_is_better", True),
        ("-1", "higher_is_better", False),
        ("1", "lower_is_better", False),
        ("-1", "lower_is_better", True),
        ("0", "higher_is_better", None),
        ("1", "within_range", None),
        ("1", "unscored", None),
    ],
)
def test_a_change_is_better_by_polarity_and_not_by_sign(change: str, polarity: str, better: bool | None) -> None:
    assert figures.is_better(Decimal(change), polarity) is better


def test_a_day_names_its_month() -> None:
    assert figures.day(date(2026, 11, 22)) == "22 Nov 2026"
    assert figures.short_day(date(2026, 3, 4)) == "4 Mar"


def test_a_moment_is_read_on_the_persons_clock() -> None:
    late = datetime(2026, 11, 22, 23, 10, tzinfo=UTC)
    assert figures.moment(late, UTC) == "22 Nov 2026, 23:10"
    assert figures.moment(late, ZoneInfo("Europe/Zagreb")) == "23 Nov 2026, 00:10"
    assert figures.moment(late, ZoneInfo("America/New_York")) == "22 Nov 2026, 18:10"
