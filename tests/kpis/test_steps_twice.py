"""The steps by pandas give what they give row by row, with the same refusals at the same lines."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.domain.parsing import GROUPINGS
from kpis.sources.base import Table
from kpis.sources.cells import Formats
from kpis.sources.steps import Steps
from tests.kpis.row_by_row import apply_row_by_row

NAMES = ("a", "b", "c")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")

marks = st.sampled_from(["", ".", ",", " ", "'", "\N{NARROW NO-BREAK SPACE}", "’"])
written = st.builds(
    lambda sign, whole, mark, rest, point, part: f"{sign}{whole}{mark}{rest}{point}{part}",
    st.sampled_from(["", "-", "\N{MINUS SIGN}", "+"]),
    st.integers(0, 1200),
    marks,
    st.sampled_from(["", "000", "234", "12", "999999999999"]),
    st.sampled_from(["", ".", ","]),
    st.sampled_from(["", "0", "5", "25", "1" * 30]),
)
odd = st.sampled_from(
    ["", " ", "x", "DE", " DE ", "1\n2", "(12)", "12 %", "1_000", "1e5", "nan", "inf", "٣", "-0", "0", "007", "1" * 70]
)
texts = st.one_of(written, odd)
typed = st.one_of(
    texts,
    st.none(),
    st.integers(-(10**16), 10**16),
    st.floats(),
    st.booleans(),
    st.decimals(places=2, min_value=-1000, max_value=1000),
    st.sampled_from([Decimal("NaN"), b"x", date(2026, 11, 1), 5e-324, 1.0, True, 1]),
)
numbers = st.one_of(st.integers(-5, 1300), st.sampled_from([0.5, 12.25, 10**20, -1]))
words = st.sampled_from(["DE", "1", "0.5", "true", "x"])
formats = st.fixed_dictionaries(
    {},
    optional={
        "decimal": st.just(","),
        "grouping": st.sampled_from([mark for mark in GROUPINGS if mark not in {",", "."}]),
        "percent": st.booleans(),
        "accounting": st.booleans(),
    },
)
conditions = st.one_of(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(COMPARISONS), numbers),
    st.tuples(st.sampled_from(NAMES), st.sampled_from(COMPARISONS[:2]), words),
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["in", "not_in"]), st.lists(numbers, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["in", "not_in"]), st.lists(words, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["is_null", "not_null"])),
)
steps_that_read = st.one_of(
    st.builds(lambda column, said: {"do": "parse", "column": column} | said, st.sampled_from(NAMES), formats),
    st.builds(
        lambda where: {"do": "filter", "where": [list(one) for one in where]},
        st.lists(conditions, min_size=1, max_size=2),
    ),
    st.builds(
        lambda to, top, below, factor: {"do": "derive", "to": to, "numerator": top, "denominator": below} | factor,
        st.sampled_from([*NAMES, "r"]),
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
        st.fixed_dictionaries({}, optional={"factor": st.sampled_from([100, -1, 0.5])}),
    ),
)
UNPIVOT = {"do": "unpivot", "keep": ["b"], "name": "which", "value": "a"}


@st.composite
def tables(draw: Any) -> Table:
    rows = draw(st.integers(0, 6))
    columns = {}
    for name in NAMES:
        cells = draw(st.sampled_from([texts, st.one_of(texts, st.none()), typed]))
        columns[name] = draw(st.lists(cells, min_size=rows, max_size=rows))
    return Table(columns=columns, lines=range(2, 2 + rows))


def told(table: Table) -> Any:
    """What a table says, with what == does not tell apart: 1 and True, 0.0 and -0.0."""
    refusals = [(refusal.line, str(refusal.why)) for refusal in table.refusals]
    return {name: list(map(repr, cells)) for name, cells in table.columns.items()}, list(table.lines), refusals


@settings(max_examples=80, deadline=None)
@given(tables(), st.lists(steps_that_read, min_size=1, max_size=4), st.booleans())
def test_every_step_gives_what_it_gives_row_by_row(table: Table, spec: list[dict[str, Any]], turns: bool) -> None:
    steps = Steps.of([*spec, UNPIVOT] if turns else spec, Formats())
    other = deepcopy(table)
    steps.apply(table)
    apply_row_by_row(steps, other)
    assert told(table) == told(other)


@pytest.mark.parametrize(
    ("cells", "declared"),
    [
        (["1.234,5", "-7", "", "0,25", "-0"], {"decimal": ",", "grouping": "."}),
        (["1 234.5", "12\N{NO-BREAK SPACE}345", "999999999999999"], {"grouping": " "}),
        (["1234.5", "0.1", "7" * 15 + "." + "3" * 40, "7" * 16], {}),
        (["1,234", "12,34"], {"grouping": ","}),
    ],
)
def test_columns_that_are_plainly_written_are_no_exception(cells: list[str], declared: dict[str, Any]) -> None:
    spec = [
        {"do": "parse", "column": "a", **declared},
        {"do": "derive", "to": "r", "numerator": "a", "denominator": "b", "factor": 3},
        {"do": "filter", "where": [["a", "!=", 1]]},
    ]
    table = Table(columns={"a": cells, "b": ["7"] * len(cells)}, lines=range(2, 2 + len(cells)))
    steps, other = Steps.of(spec, Formats()), deepcopy(table)
    steps.apply(table)
    apply_row_by_row(steps, other)
    assert told(table) == told(other)
