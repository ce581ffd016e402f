"""Whether a formula makes sense for the KPIs it refers to: rhythm, calendar, aggregation and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kpis.domain.figures import delta_unit
from kpis.domain.formula.errors import FormulaError, Problem
from kpis.domain.formula.tree import (
    Call,
    Comparison,
    Negative,
    Node,
    Reference,
    Rolling,
    Sum,
    ToDate,
    children,
    terms,
)
from kpis.domain.periods import Calendar, Frequency

FROM_SHORT_TO_LONG = list(Frequency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What of a KPI must fit: the rhythm of its values, how they are aggregated over time, and their unit."""

    unit: str
    frequency: Frequency
    calendar: Calendar
    method: str


def refuse_misfit(formula: Node, kpi: Shape, inputs: Mapping[str, Shape]) -> None:
    """Raise FormulaError where an input can't give a value for the periods of `kpi`, or units don't go together."""
    for term in terms(formula):
        shape = inputs[term.code]
        own, wanted = FROM_SHORT_TO_LONG.index(shape.frequency), FROM_SHORT_TO_LONG.index(kpi.frequency)
        if own > wanted:
            raise FormulaError(Problem.COARSER, term.at, text=term.code, more=shape.frequency)
        if not _periods_meet(kpi, shape):
            raise FormulaError(Problem.OTHER_CALENDAR, term.at, text=term.code)
        is_aggregated = own < wanted or isinstance(term, ToDate | Rolling)
        if is_aggregated and shape.method == "none":
            raise FormulaError(Problem.NO_ROLLUP, term.at, text=term.code)
    unit = unit_of(formula, {code: shape.unit for code, shape in inputs.items()})
    if unit and kpi.unit and kpi.unit not in (unit, delta_unit(unit)):
        raise FormulaError(Problem.OTHER_UNIT, 0, text=unit, more=kpi.unit)


def unit_of(node: Node, units: Mapping[str, str]) -> str:
    """Return the unit of a formula, "" for one that can't be told: a product, a quotient, a plain number.

    Raises FormulaError where units are added or compared that differ.
    """
    found = [(unit_of(child, units), child) for child in children(node)]
    match node:
        case Reference() | ToDate() | Rolling():
            return units[node.code]
        case Negative() | Sum() | Comparison():
            unit = _one_unit(found)
            return "" if isinstance(node, Comparison) else unit
        case Call(name="if"):
            return _one_unit(found[1:])
        case Call(name="round"):
            return found[0][0]
        case Call():
            return _one_unit(found)
        case _:
            return ""


def _one_unit(found: list[tuple[str, Node]]) -> str:
    unit = ""
    for other, node in found:
        if unit and other and other != unit:
            raise FormulaError(Problem.UNITS_DIFFER, node.at, text=other, more=unit)
        unit = unit or other
    return unit


def _periods_meet(kpi: Shape, own: Shape) -> bool:
    """Return whether every period of the input lies in one of the KPI: days and weeks do in any calendar."""
    if kpi.calendar == own.calendar or own.frequency is Frequency.DAY:
        return True
    if own.frequency is Frequency.WEEK:
        return kpi.frequency is not Frequency.WEEK or kpi.calendar.week_start == own.calendar.week_start
    return False
