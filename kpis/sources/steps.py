"""What is made of the rows of a source before they count: a few declared steps, in their order.

    {"do": "rename", "column": "Umsatz", "to": "sales"}
    {"do": "parse", "column": "sales", "decimal": ",", "grouping": "."}
    {"do": "filter", "where": [["country", "==", "DE"]]}
    {"do": "derive", "to": "per_head", "numerator": "sales", "denominator": "heads", "factor": 1}
    {"do": "unpivot", "keep": ["country"], "name": "month", "value": "sales"}

`unpivot` makes a row of each column that is not kept. A row whose cell a step cannot read is
refused with its line, as everywhere. Renaming and formats are about names alone; what looks into
cells is done in `transforming.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kpis.domain.sentences import Part, Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import SourceError, Table, require_columns
from kpis.sources.cells import Formats
from kpis.sources.mapping import Condition, MappingError, parse_conditions

ROWS_MADE_AT_MOST = 2_000
STEPS_AT_MOST = 100

_PARTS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "rename": (frozenset({"column", "to"}), frozenset()),
    "parse": (
        frozenset({"column"}),
        frozenset({"decimal", "grouping", "percent", "accounting", "date_format"}),
    ),
    "filter": (frozenset({"where"}), frozenset()),
    "derive": (frozenset({"to", "numerator", "denominator"}), frozenset({"factor"})),
    "unpivot": (frozenset({"keep", "name", "value"}), frozenset()),
}


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a source and the formats that its columns have after them."""

    steps: tuple[Mapping[str, Any], ...]
    plain: Formats
    formats: Mapping[str, Formats]
    # What each step reads with, in its place.
    before: tuple[Mapping[str, Formats], ...] = field(default=())

    @classmethod
    def of(cls, spec: Sequence[Any], plain: Formats) -> Steps:
        """Return the steps that `spec` writes down; SourceError says which one makes no sense."""
        if len(spec) > STEPS_AT_MOST:
            raise SourceError(Sentence(_("The source has more than %(most)s steps."), {"most": STEPS_AT_MOST}))
        formats: dict[str, Formats] = {}
        before = []
        for place, step in enumerate(spec, start=1):
            _check(step, place)
            before.append(dict(formats))
            if step["do"] == "parse":
                try:
                    formats[step["column"]] = plain.but({k: v for k, v in step.items() if k not in {"do", "column"}})
                except (SourceError, TypeError) as error:
                    why = error.why if isinstance(error, SourceError) else str(error)
                    raise SourceError(Sentence(_("Step %(place)s: %(why)s"), {"place": place, "why": why})) from None
            elif step["do"] == "rename" and step["column"] in formats:
                formats[step["to"]] = formats.pop(step["column"])
        return cls(tuple(spec), plain, formats, tuple(before))

    def format_of(self, column: str) -> Formats:
        """Return how a column is written after the steps."""
        return self.formats.get(column, self.plain)

    def _known(self, formats: Mapping[str, Formats], column: str) -> Formats:
        return formats.get(column, self.plain)

    def needed(self, names: frozenset[str]) -> frozenset[str] | None:
        """Return the columns of the source from which the steps make `names`; None for all of them."""
        needed: frozenset[str] = names
        for step in reversed(self.steps):
            match step["do"]:
                case "unpivot":
                    return None
                case "rename":
                    needed = frozenset(step["column"] if name == step["to"] else name for name in needed)
                case "derive":
                    needed = (needed - {step["to"]}) | {step["numerator"], step["denominator"]}
                case "filter":
                    needed |= {condition.column for condition in _conditions(step)}
        return needed

    def apply(self, table: Table) -> None:
        """Carry out the steps on a stretch of rows."""
        for step, formats in zip(self.steps, self.before, strict=True):
            carry_out, format_of = _CARRY_OUT[step["do"]], partial(self._known, formats)
            before, table.aside = table.aside, None
            carry_out(table, step, format_of)
            if before is None:
                continue
            carry_out(before, step, format_of)
            for rows in (before, before.aside):  # what it cannot read either may still be anything
                if rows is not None:
                    table.put_aside(rows)


