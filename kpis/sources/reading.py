"""From the cells of a source to typed stretches of rows, in the process that reads it.

Plain Python on purpose: the process starts in a blink and stays small, whatever the file. Each
distinct cell is read once, not each row.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from kpis.domain.parsing import Refused
from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import Connector, Kind, Refusal, SourceError, Table, Wanted, Window, of_column, require_columns
from kpis.sources.cells import Formats
from kpis.sources.steps import Steps
from kpis.sources.stretches import Stretch

# More than that many lines that cannot be read are no exceptions any more.
REFUSALS_AT_MOST = 100_000
# Cells that are remembered per column; more distinct ones than that gain nothing from it.
REMEMBERED_AT_MOST = 200_000
REMEMBERED_TYPES = {str, int, float, Decimal, date, datetime}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of a source: days, columns, and the day that rows without one are of."""

    window: Window
    columns: frozenset[Wanted]
    date_column: str
    unique_by: tuple[str, ...] = ()
    snapshot_day: date | None = None

    @property
    def texts(self) -> frozenset[str]:
        """The columns that are read as texts, with those that name a row."""
        return frozenset(name for name, kind in self.columns if kind is Kind.TEXT) | (
            frozenset(self.unique_by) - {self.date_column}
        )

    @property
    def numbers(self) -> frozenset[str]:
        """The columns that are read as numbers."""
        return frozenset(name for name, kind in self.columns if kind is Kind.NUMBER)

    @property
    def names(self) -> frozenset[str]:
        """Every column that is read."""
        dated = frozenset() if self.snapshot_day else frozenset({self.date_column})
        return self.texts | self.numbers | dated


class _Bad:
    """A cell that was refused, and why."""

    __slots__ = ("why",)

    def __init__(self, why: Sentence) -> None:
        self.why = why


class _Remembered(dict[Any, Any]):
    """What cells of one type are, each read when it comes first."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, cell: Any) -> Any:
        value = _tried(self._read, cell)
        if len(self) < REMEMBERED_AT_MOST:
            self[cell] = value
        return value


class _Column:
    """Reads the cells of a column. Cells of different types may be equal (1 and True) and are not the same."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read
        self._by_type: dict[type, _Remembered] = {}

    def read(self, cells: Sequence[Any]) -> list[Any]:
        types = set(map(type, cells)) - {type(None)}
        if len(types) <= 1 and types <= REMEMBERED_TYPES:
            kind = types.pop() if types else str
            remembered = self._by_type.setdefault(kind, _Remembered(self._read))
            return list(map(remembered.__getitem__, cells))
        return [_tried(self._read, cell) for cell in cells]


class _Texts:
    """The distinct texts of a column in the order they came; an empty cell has the place -1."""

    def __init__(self, formats: Formats) -> None:
        self._text = formats.text
        self._places: dict[str, int] = {}
        self._new: list[str] = []
        self.column = _Column(self._place)

    def _place(self, cell: Any) -> int:
        text = self._text(cell)
        if text is None:
            return -1
        if text not in self._places:
            self._places[text] = len(self._places)
            self._new.append(text)
        return self._places[text]

    def take_new(self) -> list[str]:
        new, self._new = self._new, []
        return new


def _tried(read: Callable[[Any], Any], cell: Any) -> Any:
    try:
        return read(cell)
    except Refused as refused:
        return _Bad(refused.why)


OUTSIDE = -1


