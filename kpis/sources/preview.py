"""A look at the first rows of a source: as they are, and as its steps leave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

from kpis.domain.guessing import Guess, guess
from kpis.domain.parsing import Refused
from kpis.sources.base import REFUSED_SHARE_AT_MOST, Connector, Refusal, Table, Window, of_column
from kpis.sources.cells import PLAIN, Formats
from kpis.sources.steps import Steps

ROWS_SHOWN = 50
ROWS_LOOKED_AT = 1000
CELL_SHOWN = 200


def preview_of(connector: Connector, steps: Steps, *, window: Window, date_column: str) -> dict[str, Any]:
    """Return plain data: columns with what they seem to hold, and the first rows, before and after the steps."""
    tables = connector.tables(window=window, names=None)
    table, refused = Table(columns={}, lines=[]), list[Refusal]()
    try:
        for table in tables:
            refused += table.refusals[: ROWS_SHOWN - len(refused)]
            if table.lines:
                break
    finally:
        tables.close()  # type: ignore[attr-defined]
    table.refusals = refused
    table.keep([place < ROWS_LOOKED_AT for place in range(len(table.lines))])
    before = _shown(table, steps.plain)
    after = deepcopy(table)
    after.refusals = []
    steps.apply(after)
    unread = _unread_days(after, steps.format_of(date_column), date_column)
    return {
        "before": before,
        "after": _shown(after, steps.plain),
        "refusals": [refusal.to_store() for refusal in [*table.refusals, *after.refusals, *unread][:ROWS_SHOWN]],
        "choices": connector.choices(),
        "days_unread": len(unread) > len(after.lines) * REFUSED_SHARE_AT_MOST,
    }


def _unread_days(table: Table, formats: Formats, date_column: str) -> list[Refusal]:
    """Return the lines whose cell is no day as days are said to be written; nothing where no column is said yet."""
    found = []
    for line, cell in zip(table.lines, table.columns.get(date_column, ()), strict=False):
        try:
            formats.day(cell)
        except Refused as refused:
            found.append(Refusal(line, of_column(date_column, refused.why)))
    return found


def _shown(table: Table, formats: Any) -> Mapping[str, Any]:
    texts = {name: [_text(formats, cell) for cell in cells] for name, cells in table.columns.items()}
    return {
        "columns": [[name, _plain(_guess(table.columns[name], cells))] for name, cells in texts.items()],
        "lines": list(table.lines[:ROWS_SHOWN]),
        "rows": [list(row) for row in zip(*(cells[:ROWS_SHOWN] for cells in texts.values()), strict=True)],
    }


def _guess(cells: Sequence[Any], texts: Sequence[str]) -> Guess:
    """Return what a column seems to hold. A number that comes as one is read without marks, however it looks."""
    found = guess(texts)
    if found.kind == "number" and all(isinstance(cell, int | float | Decimal | None) for cell in cells):
        return replace(found, number_formats=(PLAIN,), fits=())
    return found


def _text(formats: Any, cell: Any) -> str:
    try:
        return (formats.text(cell) or "")[:CELL_SHOWN]
    except Refused:
        return "…"


def _plain(found: Any) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "date_formats": list(found.date_formats),
        "number_formats": [asdict(fmt) for fmt in found.number_formats],
        "fits": [asdict(fmt) for fmt in found.fits],
    }