type FormatOf = Callable[[str], Formats]


def _check(step: Any, place: int) -> None:
    if not isinstance(step, dict) or step.get("do") not in _PARTS:
        listed = ", ".join(_PARTS)
        raise SourceError(Sentence(_("Step %(place)s is one of %(list)s."), {"place": place, "list": listed}))
    needed, allowed = _PARTS[step["do"]]
    given = set(step) - {"do"}
    named: dict[str, Part] = {"place": place, "do": step["do"]}
    if needed - given:
        parts = named | {"names": ", ".join(sorted(needed - given))}
        raise SourceError(Sentence(_("Step %(place)s (%(do)s) needs %(names)s."), parts))
    if given - needed - allowed:
        parts = named | {"name": min(given - needed - allowed)}
        raise SourceError(Sentence(_("Step %(place)s (%(do)s) has no part called %(name)s."), parts))
    for name in given & {"column", "to", "name", "value", "numerator", "denominator"}:
        if not isinstance(step[name], str) or not step[name]:
            says = _("Step %(place)s (%(do)s): %(name)s is the name of a column.")
            raise SourceError(Sentence(says, named | {"name": name}))
    if "keep" in step and not (isinstance(step["keep"], list) and all(isinstance(n, str) for n in step["keep"])):
        raise SourceError(Sentence(_("Step %(place)s (unpivot): keep is a list of columns."), named))
    if "factor" in step and (isinstance(step["factor"], bool) or not isinstance(step["factor"], int | float)):
        raise SourceError(Sentence(_("Step %(place)s (derive): factor is a number."), named))
    if "where" in step:
        try:
            _conditions(step)
        except MappingError as error:
            parts = named | {"why": error.why}
            raise SourceError(Sentence(_("Step %(place)s (filter): %(why)s"), parts)) from None


def _conditions(step: Mapping[str, Any]) -> tuple[Condition, ...]:
    return parse_conditions(step["where"], "where")


def _rename(table: Table, step: Mapping[str, Any], format_of: FormatOf) -> None:
    if step["column"] not in table.columns:
        # Not asked for, or not there; the second is said by who asked.
        return
    table.columns = {(step["to"] if name == step["column"] else name): c for name, c in table.columns.items()}


def _parse(table: Table, step: Mapping[str, Any], format_of: FormatOf) -> None:
    """Declare a format; cells are read when the table is."""


def _filter(table: Table, step: Mapping[str, Any], format_of: FormatOf) -> None:
    from kpis.sources.transforming import keep_matching

    for condition in _conditions(step):
        require_columns(list(table.columns), [condition.column], where=Sentence(_("The source")))
        keep_matching(table, condition, format_of(condition.column))


def _derive(table: Table, step: Mapping[str, Any], format_of: FormatOf) -> None:
    from kpis.sources.transforming import derive

    parts = (step["numerator"], step["denominator"])
    require_columns(list(table.columns), parts, where=Sentence(_("The source")))
    formats = {name: format_of(name) for name in parts}
    derive(table, formats, to=step["to"], parts=parts, factor=step.get("factor", 1))


def _unpivot(table: Table, step: Mapping[str, Any], format_of: FormatOf) -> None:
    from kpis.sources.transforming import unpivot

    require_columns(list(table.columns), step["keep"], where=Sentence(_("The source")))
    count = len(set(table.columns) - set(step["keep"]))
    if count > ROWS_MADE_AT_MOST:
        says = _("The source has %(count)s columns to make rows of, more than %(most)s.")
        raise SourceError(Sentence(says, {"count": count, "most": ROWS_MADE_AT_MOST}))
    unpivot(table, keep=step["keep"], name=step["name"], value=step["value"])


_CARRY_OUT: dict[str, Callable[[Table, Mapping[str, Any], FormatOf], None]] = {
    "rename": _rename,
    "parse": _parse,
    "filter": _filter,
    "derive": _derive,
    "unpivot": _unpivot,
}