class Reading:
    """Reads the tables of one source as it was asked."""

    def __init__(self, connector: Connector, steps: Steps, asked: Asked) -> None:
        self._connector, self._steps, self._asked = connector, steps, asked
        self._days = _Column(self._day)
        self._numbers = {name: _Column(steps.format_of(name).number) for name in asked.numbers}
        self._texts = {name: _Texts(steps.format_of(name)) for name in asked.texts}
        self._refused = 0

    def stretches(self) -> Iterator[Stretch]:
        """Yield the rows of the window; lines that cannot be read are left out and named."""
        asked = self._asked
        for table in self._connector.tables(window=asked.window, names=self._steps.needed(asked.names)):
            self._steps.apply(table)
            if table.lines:
                require_columns(
                    list(table.columns), sorted(asked.names), where=Sentence(_("After its steps the source"))
                )
            stretch = self._typed(table)
            self._refused += len(stretch.refusals)
            if self._refused > REFUSALS_AT_MOST:
                first = stretch.refusals[0]
                says = _("More than %(most)s lines were refused, so none was taken; one is line %(line)s: %(why)s")
                raise SourceError(Sentence(says, {"most": REFUSALS_AT_MOST, "line": str(first.line), "why": first.why}))
            yield stretch

    def _typed(self, table: Table) -> Stretch:
        days = self._take_days(table)
        numbers = {name: column.read(table.columns[name]) for name, column in self._numbers.items()}
        texts = {name: texts.column.read(table.columns[name]) for name, texts in self._texts.items()}
        kept = self._without_bad(table, {**numbers, **texts})
        if kept is not None:
            numbers, texts = ({name: _picked(cells, kept) for name, cells in part.items()} for part in (numbers, texts))
            days, table.lines = _picked(days, kept), _picked(table.lines, kept)
        stretch = Stretch(days=array("i", days), lines=array("i", table.lines), refusals=table.refusals)
        for name, cells in numbers.items():
            stretch.numbers[name], stretch.gaps[name] = _packed(cells)
        for name, places in texts.items():
            stretch.texts[name], stretch.new_texts[name] = array("i", places), self._texts[name].take_new()
        return stretch

    def _take_days(self, table: Table) -> Sequence[int]:
        """Return the day of each row, and leave out the rows outside of the window and those without a day."""
        asked = self._asked
        if asked.snapshot_day is not None:
            return [asked.snapshot_day.toordinal()] * len(table.lines)
        days = self._days.read(table.columns[asked.date_column])
        bad = [place for place, day in enumerate(days) if day.__class__ is _Bad]
        for place in bad:
            table.refusals.append(Refusal(table.lines[place], of_column(asked.date_column, days[place].why)))
            days[place] = OUTSIDE
        if min(days, default=0) < 0:
            table.keep([day >= 0 for day in days])
            days = [day for day in days if day >= 0]
        return days

    def _day(self, cell: Any) -> int:
        """Return the day as a number, OUTSIDE for one that is not asked for."""
        day = self._steps.format_of(self._asked.date_column).day(cell)
        if day is None:
            raise Refused(Sentence(_("There is no day.")))
        window = self._asked.window
        is_wanted = day < window.until and (window.since is None or day >= window.since)
        return day.toordinal() if is_wanted else OUTSIDE

    def _without_bad(self, table: Table, read: dict[str, list[Any]]) -> list[bool] | None:
        """Name the rows with a cell that was refused; return which rows are kept, None for all of them."""
        why: dict[int, Sentence] = {}
        for name, cells in sorted(read.items()):
            if _Bad in set(map(type, cells)):
                for place, cell in enumerate(cells):
                    if cell.__class__ is _Bad:
                        why.setdefault(place, of_column(name, cell.why))
        if not why:
            return None
        table.refusals += [Refusal(table.lines[place], why[place]) for place in sorted(why)]
        return [place not in why for place in range(len(table.lines))]


def _picked(cells: Sequence[Any], kept: Sequence[bool]) -> list[Any]:
    return [cell for cell, keep in zip(cells, kept, strict=True) if keep]


def _packed(cells: Sequence[int | float | None]) -> tuple[array[Any], bytes]:
    """Return numbers as whole ones if all are, in few bytes if they fit, and which are empty."""
    kinds = set(map(type, cells))
    gaps = b""
    if type(None) in kinds:
        gaps = bytes(cell is None for cell in cells)
        cells = [0 if cell is None else cell for cell in cells]
    if float in kinds:
        return array("d", cells), gaps
    try:
        return array("i", cells), gaps
    except OverflowError:
        return array("q", cells), gaps
