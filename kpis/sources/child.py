"""The process that reads a source: `python -m kpis.sources.child`, asked on its standard input.

It knows neither Django nor the database nor a setting of the installation, only what it is asked.
Its memory, processor time and files are bounded before it looks at anything, its time on the clock
by whoever started it. What it answers is read by `isolation.py`: frames of plain data, since a
process that reads what strangers wrote is not trusted either.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import Kind, Limits, Place, SourceError, Window
from kpis.sources.preview import preview_of
from kpis.sources.reading import Asked, Reading
from kpis.sources.registry import connector_of, steps_of
from kpis.sources.stretches import packed

LENGTH = struct.Struct(">I")
OUT_OF_MEMORY = _("Reading the source takes more than %(most)s MiB of memory and was stopped.")


def main() -> None:
    """Answer one request and end."""
    request = json.load(sys.stdin.buffer)
    limits = Limits(**request["limits"])
    bound(limits)
    # Nothing here refers to itself in a circle, and looking for it would take a fifth of the time.
    gc.disable()
    # Whatever else writes to the standard output must not come between the frames.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        answer(request, limits, answers)
    except SourceError as error:
        refuse(answers, error)
    except MemoryError:
        refuse(answers, SourceError(Sentence(OUT_OF_MEMORY, {"most": limits.memory // 1024**2})))
    answers.close()


def bound(limits: Limits) -> None:
    """Give this process the memory, processor time and file size that it may have, and no more."""
    seconds = int(limits.seconds) + 1
    for what, most in {
        resource.RLIMIT_AS: limits.memory,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: limits.size,
        resource.RLIMIT_CORE: 0,
    }.items():
        if what == resource.RLIMIT_AS and sys.platform == "darwin":
            continue  # the kernel of macOS refuses it
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
    # If nobody is there any more to kill it.
    signal.alarm(seconds + 5)


def answer(request: Mapping[str, Any], limits: Limits, answers: BinaryIO) -> None:
    """Send what was asked for: the rows in stretches, or a look at the first ones."""
    place = Place(
        folder=Path(request["folder"]),
        sent=Path(request["sent"]) if request["sent"] else None,
        zone=request["zone"],
        allow=tuple(request["allow"]),
        limits=limits,
    )
    connector = connector_of(request["kind"], request["settings"], place)
    steps = steps_of(request["settings"], connector)
    window = Window(since=_day(request["since"]), until=date.fromisoformat(request["until"]))
    if request["do"] == "preview":
        send(answers, {"preview": preview_of(connector, steps, window=window)})
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
        send(answers, head, *parts)
    send(answers, {"done": True})


def refuse(answers: BinaryIO, error: SourceError) -> None:
    """Send why there are no rows."""
    refusals = [refusal.to_store() for refusal in error.refusals]
    send(answers, {"refused": error.why.to_store(), "refusals": refusals, "read": error.read})


def send(answers: BinaryIO, head: Mapping[str, Any], *parts: bytes) -> None:
    """Send one frame."""
    text = json.dumps({**head, "sizes": [len(part) for part in parts]}, ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )
    answers.write(LENGTH.pack(len(text)) + text)
    for part in parts:
        answers.write(part)
    answers.flush()


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


if __name__ == "__main__":
    main()
