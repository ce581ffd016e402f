"""From the rows of a source to readings, for all its KPIs at once. Whole columns, never row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from kpis.domain.aggregation import ratio
from kpis.domain.parsing import Refused, to_storage
from kpis.domain.periods import Calendar, Period, period_of
from kpis.domain.sentences import Part, Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.readings import PROVISIONAL, REPORTED, Reading
from kpis.sources.base import Kind, Refusal, SourceRows, Window
from kpis.sources.comparing import COMPARE
from kpis.sources.mapping import COUNTING_AGGS, Condition, Figure, MappedKpi

ZERO = Decimal(0)
ROWS_AT_ONCE = 1_000_000

_AGGREGATE: dict[str, Callable[[pd.api.typing.SeriesGroupBy], pd.Series]] = {
    # Rows of which every cell is empty have no sum: missing is never zero.
    "sum": lambda groups: groups.sum(min_count=1),
    "mean": lambda groups: groups.mean(),
    "median": lambda groups: groups.median(),
    "min": lambda groups: groups.min(),
    "max": lambda groups: groups.max(),
    "p90": lambda groups: groups.quantile(0.9),
    "first": lambda groups: groups.first(),
    "last": lambda groups: groups.last(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """The readings, and the values that were not taken."""

    readings: list[Reading]
    refusals: list[Refusal]


@dataclass(frozen=True, slots=True)
class Grid:
    """The periods of one frequency that have rows; those of period i are `starts[i]` up to `starts[i + 1]`."""

    periods: Sequence[Period]
    starts: np.ndarray

    @property
    def codes(self) -> np.ndarray:
        """For each row which period it is in, -1 before the first one."""
        return np.repeat(np.arange(-1, len(self.periods), dtype=np.int32), np.diff(self.starts, prepend=0))

    def blocks(self) -> Iterator[_Block]:
        """Yield whole periods, together about ROWS_AT_ONCE: what is computed with takes no more memory at once."""
        first = 0
        while first < len(self.periods):
            end = int(self.starts.searchsorted(self.starts[first] + ROWS_AT_ONCE, side="right")) - 1
            end = min(max(end, first + 1), len(self.periods))
            counts = np.diff(self.starts[first : end + 1])
            rows = slice(int(self.starts[first]), int(self.starts[end]))
            yield _Block(self.periods[first:end], rows, np.repeat(np.arange(end - first), counts))
            first = end


@dataclass(frozen=True, slots=True)
class _Block:
    """Some periods, where their rows are, and for each row which period it is in."""

    periods: Sequence[Period]
    rows: slice
    codes: np.ndarray

    def part(self, chosen: np.ndarray) -> np.ndarray:
        """Return which rows of the block are chosen of all rows, as marks or places."""
        if chosen.dtype == bool:
            return chosen[self.rows]
        first, end = chosen.searchsorted([self.rows.start, self.rows.stop])
        return chosen[first:end] - self.rows.start


def compute_readings(
    rows: SourceRows,
    mapped: Sequence[MappedKpi],
    window: Window,
    *,
    left_out: Mapping[int, np.ndarray] | None = None,
) -> Computed:
    """Return a reading for each KPI and period that lies wholly in the window and has a value.

    `left_out` marks rows that do not count for a KPI, by its id.
    A period that `window.until` cuts is provisional. A period in which the source has no row at
    all gives no reading; one in which none matches gives 0 for counts and sums and no reading for
    anything else. A denominator of 0 gives a reading without value.
    """
    sheet = Sheet(rows, window, left_out=left_out)
    readings: list[Reading] = []
    refusals: list[Refusal] = []
    for kpi in mapped:
        for period, value, numerator, denominator, reason in sheet.values(kpi):
            if kpi.since is not None and period.start < kpi.since:
                continue
            try:
                reading = Reading(
                    kpi_id=kpi.kpi_id,
                    period_start=period.start,
                    period_end=period.end,
                    value=_bounded(value, kpi),
                    numerator=None if numerator is None else to_storage(numerator),
                    denominator=None if denominator is None else to_storage(denominator),
                    state=PROVISIONAL if period.end > window.until else REPORTED,
                    reason=reason,
                )
            except Refused as refused:
                about: dict[str, Part] = {"kpi": kpi.code, "period": period.key, "why": refused.why}
                refusals.append(Refusal(0, Sentence(_("%(kpi)s %(period)s: %(why)s"), about)))
            else:
                readings.append(reading)
    return Computed(readings=readings, refusals=refusals)


def _bounded(value: Decimal | None, kpi: MappedKpi) -> Decimal | None:
    if value is None:
        return None
    stored = to_storage(value)
    if kpi.minimum is not None and stored < kpi.minimum:
        says = _("%(value)s is below the least possible value, %(least)s.")
        raise Refused(Sentence(says, {"value": stored, "least": kpi.minimum}))
    if kpi.maximum is not None and stored > kpi.maximum:
        says = _("%(value)s is above the greatest possible value, %(most)s.")
        raise Refused(Sentence(says, {"value": stored, "most": kpi.maximum}))
    return stored


class Sheet:
    """Rows with what several KPIs share: their periods, and which rows match a condition."""

    def __init__(self, rows: SourceRows, window: Window, *, left_out: Mapping[int, np.ndarray] | None = None) -> None:
        self.rows, self.window, self.left_out = rows, window, left_out or {}
        self.days, self.day_codes = rows.distinct_days, rows.day_codes
        self._grids: dict[tuple[str, Calendar], Grid] = {}
        self._masks: dict[Condition, np.ndarray] = {}
        self._groups: dict[tuple[str, ...], dict[tuple[str, ...], np.ndarray]] = {}

    def values(self, kpi: MappedKpi) -> list[tuple[Period, Decimal | None, Decimal | None, Decimal | None, str]]:
        """Return (period, value, numerator, denominator, reason) for each period with a reading."""
        chosen = self._chosen(kpi)
        blocks = self.periods(kpi.frequency, kpi.calendar).blocks()
        return [value for block in blocks for value in self._values_in(block, kpi, block.part(chosen))]

    def _values_in(
        self, block: _Block, kpi: MappedKpi, chosen: np.ndarray
    ) -> list[tuple[Period, Decimal | None, Decimal | None, Decimal | None, str]]:
        mapping = kpi.mapping
        if mapping.value is not None:
            values = self._figure(mapping.value, block, chosen)
            return [(p, v, None, None, "") for p, v in zip(block.periods, values, strict=True) if v is not None]
        factor = mapping.factor if mapping.factor is not None else kpi.ratio_factor
        about = np.bincount(block.codes[chosen], minlength=len(block.periods))
        numerators = self._figure(mapping.numerator, block, chosen)
        denominators = self._figure(mapping.denominator, block, chosen)
        return [
            (period, *_divided(numerator, denominator, factor))
            for period, count, numerator, denominator in zip(
                block.periods, about, numerators, denominators, strict=True
            )
            if count and numerator is not None and denominator is not None
        ]

    def about(self, kpi: MappedKpi) -> np.ndarray:
        """Return which rows the KPI is computed from, as a mark for each row."""
        chosen = self._chosen(kpi)
        if chosen.dtype == bool:
            return chosen
        mask = np.zeros(len(self.rows), dtype=bool)
        mask[chosen] = True
        return mask

    def _chosen(self, kpi: MappedKpi) -> np.ndarray:
        """Return the rows of the KPI: marks for all rows, or the places of those of its group."""
        mapping = kpi.mapping
        if mapping.group:
            columns, texts = zip(*mapping.group, strict=True)
            chosen = _also(self._of_group(columns, texts), *map(self._condition, mapping.where))
        else:
            chosen = self.matching(mapping.where)
        return _also(chosen, ~self.left_out[kpi.kpi_id]) if kpi.kpi_id in self.left_out else chosen

    def _of_group(self, columns: tuple[str, ...], texts: tuple[str, ...]) -> np.ndarray:
        """Return the places of the rows that have these texts. All groups of the columns are made at once."""
        if columns not in self._groups:
            cells = {name: self.rows.column(name, Kind.TEXT) for name in columns}
            places = pd.DataFrame(cells).groupby(list(columns), observed=True, sort=False).indices
            self._groups[columns] = {
                key if isinstance(key, tuple) else (key,): np.asarray(rows) for key, rows in places.items()
            }
        return self._groups[columns].get(texts, np.empty(0, dtype=np.int64))

    def periods(self, frequency: str, calendar: Calendar) -> Grid:
        """Return the periods of a frequency that have rows and begin in the window."""
        key = (frequency, calendar)
        if key not in self._grids:
            since = self.window.since or date.min
            periods: list[Period] = []
            firsts: list[int] = []
            for place, day in enumerate(self.days.tolist()):
                if not periods or day >= periods[-1].end:
                    period = period_of(day, frequency, calendar)
                    if period.start >= since:
                        periods.append(period)
                        firsts.append(place)
            code = self.day_codes.dtype.type
            starts = [self.day_codes.searchsorted(code(place)) for place in firsts]
            self._grids[key] = Grid(periods, np.array([*starts, len(self.rows)], dtype=np.int64))
        return self._grids[key]

    def matching(self, where: Sequence[Condition]) -> np.ndarray:
        mask = np.ones(len(self.rows), dtype=bool)
        for condition in where:
            mask &= self._condition(condition)
        return mask

    def _condition(self, condition: Condition) -> np.ndarray:
        if condition not in self._masks:
            self._masks[condition] = self._match(condition)
        return self._masks[condition]

    def _match(self, condition: Condition) -> np.ndarray:
        column = self.rows.column(condition.column, condition.kind)
        filled = column.notna().to_numpy(dtype=bool)
        if condition.kind is None:
            return filled if condition.op == "not_null" else ~filled
        compared = COMPARE[condition.op](column, condition.value)
        return compared.to_numpy(dtype=bool, na_value=False) & filled

    def _figure(self, figure: Figure | None, block: _Block, chosen: np.ndarray) -> list[Decimal | None]:
        """Return the figure of each period, None where there is nothing to compute it from."""
        assert figure is not None
        chosen = _also(chosen, *(self._condition(condition)[block.rows] for condition in figure.where))
        codes, size = block.codes[chosen], len(block.periods)
        matched = np.bincount(codes, minlength=size)
        if figure.agg == "count":
            cells = self._cells(figure.columns[0], block, chosen) if figure.columns else None
            filled = slice(None) if cells is None else cells.notna().to_numpy()
            results = dict(enumerate(np.bincount(codes[filled], minlength=size).tolist()))
        elif figure.agg == "nunique":
            results = dict(enumerate(self._distinct(figure.columns, block, chosen)))
        else:
            cells = self._cells(figure.columns[0], block, chosen, Kind.NUMBER)
            aggregated = _AGGREGATE[figure.agg](cells.groupby(codes))
            results = dict(zip(aggregated.index.tolist(), aggregated.tolist(), strict=True))
        empty = ZERO if figure.agg in COUNTING_AGGS else None
        return [
            _decimal(results[code], figure.scale) if count else empty for code, count in enumerate(matched.tolist())
        ]

    def _cells(self, name: str, block: _Block, chosen: np.ndarray, kind: Kind | None = None) -> pd.Series:
        column = self.rows.column(name, kind).iloc[block.rows]
        return column[chosen] if chosen.dtype == bool else column.take(chosen)

    def _distinct(self, columns: Sequence[str], block: _Block, chosen: np.ndarray) -> list[int]:
        """Count the distinct combinations per period; one with an empty cell is none."""
        codes = combined = block.codes[chosen]
        filled = np.ones(len(codes), dtype=bool)
        for name in columns:
            part, distinct = pd.factorize(self._cells(name, block, chosen))
            filled &= part >= 0
            # Made dense after each column, so that the product never grows beyond 64 bits.
            combined = pd.factorize(combined * (len(distinct) + 1) + part)[0]
        rows = np.flatnonzero(filled)
        first = np.unique(combined[rows], return_index=True)[1]
        return np.bincount(codes[rows[first]], minlength=len(block.periods)).tolist()


def _also(chosen: np.ndarray, *masks: np.ndarray) -> np.ndarray:
    """Return the chosen rows that are marked too; rows are chosen by marks or by their places."""
    for mask in masks:
        chosen = chosen & mask if chosen.dtype == bool else chosen[mask[chosen]]
    return chosen


def _divided(numerator: Decimal, denominator: Decimal, factor: Decimal) -> tuple[Decimal | None, Decimal, Decimal, str]:
    value, reason = ratio(numerator, denominator, factor)
    return value, numerator, denominator, reason


def _decimal(result: Any, scale: Decimal) -> Decimal | None:
    """Return the exact whole number, or the float as it prints with 8 decimals."""
    if result is pd.NA or result is None or result != result:  # only NaN differs from itself
        return None
    number = Decimal(result) if isinstance(result, int) else to_storage(Decimal(repr(float(result))))
    return number * scale
