"""A source as the platform sees it: settings, and what one asks it. It is always read in another process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kpis.domain.guessing import Guess
from kpis.domain.parsing import NumberFormat
from kpis.domain.sentences import Sentence
from kpis.sources.base import Place, Refusal, SourceError, SourceRows, Wanted, Window
from kpis.sources.isolation import ask
from kpis.sources.registry import connector_of, settings_of, steps_of
from kpis.sources.settings import NEEDED, read_settings
from kpis.sources.stretches import unpacked


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a preview and what it seems to hold."""

    name: str
    guess: Guess


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The first rows as texts, with their lines."""

    columns: Sequence[Column]
    lines: Sequence[int]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The first rows as they are and as the steps leave them, lines that cannot be read, and choices for settings.

    `days_unread` where so many cells are no days as they are said to be written that a pull would take none.
    """

    before: Shown
    after: Shown
    refusals: Sequence[Refusal]
    choices: Mapping[str, Sequence[str]]
    days_unread: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A place rows come from; its settings hold secrets and are never shown."""

    kind: str
    settings: Mapping[str, Any] = field(repr=False)
    place: Place

    def fetch(
        self,
        *,
        window: Window,
        columns: frozenset[Wanted],
        snapshot_day: date | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> SourceRows:
        """Return the rows of the window; SourceError if the whole cannot be trusted.

        The rows of a snapshot are all of the day that is given.
        """
        from kpis.sources.rows import rows_of  # it loads pandas

        if not self.settings["date_column"] and snapshot_day is None:
            raise SourceError(Sentence(NEEDED, {"name": "date_column"}))
        request = {
            **self._request("fetch", window),
            "columns": sorted(columns),
            "snapshot_day": snapshot_day.isoformat() if snapshot_day else None,
        }
        frames = ask(request, self.place.limits, alive=alive)
        return rows_of(
            (unpacked(frame.head, frame.parts) for frame in frames if "rows" in frame.head),
            columns=columns,
            date_column=self.settings["date_column"],
            unique_by=self.settings["unique_by"],
        )

    def preview(self, *, until: date) -> Preview:
        """Return a look at the first rows."""
        frame = next(ask(self._request("preview", Window(since=None, until=until)), self.place.limits))
        answer = frame.head["preview"]
        return Preview(
            before=_shown(answer["before"]),
            after=_shown(answer["after"]),
            refusals=[Refusal.stored(refusal) for refusal in answer["refusals"]],
            choices=answer["choices"],
            days_unread=answer["days_unread"],
        )

    def writing(self) -> Mapping[str, Any]:
        """Return the settings that a file itself suggests, whatever is said: how it is written, where its rows are."""
        frame = next(ask(self._request("writing", Window(since=None, until=date.max)), self.place.limits))
        return frame.head["writing"]

    def _request(self, do: str, window: Window) -> dict[str, Any]:
        return {
            "do": do,
            "kind": self.kind,
            "settings": self.settings,
            "folder": str(self.place.folder),
            "sent": str(self.place.sent) if self.place.sent else None,
            "zone": self.place.zone,
            "allow": self.place.allow,
            "since": window.since.isoformat() if window.since else None,
            "until": window.until.isoformat(),
        }


def source_of(*, kind: str, config: Any, place: Place, secrets: Mapping[str, str] | None = None) -> Source:
    """Return the source that `config` describes; SourceError says what is wrong with it."""
    settings = read_settings(config, secrets or {}, settings_of(kind))
    steps_of(settings, connector_of(kind, settings, place))
    return Source(kind=kind, settings=settings, place=place)


def _shown(part: Mapping[str, Any]) -> Shown:
    return Shown(
        columns=[Column(name=name, guess=_guess(guess)) for name, guess in part["columns"]],
        lines=part["lines"],
        rows=part["rows"],
    )


def _guess(part: Mapping[str, Any]) -> Guess:
    return Guess(
        kind=part["kind"],
        date_formats=tuple(part["date_formats"]),
        number_formats=tuple(NumberFormat(**fmt) for fmt in part["number_formats"]),
        fits=tuple(NumberFormat(**fmt) for fmt in part["fits"]),
    )
