"""Conditions as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.domain.conditions import ConditionRefused, conditions_in, written
from kpis.sources.mapping import parse_mapping


@pytest.mark.parametrize(
    ("line", "stored"),
    [
        ("carrier == UA", ["carrier", "==", "UA"]),
        ("carrier=UA", ["carrier", "==", "UA"]),
        ("Dep Delay ≤ 15", ["Dep Delay", "<=", 15]),
        ("price > 2.50", ["price", ">", 2.5]),
        ("change >= -3", ["change", ">=", -3]),
        ('code == "007"', ["code", "==", "007"]),
        ("code == 007", ["code", "==", 7]),
        ("origin in EWR, JFK", ["origin", "in", ["EWR", "JFK"]]),
        ("hour not in 1, 2", ["hour", "not_in", [1, 2]]),
        ("hour in 1, late", ["hour", "in", ["1", "late"]]),
        ('city in "Bonn, Germany", Paris', ["city", "in", ["Bonn, Germany", "Paris"]]),
        ("tailnum is empty", ["tailnum", "is_null"]),
        ("arr_delay is filled", ["arr_delay", "not_null"]),
        ("note == made in Italy", ["note", "==", "made in Italy"]),
    ],
)
def test_a_line_is_stored_as_a_mapping_takes_it(line: str, stored: list) -> None:
    assert conditions_in(line) == [stored]
    parse_mapping({"where": [stored], "value": {"agg": "count"}})


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("carrier == UA\n\n  delay", 3, "no_comparison"),
        ("== UA", 1, "no_column"),
        ("carrier ==", 1, "no_value"),
        ("carrier in ,", 1, "no_value"),
        ("delay < late", 1, "not_a_number"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(ConditionRefused) as refused:
        conditions_in(text)
    assert (refused.value.line, refused.value.reason) == (line, reason)


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z_ ]{0,8}[a-z_]", fullmatch=True).filter(
    lambda name: not {"in", "is", "not"} & set(name.lower().split())
)
TEXTS = st.from_regex(r"[A-Za-z0-9,. -]{0,12}", fullmatch=True)


@given(column=NAMES, op=st.sampled_from(["==", "!="]), value=st.one_of(TEXTS, st.integers(-999, 999)))
def test_what_is_written_down_is_read_as_the_same(column: str, op: str, value: str | int) -> None:
    assert conditions_in(written([[column, op, value]])) == [[column, op, value]]
