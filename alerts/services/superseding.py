"""Several mails to one person about one KPI that still wait are folded into the newest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop

from kpis.domain.bands import severity

BY = "superseded by "
PERHAPS_TOLD = ", perhaps accepted before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message of the chain: its kind, its facts, and whether its mail may have reached the person after all."""

    kind: str
    facts: dict[str, Any]
    perhaps_told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the one mail says: the kind of change, and the band the person was told last."""

    kind: str
    was: str


def fold_messages(chain: Sequence[Waiting]) -> Told | str:
    """Return what the newest of `chain`, oldest first, is to say, or the reason why nothing is to be said any more.

    Nobody is told of the end of a problem that they were never told of.
    """
    newest = chain[-1]
    start = max((index + 1 for index, waiting in enumerate(chain[:-1]) if waiting.perhaps_told), default=0)
    chain = chain[start:]
    if len(chain) == 1:
        return Told(kind=newest.kind, was=newest.facts["was"])
    oldest, band = chain[0].facts, newest.facts["band"]
    if oldest["was"] == band:
        return gettext_noop("the band is again what was told last")
    if severity(band) > severity(oldest["was"]):
        return Told(kind="worse", was=oldest["was"])
    if oldest["told"] or start:
        return Told(kind="better", was=oldest["was"])
    return gettext_noop("it ended before it was told")
