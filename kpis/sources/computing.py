"""From the rows of a source to readings, for all its KPIs at once. Whole columns, never row by row."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from kpis.domain.aggregation import ratio
from kpis.domain.parsing import Refused, to_storage
from kpis.domain.periods import Calendar, Period, period_of
from kpis.domain.sentences import Part, Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.readings import PROVISIONAL, REPORTED, Reading
from kpis.sources import blocks
from kpis.sources.base import Kind, Refusal, SourceRows, Window
from kpis.sources.blocks import Block, Chosen, Grid
from kpis.sources.comparing import COMPARE
from kpis.sources.mapping import COUNTING_AGGS, Condition, Figure, MappedKpi, may_be_of

ZERO = Decimal(0)
# So many KPIs ask for a text of a column that finding the rows of all its texts at once is cheaper than a mark per row
# for each of them.
WORTH_GROUPING = 8

type Values = list[tuple[Period, Decimal | None, Decimal | None, Decimal | None, str]]

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
    anything else. Where a row was refused that may be one of the KPI, none is not known to be 0, and
    there is no reading. A denominator of 0 gives a reading without value.
    """
    sheet = Sheet(rows, window, left_out=left_out, grouped=_worth_grouping(mapped))
    values = {kpi.kpi_id: found for alike in _alike(mapped) for kpi, found in sheet.values(alike)}
    readings: list[Reading] = []
    refusals: list[Refusal] = []
    for kpi in mapped:
        for period, value, numerator, denominator, reason in values[kpi.kpi_id]:
            if kpi.since is not None and period.start < kpi.since:
                continue
            try:
                reading = Reading(
                    kpi.kpi_id,
                    period.start,
                    period.end,
                    _bounded(value, kpi),
                    None if numerator is None else to_storage(numerator),
                    None if denominator is None else to_storage(denominator),
                    PROVISIONAL if period.end > window.until else REPORTED,
                    reason,
                )
            except Refused as refused:
                about: dict[str, Part] = {"kpi": kpi.code, "period": period.key, "why": refused.why}
                refusals.append(Refusal(0, Sentence(_("%(kpi)s %(period)s: %(why)s"), about)))
            else:
                readings.append(reading)
    return Computed(readings=readings, refusals=refusals)


def _alike(mapped: Sequence[MappedKpi]) -> Iterator[list[MappedKpi]]:
    """Yield the KPIs together that have the same periods and figures, of other rows: they are computed at once."""
    alike: dict[tuple[object, ...], list[MappedKpi]] = {}
    for kpi in mapped:
        alike.setdefault((kpi.frequency, kpi.calendar, *kpi.mapping.figures), []).append(kpi)
    yield from alike.values()


def _worth_grouping(mapped: Sequence[MappedKpi]) -> frozenset[str]:
    """Return the columns of which many KPIs ask for one text."""
    asked = Counter(condition.column for kpi in mapped for condition in kpi.mapping.where if _asks_for_text(condition))
    return frozenset(column for column, times in asked.items() if times > WORTH_GROUPING)


