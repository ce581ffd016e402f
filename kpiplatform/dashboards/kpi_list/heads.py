"""Where in a workbook a list of KPIs begins: the sheet, and the row that names the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kpiplatform.dashboards.kpi_list.columns import recognised
from kpiplatform.sent_files.reading import Cell, Rows

LOOKED_AT = 30  # a title and what is said of the list stand above it, not more


def sheet_of(sheets: Mapping[str, Rows]) -> str:
    """Return the first sheet with the most heads that are recognised, of equal ones the longest, "" for no sheet."""

    def worth(name: str) -> tuple[int, int]:
        rows = sheets[name]
        return _known(rows, head_row_of(rows)), sum(_is_wide(row) for row in rows)

    return max(sheets, key=worth, default="")


def head_row_of(rows: Rows) -> int:
    """Return the place of the row that names the columns: most heads are recognised there, or it is the first filled.

    A row with a single cell is a title.
    """
    wide = [place for place, row in enumerate(rows[:LOOKED_AT]) if _is_wide(row)]
    filled = wide or [place for place, row in enumerate(rows[:LOOKED_AT]) if any(row)]
    return max(filled, key=lambda place: _known(rows, place), default=0)


def heads_of(rows: Rows, place: int) -> list[str]:
    """Return the heads of the columns in a row."""
    return [cell.text if cell else "" for cell in rows[place]] if place < len(rows) else []


def _known(rows: Rows, place: int) -> int:
    return len(recognised(heads_of(rows, place)))


def _is_wide(row: Sequence[Cell | None]) -> bool:
    return sum(cell is not None for cell in row) > 1
