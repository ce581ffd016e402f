"""Typed rows on their way from the process that reads a source, as plain data and bytes."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import Reason, Refusal, SourceError


@dataclass(slots=True)
class Stretch:
    """Typed rows: days as ordinals, numbers, and texts as places in a list that grows.

    `new_texts` are those that come on top of the list of a column. A number column is whole (`i`,
    `q`) or not (`d`); `gaps` marks its empty cells, if there are any. The place of an empty text is -1.
    `refused` counts the lines that were left out by their reasons; `refusals` names some of them. `doubts` are days
    of refused lines, each with the places of those texts that could be read.
    """

    days: array[int]
    lines: array[int]
    numbers: dict[str, array[Any]] = field(default_factory=dict)
    gaps: dict[str, bytes] = field(default_factory=dict)
    texts: dict[str, array[int]] = field(default_factory=dict)
    new_texts: dict[str, list[str]] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    refused: Mapping[Reason, int] = field(default_factory=dict)
    doubts: list[tuple[int, dict[str, int]]] = field(default_factory=list)


def packed(stretch: Stretch) -> tuple[dict[str, Any], list[bytes]]:
    """Return what the rows are, and their bytes."""
    parts = [stretch.days.tobytes(), stretch.lines.tobytes()]
    numbers, texts = [], []
    for name, cells in stretch.numbers.items():
        numbers.append([name, cells.typecode])
        parts += [cells.tobytes(), stretch.gaps[name]]
    for name, places in stretch.texts.items():
        texts.append([name, stretch.new_texts[name]])
        parts.append(places.tobytes())
    refusals = [refusal.to_store() for refusal in stretch.refusals]
    counts = [[column, text, count] for (column, text), count in stretch.refused.items()]
    head = {"rows": len(stretch.days), "numbers": numbers, "texts": texts, "refusals": refusals, "counts": counts}
    return head | {"doubts": stretch.doubts}, parts


def unpacked(head: Mapping[str, Any], parts: Sequence[bytes]) -> Stretch:
    """Return the rows that were packed; SourceError if they don't fit together."""
    left = list(reversed(parts))
    rows = head["rows"]
    stretch = Stretch(days=_array("i", left.pop(), rows), lines=_array("i", left.pop(), rows))
    for name, code in head["numbers"]:
        stretch.numbers[name] = _array(code if code in {"i", "q"} else "d", left.pop(), rows)
        stretch.gaps[name] = left.pop()
        if len(stretch.gaps[name]) not in {0, rows}:
            raise SourceError(BROKEN)
    for name, new in head["texts"]:
        stretch.texts[name], stretch.new_texts[name] = _array("i", left.pop(), rows), new
    stretch.refusals = [Refusal.stored(refusal) for refusal in head["refusals"]]
    stretch.refused = {(column, text): count for column, text, count in head["counts"]}
    stretch.doubts = [(day, places) for day, places in head["doubts"]]
    return stretch


BROKEN = Sentence(_("The process that reads the source gave rows that do not fit together."))


def _array(code: str, part: bytes, rows: int) -> array[Any]:
    cells = array(code)
    cells.frombytes(part)
    if len(cells) != rows:
        raise SourceError(BROKEN)
    return cells
