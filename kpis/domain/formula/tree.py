"""What a formula is made of. Two formulas are equal whatever they were written like: `at` does not count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

type Node = Number | Reference | ToDate | Rolling | Negative | Sum | Product | Comparison | Call
type Term = Reference | ToDate | Rolling


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written; a sign before it is a Negative."""

    value: Decimal
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Reference:
    """The value of a KPI in the period, or `back` periods before it: [OTA], [OTA@-1]."""

    code: str
    back: int = 0
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ToDate:
    """A KPI from the start of the fiscal year to the end of the period: ytd([OTA])."""

    code: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Rolling:
    """A KPI over the last `count` periods, the period itself included: rolling([OTA], 3)."""

    code: str
    count: int
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Negative:
    """−x"""

    of: Node
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Sum:
    """a + b − c, with whether each part is taken away. A chain is one node, however long it is."""

    parts: tuple[tuple[Node, bool], ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Product:
    """a × b ÷ c, with whether each part divides."""

    parts: tuple[tuple[Node, bool], ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """1 if it is true, else 0."""

    left: Node
    sign: str
    right: Node
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """if, min, max, abs, round or coalesce."""

    name: str
    arguments: tuple[Node, ...]
    at: int = field(default=0, compare=False)


def children(node: Node) -> tuple[Node, ...]:
    """Return what a node is computed from, as written."""
    match node:
        case Negative():
            return (node.of,)
        case Sum() | Product():
            return tuple(part for part, _inverse in node.parts)
        case Comparison():
            return (node.left, node.right)
        case Call():
            return node.arguments
        case _:
            return ()


def terms(node: Node) -> list[Term]:
    """Return the references of a formula in the order in which they are written, each once."""
    return list(dict.fromkeys(_terms(node)))


def codes(node: Node) -> list[str]:
    """Return the codes of the KPIs that a formula refers to, each once."""
    return list(dict.fromkeys(term.code for term in _terms(node)))


def _terms(node: Node) -> Iterator[Term]:
    if isinstance(node, Reference | ToDate | Rolling):
        yield node
    for child in children(node):
        yield from _terms(child)
