"""The steps of a source a second time: row by row in plain Python, as slow and as plain as they can be said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kpis.domain.parsing import Refused
from kpis.sources.base import Kind, Refusal, Table, of_column
from kpis.sources.cells import Formats
from kpis.sources.mapping import parse_conditions
from kpis.sources.steps import Steps

# A comparison with an empty cell is never true.
MATCHES: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda cell, value: cell is not None and cell == value,
    "!=": lambda cell, value: cell is not None and cell != value,
    "<": lambda cell, value: cell is not None and cell < value,
    "<=": lambda cell, value: cell is not None and cell <= value,
    ">": lambda cell, value: cell is not None and cell > value,
    ">=": lambda cell, value: cell is not None and cell >= value,
    "in": lambda cell, value: cell is not None and cell in value,
    "not_in": lambda cell, value: cell is not None and cell not in value,
    "is_null": lambda cell, value: cell is None,
    "not_null": lambda cell, value: cell is not None,
}


def apply_row_by_row(steps: Steps, table: Table) -> None:
    """Carry out the steps on a table."""
    for step, formats in zip(steps.steps, steps.before, strict=True):
        match step["do"]:
            case "rename":
                names = {step["column"]: step["to"]}
                table.columns = {names.get(name, name): cells for name, cells in table.columns.items()}
            case "filter":
                for condition in parse_conditions(step["where"], "where"):
                    known = formats.get(condition.column, steps.plain)
                    read = known.number if condition.kind is Kind.NUMBER else known.text
                    matches, value = MATCHES[condition.op], condition.value
                    _keep(table, {condition.column: read}, lambda cells, m=matches, v=value: m(cells[0], v))
            case "derive":
                _derive(table, step, formats, steps.plain)
            case "unpivot":
                _unpivot(table, step)


def _derive(table: Table, step: Mapping[str, Any], formats: Mapping[str, Formats], plain: Formats) -> None:
    derived: list[float | None] = []

    def divide(cells: Sequence[Any]) -> bool:
        numerator, denominator = cells[0], cells[-1]
        empty = numerator is None or not denominator
        derived.append(None if empty else numerator / denominator * step.get("factor", 1))
        return True

    _keep(
        table,
        {name: formats.get(name, plain).number for name in (step["numerator"], step["denominator"])},
        divide,
    )
    table.columns[step["to"]] = derived


def _unpivot(table: Table, step: Mapping[str, Any]) -> None:
    others = [name for name in table.columns if name not in step["keep"]]
    columns: dict[str, list[Any]] = {name: [] for name in (*step["keep"], step["name"], step["value"])}
    lines = []
    for row, line in enumerate(table.lines):
        for other in others:
            for name in step["keep"]:
                columns[name].append(table.columns[name][row])
            columns[step["name"]].append(other)
            columns[step["value"]].append(table.columns[other][row])
            lines.append(line)
    table.columns, table.lines = dict(columns), lines


def _keep(table: Table, read: Mapping[str, Callable[[Any], Any]], is_kept: Callable[[Sequence[Any]], bool]) -> None:
    """Leave out the rows for which it is not so; those with a cell that cannot be read are refused with their line."""
    kept = []
    for line, *cells in zip(table.lines, *(table.columns[name] for name in read), strict=True):
        values = []
        for (name, reader), cell in zip(read.items(), cells, strict=True):
            try:
                values.append(reader(cell))
            except Refused as refused:
                table.refusals.append(Refusal(line, of_column(name, refused.why)))
                break
        kept.append(len(values) == len(read) and is_kept(values))
    table.keep(kept)
