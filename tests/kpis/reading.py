"""Reading sources in the process of the test: as the isolated one does, without starting it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kpis.sources.base import Limits, Place, Refusal, SourceRows, Table, Wanted, Window
from kpis.sources.cells import Formats
from kpis.sources.reading import Asked, Reading
from kpis.sources.registry import connector_of, steps_of
from kpis.sources.rows import rows_of
from kpis.sources.source import source_of
from kpis.sources.steps import Steps


@dataclass(kw_only=True)
class Given:
    """A connector whose rows are given."""

    columns: dict[str, list[Any]]
    formats: Formats = field(default_factory=Formats)
    asks_for_days: bool = False

    def choices(self) -> dict[str, list[str]]:
        return {}

    def tables(self, *, window: Window, names: frozenset[str] | None) -> Iterator[Table]:
        rows = max(map(len, self.columns.values()), default=0)
        yield Table(columns=dict(self.columns), lines=range(1, rows + 1))


def read_given(
    columns: dict[str, list[Any]],
    *,
    wanted: frozenset[Wanted],
    window: Window,
    date_column: str = "when",
    steps: list[dict[str, Any]] | None = None,
) -> SourceRows:
    """The rows of a window of what is given."""
    connector = Given(columns=columns)
    asked = Asked(window=window, columns=wanted, date_column=date_column)
    stretches = Reading(connector, Steps.of(steps or [], connector.formats), asked).stretches()
    return rows_of(stretches, columns=wanted)


def a_place(folder: Path, *, allow: tuple[str, ...] = (), **limits: Any) -> Place:
    return Place(folder=folder, allow=allow, limits=replace(Limits(), **limits))


def read_here(
    kind: str,
    config: dict[str, Any],
    place: Path | Place,
    *,
    window: Window,
    wanted: frozenset[Wanted],
    secrets: dict[str, str] | None = None,
) -> SourceRows:
    """The rows of a window of a source, read in this process."""
    place = place if isinstance(place, Place) else a_place(place)
    source = source_of(kind=kind, config=config, place=place, secrets=secrets)
    connector = connector_of(kind, source.settings, source.place)
    date_column, unique_by = source.settings["date_column"], source.settings["unique_by"]
    asked = Asked(window=window, columns=wanted, date_column=date_column, unique_by=tuple(unique_by))
    stretches = Reading(connector, steps_of(source.settings, connector), asked).stretches()
    return rows_of(stretches, columns=wanted, date_column=date_column, unique_by=unique_by)


def named(refusals: Iterable[Refusal]) -> list[tuple[int, str]]:
    """Return each line that was refused, and why in English."""
    return [(refusal.line, str(refusal.why)) for refusal in refusals]
