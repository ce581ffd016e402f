"""What formulas come to, compared with a second way of computing: fractions over trees made by the test itself."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.domain.formula.evaluating import Absent, Missing, evaluate
from kpis.domain.formula.explaining import explain
from kpis.domain.formula.parsing import parse
from kpis.domain.formula.printing import written
from kpis.domain.formula.tree import Reference

MISSING, BY_ZERO = Absent.MISSING, Absent.ZERO_DENOMINATOR
VALUES = {"A": Decimal("7.5"), "B": Decimal(3), "ZERO": Decimal(0), "NEG": Decimal("-2.25"), "NONE": MISSING}


def value_of(text: str, missing: str = "blank", **values):
    known = VALUES | {code: Decimal(value) for code, value in values.items()}
    return evaluate(parse(text), lambda term: known[term.code], Missing(missing))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[A] + [B] × 2", "13.5"),
        ("[A] − [B] − 1", "3.5"),
        ("[A] ÷ [B] ÷ 2", "1.25"),
        ("−[A] + 10", "2.5"),
        ("if([A] > [B], 1, 2)", "1"),
        ("if([ZERO], 1, 2)", "2"),
        ("([A] ≥ 7.5) + ([A] ≠ 7.5)", "1"),
        ("min([A], [B], [NEG])", "-2.25"),
        ("max([A])", "7.5"),
        ("abs([NEG])", "2.25"),
        ("round([A])", "8"),
        ("round([NEG], 1)", "-2.3"),
        ("round(−0.4 × ([A] ÷ [A]))", "0"),
        ("[A] ÷ 3 × 3 = [A]", "1"),
        ("coalesce([NONE], [B])", "3"),
        ("coalesce([A] ÷ [ZERO], 0)", "0"),
        ("if([A] > 0, [B], [NONE])", "3"),
    ],
)
def test_a_formula_has_the_value_that_arithmetic_gives(text, value):
    assert value_of(text) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "blank", "zero", "ignore"),
    [
        ("[A] + [NONE]", MISSING, "7.5", "7.5"),
        ("[NONE] − [A]", MISSING, "-7.5", "-7.5"),
        ("[NONE] + [NONE]", MISSING, "0", MISSING),
        ("[A] × [NONE]", MISSING, "0", MISSING),
        ("[A] ÷ [NONE]", MISSING, BY_ZERO, MISSING),
        ("max([NONE], −1)", MISSING, "0", "-1"),
        ("[NONE] > 1", MISSING, "0", MISSING),
        ("if([NONE], 1, 2)", MISSING, "2", MISSING),
        ("coalesce([NONE], 9)", "9", "9", "9"),
        ("coalesce([NONE], [NONE])", MISSING, "0", MISSING),
        ("[A] + [B] ÷ [ZERO]", BY_ZERO, BY_ZERO, BY_ZERO),
        ("[NONE] + [B] ÷ [ZERO]", BY_ZERO, BY_ZERO, BY_ZERO),
    ],
)
def test_a_missing_input_counts_as_its_kpi_says(text, blank, zero, ignore):
    found = [value_of(text, missing) for missing in ("blank", "zero", "ignore")]
    assert found == [one if isinstance(one, Absent) else Decimal(one) for one in (blank, zero, ignore)]


def test_magnitude_is_bounded_before_it_is_computed():
    assert value_of("×".join(["[BIG]"] * 200), BIG="99999999999999999999") is Absent.TOO_LARGE
    assert value_of("1" + "÷[TINY]" * 200, TINY="0.00000001") is Absent.TOO_LARGE


def test_what_rounding_leaves_of_a_difference_is_nothing():
    assert value_of("[A] ÷ ([B] ÷ 9 × 3 − 1)") is Absent.ZERO_DENOMINATOR


def test_a_value_is_explained_part_by_part_and_the_branch_not_taken_does_not_count():
    step = explain(parse("if([A] > [B], [A] − [B], [NONE])"), lambda term: VALUES[term.code], Missing.BLANK)
    told = [(written(part.node), part.value, part.counts) for part in step.parts]
    assert step.value == Decimal("4.5")
    assert told == [
        ("[A] > [B]", Decimal(1), True),
        ("[A] − [B]", Decimal("4.5"), True),
        ("[NONE]", MISSING, False),
    ]
    assert [part.node for part in step.parts[0].parts] == [Reference("A"), Reference("B")]


# --- the second implementation -----------------------------------------------------------------
# A tree is a tuple of the test's own: it is written down in any of the ways people write, and computed with fractions.

LEAVES = st.sampled_from(["A", "B", "ZERO", "NEG", "NONE"]).map(lambda code: ("kpi", code)) | st.decimals(
    0, 999, places=2, allow_nan=False
).map(lambda number: ("number", number))
SIGNS = {"+": ["+"], "-": ["-", "−"], "*": ["*", "×"], "/": ["/", "÷"], "<": ["<"], "<=": ["<=", "≤"], "=": ["=", "=="]}


def grown(inner):
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(st.sampled_from(list(SIGNS)), pair),
        st.tuples(st.just("neg"), st.tuples(inner)),
        st.tuples(st.just("abs"), st.tuples(inner)),
        st.tuples(st.sampled_from(["min", "max", "coalesce"]), pair),
        st.tuples(st.just("if"), st.tuples(inner, inner, inner)),
    )


TREES = st.recursive(LEAVES, grown, max_leaves=14)


def text_of(tree, pick) -> str:
    kind, of = tree
    if kind == "kpi":
        return f"[{of}]"
    if kind == "number":
        return str(of)
    parts = [text_of(one, pick) for one in of]
    if kind in SIGNS:
        return f"({parts[0]}{' ' * pick(2)}{SIGNS[kind][pick(len(SIGNS[kind]))]} {parts[1]})"
    if kind == "neg":
        return f"−({parts[0]})"
    return f"{kind}({', '.join(parts)})"


def by_fractions(tree, missing: str):
    """Return a Fraction, or "missing" or "zero" (a division by it)."""
    kind, of = tree
    if kind == "number":
        return Fraction(of)
    if kind == "kpi":
        value = VALUES[of]
        if value is MISSING:
            return Fraction(0) if missing == "zero" else "missing"
        return Fraction(value)
    if kind == "if":
        condition = by_fractions(of[0], missing)
        if isinstance(condition, str):
            return condition
        return by_fractions(of[1] if condition else of[2], missing)
    if kind == "coalesce":
        found = [by_fractions(one, "blank" if missing == "zero" else missing) for one in of]
        best = next((one for one in found if not isinstance(one, str)), found[0])
        return Fraction(0) if best == "missing" and missing == "zero" else best
    found = [by_fractions(one, missing) for one in of]
    if kind in {"+", "-", "min", "max"}:
        if "zero" in found:
            return "zero"
        if kind == "-" and found[1] != "missing":
            found[1] = -found[1]
        if missing == "ignore" and found != ["missing", "missing"]:
            found = [one for one in found if one != "missing"]
        if "missing" in found:
            return "missing"
        return {"min": min, "max": max}.get(kind, sum)(found)
    if kind in {"*", "/"}:
        if kind == "/" and found[1] == 0:
            return "zero"
        if any(isinstance(one, str) for one in found):
            return "zero" if "zero" in found else "missing"
        return found[0] * found[1] if kind == "*" else found[0] / found[1]
    for one in found:
        if isinstance(one, str):
            return one
    if kind in {"neg", "abs"}:
        return -found[0] if kind == "neg" else abs(found[0])
    return Fraction({"<": found[0] < found[1], "<=": found[0] <= found[1], "=": found[0] == found[1]}[kind])


@settings(max_examples=300, deadline=None)
@given(tree=TREES, missing=st.sampled_from(["blank", "zero", "ignore"]), style=st.randoms(use_true_random=False))
def test_every_formula_has_the_value_that_fractions_give(tree, missing, style):
    text = text_of(tree, style.randrange)
    if "[" not in text:
        text, tree = f"[B] + {text}", ("+", (("kpi", "B"), tree))
    formula = parse(text)
    expected = by_fractions(tree, missing)
    for again in (formula, parse(written(formula))):
        value = evaluate(again, lambda term: VALUES[term.code], Missing(missing))
        if isinstance(expected, str):
            assert value is {"missing": MISSING, "zero": BY_ZERO}[expected]
        else:
            assert isinstance(value, Decimal)
            assert abs(Fraction(value) - expected) <= max(abs(expected), 1) / 10**30
