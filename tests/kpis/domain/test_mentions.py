"""Whom a text names."""

from __future__ import annotations

import pytest

from kpis.domain.mentions import Nameable, read_mentions

ANA = Nameable(pk=1, name="Ana Kovač", email="ana.kovac@example.com")
ANA_MARIA = Nameable(pk=2, name="Ana Kovač Marin", email="ana.marin@example.com")
NOAH = Nameable(pk=3, name="Noah Fields", email="noah@example.com")
OTHER_NOAH = Nameable(pk=4, name="Noah Fields", email="noah.fields@example.com")
PEOPLE = [ANA, ANA_MARIA, NOAH, OTHER_NOAH]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("nobody", set()),
        ("@Ana Kovač, look", {1}),
        ("look @ana kovač", {1}),
        ("(@Ana Kovač)", {1}),
        ("@Ana Kovač Marin and @Ana Kovač", {1, 2}),
        ("@Ana Kovačević", set()),
        ("@Ana", set()),
        ("write to ana.kovac@example.com", set()),
        ("@ana.kovac@example.com", {1}),
        ("@ANA.KOVAC@EXAMPLE.COM!", {1}),
        ("@Noah Fields", set()),
        ("@noah.fields@example.com", {4}),
        ("@@Ana Kovač", {1}),
        ("@", set()),
    ],
)
def test_a_name_or_an_address_after_the_sign_names_somebody(text: str, named: set[int]) -> None:
    assert read_mentions(text, PEOPLE).named == named


def test_addresses_are_stored_as_names() -> None:
    read = read_mentions("@ana.kovac@example.com and @ANA.MARIN@example.com: see a@b.c", PEOPLE)
    assert read.text == "@Ana Kovač and @Ana Kovač Marin: see a@b.c"


def test_a_text_that_names_nobody_stays_as_it_was() -> None:
    text = "50 @ 80 %, mail to x@example.com, @nobody"
    assert read_mentions(text, PEOPLE).text == text
