"""From typed stretches to the rows of a fetch, in few bytes per row: a worker holds all of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import DOUBTS_TOLD, REFUSED_SHARE_AT_MOST, Doubt, Kind, Refusal, SourceError, SourceRows, Wanted
from kpis.sources.refusing import NAMED_AT_MOST, Refusals
from kpis.sources.stretches import Stretch

# The first day of numpy, counted as Python counts days.
EPOCH = 719_163
# The types of numbers, each of which holds those before it.
WIDER = "iqd"
DAY = "\0day"  # as no column is called


def rows_of(
    stretches: Iterable[Stretch],
    *,
    columns: frozenset[Wanted],
    date_column: str = "",
    unique_by: Sequence[str] = (),
) -> SourceRows:
    """Return the rows in the order of their days, each key of `unique_by` once.

    Raises SourceError if more than REFUSED_SHARE_AT_MOST of the lines are refused.
    """
    collected = _Collected()
    for stretch in stretches:
        collected.add(stretch)
    return collected.rows(columns, date_column, unique_by)


class _Collected:
    """The stretches joined, column by column."""

    def __init__(self) -> None:
        self.days, self.lines = array("i"), array("i")
        self.numbers: dict[str, array[Any]] = {}
        self.gaps: dict[str, bytearray] = {}
        self.places: dict[str, array[int]] = {}
        self.texts: dict[str, list[str]] = {}
        self.refusals = Refusals()
        self.doubts: list[tuple[int, dict[str, int]]] = []

    def add(self, stretch: Stretch) -> None:
        before = len(self.days)
        self.days.extend(stretch.days)
        self.lines.extend(stretch.lines)
        self.refusals.add(stretch.refused, stretch.refusals)
        self.doubts += stretch.doubts
        for name, cells in stretch.numbers.items():
            known = self.numbers.setdefault(name, array("i"))
            # Whole numbers of less than 16 digits are the same as floats.
            code = max(known.typecode, cells.typecode, key=WIDER.index) if len(cells) else known.typecode
            if known.typecode != code:
                known = self.numbers[name] = array(code, known)
            known.extend(cells if cells.typecode == code else array(code, cells))
            if stretch.gaps[name] or name in self.gaps:
                gaps = self.gaps.setdefault(name, bytearray(before))
                gaps += stretch.gaps[name] or bytes(len(cells))
        for name, places in stretch.texts.items():
            self.places.setdefault(name, array("i")).extend(places)
            self.texts.setdefault(name, []).extend(stretch.new_texts[name])

    def rows(self, columns: frozenset[Wanted], date_column: str, unique_by: Sequence[str]) -> SourceRows:
        days, lines = (np.frombuffer(part, dtype=np.int32) for part in (self.days, self.lines))
        read = len(days) + self.refusals.total
        kept = self._unique(days, lines, date_column, unique_by) if unique_by and len(days) else None
        self._refuse_too_many(read)
        order = np.flatnonzero(kept) if kept is not None and not kept.all() else None
        chosen = days if order is None else days[order]
        if (chosen[1:] < chosen[:-1]).any():
            sorting = np.argsort(chosen, kind="stable")
            order = sorting if order is None else order[sorting]
            chosen = chosen[sorting]
        distinct, codes = _coded(chosen)
        doubts = [Doubt(date.fromordinal(day), self._read(places)) for day, places in self.doubts]
        del days, chosen
        self.days = array("i")
        return SourceRows(
            distinct_days=(distinct.astype(np.int64) - EPOCH).view("datetime64[D]"),
            day_codes=codes,
            lines=_in_order(lines, order),
            columns={(name, kind): self._column(name, kind, order) for name, kind in sorted(columns)},
            refusals=self.refusals.told(),
            refused=self.refusals.counts,
            read=read,
            doubts=doubts,
        )

    def _read(self, places: Mapping[str, int]) -> dict[str, str | None]:
        return {name: self.texts[name][place] if place >= 0 else None for name, place in places.items()}

    def _refuse_too_many(self, read: int) -> None:
        refused = self.refusals.total
        if not read or refused / read <= REFUSED_SHARE_AT_MOST:
            return
        says = _(
            "%(refused)s of %(all)s lines were refused, more than %(most)s%%, so none was taken;"
            " the first is line %(line)s: %(why)s"
        )
        first = self.refusals.named()[0]
        parts = {"refused": refused, "all": read, "most": round(REFUSED_SHARE_AT_MOST * 100)}
        why = Sentence(says, parts | {"line": str(first.line), "why": first.why})
        raise SourceError(why, refusals=self.refusals.told(), refused=refused, read=read)

    def _unique(self, days: np.ndarray, lines: np.ndarray, date_column: str, unique_by: Sequence[str]) -> np.ndarray:
        """Mark the first row of each key; the others are refused."""
        key = pd.DataFrame(
            {name: days if name == date_column else np.frombuffer(self.places[name], np.int32) for name in unique_by}
        )
        group = key.groupby(list(unique_by), sort=False, dropna=False).ngroup().to_numpy()
        first = np.unique(group, return_index=True)[1][group]
        kept = first == np.arange(len(days))
        repeated = np.flatnonzero(~kept)
        says = _("It repeats line %(line)s: %(columns)s are the same.")
        named = [
            Refusal(int(lines[row]), Sentence(says, {"line": str(lines[first[row]]), "columns": ", ".join(unique_by)}))
            for row in repeated[:NAMED_AT_MOST].tolist()
        ]
        self.refusals.add({("", says): len(repeated)} if named else {}, named)
        return kept

    def _column(self, name: str, kind: Kind, order: np.ndarray | None) -> pd.Series:
        """Return the column and let go of what it was made from."""
        if kind is Kind.TEXT:
            places = np.frombuffer(self.places.pop(name, array("i")), dtype=np.int32)
            texts = pd.Index(np.array(self.texts.pop(name, []), dtype=object))
            return pd.Series(pd.Categorical.from_codes(_in_order(places, order), categories=texts))
        cells, gaps = self.numbers.pop(name, array("i")), self.gaps.pop(name, None)
        numbers = _in_order(np.frombuffer(cells, dtype=cells.typecode), order)
        empty = None if gaps is None else _in_order(np.frombuffer(gaps, dtype=bool), order)
        # Whole numbers stay whole as long as their sum fits into 64 bits.
        if cells.typecode != "d":
            if not len(numbers) or max(abs(int(numbers.min())), abs(int(numbers.max()))) * len(numbers) < 2**62:
                return pd.Series(numbers if empty is None else pd.arrays.IntegerArray(numbers, empty))
            numbers = numbers.astype(np.float64)
        return pd.Series(numbers if empty is None else np.where(empty, np.nan, numbers))


def without(rows: SourceRows, dropped: np.ndarray) -> SourceRows:
    """Return the rows that are not marked."""
    if not dropped.any():
        return rows
    kept = ~dropped
    used, codes = _coded(rows.day_codes[kept])
    return replace(
        rows,
        distinct_days=rows.distinct_days[used],
        day_codes=codes,
        lines=rows.lines[kept],
        columns={wanted: column[kept].reset_index(drop=True) for wanted, column in rows.columns.items()},
        doubts=[*rows.doubts, *_doubts(rows, dropped)],
    )


def _doubts(rows: SourceRows, dropped: np.ndarray) -> Iterator[Doubt]:
    """Yield days and texts of the rows that are marked, each once."""
    texts = {name: column[dropped].to_numpy() for (name, kind), column in rows.columns.items() if kind is Kind.TEXT}
    told = pd.DataFrame({**texts, DAY: rows.days[dropped].tolist()}).drop_duplicates()
    for row in told[:DOUBTS_TOLD].to_dict("records"):
        yield Doubt(row.pop(DAY), {str(name): None if pd.isna(text) else text for name, text in row.items()})
    yield from (Doubt(day, {}) for day in told[DAY][DOUBTS_TOLD:].unique())


def _coded(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct days of sorted ones, and for each the place of its day in as few bytes as do."""
    if not len(days):
        return days[:0], np.empty(0, dtype=np.uint8)
    starts = np.flatnonzero(np.concatenate([[True], days[1:] != days[:-1]]))
    counts = np.diff(starts, append=len(days))
    return days[starts], np.repeat(np.arange(len(starts), dtype=np.min_scalar_type(len(starts))), counts)


def _in_order(cells: np.ndarray, order: np.ndarray | None) -> np.ndarray:
    return cells if order is None else cells[order]
