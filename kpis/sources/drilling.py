"""The rows that one value is computed from, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kpis.domain.periods import Period
from kpis.sources.base import Kind, SourceRows, Wanted, Window
from kpis.sources.computing import Sheet
from kpis.sources.mapping import NUMERIC_AGGS, Figure, MappedKpi, wanted_columns
from kpis.sources.mapping import Mapping as KpiMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPage:
    """Some of the rows of a part in the order of the source: their lines, days and cells under the columns.

    `numbers` are the columns that were read as numbers, `end` how many of the rows stand up to and with the last one.
    """

    columns: Sequence[str]
    numbers: frozenset[str]
    rows: Sequence[tuple[int, str, tuple[str, ...]]]
    total: int
    end: int

    @property
    def has_more(self) -> bool:
        """Whether there are rows after these."""
        return self.end < self.total


def shown_columns(mapping: KpiMapping, also: Sequence[str]) -> tuple[list[str], frozenset[Wanted]]:
    """Return the columns that are shown of each row, and what to fetch for them."""
    wanted = wanted_columns([mapping])
    read = {name for name, _ in wanted}
    more = frozenset((name, Kind.TEXT) for name in also if name not in read)
    return [*sorted(read), *(name for name in also if name not in read)], wanted | more


def parts_of(
    rows: SourceRows, kpi: MappedKpi, period: Period, window: Window, *, left_out: Mapping[int, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return which rows each part of the value counts: value, or numerator and denominator."""
    sheet = Sheet(rows, window, left_out=left_out)
    about = sheet.about(kpi) & (rows.days >= period.start) & (rows.days < period.end)
    figures = {
        "value": kpi.mapping.value,
        "numerator": kpi.mapping.numerator,
        "denominator": kpi.mapping.denominator,
    }
    return {name: about & _counted(sheet, figure) for name, figure in figures.items() if figure is not None}


def page_of(rows: SourceRows, part: np.ndarray, columns: Sequence[str], *, after: int, limit: int) -> RowPage:
    """Return the rows of a part after so many of them: one line of the source may have several."""
    places = np.flatnonzero(part)
    shown = places[np.argsort(rows.lines[places], kind="stable")][after : after + limit]
    cells = [[_text(cell) for cell in rows.column(name).iloc[shown]] for name in columns]
    return RowPage(
        columns=columns,
        numbers=frozenset(name for name in columns if (name, Kind.NUMBER) in rows.columns),
        rows=[
            (int(rows.lines[place]), str(rows.days[place]), tuple(column[number] for column in cells))
            for number, place in enumerate(shown.tolist())
        ],
        total=int(part.sum()),
        end=after + len(shown),
    )


def _counted(sheet: Sheet, figure: Figure) -> np.ndarray:
    """Return the rows that a figure takes: those that match, and have something in the column that is counted."""
    mask = sheet.matching(figure.where)
    if figure.columns and (figure.agg in NUMERIC_AGGS or figure.agg == "count"):
        mask = mask & sheet.rows.column(figure.columns[0]).notna().to_numpy(dtype=bool)
    return mask


def _text(cell: Any) -> str:
    if pd.isna(cell):
        return ""
    if isinstance(cell, float | np.floating):
        return str(int(cell)) if cell == int(cell) else repr(float(cell))
    return str(cell)
