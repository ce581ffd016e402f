"""Rules of meetings in words, in the reader's language."""

from datetime import date

import pytest

from reviews.domain.cadence import Cadence
from reviews.words import in_words
from tests.another_language import another_language, left_english


def cadence(rule, **fields):
    return Cadence(rule=rule, anchor=date(2026, 11, 5), **fields)


RULES = [
    (cadence("daily"), "every day"),
    (cadence("daily", interval=3), "every third day"),
    (cadence("daily", working_days_only=True), "every working day"),
    (cadence("daily", interval=2, working_days_only=True), "every second working day"),
    (cadence("weekly"), "every Thursday"),
    (cadence("weekly", interval=2, weekday=3), "every second Thursday"),
    (cadence("weekly", weekday=0), "every Monday"),
    (cadence("monthly"), "5th day of each month"),
    (cadence("monthly", nth_week=-1, weekday=4), "last Friday of each month"),
    (cadence("monthly", nth_week=1, weekday=0, interval=2), "first Monday of every second month"),
    (cadence("monthly", nth_week=4, weekday=6), "fourth Sunday of each month"),
    (cadence("monthly", day_of_month=31), "last day of each month"),
    (cadence("monthly", day_of_month=5, working_days_only=True), "5th day of each month, or the next working day"),
    (cadence("monthly", day_of_month=31, working_days_only=True), "last day of each month, or the next working day"),
    (
        cadence("quarterly", month_of_quarter=1, nth_week=2, weekday=1),
        "second Tuesday of the first month of each quarter",
    ),
    (cadence("quarterly", interval=2, day_of_month=15), "15th day of the second month of every second quarter"),
    (cadence("quarterly", day_of_month=22, month_of_quarter=3), "22nd day of the third month of each quarter"),
]


@pytest.mark.parametrize(("rule", "words"), RULES)
def test_each_rule_in_words(rule, words):
    assert in_words(rule) == words


@pytest.mark.parametrize(
    ("day", "words"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"), (30, "30th")],
)
def test_days_of_the_month_have_their_endings(day, words):
    assert in_words(cadence("monthly", day_of_month=day)) == f"{words} day of each month"


@pytest.mark.parametrize("rule", [rule for rule, _words in RULES])
def test_no_word_of_a_rule_stays_english_in_another_language(rule):
    with another_language():
        assert left_english(in_words(rule)) == []
