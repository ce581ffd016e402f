"""The steps that look into cells, carried out by pandas on a stretch of rows: whole columns, never row by row.

Loading pandas takes a second, so only the process that reads a source with such steps does. What each step means is
written down row by row in `tests/kpis/row_by_row.py`, which the tests compare this with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from kpis.domain.parsing import SPACES, NumberFormat, Refused
from kpis.domain.sentences import Sentence
from kpis.sources.base import Kind, Refusal, Table, of_column
from kpis.sources.cells import Formats
from kpis.sources.comparing import COMPARE
from kpis.sources.mapping import Condition

# What a ratio is of which a part could not be read: no number, and not empty either.
UNREAD = ...


@dataclass(frozen=True, slots=True)
class _Read:
    """What the cells of a column are, empty ones without a value, and why those at some places are refused."""

    values: pd.Series
    refused: Mapping[int, Sentence]


def keep_matching(table: Table, condition: Condition, formats: Formats) -> None:
    """Leave out the rows for which the condition does not hold; a cell that cannot be read refuses its line."""
    cells = table.columns[condition.column]
    read = _numbers(cells, formats) if condition.kind is Kind.NUMBER else _each(cells, formats.text, dtype=object)
    filled = read.values.notna()
    if condition.kind is None:
        matches = filled if condition.op == "not_null" else ~filled
    else:
        matches = COMPARE[condition.op](read.values, condition.value) & filled
    _keep(table, matches.to_numpy(dtype=bool), {condition.column: read.refused})


def derive(table: Table, formats: Mapping[str, Formats], *, to: str, parts: tuple[str, str], factor: float) -> None:
    """Add the ratio of two columns, empty where there is nothing to divide by."""
    read = {name: _numbers(table.columns[name], formats[name]) for name in parts}
    numerator, denominator = (read[name].values for name in parts)
    with np.errstate(all="ignore"):
        derived = numerator / denominator * factor
    is_empty = numerator.isna() | denominator.isna() | (denominator == 0)
    readable = _keep(table, np.ones(len(derived), dtype=bool), {name: one.refused for name, one in read.items()})
    table.columns[to] = derived.astype(object).mask(is_empty, None)[readable].tolist()
    if table.aside is not None:
        table.aside.columns[to] = [UNREAD] * len(table.aside.lines)


def unpivot(table: Table, *, keep: Sequence[str], name: str, value: str) -> None:
    """Make a row of each column that is not kept; each has the line of the row it comes from."""
    # Said, the type of a column stays: left to itself a column of texts gets one in which None is not a number.
    frame = pd.DataFrame({one: pd.Series(_objects(cells), dtype=object) for one, cells in table.columns.items()})
    others = [column for column in table.columns if column not in keep]
    columns: dict[str, Sequence[Any]] = {one: frame[one].to_numpy().repeat(len(others)).tolist() for one in keep}
    columns[name] = others * len(frame)
    columns[value] = frame[others].to_numpy().ravel().tolist()
    table.columns, table.lines = columns, np.repeat(np.array(table.lines), len(others)).tolist()


def _keep(table: Table, kept: np.ndarray, refused: Mapping[str, Mapping[int, Sentence]]) -> np.ndarray:
    """Leave out the rows that are not marked; refuse those with a cell that cannot be read, for the first of them."""
    why: dict[int, Sentence] = {}
    for column, places in refused.items():
        why |= {place: of_column(column, said) for place, said in places.items() if place not in why}
    table.refusals += [Refusal(table.lines[place], why[place]) for place in sorted(why)]
    if why:
        table.put_aside(_picked(table, sorted(why)))
    kept = kept.copy()
    kept[np.array(list(why), dtype=np.intp)] = False
    table.keep(kept.tolist())
    return kept


def _picked(table: Table, places: Sequence[int]) -> Table:
    columns = {name: [cells[place] for place in places] for name, cells in table.columns.items()}
    return Table(columns=dict(columns), lines=[table.lines[place] for place in places])


def _numbers(cells: Sequence[Any], formats: Formats) -> _Read:
    plain = _plain_numbers(cells, formats.numbers)
    return _each(cells, formats.number, dtype=float) if plain is None else _Read(pd.Series(plain, dtype=float), {})


def _each(cells: Sequence[Any], read: Callable[[Any], Any], *, dtype: type) -> _Read:
    """Read cell by cell, but the same text only once."""
    codes: np.ndarray = np.arange(len(cells))
    distinct: Sequence[Any] | np.ndarray = cells
    if set(map(type, cells)) <= {str, type(None)}:
        codes, distinct = pd.factorize(_objects(cells))  # -1, the last value, where there is none
    values: list[Any] = []
    refused: dict[int, Sentence] = {}
    for code, cell in enumerate(distinct):
        try:
            value = read(cell)
        except Refused as error:
            value, refused[code] = None, error.why
        values.append(value)
    of_each = pd.Series([*values, None], dtype=dtype).take(codes).reset_index(drop=True)
    places = np.flatnonzero(np.isin(codes, list(refused))).tolist() if refused else []
    return _Read(of_each, {place: refused[codes[place]] for place in places})


def _objects(cells: Sequence[Any]) -> np.ndarray:
    """Return the cells as they are: None stays None, and a list of a cell is no further dimension."""
    return np.fromiter(cells, dtype=object, count=len(cells))


def _plain_numbers(cells: Sequence[Any], fmt: NumberFormat) -> list[float] | None:
    """Return the numbers of cells that are all written in the plainest way, or empty; None if one is not.

    The whole column is looked at by one expression. What it does not know is read cell by cell, by all the rules.
    """
    try:
        text = "\n".join(cells)
    except TypeError:
        return None
    if not _plainly_written(fmt).fullmatch(text):
        return None
    if fmt.grouping:
        text = text.translate(dict.fromkeys(map(ord, SPACES if fmt.grouping == " " else fmt.grouping)))
    parts = text.replace(fmt.decimal, ".").split("\n")
    # A minus before zero would be one that no rule gives.
    return [float(part) + 0.0 if part else np.nan for part in parts] if len(parts) == len(cells) else None


@lru_cache
def _plainly_written(fmt: NumberFormat) -> re.Pattern[str]:
    mark = f"[{SPACES}]" if fmt.grouping == " " else re.escape(fmt.grouping)
    whole = rf"(?:[0-9]{{1,3}}(?:{mark}[0-9]{{3}}){{1,4}}|[0-9]{{1,15}})" if mark else "[0-9]{1,15}"
    number = rf"(?:-?{whole}(?:{re.escape(fmt.decimal)}[0-9]{{1,40}})?)?"
    return re.compile(rf"{number}(?:\n{number})*+")
