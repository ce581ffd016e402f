"""From the cells of a source to typed columns. Each distinct cell is read once, not each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from kpis.domain.parsing import Refused
from kpis.sources.base import REFUSED_SHARE_AT_MOST, Kind, Refusal, SourceError, SourceRows, Wanted, Window

# Sums of such numbers stay exact in 64 bits for thousands of rows, and of more rows are computed as floats.
NUMBER_BELOW = 10**15
WHY_AT_MOST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRows:
    """Cells by column as the source gave them, the line of each row, and the lines that are no rows at all."""

    cells: Mapping[str, Sequence[Any]]
    lines: Sequence[int]
    refusals: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How the cells of a source are read; each function raises Refused, and gives None for an empty cell."""

    day: Callable[[Any], date | None]
    number: Callable[[Any], int | float | Decimal | None]
    text: Callable[[Any], str | None]


@dataclass(frozen=True, slots=True)
class _Distinct:
    """The distinct cells of a column and for each row which one it has; `why` holds those that were refused."""

    codes: np.ndarray
    values: list[Any]
    why: dict[int, str]

    @classmethod
    def of(cls, cells: np.ndarray, read: Callable[[Any], Any]) -> _Distinct:
        codes, distinct = pd.factorize(cells, use_na_sentinel=False)
        # Empty cells come out of factorize as NaN; no source gives a NaN that is not a text.
        distinct = [None if cell is None or cell != cell else cell for cell in distinct]
        values, why = [], {}
        for code, cell in enumerate(distinct):
            try:
                values.append(read(cell))
            except Refused as refused:
                values.append(None)
                why[code] = str(refused)
        return cls(codes, values, why)

    def refused_rows(self) -> np.ndarray:
        if not self.why:
            return np.empty(0, dtype=np.int64)
        return np.flatnonzero(np.isin(self.codes, list(self.why)))


def typed_rows(
    raw: RawRows,
    *,
    reader: Reader,
    date_column: str,
    columns: frozenset[Wanted],
    window: Window,
    unique_by: Sequence[str] = (),
) -> SourceRows:
    """Return the rows of the window with typed columns; lines that cannot be read are left out and named.

    Lines without a readable day count as lines of the window. Raises SourceError if more than
    REFUSED_SHARE_AT_MOST of its lines are refused.
    """
    lines = np.asarray(raw.lines, dtype=np.int64)
    refused: dict[int, str] = {refusal.line: refusal.why for refusal in raw.refusals}
    days, in_window = _days_of(raw, reader, date_column, window, lines, refused)
    cells = {name: _objects(raw.cells[name])[in_window] for name in {n for n, _ in columns} | set(unique_by)}
    days, lines = days[in_window], lines[in_window]
    read = len(lines) + len(refused)

    keep = np.ones(len(lines), dtype=bool)
    typed: dict[Wanted, _Distinct] = {}
    for name, kind in sorted(columns):
        typed[(name, kind)] = _Distinct.of(cells[name], reader.number if kind is Kind.NUMBER else reader.text)
        distinct = typed[(name, kind)]
        for row in distinct.refused_rows():
            keep[row] = False
            refused.setdefault(int(lines[row]), f"{name}: {distinct.why[int(distinct.codes[row])]}")
    if unique_by:
        _refuse_repeated(unique_by, date_column, cells, days, lines, keep, refused)

    refusals = [Refusal(line, why[:WHY_AT_MOST]) for line, why in sorted(refused.items())]
    if read and len(refusals) / read > REFUSED_SHARE_AT_MOST:
        raise SourceError(
            f"{len(refusals)} of {read} lines were refused, more than {REFUSED_SHARE_AT_MOST:.0%}, so none was taken;"
            f" the first is line {refusals[0].line}: {refusals[0].why}",
            refusals=refusals,
            read=read,
        )
    order = np.flatnonzero(keep)
    if len(order) and (np.diff(days[order]) < np.timedelta64(0, "D")).any():
        order = order[np.argsort(days[order], kind="stable")]
    return SourceRows(
        days=days[order],
        lines=lines[order],
        columns={wanted: _series(distinct, order, wanted[1]) for wanted, distinct in typed.items()},
        refusals=refusals,
        read=read,
    )


