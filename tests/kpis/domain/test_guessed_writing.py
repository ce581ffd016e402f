"""How a text file seems to be written, from its first bytes."""

from __future__ import annotations

import pytest

from kpis.domain.guessing import Writing, guess_writing

LINES = ["Tag{0}Filiale{0}Umsatz", "21.11.2026{0}Köln{0}7", "22.11.2026{0}Köln{0}8", "23.11.2026{0}Aachen{0}9"]


def written(mark: str, encoding: str, lines: list[str] = LINES) -> bytes:
    return "\r\n".join(line.format(mark) for line in lines).encode(encoding)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8-sig", "utf-8"), *((name, name) for name in ("utf-8", "cp1252", "utf-16", "utf-16-le", "utf-16-be"))],
)
def test_encoding_and_mark_are_those_it_was_written_with(mark: str, encoding: str, found: str) -> None:
    assert guess_writing(written(mark, encoding)) == Writing(encoding=found, delimiter=mark)


def test_a_decimal_comma_does_not_part_columns() -> None:
    lines = ["day;eur;share", "21.11.2026;7,25;1,5", "22.11.2026;8;2,5", "23.11.2026;9,75;3"]
    assert guess_writing(written("", "utf-8", lines)).delimiter == ";"


def test_a_quoted_mark_does_not_part_columns() -> None:
    lines = ["day,name", '2026-11-21,"a; b; c"', '2026-11-22,"d; e"']
    assert guess_writing(written("", "utf-8", lines)).delimiter == ","


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_sample_that_ends_within_a_character_is_still_utf_8(cut: int) -> None:
    assert guess_writing(written(";", "utf-8")[:-cut] + "ö".encode()[:1]) == Writing(encoding="utf-8", delimiter=";")


@pytest.mark.parametrize("sample", [b"", b"\n", b"one column\n1\n2\n", b"\x00\xff\xfe\x81"])
def test_what_says_nothing_is_taken_for_commas(sample: bytes) -> None:
    assert guess_writing(sample).delimiter == ","
