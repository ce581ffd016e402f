"""Sentences that are kept and said later: nothing of them is lost, and each reader has their own words and figures."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.domain.sentences import LONGEST_PART, Sentence, joined, ngettext_noop

GERMAN = {
    "%(name)s: %(found)s of %(all)s on %(day)s.": "%(name)s: am %(day)s %(found)s von %(all)s.",
    "%(where)s has no column %(name)s.": "In %(where)s fehlt die Spalte %(name)s.",
    "The file": "der Datei",
}
AGE = ngettext_noop("%(count)s day before the pull.", "%(count)s days before the pull.")
PARTS = st.recursive(
    st.text(max_size=LONGEST_PART)
    | st.integers(-(10**12), 10**12)
    | st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9), max_value=10**9)
    | st.dates(),
    lambda parts: st.builds(Sentence, st.text(max_size=20), st.dictionaries(st.text(max_size=5), parts, max_size=3)),
    max_leaves=6,
)


def in_german(sentence: Sentence) -> str:
    return sentence.said(
        gettext=lambda text: GERMAN.get(text, text),
        ngettext=lambda one, many, count: "vor einem Tag." if count == 1 else "vor %(count)s Tagen.",
        day=lambda day: f"{day:%d.%m.%Y}",
        locale="de",
    )


def test_a_sentence_is_said_with_the_words_the_figures_and_the_days_of_its_reader() -> None:
    parts = {"name": "JFK", "found": 12_500, "all": Decimal("98000.5"), "day": date(2026, 11, 22)}
    sentence = Sentence("%(name)s: %(found)s of %(all)s on %(day)s.", parts)
    assert str(sentence) == "JFK: 12,500 of 98000.5 on 22 Nov 2026."
    assert in_german(sentence) == "JFK: am 22.11.2026 12.500 von 98000,5."


def test_a_sentence_inside_of_another_is_said_in_the_same_language() -> None:
    sentence = Sentence("%(where)s has no column %(name)s.", {"where": Sentence("The file"), "name": "day"})
    assert str(sentence) == "The file has no column day."
    assert in_german(sentence) == "In der Datei fehlt die Spalte day."


@pytest.mark.parametrize(("count", "english", "german"), [(1, "1 day", "einem Tag"), (3, "3 days", "3 Tagen")])
def test_a_count_decides_the_form(count: int, english: str, german: str) -> None:
    sentence = Sentence(AGE, {"count": count})
    assert str(sentence) == f"{english} before the pull."
    assert in_german(Sentence.stored(json.loads(json.dumps(sentence.to_store())))) == f"vor {german}."


def test_a_text_without_parts_stands_as_it_was_written_and_no_other_kind_of_place_is_filled() -> None:
    assert str(Sentence("100 % of %(name)s")) == "100 % of %(name)s"
    assert str(Sentence("%(name)s, %(other)s, %(name)99d, 20 %%", {"name": "a"})) == "a, %(other)s, %(name)99d, 20 %"


def test_sentences_follow_each_other_as_one() -> None:
    assert str(joined([Sentence("One."), Sentence("Two.")])) == "One. Two."
    assert str(joined(["100 %", Sentence("empty")], by=", ")) == "100 %, empty"


@given(PARTS)
def test_what_is_kept_comes_back_as_it_was(part: object) -> None:
    sentence = Sentence("%(part)s", {"part": part})  # type: ignore[dict-item]
    assert Sentence.stored(json.loads(json.dumps(sentence.to_store()))) == sentence


def test_a_part_of_any_length_is_cut_where_it_is_kept() -> None:
    kept = Sentence.stored(Sentence("%(cell)s.", {"cell": "x" * 10_000}).to_store())
    assert str(kept) == f"{'x' * LONGEST_PART}…."
