"""The value of a formula, from the values of its terms. Exact decimals, bounded before they are computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from enum import StrEnum
from functools import reduce
from operator import eq, ge, gt, le, lt, ne

from kpis.domain.formula.tree import (
    Call,
    Comparison,
    Negative,
    Node,
    Number,
    Product,
    Reference,
    Rolling,
    Sum,
    Term,
    ToDate,
)

ZERO, ONE = Decimal(0), Decimal(1)
# Twice the digits of a stored value and some: a quotient times its divisor is the dividend again, far beyond storage.
EXACT = Context(prec=60, Emin=-9999, Emax=9999, traps=[InvalidOperation, DivisionByZero, Overflow])
LARGEST = 45  # places before the point on the way; a result is bounded by what can be stored
SURE = 50  # digits that rounding on the way leaves alone
# Closer than this is equal: a third three times is one.
CLOSE = Decimal("1E-12")


class Absent(StrEnum):
    """Why there is no value."""

    MISSING = "missing_input"
    ZERO_DENOMINATOR = "zero_denominator"
    TOO_LARGE = "too_large"
    NO_ROLLUP = "no_rollup"
    NOT_POSSIBLE = "not_possible"


class Missing(StrEnum):
    """What a missing input counts as."""

    BLANK = "blank"
    ZERO = "zero"
    IGNORE = "ignore"


type Result = Decimal | Absent
type Inputs = Callable[[Term], Result]


def evaluate(node: Node, inputs: Inputs, missing: Missing) -> Result:
    """Return the value of a formula, or why there is none.

    An input without value is zero, or it is left out of sums, differences, `min` and `max`, or the result has no
    value, as `missing` says. `coalesce` sees what is missing in any case. Only the branch of `if` that is taken
    counts.
    """
    match node:
        case Number():
            return node.value
        case Reference() | ToDate() | Rolling():
            value = inputs(node)
            return ZERO if value is Absent.MISSING and missing is Missing.ZERO else value
        case Negative():
            return _with(_negated, evaluate(node.of, inputs, missing))
        case Sum():
            values = (_signed(evaluate(part, inputs, missing), minus) for part, minus in node.parts)
            return _gathered(values, missing, _sum)
        case Product():
            return _product(((evaluate(part, inputs, missing), divides) for part, divides in node.parts))
        case Comparison():
            left, right = evaluate(node.left, inputs, missing), evaluate(node.right, inputs, missing)
            return _compared(left, node.sign, right)
        case Call():
            return _called(node, inputs, missing)


def missing_within(node: Node, missing: Missing) -> Missing:
    """Return what a missing input counts as in the parts of a node: `coalesce` must see it."""
    if isinstance(node, Call) and node.name == "coalesce" and missing is Missing.ZERO:
        return Missing.BLANK
    return missing


def _called(node: Call, inputs: Inputs, missing: Missing) -> Result:
    if node.name == "if":
        condition, then, otherwise = node.arguments
        taken = evaluate(condition, inputs, missing)
        if isinstance(taken, Absent):
            return taken
        return evaluate(then if taken else otherwise, inputs, missing)
    within = missing_within(node, missing)
    values = [evaluate(argument, inputs, within) for argument in node.arguments]
    match node.name:
        case "coalesce":
            first = next((value for value in values if isinstance(value, Decimal)), values[0])
            return ZERO if first is Absent.MISSING and missing is Missing.ZERO else first
        case "min":
            return _gathered(values, missing, min)
        case "max":
            return _gathered(values, missing, max)
        case "abs":
            return _with(Decimal.copy_abs, values[0])
        case _:
            return _rounded(values[0], values[1] if len(values) > 1 else ZERO)


def _gathered(values: Iterable[Result], missing: Missing, gather: Callable[[list[Decimal]], Result]) -> Result:
    """Return what becomes of values that can be left out one by one."""
    found: list[Decimal] = []
    absent: list[Absent] = []
    for value in values:
        if isinstance(value, Absent):
            absent.append(value)
        else:
            found.append(value)
    if found and missing is Missing.IGNORE:
        absent = [why for why in absent if why is not Absent.MISSING]
    if absent:
        return next((why for why in absent if why is not Absent.MISSING), Absent.MISSING)
    return gather(found)


def _sum(values: list[Decimal]) -> Result:
    total = reduce(EXACT.add, values)
    if total and total.adjusted() < max(value.adjusted() for value in values) - SURE:
        return ZERO  # what rounding left of a third three times less one
    return Absent.TOO_LARGE if total and total.adjusted() > LARGEST else total


def _product(parts: Iterable[tuple[Result, bool]]) -> Result:
    product, absent = ONE, None
    for value, divides in parts:
        if isinstance(value, Absent):
            absent = absent if absent and absent is not Absent.MISSING else value
            continue
        if divides and not value:
            return Absent.ZERO_DENOMINATOR
        size = product.adjusted() + (-value.adjusted() if divides else value.adjusted())
        if product and value and size > LARGEST:
            return Absent.TOO_LARGE
        product = EXACT.divide(product, value) if divides else EXACT.multiply(product, value)
    return absent or product


def _compared(left: Result, sign: str, right: Result) -> Result:
    for side in (left, right):
        if isinstance(side, Absent):
            return side
    assert isinstance(left, Decimal)
    assert isinstance(right, Decimal)
    apart = EXACT.subtract(left, right)
    apart = ZERO if apart.copy_abs() < CLOSE else apart
    holds = {"<": lt, "≤": le, ">": gt, "≥": ge, "=": eq, "≠": ne}[sign]
    return ONE if holds(apart, ZERO) else ZERO


def _rounded(value: Result, places: Result) -> Result:
    if isinstance(value, Absent) or isinstance(places, Absent):
        return value
    rounded = value.quantize(ONE.scaleb(-int(places)), ROUND_HALF_UP, EXACT)
    return rounded if rounded else ZERO


def _signed(value: Result, minus: bool) -> Result:
    return _with(_negated, value) if minus else value


def _negated(value: Decimal) -> Decimal:
    return value.copy_negate() if value else ZERO


def _with(change: Callable[[Decimal], Decimal], value: Result) -> Result:
    return value if isinstance(value, Absent) else change(value)
