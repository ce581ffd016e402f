"""The rows of a fetch held against the rules of their source. Whole columns, never row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from kpis.domain.parsing import to_storage
from kpis.domain.periods import Calendar
from kpis.domain.quality import (
    Outcome,
    Rule,
    Totalled,
    age_outcome,
    count_outcome,
    rows_outcome,
    rule_words,
    total_outcome,
)
from kpis.domain.sentences import Part, Sentence, joined
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import REFUSALS_KEPT, Kind, Refusal, SourceRows, Wanted, Window
from kpis.sources.computing import Sheet
from kpis.sources.mapping import MappedKpi
from kpis.sources.rows import without

CELL_SHOWN = 40
EXAMPLES = 3
DAILY = "day"
EMPTY = Sentence(_("empty"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The values of a KPI that sums of rows are held against, by the first day of their period."""

    frequency: str
    calendar: Calendar
    values: Mapping[date, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The rows that count, those that don't for single KPIs by their ids, what was refused, and how each rule did.

    Each time that a rule refuses a row is named, the first ones; `refused` is how many rows that are.
    """

    rows: SourceRows
    left_out: Mapping[int, np.ndarray]
    refusals: list[Refusal]
    refused: int
    outcomes: list[Outcome]


def with_rules(wanted: frozenset[Wanted], rules: Iterable[Rule]) -> frozenset[Wanted]:
    """Return the columns to fetch so that the rules can be held against them as well."""
    kinds = set(wanted)
    either: set[str] = set()
    for rule in rules:
        if rule.kind in {"range", "rising", "total"} or (rule.kind == "type" and rule.value_type != "day"):
            kinds |= {(name, Kind.NUMBER) for name in (*rule.columns, rule.control_column) if name}
        elif rule.kind in {"type", "allowed"}:
            kinds |= {(name, Kind.TEXT) for name in rule.columns}
        else:
            either.update(rule.columns)
    known = {name for name, _kind in kinds}
    return frozenset(kinds | {(name, Kind.TEXT) for name in either - known})


def check_rows(
    rows: SourceRows,
    rules: Sequence[Rule],
    mapped: Sequence[MappedKpi],
    window: Window,
    *,
    rows_a_day: int,
    usual: int,
    controls: Mapping[int, Control],
) -> Checked:
    """Hold every rule against the rows; those that a rule refuses are left out and named.

    A rule of one KPI leaves its rows out of that KPI only.
    """
    if not rules:
        return Checked(rows=rows, left_out={}, refusals=[], refused=0, outcomes=[])
    sheet = Sheet(rows, window)
    kpis = {kpi.kpi_id: kpi for kpi in mapped}
    dropped = np.zeros(len(rows), dtype=bool)
    left_out: dict[int, np.ndarray] = {}
    refusals: list[Refusal] = []
    refused = np.zeros(len(rows), dtype=bool)
    outcomes: list[Outcome | None] = []
    for rule in rules:
        if rule.kpi_id is not None and rule.kpi_id not in kpis:
            continue
        about = np.ones(len(rows), dtype=bool) if rule.kpi_id is None else sheet.about(kpis[rule.kpi_id])
        if rule.kind in _BROKEN:
            broken = _BROKEN[rule.kind](rows, rule, about) & about
            unread, count = _unread(rows, rule), int(broken.sum())
            cells = _examples(rows, rule, broken) if count and rule.severity == "hold" else ""
            checked = int(about.sum()) + unread
            outcomes.append(rows_outcome(rule, broken=count + unread, checked=checked, cells=cells))
            if rule.severity == "refuse":
                refused |= broken
                refusals += _refusals(rows, rule, broken, kpis, most=REFUSALS_KEPT - len(refusals))
                if rule.kpi_id is None:
                    dropped |= broken
                else:
                    left_out[rule.kpi_id] = left_out.get(rule.kpi_id, False) | broken
        elif rule.kind == "rows":
            outcomes.append(count_outcome(rule, rows_a_day=rows_a_day, usual=usual))
        elif rule.kind == "fresh":
            newest = rows.distinct_days[rows.day_codes[about].max()].item() if about.any() else None
            outcomes.append(age_outcome(rule, newest=newest, until=window.until))
        else:
            outcomes.append(total_outcome(rule, _totals(sheet, rule, about, controls, window)))
    return Checked(
        rows=without(rows, dropped),
        left_out={kpi_id: mask[~dropped] for kpi_id, mask in left_out.items()},
        refusals=refusals,
        refused=int(refused.sum()),
        outcomes=[outcome for outcome in outcomes if outcome is not None],
    )


# --- which rows break a rule; empty cells break only the rule that they be filled in ----------------


def _type(rows: SourceRows, rule: Rule, about: np.ndarray) -> np.ndarray:
    if rule.value_type == "day":
        column = rows.column(rule.columns[0], Kind.TEXT)
        bad = [text for text in column.cat.categories if not _is_day(text)]
        return column.isin(bad).to_numpy(dtype=bool)
    column = rows.column(rule.columns[0], Kind.NUMBER)
    if rule.value_type != "whole":
        return np.zeros(len(rows), dtype=bool)
    return _true(column % 1 != 0) & column.notna().to_numpy(dtype=bool)


def _range(rows: SourceRows, rule: Rule, about: np.ndarray) -> np.ndarray:
    column = rows.column(rule.columns[0], Kind.NUMBER)
    broken = np.zeros(len(rows), dtype=bool)
    if rule.low is not None:
        broken |= _true(column < float(rule.low))
    if rule.high is not None:
        broken |= _true(column > float(rule.high))
    return broken


def _filled(rows: SourceRows, rule: Rule, about: np.ndarray) -> np.ndarray:
    empty = [rows.column(name).isna().to_numpy(dtype=bool) for name in rule.columns]
    return np.logical_or.reduce(empty)


def _unique(rows: SourceRows, rule: Rule, about: np.ndarray) -> np.ndarray:
    """Mark each row that has the same cells as an earlier one that it is about."""
    places = np.flatnonzero(about)
    cells = pd.DataFrame({name: rows.column(name)[about].to_numpy() for name in rule.columns})
    broken = np.zeros(len(rows), dtype=bool)
    broken[places[cells.duplicated().to_numpy()]] = True
    return broken


def _rising(rows: SourceRows, rule: Rule, about: np.ndarray) -> np.ndarray:
    """Mark each row below the highest one before it."""
    numbers = rows.column(rule.columns[0], Kind.NUMBER).to_numpy(dtype=float, na_value=np.nan)
    broken = np.zeros(len(rows), dtype=bool)
    own = numbers[about]
    broken[about] = own < np.fmax.accumulate(own)
    return broken


def _allowed(rows: SourceRows, rule: Rule, about: np.ndarray) -> np.ndarray:
    column = rows.column(rule.columns[0], Kind.TEXT)
    return (column.notna() & ~column.isin(list(rule.allowed))).to_numpy(dtype=bool)


_BROKEN: dict[str, Callable[[SourceRows, Rule, np.ndarray], np.ndarray]] = {
    "type": _type,
    "range": _range,
    "filled": _filled,
    "unique": _unique,
    "rising": _rising,
    "allowed": _allowed,
}


def _true(compared: pd.Series) -> np.ndarray:
    return compared.to_numpy(dtype=bool, na_value=False)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10


def _unread(rows: SourceRows, rule: Rule) -> int:
    """Return how many rows were refused already because a cell of the rule's column is no number."""
    if rule.kind != "type" or rule.value_type == "day":
        return 0
    return sum(count for (column, _text), count in rows.refused.items() if column == rule.columns[0])


def _refusals(
    rows: SourceRows, rule: Rule, broken: np.ndarray, kpis: Mapping[int, MappedKpi], *, most: int
) -> list[Refusal]:
    about: dict[str, Part] = {"rule": rule_words(rule)}
    text = _("%(rule)s; here it is %(cells)s.")
    if rule.kpi_id is not None:
        about["kpi"] = kpis[rule.kpi_id].code
        text = _("%(rule)s; here it is %(cells)s. It does not count for %(kpi)s.")
    shown = [rows.column(name) for name in rule.columns]
    return [
        Refusal(int(rows.lines[place]), Sentence(text, about | {"cells": _cells(shown, place)}))
        for place in np.flatnonzero(broken)[:most].tolist()
    ]


def _examples(rows: SourceRows, rule: Rule, broken: np.ndarray) -> Part:
    """Return the first different cells that broke a rule; nothing where they are empty or could not be read."""
    cells = pd.DataFrame({name: rows.column(name)[broken].to_numpy() for name in rule.columns})
    shown = [column for _name, column in cells.drop_duplicates().dropna(how="all")[:EXAMPLES].items()]
    return joined([_cells(shown, place) for place in range(len(shown[0]))], by="; ") if len(shown[0]) else ""


def _cells(columns: Sequence[pd.Series], place: int) -> Sentence:
    cells = (column.iloc[place] for column in columns)
    return joined([EMPTY if pd.isna(cell) else f"{cell!s:.{CELL_SHOWN}}" for cell in cells], by=", ")


# --- control totals ---------------------------------------------------------------------------------


def _totals(
    sheet: Sheet, rule: Rule, about: np.ndarray, controls: Mapping[int, Control], window: Window
) -> list[Totalled]:
    return _by_day(sheet, rule, about) if rule.control_column else _by_period(sheet, rule, about, controls, window)


def _by_day(sheet: Sheet, rule: Rule, about: np.ndarray) -> list[Totalled]:
    """Compare with the column that repeats the total of its day on every row."""
    stated = sheet.rows.column(rule.control_column, Kind.NUMBER)[about].groupby(sheet.day_codes[about]).first()
    found = _summed(sheet.rows, rule, about, sheet.day_codes)
    return [
        Totalled(name=sheet.days[code].item(), found=found.get(code, Decimal(0)), control=_exact(control))
        for code, control in zip(stated.index.tolist(), stated.tolist(), strict=True)
        if not pd.isna(control)
    ]


def _by_period(
    sheet: Sheet, rule: Rule, about: np.ndarray, controls: Mapping[int, Control], window: Window
) -> list[Totalled]:
    """Compare with the values of another KPI, for the periods that lie wholly in the window."""
    control = controls.get(rule.control_kpi_id or 0)
    if control is None:
        return []
    grid = sheet.periods(control.frequency, control.calendar)
    found = _summed(sheet.rows, rule, about & (grid.codes >= 0), grid.codes)
    return [
        Totalled(
            name=period.start if control.frequency == DAILY else period.key,
            found=found.get(code, Decimal(0)),
            control=control.values[period.start],
        )
        for code, period in enumerate(grid.periods)
        if period.start in control.values and period.end <= window.until
    ]


def _summed(rows: SourceRows, rule: Rule, about: np.ndarray, codes: np.ndarray) -> dict[int, Decimal]:
    """Return the sum of the column, or the number of rows, by code."""
    if not rule.columns:
        counted = pd.Series(codes[about]).value_counts()
        return {
            int(code): Decimal(int(count)) for code, count in zip(counted.index.tolist(), counted.tolist(), strict=True)
        }
    sums = rows.column(rule.columns[0], Kind.NUMBER)[about].groupby(codes[about]).sum()
    return {int(code): _exact(total) for code, total in zip(sums.index.tolist(), sums.tolist(), strict=True)}


def _exact(number: Any) -> Decimal:
    return Decimal(int(number)) if isinstance(number, int | np.integer) else to_storage(Decimal(repr(float(number))))
