"""The units in the order in which people read them: each below its parent, siblings by their place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from objectives.models import Unit

INDENT = "\u2003"


def in_order(units: Iterable[Unit]) -> list[tuple[int, Unit]]:
    """Return (depth, unit) from the top down; a unit whose parent is missing counts as a top."""
    rows = list(units)
    known = {unit.pk for unit in rows}
    below: dict[int | None, list[Unit]] = defaultdict(list)
    for unit in sorted(rows, key=lambda unit: (unit.position, unit.name)):
        below[unit.parent_id if unit.parent_id in known else None].append(unit)

    def walk(parent: int | None, depth: int) -> Iterator[tuple[int, Unit]]:
        for unit in below[parent]:
            yield depth, unit
            yield from walk(unit.pk, depth + 1)

    return list(walk(None, 0))


def choices(units: Iterable[Unit]) -> list[tuple[str, str]]:
    """Return the units for a choice field, indented like the tree."""
    return [(str(unit.pk), f"{INDENT * depth}{unit.name}") for depth, unit in in_order(units)]
