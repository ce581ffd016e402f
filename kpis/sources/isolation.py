"""Asking the process that reads a source, and saying what it gave or why it gave nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from kpiplatform.apart import asking
from kpiplatform.apart.asking import Bounds, Frame, Stopped
from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import Limits, Refusal, SourceError, TookTooLong

CHILD = Path(__file__).with_name("child.py")


def ask(request: Mapping[str, Any], limits: Limits, *, alive: Callable[[], None] = lambda: None) -> Iterator[Frame]:
    """Yield the frames of the answer; SourceError for a refusal, and when the process exceeds a limit.

    `alive` is called now and then while there is nothing to give.
    """
    bounds = Bounds(memory=limits.memory, seconds=limits.seconds, size=limits.size)
    rows = 0
    try:
        for frame in asking.ask(CHILD, {**request, "limits": asdict(limits)}, bounds, alive=alive):
            if "refused" in frame.head:
                refusals = [Refusal.stored(refusal) for refusal in frame.head["refusals"]]
                raise SourceError(Sentence.stored(frame.head["refused"]), refusals=refusals, read=frame.head["read"])
            rows += frame.head.get("rows", 0)
            if rows > limits.rows:
                raise SourceError(Sentence(_("The source gives more than %(most)s rows."), {"most": limits.rows}))
            yield frame
    except Stopped as stopped:
        raise _stopped(stopped, limits) from None


def _stopped(stopped: Stopped, limits: Limits) -> SourceError:
    seconds, mebibytes = Decimal(repr(limits.seconds)), 1024**2
    match stopped.at:
        case "seconds":
            says = _("Reading the source took longer than %(most)s s and was stopped.")
            return TookTooLong(Sentence(says, {"most": seconds}))
        case "processor":
            says = _("Reading the source took more than %(most)s s of processor time and was stopped.")
            return TookTooLong(Sentence(says, {"most": seconds}))
        case "memory":
            says = _("Reading the source takes more than %(most)s MiB of memory and was stopped.")
            return SourceError(Sentence(says, {"most": limits.memory // mebibytes}))
        case "size":
            says = _("The source gives more than %(most)s MiB.")
            return SourceError(Sentence(says, {"most": limits.size // mebibytes}))
    return SourceError(Sentence(_("The source gives texts that are too long to be kept.")))
