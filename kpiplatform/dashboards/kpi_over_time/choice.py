"""What the reader chose to see: how long the periods are, how many roll, which line is drawn beside the values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from kpiplatform.dashboards.as_known import NOW, PARAMETER, AsKnown
from kpis.domain.over_time import frequencies_from
from kpis.domain.periods import Frequency

LAST_YEAR, TO_DATE, ROLLING = "year", "to-date", "rolling"
LINES = (LAST_YEAR, TO_DATE, ROLLING)
# how many periods roll unless somebody chooses, by their frequency
ROLLS = {"day": 7, "week": 4, "month": 3, "quarter": 4, "half_year": 2, "year": 3}
MOST = 60  # periods that roll, or that are shown unless all are asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One way to look at the page; `at` is the key of the period whose units are shown, "" for the latest.

    `known` is the past day by whose knowledge it is shown.
    """

    frequency: str
    rolls: int
    line: str = ""
    at: str = ""
    everything: bool = False
    refused: str = ""
    known: AsKnown = NOW

    @classmethod
    def from_query(cls, query: Mapping[str, str], *, own: str, known: AsKnown = NOW) -> Choice:
        """Return what the address asks for; what it asks in error is the default, and said where it was typed."""
        possible = frequencies_from(own)
        frequency = query.get("by", "")
        if frequency not in possible:
            frequency = possible[min(1, len(possible) - 1)]
        rolls, refused = ROLLS[frequency], ""
        if asked := query.get("rolling", "").strip():
            if asked.isdecimal() and asked.isascii() and 2 <= int(asked) <= MOST:
                rolls = int(asked)
            else:
                refused = _("Rolling takes a whole number from 2 to %(most)d; it shows %(shown)d.") % {
                    "most": MOST,
                    "shown": rolls,
                }
        line = query.get("line", "")
        return cls(
            frequency=frequency,
            rolls=rolls,
            line=line if line in LINES else "",
            at=query.get("at", ""),
            everything=query.get("periods") == "all",
            refused=refused,
            known=known,
        )

    @property
    def url(self) -> str:
        """The address of this choice, relative to the page."""
        return f"?{urlencode(self.query | ({PARAMETER: str(self.known.on)} if self.known.on else {}))}"

    @property
    def query(self) -> dict[str, str]:
        """What was chosen, by parameter, but for the past day."""
        query = {"by": self.frequency}
        if self.rolls != ROLLS[self.frequency]:
            query["rolling"] = str(self.rolls)
        if self.line:
            query["line"] = self.line
        if self.at:
            query["at"] = self.at
        if self.everything:
            query["periods"] = "all"
        return query


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link to another choice."""

    url: str
    label: str
    current: bool


def frequency_links(choice: Choice, own: str) -> list[Link]:
    """Return the KPI's own frequency and all coarser ones; changing it chooses the usual number that rolls anew."""
    names = {
        Frequency.DAY: _("Day"),
        Frequency.WEEK: _("Week"),
        Frequency.MONTH: _("Month"),
        Frequency.QUARTER: _("Quarter"),
        Frequency.HALF_YEAR: _("Half-year"),
        Frequency.YEAR: _("Year"),
    }
    return [
        Link(
            url=Choice(frequency=one, rolls=ROLLS[one], line=choice.line, known=choice.known).url,
            label=names[one],
            current=one == choice.frequency,
        )
        for one in frequencies_from(own)
    ]


def line_links(choice: Choice) -> list[Link]:
    """Return what may be drawn beside the values; the chosen one leads to none."""
    names = {
        LAST_YEAR: _("Same period last year"),
        TO_DATE: _("Year to date"),
        ROLLING: _("Rolling %(count)d") % {"count": choice.rolls},
    }
    return [
        Link(
            url=replace(choice, line="" if line == choice.line else line).url,
            label=names[line],
            current=line == choice.line,
        )
        for line in LINES
    ]
