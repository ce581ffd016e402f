"""What a meeting talks about, in which order: exceptions only, the worst first, each with its reasons."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from kpis.domain.bands import Band, severity

TROUBLE = (Band.AT_RISK, Band.OFF_TRACK)
NO_SCORE = Decimal(11)  # behind every score


class Section(StrEnum):
    """Why something is on the agenda; in this order."""

    OFF_TRACK = "off_track"
    WORSE = "worse"
    UNANSWERED = "unanswered"
    STALE = "stale"
    DECISIONS = "decisions"
    ACTIONS = "actions"


class Reason(StrEnum):
    """What is said beside an item."""

    OFF_TRACK = "off_track"
    WORSE = "worse"
    NO_INITIATIVE = "no_initiative"
    NOT_EXPLAINED = "not_explained"
    STALE = "stale"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one KPI stands, and how it stood at the last review (`then_band` is None if it was not on that table)."""

    key: str
    band: str
    score: Decimal | None = None
    then_band: str | None = None
    has_initiative: bool = False
    is_explained: bool = False
    is_stale: bool = False

    @property
    def is_worse(self) -> bool:
        """Whether it fell into a worse band since the last review; what had no band then did not fall."""
        return bool(self.band) and bool(self.then_band) and severity(self.band) > severity(self.then_band or "")

    @property
    def is_better(self) -> bool:
        """Whether it rose into a better band since the last review."""
        return bool(self.band) and bool(self.then_band) and severity(self.band) < severity(self.then_band or "")

    @property
    def is_unanswered(self) -> bool:
        """Whether it is in trouble and nobody has said why, nor works on it."""
        return self.band in TROUBLE and not self.has_initiative and not self.is_explained


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A decision or an action, and when it is due."""

    key: str
    due_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to talk about."""

    section: Section
    key: str
    reasons: tuple[Reason, ...] = ()


def agenda_of(
    standings: Iterable[Standing], *, decisions: Iterable[Dated], actions: Iterable[Dated], held_on: date
) -> list[Item]:
    """Return the agenda: each KPI once, under the first section it belongs to, then decisions and open actions.

    Within a section come first: what fell since the last review, what nobody answers, the lowest score.
    KPIs that are no exception are not on it.
    """
    found = [(section, standing) for standing in standings if (section := section_of(standing)) is not None]
    found.sort(key=lambda pair: (list(Section).index(pair[0]), *_urgency(pair[1])))
    items = [Item(section=section, key=standing.key, reasons=reasons_of(standing)) for section, standing in found]
    return [
        *items,
        *_dated(Section.DECISIONS, decisions, held_on),
        *_dated(Section.ACTIONS, actions, held_on),
    ]


def section_of(standing: Standing) -> Section | None:
    """Return the first section a KPI belongs to, None if it needs no talk."""
    if standing.band == Band.OFF_TRACK:
        return Section.OFF_TRACK
    if standing.is_worse:
        return Section.WORSE
    if standing.is_unanswered:
        return Section.UNANSWERED
    return Section.STALE if standing.is_stale else None


def reasons_of(standing: Standing) -> tuple[Reason, ...]:
    """Return everything that speaks for talking about a KPI."""
    in_trouble = standing.band in TROUBLE
    asked = {
        Reason.OFF_TRACK: standing.band == Band.OFF_TRACK,
        Reason.WORSE: standing.is_worse,
        Reason.NO_INITIATIVE: in_trouble and not standing.has_initiative,
        Reason.NOT_EXPLAINED: in_trouble and not standing.is_explained,
        Reason.STALE: standing.is_stale,
    }
    return tuple(reason for reason, holds in asked.items() if holds)


def _urgency(standing: Standing) -> tuple[bool, bool, Decimal, str]:
    score = NO_SCORE if standing.score is None else standing.score
    return (not standing.is_worse, not standing.is_unanswered, score, standing.key)


def _dated(section: Section, rows: Iterable[Dated], held_on: date) -> Sequence[Item]:
    return [
        Item(section=section, key=row.key, reasons=(Reason.OVERDUE,) if row.due_on < held_on else ())
        for row in sorted(rows, key=lambda row: (row.due_on, row.key))
    ]