def _asks_for_text(condition: Condition) -> bool:
    return condition.op == "==" and condition.kind is Kind.TEXT


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

    def __init__(
        self,
        rows: SourceRows,
        window: Window,
        *,
        left_out: Mapping[int, np.ndarray] | None = None,
        grouped: frozenset[str] = frozenset(),
    ) -> None:
        self.rows, self.window, self.left_out, self.grouped = rows, window, left_out or {}, grouped
        self.days, self.day_codes = rows.distinct_days, rows.day_codes
        self._grids: dict[tuple[str, Calendar], Grid] = {}
        self._masks: dict[Condition, np.ndarray] = {}
        self._groups: dict[tuple[str, ...], dict[tuple[str, ...], np.ndarray]] = {}

    def values(self, alike: Sequence[MappedKpi]) -> Iterator[tuple[MappedKpi, Values]]:
        """Yield each KPI with (period, value, numerator, denominator, reason) for each period with a reading.

        The KPIs have the same periods and figures.
        """
        grid = self.periods(alike[0].frequency, alike[0].calendar)
        for some in self._together(alike):
            kpis = [kpi for kpi, *_rows in some]
            values: list[Values] = [[] for kpi in kpis]
            for block in grid.blocks():
                parts = [block.part(chosen) for _kpi, chosen in some]
                for of_kpi, found in zip(values, self._values_in(block, kpis, parts), strict=True):
                    of_kpi += found
            yield from zip(kpis, values, strict=True)

    def _together(self, alike: Sequence[MappedKpi]) -> Iterator[list[tuple[MappedKpi, np.ndarray]]]:
        """Yield KPIs with their rows, as many as have about ROWS_AT_ONCE together."""
        some: list[tuple[MappedKpi, np.ndarray]] = []
        size = 0
        for kpi in alike:
            chosen = self._chosen(kpi)
            rows = int(np.count_nonzero(chosen)) if chosen.dtype == bool else len(chosen)
            if chosen.dtype == bool and rows * 8 < len(chosen):
                chosen = np.flatnonzero(chosen)  # a place takes eight times the memory of a mark
            if some and size + rows > blocks.ROWS_AT_ONCE:
                yield some
                some, size = [], 0
            some.append((kpi, chosen))
            size += rows
        if some:
            yield some

    def _values_in(self, block: Block, alike: Sequence[MappedKpi], parts: Sequence[np.ndarray]) -> Iterator[Values]:
        """Yield the values of each KPI in the block; what group a row is in says KPI and period."""
        size, mapping = len(block.periods), alike[0].mapping
        places = [np.flatnonzero(part) if part.dtype == bool else part for part in parts]
        groups = np.repeat(np.arange(len(alike)) * size, [len(part) for part in places])
        chosen = np.concatenate(places)
        groups += block.codes[chosen]
        rows = Chosen(block, chosen, groups, len(alike) * size)
        about = rows.counts()
        if mapping.value is not None:
            found = self._figure(mapping.value, rows)
            for number, kpi in enumerate(alike):
                ours = slice(number * size, (number + 1) * size)
                here = zip(block.periods, found[ours], about[ours], strict=True)
                doubted = self._doubted(kpi)
                yield [
                    (period, value, None, None, "")
                    for period, value, count in here
                    if value is not None and (count or not (doubted and _has_day(period, doubted)))
                ]
            return
        numerators, denominators = self._figure(mapping.numerator, rows), self._figure(mapping.denominator, rows)
        for number, kpi in enumerate(alike):
            ours = slice(number * size, (number + 1) * size)
            factor = kpi.mapping.factor if kpi.mapping.factor is not None else kpi.ratio_factor
            yield [
                (period, *_divided(numerator, denominator, factor))
                for period, count, numerator, denominator in zip(
                    block.periods, about[ours], numerators[ours], denominators[ours], strict=True
                )
                if count and numerator is not None and denominator is not None
            ]

    def _doubted(self, kpi: MappedKpi) -> Sequence[date]:
        """Return the days, in order, of rows that were refused and may be of the KPI."""
        if not self.rows.doubts and kpi.kpi_id not in self.left_out:
            return ()
        found = {doubt.day for doubt in self.rows.doubts if may_be_of(kpi.mapping, doubt.texts)}
        if kpi.kpi_id in self.left_out:
            found |= set(self.days[np.unique(self.day_codes[self.left_out[kpi.kpi_id]])].tolist())
        return sorted(found)

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
        group, where = kpi.mapping.group, kpi.mapping.where
        texts_asked = () if group else (c for c in where if _asks_for_text(c) and c.column in self.grouped)
        if asked := next(iter(texts_asked), None):
            group = ((asked.column, str(asked.value)),)
            where = tuple(condition for condition in where if condition is not asked)
        if group:
            columns, texts = zip(*group, strict=True)
            chosen = _also(self._of_group(columns, texts), *map(self._condition, where))
        else:
            chosen = self.matching(where)
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

    def _figure(self, figure: Figure | None, rows: Chosen) -> list[Decimal | None]:
        """Return the figure of each group, None where there is nothing to compute it from."""
        assert figure is not None
        rows = rows.also(*(self._condition(condition)[rows.block.rows] for condition in figure.where))
        matched = rows.counts()
        if figure.agg == "count":
            cells = self._cells(figure.columns[0], rows) if figure.columns else None
            filled = slice(None) if cells is None else cells.notna().to_numpy()
            results = dict(enumerate(np.bincount(rows.groups[filled], minlength=rows.size).tolist()))
        elif figure.agg == "nunique":
            results = dict(enumerate(self._distinct(figure.columns, rows)))
        else:
            cells = self._cells(figure.columns[0], rows, Kind.NUMBER)
            aggregated = _AGGREGATE[figure.agg](cells.groupby(rows.groups))
            results = dict(zip(aggregated.index.tolist(), aggregated.tolist(), strict=True))
        empty = ZERO if figure.agg in COUNTING_AGGS else None
        return [_decimal(results[group], figure.scale) if count else empty for group, count in enumerate(matched)]

    def _cells(self, name: str, rows: Chosen, kind: Kind | None = None) -> pd.Series:
        return self.rows.column(name, kind).iloc[rows.block.rows].take(rows.places)

    def _distinct(self, columns: Sequence[str], rows: Chosen) -> list[int]:
        """Count the distinct combinations per group; one with an empty cell is none."""
        combined = rows.groups
        filled = np.ones(len(combined), dtype=bool)
        for name in columns:
            part, distinct = pd.factorize(self._cells(name, rows))
            filled &= part >= 0
            # Made dense after each column, so that the product never grows beyond 64 bits.
            combined = pd.factorize(combined * (len(distinct) + 1) + part)[0]
        places = np.flatnonzero(filled)
        first = np.unique(combined[places], return_index=True)[1]
        return np.bincount(rows.groups[places[first]], minlength=rows.size).tolist()


def _has_day(period: Period, days: Sequence[date]) -> bool:
    place = bisect_left(days, period.start)
    return place < len(days) and days[place] < period.end


def _also(chosen: np.ndarray, *masks: np.ndarray) -> np.ndarray:
    """Return the chosen rows that are marked too; rows are chosen by marks or by their places."""
    for mask in masks:
        chosen = chosen & mask if chosen.dtype == bool else chosen[mask[chosen]]
    return chosen


def _divided(numerator: Decimal, denominator: Decimal, factor: Decimal) -> tuple[Decimal | None, Decimal, Decimal, str]:
    value, reason = ratio(numerator, denominator, factor)
    return value, numerator, denominator, reason


@lru_cache(maxsize=1 << 16, typed=True)  # the figures of a source repeat themselves
def _decimal(result: Any, scale: Decimal) -> Decimal | None:
    """Return the exact whole number, or the float as it prints with 8 decimals."""
    if result is pd.NA or result is None or result != result:  # only NaN differs from itself
        return None
    number = Decimal(result) if isinstance(result, int) else to_storage(Decimal(repr(float(result))))
    return number * scale
