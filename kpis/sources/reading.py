"""From the cells of a source to typed stretches of rows, in the process that reads it.

Plain Python on purpose: the process starts in a blink and stays small, whatever the file. Each
distinct cell is read once, not each row.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any

from kpis.domain.parsing import Refused
from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import (
    DOUBTS_TOLD,
    Connector,
    Kind,
    Reason,
    Refusal,
    Table,
    Wanted,
    Window,
    of_column,
    require_columns,
)
from kpis.sources.cells import Formats, is_moment_elsewhere
from kpis.sources.refusing import Refusals, reason_of, text_of
from kpis.sources.steps import Steps
from kpis.sources.stretches import Stretch

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
    """Cells that were refused for one reason, told by the text of the sentence; there may be a million of them."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class _Remembered(dict[Any, Any]):
    """What cells of one type are, each read when it comes first."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, cell: Any) -> Any:
        value = self._read(cell)
        if len(self) < REMEMBERED_AT_MOST:
            self[cell] = value
        return value


class _Column:
    """Reads the cells of a column. Cells of different types may be equal (1 and True) and are not the same."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read
        self._by_type: dict[type, _Remembered] = {}
        self._bad: dict[str, _Bad] = {}

    def read(self, cells: Sequence[Any]) -> list[Any]:
        types = set(map(type, cells)) - {type(None)}
        if len(types) <= 1 and types <= REMEMBERED_TYPES:
            kind = types.pop() if types else str
            remembered = self._by_type.setdefault(kind, _Remembered(self._tried))
            return list(map(remembered.__getitem__, cells))
        return [self._tried(cell) for cell in cells]

    def why(self, cell: Any) -> Sentence:
        """Return why a cell was refused: it is read again, since of most of them nobody asks."""
        try:
            self._read(cell)
        except Refused as refused:
            return refused.why
        raise AssertionError(cell)

    def _tried(self, cell: Any) -> Any:
        try:
            return self._read(cell)
        except Refused as refused:
            text = text_of(refused.why)
            return self._bad.setdefault(text, _Bad(text))


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


OUTSIDE = -1
# The clocks of two places are up to 26 hours apart.
CLOCKS_APART = timedelta(days=2)


class _Refused:
    """The lines of one table that are refused. Which of them are named depends on those before it, too."""

    def __init__(self, before: Refusals, table: Table) -> None:
        self._before, self._table = before, table
        self.counts: Counter[Reason] = Counter()
        self.named: list[Refusal] = []
        for refusal in table.refusals:  # by the steps
            self._add(reason_of(refusal.why), refusal)

    def cell(self, place: int, name: str, text: str, column: _Column) -> None:
        """Refuse a row for one of its cells; what exactly was wrong is asked only for a line that is named."""
        refusal = None
        if self._before.has_room((name, text)):
            why = column.why(self._table.columns[name][place])
            refusal = Refusal(self._table.lines[place], of_column(name, why))
        self._add((name, text), refusal)

    def _add(self, reason: Reason, refusal: Refusal | None) -> None:
        self.counts[reason] += 1
        if refusal is not None and self._before.has_room(reason):
            self._before.add({}, [refusal])
            self.named.append(refusal)