def _objects(cells: Sequence[Any]) -> np.ndarray:
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array


def _days_of(
    raw: RawRows, reader: Reader, date_column: str, window: Window, lines: np.ndarray, refused: dict[int, str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the day of each row, and which rows have one in the window."""
    distinct = _Distinct.of(_objects(raw.cells[date_column]), reader.day)
    for code, day in enumerate(distinct.values):
        if day is None:
            distinct.why.setdefault(code, "There is no day.")
    for row in distinct.refused_rows():
        refused[int(lines[row])] = f"{date_column}: {distinct.why[int(distinct.codes[row])]}"
    days = np.array(distinct.values, dtype="datetime64[D]")
    wanted = np.array(
        [
            day is not None and day < window.until and (window.since is None or day >= window.since)
            for day in distinct.values
        ],
        dtype=bool,
    )
    if not len(days):
        return np.empty(0, dtype="datetime64[D]"), np.empty(0, dtype=bool)
    return days[distinct.codes], wanted[distinct.codes]


def _refuse_repeated(
    unique_by: Sequence[str],
    date_column: str,
    cells: Mapping[str, np.ndarray],
    days: np.ndarray,
    lines: np.ndarray,
    keep: np.ndarray,
    refused: dict[int, str],
) -> None:
    """Leave out each row that has the same key as an earlier row that is kept."""
    rows = np.flatnonzero(keep)
    key = pd.DataFrame(
        {name: days[rows] if name == date_column else pd.factorize(cells[name][rows])[0] for name in unique_by}
    )
    group = key.groupby(list(unique_by), sort=False, dropna=False).ngroup().to_numpy()
    first = np.unique(group, return_index=True)[1][group]
    for index in np.flatnonzero(first != np.arange(len(rows))):
        row, earlier = rows[index], rows[first[index]]
        keep[row] = False
        refused[int(lines[row])] = f"It repeats line {lines[earlier]}: {', '.join(unique_by)} are the same."


def _series(distinct: _Distinct, order: np.ndarray, kind: Kind) -> pd.Series:
    codes = distinct.codes[order]
    return _numbers(distinct.values, codes) if kind is Kind.NUMBER else _texts(distinct.values, codes)


def _numbers(values: Sequence[Any], codes: np.ndarray) -> pd.Series:
    """Whole numbers stay whole as long as their sum fits into 64 bits."""
    empty = np.array([value is None for value in values], dtype=bool)
    given = [value for value in values if value is not None]
    largest = max((abs(value) for value in given), default=0)
    if all(value == int(value) for value in given) and largest * max(len(codes), 1) < 2**62:
        whole = np.array([0 if value is None else int(value) for value in values], dtype=np.int64)
        if not empty.any():
            return pd.Series(whole[codes] if len(whole) else whole)
        return pd.Series(pd.arrays.IntegerArray(whole[codes], empty[codes]))
    floats = np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    return pd.Series(floats[codes])


def _texts(values: Sequence[str | None], codes: np.ndarray) -> pd.Series:
    # Two cells may be the same text (1 and "1"), so the texts are made distinct again.
    category, texts = pd.factorize(_objects(values))
    return pd.Series(pd.Categorical.from_codes(category[codes], categories=texts))


def bounded(number: int | float | Decimal) -> int | float | Decimal:
    """Return the number; one that is too large to be summed is refused."""
    if not -NUMBER_BELOW < number < NUMBER_BELOW:
        raise Refused(f"{number!s:.40} is too large: numbers have at most 15 digits before the decimal mark.")
    return number
