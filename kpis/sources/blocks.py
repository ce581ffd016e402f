"""Rows cut into whole periods, a block at a time, so that what is computed with them takes no more memory at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kpis.domain.periods import Period

ROWS_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True)
class Grid:
    """The periods of one frequency that have rows; those of period i are `starts[i]` up to `starts[i + 1]`."""

    periods: Sequence[Period]
    starts: np.ndarray

    @property
    def codes(self) -> np.ndarray:
        """For each row which period it is in, -1 before the first one."""
        return np.repeat(np.arange(-1, len(self.periods), dtype=np.int32), np.diff(self.starts, prepend=0))

    def blocks(self) -> Iterator[Block]:
        """Yield whole periods, together about ROWS_AT_ONCE: what is computed with takes no more memory at once."""
        first = 0
        while first < len(self.periods):
            end = int(self.starts.searchsorted(self.starts[first] + ROWS_AT_ONCE, side="right")) - 1
            end = min(max(end, first + 1), len(self.periods))
            counts = np.diff(self.starts[first : end + 1])
            rows = slice(int(self.starts[first]), int(self.starts[end]))
            yield Block(self.periods[first:end], rows, np.repeat(np.arange(end - first), counts))
            first = end


@dataclass(frozen=True, slots=True)
class Block:
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


@dataclass(frozen=True, slots=True)
class Chosen:
    """Rows of a block, which group each is in, and how many groups there are; a row may be in several."""

    block: Block
    places: np.ndarray
    groups: np.ndarray
    size: int

    def also(self, *masks: np.ndarray) -> Chosen:
        """Return those of the rows that are marked in every mask."""
        chosen = self
        for mask in masks:
            kept = mask[chosen.places]
            chosen = Chosen(self.block, chosen.places[kept], chosen.groups[kept], self.size)
        return chosen

    def counts(self) -> list[int]:
        """Return how many rows each group has."""
        return np.bincount(self.groups, minlength=self.size).tolist()
