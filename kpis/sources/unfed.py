"""Groups of rows that no KPI is about: a new shop, or one that is called otherwise from now on."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kpis.sources.base import Kind, SourceRows
from kpis.sources.mapping import MappedKpi

NAMED_AT_MOST = 20


def unfed_groups(rows: SourceRows, mapped: Iterable[MappedKpi]) -> dict[str, list[str]]:
    """Return the first texts that rows have in a column that tells KPIs apart, and no KPI asks for."""
    fed: dict[str, set[str]] = {}
    for kpi in mapped:
        if len(kpi.mapping.group) == 1:
            ((column, text),) = kpi.mapping.group
            fed.setdefault(column, set()).add(text)
    found = {}
    for name, texts in fed.items():
        cells = rows.column(name, Kind.TEXT).cat
        there = cells.categories[np.unique(cells.codes[cells.codes >= 0])]
        if others := sorted(set(there) - texts):
            found[name] = others[:NAMED_AT_MOST]
    return found
