"""What the process that reads a source does; `kpiplatform/apart` starts and bounds it.

It knows neither Django nor the database nor a setting of the installation, only what it is asked.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from kpis.sources.base import Kind, Limits, Place, SourceError, Window
from kpis.sources.csv_file import CsvFile
from kpis.sources.preview import preview_of
from kpis.sources.reading import Asked, Reading
from kpis.sources.registry import connector_of, steps_of
from kpis.sources.stretches import packed

type Send = Callable[..., None]


def answer(request: Mapping[str, Any], content: BinaryIO, send: Send) -> None:
    """Send what was asked for, or why it is refused."""
    # Nothing here refers to itself in a circle, and looking for it would take a fifth of the time.
    gc.disable()
    try:
        _answer(request, send)
    except SourceError as error:
        refusals = [refusal.to_store() for refusal in error.refusals]
        send({"refused": error.why.to_store(), "refusals": refusals, "read": error.read})


def _answer(request: Mapping[str, Any], send: Send) -> None:
    """Send the rows in stretches, or a look at the first ones."""
    place = Place(
        folder=Path(request["folder"]),
        sent=Path(request["sent"]) if request["sent"] else None,
        zone=request["zone"],
        allow=tuple(request["allow"]),
        limits=Limits(**request["limits"]),
    )
    if request["do"] == "writing":
        send({"writing": _writing(request, place)})
        return
    connector = connector_of(request["kind"], request["settings"], place)
    steps = steps_of(request["settings"], connector)
    window = Window(since=_day(request["since"]), until=date.fromisoformat(request["until"]))
    if request["do"] == "preview":
        send({"preview": preview_of(connector, steps, window=window, date_column=request["settings"]["date_column"])})
        return
    asked = Asked(
        window=window,
        columns=frozenset((name, Kind(kind)) for name, kind in request["columns"]),
        date_column=request["settings"]["date_column"],
        unique_by=tuple(request["settings"]["unique_by"]),
        snapshot_day=_day(request["snapshot_day"]),
    )
    for stretch in Reading(connector, steps, asked).stretches():
        head, parts = packed(stretch)
        send(head, *parts)


def _writing(request: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Return the settings that a file itself suggests."""
    if request["kind"] == "csv_file":
        return asdict(CsvFile.from_settings(request["settings"], place).writing())
    from kpis.sources.xlsx_file import XlsxFile

    found = XlsxFile.from_settings(request["settings"], place).layout()
    return asdict(found) if found else {}


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
