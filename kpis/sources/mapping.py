"""How rows become values of a KPI, as it is written down in a mapping.

    {"where": [["origin", "==", "JFK"]],
     "numerator": {"agg": "count", "where": [["dep_delay", "<=", 15]]},
     "denominator": {"agg": "count"},
     "factor": 100}

or, in place of numerator and denominator, `"value": {"agg": "sum", "column": "seats"}`. A comparison
with an empty cell is never true, as in SQL; `is_null` and `not_null` ask for it.

With `"group": {"origin": "JFK"}` the rows are grouped by these columns, and this KPI is about the
group with these texts. Many KPIs that share the columns of a group cost no more than one.
"""

from __future__ import annotations

from collections import abc
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from kpis.domain.periods import Calendar
from kpis.domain.sentences import Part, Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import Kind, Wanted

ORDERED_OPS = ("<", "<=", ">", ">=")
EQUAL_OPS = ("==", "!=")
LIST_OPS = ("in", "not_in")
NULL_OPS = ("is_null", "not_null")
NUMERIC_AGGS = ("sum", "mean", "median", "min", "max", "p90", "first", "last")
AGGS = ("count", "nunique", *NUMERIC_AGGS)
# What these give for rows of which none matches: 0. All others give nothing then.
COUNTING_AGGS = ("count", "nunique", "sum")
ONE = Decimal(1)
type TextsOf = abc.Mapping[str, str | None]


