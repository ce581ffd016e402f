"""Reading and printing formulas: what is taken, what is refused and where, and that print and parse are inverse."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.domain.formula.errors import Expected, FormulaError, Problem
from kpis.domain.formula.parsing import DEEPEST, parse
from kpis.domain.formula.printing import written
from kpis.domain.formula.tokens import LONGEST
from kpis.domain.formula.tree import Number, Product, Reference, Rolling, Sum, ToDate, codes, terms


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("[A]+[B]*2", "[A] + [B] × 2"),
        ("([A]+[B])*2", "([A] + [B]) × 2"),
        ("[A]-([B]-[C])", "[A] − ([B] − [C])"),
        ("[A]/([B]/[C])/2", "[A] ÷ ([B] ÷ [C]) ÷ 2"),
        ("-[a-1@-12]", "−[A-1@-12]"),
        ("[ A @ \N{MINUS SIGN} 1 ]", "[A@-1]"),
        ("-(2+[A])", "−(2 + [A])"),
        ("((([A])))", "[A]"),
        ("YTD([A])/rolling([B],3)", "ytd([A]) ÷ rolling([B], 3)"),
        ("if([A]>=[B],1, 0)", "if([A] ≥ [B], 1, 0)"),
        ("[A]<>007.50", "[A] ≠ 7.5"),
        ("round([A] , 2)\n", "round([A], 2)"),
        ("([A]<2)×3", "([A] < 2) × 3"),
    ],
)
def test_a_formula_has_one_way_to_be_written(text, canonical):
    assert written(parse(text)) == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize(
    ("text", "problem", "at"),
    [
        ("", Problem.EMPTY, 0),
        ("  \n", Problem.EMPTY, 0),
        ("1 + 2", Problem.NO_REFERENCE, 0),
        ("[A] + ", Problem.UNEXPECTED, 6),
        ("[A] [B]", Problem.UNEXPECTED, 4),
        ("[A] + × 2", Problem.UNEXPECTED, 6),
        ("([A] + 1", Problem.UNEXPECTED, 8),
        ("[A] < 1 < 2", Problem.UNEXPECTED, 8),
        ("[A])", Problem.UNEXPECTED, 3),
        ("[A] ^ 2", Problem.UNKNOWN_SIGN, 4),
        ("[A] ** 2", Problem.UNEXPECTED, 5),
        ("__import__([A])", Problem.UNKNOWN_FUNCTION, 0),
        ("1e9 × [A]", Problem.UNEXPECTED, 1),
        ("[A] × 1,5", Problem.COMMA_IN_NUMBER, 7),
        ("max([A], 1,5)", Problem.COMMA_IN_NUMBER, 10),
        ("[A] × " + "9" * 21, Problem.LONG_NUMBER, 6),
        ("[A", Problem.OPEN_REFERENCE, 0),
        ("[A B]", Problem.BAD_REFERENCE, 0),
        ("[]", Problem.BAD_REFERENCE, 0),
        ("[A@1]", Problem.BAD_SHIFT, 2),
        ("[A@-0]", Problem.BAD_SHIFT, 2),
        ("min()", Problem.UNEXPECTED, 4),
        ("if([A], 1)", Problem.ARGUMENTS, 0),
        ("abs([A], 1)", Problem.ARGUMENTS, 0),
        ("abs [A]", Problem.UNEXPECTED, 4),
        ("ytd([A] + 1)", Problem.ONE_KPI_WANTED, 0),
        ("ytd([A@-1])", Problem.ONE_KPI_WANTED, 0),
        ("rolling([A], 2.5)", Problem.WHOLE_NUMBER_WANTED, 13),
        ("rolling([A], [B])", Problem.WHOLE_NUMBER_WANTED, 13),
        ("round([A], 9)", Problem.WHOLE_NUMBER_WANTED, 11),
        ("[A] + " + "x" * LONGEST, Problem.TOO_LONG, LONGEST),
        ("(" * (DEEPEST + 1) + "[A]", Problem.TOO_DEEP, DEEPEST),
        ("-" * (DEEPEST + 1) + "[A]", Problem.TOO_DEEP, DEEPEST),
    ],
)
def test_what_is_refused_says_what_and_where(text, problem, at):
    with pytest.raises(FormulaError) as refused:
        parse(text)
    assert (refused.value.problem, refused.value.at) == (problem, at)


def test_what_was_expected_is_named():
    with pytest.raises(FormulaError) as refused:
        parse("max([A]")
    assert refused.value.expected == (Expected.OPERATOR, Expected.COMMA, Expected.CLOSING)
    with pytest.raises(FormulaError) as refused:
        parse("[A] +")
    assert refused.value.expected == (Expected.VALUE,)


def test_a_long_chain_is_one_node_and_not_deep():
    chain = parse("+".join(["[A]"] * 400))
    assert isinstance(chain, Sum)
    assert len(chain.parts) == 400


def test_references_are_found_once_each_in_the_order_of_writing():
    formula = parse("[B] + [A@-1] × ytd([B]) − rolling([A], 2) + [B]")
    assert terms(formula) == [Reference("B"), Reference("A", 1), ToDate("B"), Rolling("A", 2)]
    assert codes(formula) == ["B", "A"]


def test_what_may_not_be_named_is_printed_without_its_code():
    text = written(parse("[OPEN] ÷ [SECRET@-1]"), lambda code: "…" if code == "SECRET" else code)
    assert text == "[OPEN] ÷ […@-1]"


def test_where_something_was_written_makes_no_difference():
    assert parse("2×[A]") == Product(((Number(Decimal(2)), False), (Reference("A"), False)))


WORDS = [
    "[A]",
    "[B@-1]",
    "1",
    "2.5",
    "+",
    "-",
    "×",
    "/",
    "(",
    ")",
    ",",
    " ",
    "if(",
    "max(",
    "ytd([A])",
    "<",
    "=",
    "[",
    "]",
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25).map("".join) | st.text(max_size=40))
def test_any_text_is_a_formula_or_refused_within_its_bounds(text):
    formula, at = parsed_or_place(text)
    assert 0 <= at <= len(text)
    if formula is not None:
        canonical = written(formula)
        assert parse(canonical) == formula
        assert written(parse(canonical)) == canonical


def parsed_or_place(text):
    try:
        return parse(text), 0
    except FormulaError as refused:
        return None, refused.at
