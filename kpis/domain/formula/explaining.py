"""How a value came about: the formula taken apart, each part with its value."""

from __future__ import annotations

from dataclasses import dataclass

from kpis.domain.formula.evaluating import Absent, Inputs, Missing, Result, evaluate, missing_within
from kpis.domain.formula.tree import Call, Node, children


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A part of a formula with its value; `counts` is false for the branch of an `if` that was not taken."""

    node: Node
    value: Result
    counts: bool
    parts: tuple[Step, ...]


def explain(node: Node, inputs: Inputs, missing: Missing, *, counts: bool = True) -> Step:
    """Return the value of a formula with those of all its parts."""
    within = missing_within(node, missing)
    taken = _branch(node, inputs, missing)
    return Step(
        node=node,
        value=evaluate(node, inputs, missing),
        counts=counts,
        parts=tuple(
            explain(child, inputs, within, counts=counts and (taken is None or place in (0, taken)))
            for place, child in enumerate(children(node))
        ),
    )


def _branch(node: Node, inputs: Inputs, missing: Missing) -> int | None:
    """Return the place of the argument that an `if` takes, None where every part counts."""
    if not isinstance(node, Call) or node.name != "if":
        return None
    condition = evaluate(node.arguments[0], inputs, missing)
    if isinstance(condition, Absent):
        return 3  # neither
    return 1 if condition else 2