class MappingError(ValueError):
    """A mapping that cannot be followed; the sentence says where."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison of a column; `kind` is None where only the emptiness of the cell counts."""

    column: str
    op: str
    value: str | int | float | tuple[str | int | float, ...] | None
    kind: Kind | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number per period: an aggregate over the rows that match, times `scale`."""

    agg: str
    columns: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()
    scale: Decimal = ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """The rows a KPI is about, and its value or its numerator and denominator; a ratio is times `factor`.

    `group` holds columns and the text that each has in the rows of this KPI.
    """

    where: tuple[Condition, ...] = ()
    group: tuple[tuple[str, str], ...] = ()
    value: Figure | None = None
    numerator: Figure | None = None
    denominator: Figure | None = None
    factor: Decimal | None = None

    @property
    def figures(self) -> tuple[Figure, ...]:
        return tuple(figure for figure in (self.value, self.numerator, self.denominator) if figure is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedKpi:
    """A KPI that a source feeds: its periods, its mapping, and between which numbers a value can lie.

    Periods that start before `since` have values of another origin.
    """

    kpi_id: int
    code: str
    frequency: str
    calendar: Calendar
    mapping: Mapping
    ratio_factor: Decimal
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    since: date | None = None


def may_be_of(mapping: Mapping, texts: TextsOf) -> bool:
    """Return whether a row of which only some texts are known can be one that the mapping is about."""
    if any(texts.get(column, text) != text for column, text in mapping.group):
        return False
    return all(_may_match(condition, texts) for condition in mapping.where)


def _may_match(condition: Condition, texts: TextsOf) -> bool:
    if condition.kind is Kind.NUMBER or condition.column not in texts:
        return True
    text, value = texts[condition.column], condition.value
    match condition.op:
        case "is_null":
            return text is None
        case "==":
            return text == value
        case "!=":
            return text is not None and text != value
        case "in" | "not_in":
            assert isinstance(value, tuple)
            return text is not None and (text in value) is (condition.op == "in")
    return text is not None


def parse_mapping(spec: Any) -> Mapping:
    """Return the mapping that `spec` writes down, or raise MappingError."""
    table = _table(spec, Sentence(_("the mapping")), {"where", "group", "value", "numerator", "denominator", "factor"})
    where, group = parse_conditions(table.get("where", []), "where"), _group(table.get("group", {}))
    if "value" in table:
        if {"numerator", "denominator", "factor"} & set(table):
            says = _("A mapping has either a value, or a numerator and a denominator with their factor.")
            raise MappingError(Sentence(says))
        return Mapping(where=where, group=group, value=_figure(table["value"], "value"))
    if not {"numerator", "denominator"} <= set(table):
        raise MappingError(Sentence(_("A mapping needs a value, or a numerator and a denominator.")))
    return Mapping(
        where=where,
        group=group,
        numerator=_figure(table["numerator"], "numerator"),
        denominator=_figure(table["denominator"], "denominator"),
        factor=_decimal(table["factor"], "factor") if "factor" in table else None,
    )


def wanted_columns(mappings: Iterable[Mapping]) -> frozenset[Wanted]:
    """Return the columns that the mappings read, and as what.

    A column of which only the emptiness or the distinctness counts is read as numbers if another
    mapping needs its numbers anyway, and as texts otherwise.
    """
    as_kind: set[Wanted] = set()
    as_any: set[str] = set()
    for mapping in mappings:
        as_kind |= {(column, Kind.TEXT) for column, _text in mapping.group}
        for condition in (*mapping.where, *(c for figure in mapping.figures for c in figure.where)):
            if condition.kind is None:
                as_any.add(condition.column)
            else:
                as_kind.add((condition.column, condition.kind))
        for figure in mapping.figures:
            if figure.agg in NUMERIC_AGGS:
                as_kind.add((figure.columns[0], Kind.NUMBER))
            else:
                as_any.update(figure.columns)
    return frozenset(as_kind | {(name, Kind.TEXT) for name in as_any if (name, Kind.NUMBER) not in as_kind})


def parse_conditions(spec: Any, at: str) -> tuple[Condition, ...]:
    """Return the conditions that `spec` lists, or raise MappingError."""
    if not isinstance(spec, list):
        raise MappingError(Sentence(_("%(at)s is a list of conditions."), {"at": at}))
    says = _("%(at)s, condition %(number)s")
    return tuple(
        _condition(item, Sentence(says, {"at": at, "number": number})) for number, item in enumerate(spec, start=1)
    )


def _group(spec: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(spec, dict) or not all(isinstance(text, str) and text for pair in spec.items() for text in pair):
        says = _("group holds columns and the text that each has in the rows of the KPI.")
        raise MappingError(Sentence(says))
    return tuple(sorted(spec.items()))


def _figure(spec: Any, at: str) -> Figure:
    table = _table(spec, at, {"agg", "column", "columns", "where", "scale"})
    agg = table.get("agg")
    if agg not in AGGS:
        raise MappingError(Sentence(_("%(at)s: agg is one of %(list)s."), {"at": at, "list": ", ".join(AGGS)}))
    if "column" in table and "columns" in table:
        raise MappingError(Sentence(_("%(at)s: there is either a column or columns."), {"at": at}))
    columns = table.get("columns", [table["column"]] if "column" in table else [])
    if not isinstance(columns, list) or not all(isinstance(name, str) and name for name in columns):
        raise MappingError(Sentence(_("%(at)s: columns is a list of names."), {"at": at}))
    if agg in NUMERIC_AGGS and len(columns) != 1:
        raise MappingError(Sentence(_("%(at)s: %(agg)s needs one column."), {"at": at, "agg": agg}))
    if agg == "nunique" and not columns:
        raise MappingError(Sentence(_("%(at)s: nunique needs columns."), {"at": at}))
    if agg == "count" and len(columns) > 1:
        raise MappingError(Sentence(_("%(at)s: count needs one column, or none to count rows."), {"at": at}))
    return Figure(
        agg=agg,
        columns=tuple(columns),
        where=parse_conditions(table.get("where", []), f"{at}.where"),
        scale=_decimal(table["scale"], f"{at}.scale") if "scale" in table else ONE,
    )


def _condition(spec: Any, at: Sentence) -> Condition:
    if not isinstance(spec, list) or len(spec) not in (2, 3) or not all(isinstance(word, str) for word in spec[:2]):
        raise MappingError(Sentence(_("%(at)s is written [column, op, value]."), {"at": at}))
    column, op = spec[0], spec[1]
    named: dict[str, Part] = {"at": at, "op": op}
    if op in NULL_OPS:
        if len(spec) == 3:
            raise MappingError(Sentence(_("%(at)s: %(op)s takes no value."), named))
        return Condition(column=column, op=op, value=None, kind=None)
    if op not in (*EQUAL_OPS, *ORDERED_OPS, *LIST_OPS):
        raise MappingError(Sentence(_("%(at)s: %(op)s is not a comparison."), named))
    if len(spec) == 2:
        raise MappingError(Sentence(_("%(at)s: %(op)s needs a value."), named))
    if op in LIST_OPS:
        if not isinstance(spec[2], list) or not spec[2]:
            raise MappingError(Sentence(_("%(at)s: %(op)s needs a list of values."), named))
        kinds = {_kind(value, at) for value in spec[2]}
        if len(kinds) > 1:
            raise MappingError(Sentence(_("%(at)s: the values are all numbers or all texts."), named))
        return Condition(column=column, op=op, value=tuple(spec[2]), kind=kinds.pop())
    kind = _kind(spec[2], at)
    if op in ORDERED_OPS and kind is not Kind.NUMBER:
        raise MappingError(Sentence(_("%(at)s: %(op)s compares with a number."), named))
    return Condition(column=column, op=op, value=spec[2], kind=kind)


def _kind(value: Any, at: Sentence) -> Kind:
    if isinstance(value, str):
        return Kind.TEXT
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Kind.NUMBER
    raise MappingError(Sentence(_("%(at)s: a value is a number or a text."), {"at": at}))


def _decimal(value: Any, at: str) -> Decimal:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = Decimal(str(value))
    except (InvalidOperation, TypeError):
        raise MappingError(Sentence(_("%(at)s is a number."), {"at": at})) from None
    if not number.is_finite() or number == 0:
        raise MappingError(Sentence(_("%(at)s is a number other than 0."), {"at": at}))
    return number


def _table(spec: Any, at: str | Sentence, known: set[str]) -> dict[str, Any]:
    if not isinstance(spec, dict):
        raise MappingError(Sentence(_("%(at)s is a table of names and values."), {"at": at}))
    unknown = sorted(set(spec) - known)
    if unknown:
        raise MappingError(Sentence(_("%(at)s has no part called %(name)s."), {"at": at, "name": unknown[0]}))
    return spec