class Reading:
    """Reads the tables of one source as it was asked."""

    def __init__(self, connector: Connector, steps: Steps, asked: Asked) -> None:
        self._connector, self._steps, self._asked = connector, steps, asked
        self._days = _Column(self._day)
        self._numbers = {name: _Column(steps.format_of(name).number) for name in asked.numbers}
        self._texts = {name: _Texts(steps.format_of(name)) for name in asked.texts}
        self._refused = Refusals()
        self._doubted: set[tuple[int, tuple[tuple[str, int], ...]]] = set()

    def stretches(self) -> Iterator[Stretch]:
        """Yield the rows of the window; lines that cannot be read are left out and named."""
        for table in self._asked_twice() if self._connector.asks_for_days else self._tables(self._asked.window):
            yield self._typed(table)

    def _asked_twice(self) -> Iterator[Table]:
        """Yield the tables; ask anew, for days on either side as well, where moments have a zone of their own.

        A source compares such texts as they are written, or by its own clock, so what is of the first day here may be
        of the day before there. Where nothing came, whatever comes then says what it would have been.
        """
        tables = self._tables(self._asked.window)
        first = next(tables, None)
        if self._asked.snapshot_day is None and (first is None or not first.lines or self._has_zones(first)):
            tables.close()
            yield from self._tables(_wider(self._asked.window))
            return
        if first is not None:
            yield first
        yield from tables

    def _tables(self, window: Window) -> Generator[Table]:
        names = self._asked.names
        for table in self._connector.tables(window=window, names=self._steps.needed(names)):
            self._steps.apply(table)
            if table.lines:
                require_columns(list(table.columns), sorted(names), where=Sentence(_("After its steps the source")))
            yield table

    def _has_zones(self, table: Table) -> bool:
        return any(map(is_moment_elsewhere, table.columns[self._asked.date_column]))

    def _typed(self, table: Table) -> Stretch:
        refused = _Refused(self._refused, table)
        days = self._take_days(table, refused)
        numbers = {name: column.read(table.columns[name]) for name, column in self._numbers.items()}
        texts = {name: texts.column.read(table.columns[name]) for name, texts in self._texts.items()}
        kept = self._without_bad(table, refused, [*numbers.items(), *texts.items()])
        doubts = [] if table.aside is None else self._doubts_of(table.aside)
        if kept is not None:
            doubts += self._doubts(days, texts, [place for place, is_kept in enumerate(kept) if not is_kept])
            numbers, texts = ({name: _picked(cells, kept) for name, cells in part.items()} for part in (numbers, texts))
            days, table.lines = _picked(days, kept), _picked(table.lines, kept)
        stretch = Stretch(
            days=array("i", days),
            lines=array("i", table.lines),
            refusals=refused.named,
            refused=refused.counts,
            doubts=doubts,
        )
        for name, cells in numbers.items():
            stretch.numbers[name], stretch.gaps[name] = _packed(cells)
        for name, places in texts.items():
            stretch.texts[name], stretch.new_texts[name] = array("i", places), self._texts[name].take_new()
        return stretch

    def _take_days(self, table: Table, refused: _Refused) -> Sequence[int]:
        """Return the day of each row, and leave out the rows outside of the window and those without a day."""
        asked = self._asked
        if asked.snapshot_day is not None:
            return [asked.snapshot_day.toordinal()] * len(table.lines)
        days = self._days.read(table.columns[asked.date_column])
        bad = [place for place, day in enumerate(days) if day.__class__ is _Bad]
        for place in bad:
            refused.cell(place, asked.date_column, days[place].text, self._days)
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

    def _doubts_of(self, aside: Table) -> list[tuple[int, dict[str, int]]]:
        """Return days and texts of rows that a step refused, as far as they are of the window."""
        if self._asked.snapshot_day is not None:
            days: Sequence[Any] = [self._asked.snapshot_day.toordinal()] * len(aside.lines)
        else:
            days = self._days.read(aside.columns[self._asked.date_column])
        texts = {name: texts.column.read(aside.columns[name]) for name, texts in self._texts.items()}
        return self._doubts(days, texts, [at for at, day in enumerate(days) if day.__class__ is int and day >= 0])

    def _doubts(
        self, days: Sequence[int], texts: Mapping[str, list[Any]], refused: Iterable[int]
    ) -> list[tuple[int, dict[str, int]]]:
        """Return days and texts of the rows that are refused, each once."""
        found = []
        for place in refused:
            told = len(self._doubted) < DOUBTS_TOLD
            read = ((name, cells[place]) for name, cells in texts.items() if told and cells[place].__class__ is int)
            key = (days[place], tuple(read))
            if key not in self._doubted:
                self._doubted.add(key)
                found.append((days[place], dict(key[1])))
        return found

    def _without_bad(self, table: Table, refused: _Refused, read: Sequence[tuple[str, list[Any]]]) -> list[bool] | None:
        """Refuse the rows with a bad cell, for the first of them; return which rows are kept, None for all of them."""
        bad: dict[int, tuple[str, str]] = {}
        for name, cells in sorted(read, key=itemgetter(0)):
            if _Bad in set(map(type, cells)):
                for place, cell in enumerate(cells):
                    if cell.__class__ is _Bad:
                        bad.setdefault(place, (name, cell.text))
        if not bad:
            return None
        for place in sorted(bad):
            name, text = bad[place]
            refused.cell(place, name, text, self._numbers.get(name) or self._texts[name].column)
        return [place not in bad for place in range(len(table.lines))]


def _wider(window: Window) -> Window:
    since = None if window.since is None else window.since - CLOCKS_APART
    return Window(since=since, until=window.until + CLOCKS_APART)


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
