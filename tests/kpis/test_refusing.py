"""A source with a great many lines that cannot be read: all are counted, few are named, and memory stays small."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import pytest

from kpis.sources.base import Kind, SourceError, Table, Window
from kpis.sources.cells import Formats
from kpis.sources.reading import Asked, Reading
from kpis.sources.refusing import NAMED_AT_MOST
from kpis.sources.rows import rows_of
from kpis.sources.steps import Steps
from kpis.sources.stretches import Stretch, packed, unpacked
from tests.kpis.reading import named

ALL_DAYS = Window(since=None, until=date(2026, 11, 22))
NUMBERS = frozenset({("delay", Kind.NUMBER), ("minutes", Kind.NUMBER)})
SIZE = 2000
GOOD = ("2026-11-20", "1", "2")


@dataclass(kw_only=True)
class Bad:
    """A connector of tables of which most lines are bad, each in a way of its own, or all good."""

    bad: int
    good: int
    formats: Formats = field(default_factory=Formats)
    asks_for_days: bool = False

    def choices(self) -> dict[str, list[str]]:
        return {}

    def tables(self, *, window: Window, names: frozenset[str] | None) -> Iterator[Table]:
        for number in range(self.bad + self.good):
            lines = range(2 + number * SIZE, 2 + (number + 1) * SIZE)
            yield _table(lines, [_bad(line) if number < self.bad else GOOD for line in lines])


def _bad(line: int) -> tuple[str, str, str]:
    """A third each is no day, no delay, or neither a delay nor minutes."""
    match line % 3:
        case 0:
            return f"{line}.11.", "1", "2"
        case 1:
            return "2026-11-20", f"late {line}", "2"
    return "2026-11-20", f"later {line}", f"x{line}"


def _table(lines: range, rows: list[tuple[str, str, str]]) -> Table:
    day, delay, minutes = zip(*rows, strict=True)
    return Table(columns={"day": day, "delay": delay, "minutes": minutes}, lines=lines)


def stretches(connector: Bad) -> Iterator[Stretch]:
    asked = Asked(window=ALL_DAYS, columns=NUMBERS, date_column="day")
    for stretch in Reading(connector, Steps.of([], connector.formats), asked).stretches():
        head, parts = packed(stretch)
        yield unpacked(head, parts)


def test_of_each_reason_the_first_lines_are_named_and_all_are_counted() -> None:
    rows = rows_of(stretches(Bad(bad=1, good=5)), columns=NUMBERS)
    assert (rows.lines_refused, rows.read, len(rows)) == (SIZE, 6 * SIZE, 5 * SIZE)
    assert sorted(named(rows.refusals[:2])) == [
        (0, "1,233 more lines like line 2: delay: 'later 2' is not a number."),
        (0, "567 more lines like line 3: day: '3.11.' is not a day written as %Y-%m-%d."),
    ]
    assert [refusal.line for refusal in rows.refusals[2:]] == sorted(refusal.line for refusal in rows.refusals[2:])
    assert len(rows.refusals) == 2 + 2 * NAMED_AT_MOST


def test_what_is_refused_whole_says_how_many_lines_of_how_many_and_names_the_first() -> None:
    with pytest.raises(SourceError, match=r"^4,000 of 6,000") as refused:
        rows_of(stretches(Bad(bad=2, good=1)), columns=NUMBERS)
    assert (refused.value.refused, refused.value.read) == (2 * SIZE, 3 * SIZE)
    assert len(refused.value.refusals) == 2 + 2 * NAMED_AT_MOST


def test_six_times_the_bad_lines_take_as_many_objects_and_hardly_more_memory() -> None:
    peaks, kept = [], []
    for tables in (2, 12):
        tracemalloc.start()
        kept.append(sum(len(stretch.refusals) for stretch in stretches(Bad(bad=tables, good=0))))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert kept == [2 * NAMED_AT_MOST] * 2
    # What is remembered of the cells of a column are the cells alone; a refusal of each would take a kilobyte.
    assert peaks[1] - peaks[0] < 10 * SIZE * 400


def test_a_line_is_named_for_its_own_cell_though_most_cells_are_only_counted() -> None:
    (stretch,) = stretches(Bad(bad=1, good=0))
    by_line = {refusal.line: str(refusal.why) for refusal in stretch.refusals}
    for line in (2, 4, 5, 7):
        assert f" {line}' is not a number." in by_line[line]
