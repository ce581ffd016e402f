"""From the text of a formula to its tree.

comparison = sum [ sign sum ]          sign: < ≤ > ≥ = ≠
sum        = product { (+ | −) product }
product    = unary { (× | ÷) unary }
unary      = − unary | number | [CODE] | [CODE@-1] | ytd([CODE]) | rolling([CODE], 3)
           | function(comparison, …) | (comparison)
"""

from __future__ import annotations

from decimal import Decimal

from kpis.domain.formula.errors import Expected, FormulaError, Problem
from kpis.domain.formula.tokens import MINUS, MOST_BACK, Token, tokens
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
    ToDate,
    codes,
)

DEEPEST = 50
COMPARISONS = ("<", "≤", ">", "≥", "=", "≠")
# How many arguments a function takes, at least and at most.
FUNCTIONS = {"if": (3, 3), "min": (1, 100), "max": (1, 100), "abs": (1, 1), "round": (1, 2), "coalesce": (2, 100)}
OF_TIME = {"ytd": (1, 1), "rolling": (2, 2)}
MOST_PLACES = 8


def parse(text: str) -> Node:
    """Return the tree of a formula. Raises FormulaError with the place and what was expected there."""
    if not text.strip():
        raise FormulaError(Problem.EMPTY, 0)
    tree = _Parser(text).whole()
    if not codes(tree):
        raise FormulaError(Problem.NO_REFERENCE, 0)
    return tree


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(tokens(text))
        self._next = 0
        self._depth = 0
        self._open = 0

    def whole(self) -> Node:
        tree = self._comparison()
        if self._here.kind != "end":
            raise self._unexpected(Expected.OPERATOR)
        return tree

    @property
    def _here(self) -> Token:
        return self._tokens[self._next]

    def _take(self, *kinds: str) -> Token | None:
        if self._here.kind not in kinds:
            return None
        self._next += 1
        return self._tokens[self._next - 1]

    def _comparison(self) -> Node:
        left = self._sum()
        if sign := self._take(*COMPARISONS):
            return Comparison(left, sign.kind, self._sum(), sign.at)
        return left

    def _sum(self) -> Node:
        at, parts = self._here.at, [(self._product(), False)]
        while sign := self._take("+", MINUS):
            parts.append((self._product(), sign.kind == MINUS))
        return Sum(tuple(parts), at) if len(parts) > 1 else parts[0][0]

    def _product(self) -> Node:
        at, parts = self._here.at, [(self._unary(), False)]
        while sign := self._take("×", "÷"):
            parts.append((self._unary(), sign.kind == "÷"))
        return Product(tuple(parts), at) if len(parts) > 1 else parts[0][0]

    def _unary(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise FormulaError(Problem.TOO_DEEP, self._here.at, more=str(DEEPEST))
        node = self._value()
        self._depth -= 1
        return node

    def _value(self) -> Node:
        if sign := self._take(MINUS):
            return Negative(self._unary(), sign.at)
        if number := self._take("number"):
            return Number(Decimal(number.text), number.at)
        if reference := self._take("reference"):
            return Reference(reference.text, reference.back, reference.at)
        if name := self._take("name"):
            return self._call(name)
        if self._take("("):
            self._open += 1
            inner = self._comparison()
            self._close()
            return inner
        raise self._unexpected(Expected.VALUE)

    def _close(self, *others: Expected) -> None:
        if not self._take(")"):
            raise self._unexpected(Expected.OPERATOR, *others, Expected.CLOSING)
        self._open -= 1

    def _call(self, name: Token) -> Node:
        limits = FUNCTIONS.get(name.text) or OF_TIME.get(name.text)
        if limits is None:
            raise FormulaError(Problem.UNKNOWN_FUNCTION, name.at, text=name.text)
        if not self._take("("):
            raise self._unexpected(Expected.OPENING)
        self._open += 1
        arguments = [self._comparison()]
        while self._take(","):
            arguments.append(self._comparison())
        self._close(Expected.COMMA)
        fewest, most = limits
        if not fewest <= len(arguments) <= most:
            raise FormulaError(Problem.ARGUMENTS, name.at, text=name.text, more=str(len(arguments)))
        if name.text in OF_TIME:
            return _of_time(name, arguments)
        if name.text == "round" and len(arguments) == 2:
            _whole(arguments[1], name, 0, MOST_PLACES)
        return Call(name.text, tuple(arguments), name.at)

    def _unexpected(self, *expected: Expected) -> FormulaError:
        if not self._open:
            expected = tuple(one for one in expected if one not in (Expected.CLOSING, Expected.COMMA))
        return FormulaError(Problem.UNEXPECTED, self._here.at, text=self._here.text, expected=expected)


def _of_time(name: Token, arguments: list[Node]) -> Node:
    first = arguments[0]
    if not isinstance(first, Reference) or first.back:
        raise FormulaError(Problem.ONE_KPI_WANTED, name.at, text=name.text)
    if name.text == "ytd":
        return ToDate(first.code, name.at)
    return Rolling(first.code, _whole(arguments[1], name, 1, MOST_BACK), name.at)


def _whole(node: Node, name: Token, low: int, high: int) -> int:
    """Return a number that must be written as such, since it says which periods or places are meant."""
    if isinstance(node, Number) and node.value == int(node.value) and low <= node.value <= high:
        return int(node.value)
    at = getattr(node, "at", name.at)
    raise FormulaError(Problem.WHOLE_NUMBER_WANTED, at, text=name.text, more=f"{low}–{high}")
