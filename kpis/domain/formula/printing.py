"""A formula as it is always written: one way for every tree, and read again it is the same tree."""

from __future__ import annotations

from collections.abc import Callable

from kpis.domain.formula.tokens import MINUS
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
)

type Naming = Callable[[str], str]


def written(node: Node, name: Naming = str) -> str:
    """Return the formula as text; `name` says what to write for a KPI's code, for those that may not be named."""
    match node:
        case Number():
            return _number(node)
        case Reference():
            return f"[{name(node.code)}@-{node.back}]" if node.back else f"[{name(node.code)}]"
        case ToDate():
            return f"ytd([{name(node.code)}])"
        case Rolling():
            return f"rolling([{name(node.code)}], {node.count})"
        case Negative():
            return f"{MINUS}{_within(node.of, 3, name)}"
        case Sum():
            return _chain(node.parts, (" + ", f" {MINUS} "), 2, name)
        case Product():
            return _chain(node.parts, (" × ", " ÷ "), 3, name)
        case Comparison():
            return f"{_within(node.left, 1, name)} {node.sign} {_within(node.right, 1, name)}"
        case Call():
            return f"{node.name}({', '.join(written(argument, name) for argument in node.arguments)})"


def _chain(parts: tuple[tuple[Node, bool], ...], signs: tuple[str, str], binding: int, name: Naming) -> str:
    first, *rest = parts
    return _within(first[0], binding, name) + "".join(
        signs[inverse] + _within(part, binding, name) for part, inverse in rest
    )


def _within(node: Node, binding: int, name: Naming) -> str:
    """Return a part of something that binds so tightly, in parentheses if it binds less."""
    text = written(node, name)
    return text if _binding(node) >= binding else f"({text})"


def _binding(node: Node) -> int:
    match node:
        case Comparison():
            return 0
        case Sum():
            return 1
        case Product():
            return 2
        case Negative():
            return 3
        case _:
            return 4


def _number(node: Number) -> str:
    text = f"{node.value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
