"""Numbers and days read by the platform and by a second, tiny reader: they take the same texts and mean the same."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.domain.guessing import guess
from kpis.domain.parsing import NumberFormat, Refused, parse_day, parse_number

DIGITS = "0123456789"
MINUS = ("-", "−")
SPACES = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
FORMATS = [
    NumberFormat(decimal=decimal, grouping=grouping, percent=percent, accounting=accounting)
    for decimal in ".,"
    for grouping in ("", ".", ",", " ", "'")
    if grouping != decimal
    for percent in (False, True)
    for accounting in (False, True)
]
# Texts that look like numbers, or nearly: the marks in all places, right and wrong.
NEARLY = st.text(alphabet="0123456789.,-−()% '_e٣", max_size=12)
PATTERNS = {"%Y-%m-%d": ("-", "ymd"), "%d.%m.%Y": (".", "dmy"), "%m/%d/%Y": ("/", "mdy"), "%d/%m/%Y": ("/", "dmy")}


def number_by_hand(text: str, fmt: NumberFormat) -> Decimal | None:
    """Character by character; None for what is no number."""
    body, sign = text.strip(), 1
    if fmt.accounting and body[:1] == "(" and body[-1:] == ")" and len(body) > 1:
        body, sign = body[1:-1].strip(), -1
    elif body[:1] in MINUS and body:
        body, sign = body[1:], -1
    if fmt.percent and body.endswith("%"):
        body = body[:-1].rstrip(SPACES)
    whole, mark, part = body.partition(fmt.decimal)
    groups = [whole]
    if fmt.grouping:
        for space in SPACES if fmt.grouping == " " else fmt.grouping:
            groups = [piece for group in groups for piece in group.split(space)]
        if len(groups) > 1 and (not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:])):
            return None
    digits = "".join(groups)
    if any(character not in DIGITS for character in digits + part) or not digits + part or (mark and not part):
        return None
    value = Decimal(0)
    for digit in digits:
        value = value * 10 + DIGITS.index(digit)
    for place, digit in enumerate(part, start=1):
        value += Decimal(DIGITS.index(digit)).scaleb(-place)
    return value * sign


def day_by_hand(text: str, pattern: str) -> date | None:
    mark, order = PATTERNS[pattern]
    pieces = text.strip().split(mark)
    if len(pieces) != 3 or any(not piece or any(c not in DIGITS for c in piece) for piece in pieces):
        return None
    parts = dict(zip(order, pieces, strict=True))
    if len(parts["y"]) != 4 or len(parts["m"]) > 2 or len(parts["d"]) > 2 or not 1900 <= int(parts["y"]) <= 2200:
        return None
    try:
        return date(int(parts["y"]), int(parts["m"]), int(parts["d"]))
    except ValueError:
        return None


@settings(max_examples=400, deadline=None)
@given(text=NEARLY, fmt=st.sampled_from(FORMATS))
def test_a_number_is_taken_by_both_or_by_neither_and_is_the_same(text: str, fmt: NumberFormat) -> None:
    try:
        read = parse_number(text, fmt)
    except Refused:
        read = None
    assert read == number_by_hand(text, fmt)


@settings(max_examples=300, deadline=None)
@given(
    text=st.one_of(
        st.text(alphabet="0123456789-./", max_size=10),
        st.builds(
            "{}{}{}{}{}".format,
            st.integers(0, 2300),
            st.sampled_from("-./"),
            st.integers(0, 13),
            st.sampled_from("-./"),
            st.integers(0, 2300),
        ),
    ),
    pattern=st.sampled_from(list(PATTERNS)),
)
def test_a_day_is_taken_by_both_or_by_neither_and_is_the_same(text: str, pattern: str) -> None:
    try:
        read = parse_day(text, pattern)
    except Refused:
        read = None
    assert read == day_by_hand(text, pattern)


@settings(max_examples=150, deadline=None)
@given(cells=st.lists(NEARLY.filter(str.strip), min_size=1, max_size=5))
def test_a_guess_names_only_formats_in_which_every_cell_can_be_read_and_no_two_that_read_alike(
    cells: list[str],
) -> None:
    found = guess(cells)
    readings = [tuple(parse_number(cell, fmt) for cell in cells) for fmt in found.number_formats]
    assert len(set(readings)) == len(readings)
    assert (found.kind == "number") == bool(readings)


def test_what_can_be_read_in_two_ways_is_for_a_person_to_say() -> None:
    both = guess(["03/04/2026", "11/12/2026"])
    assert (both.kind, both.date_formats, both.is_ambiguous) == ("day", ("%d/%m/%Y", "%m/%d/%Y"), True)
    assert guess(["03/04/2026", "13/12/2026"]).date_formats == ("%d/%m/%Y",)
    assert guess(["1.234", "5.678"]).is_ambiguous
    assert not guess(["1.234,5"]).is_ambiguous
    assert guess(["2026-11-20T10:00:00Z"]).date_formats == ("%Y-%m-%d",)
    assert (guess(["", " "]).kind, guess(["JFK", "1"]).kind) == ("empty", "text")
    assert guess(["Q1 2026", "Q2 2026"]).date_formats == ("Q%q %Y",)
    assert guess(["Jan 2026", "Mär 2026"]).date_formats == ("%b %Y",)


def test_a_total_line_or_a_missing_cell_among_many_does_not_hide_what_a_column_holds():
    days = [f"{day:02d}.08.2026" for day in range(10, 20)]
    assert guess([*days, "Summe"]).date_formats == ("%d.%m.%Y",)
    assert guess([*["1,5"] * 20, "k.A.", "–"]).kind == "number"
    assert guess([*days[:5], "Summe"]).kind == "text"
    assert guess([*days, "12"]).kind == "text"
