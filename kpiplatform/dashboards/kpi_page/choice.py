"""What the reader chose to see: a view of the chart, a span of time, all revisions, the points of one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from kpiplatform.dashboards.as_known import NOW, PARAMETER, AsKnown
from kpiplatform.dashboards.kpi_page.facts import Facts
from kpiplatform.dashboards.kpi_page.timeline import Cell, open_cell, same_year
from kpis.domain.days import day_named
from kpis.domain.periods import Frequency, period_of

VALUES, NATURAL, TABLE = "values", "xmr", "table"
VIEWS = (VALUES, NATURAL, TABLE)
SHORT, LONG, YEAR, ALL = "short", "long", "year", "all"
SPANS = (SHORT, LONG, YEAR, ALL)
CONFIDENCE = "confidence"
MOST_BY_DEFAULT = 60
# periods of the short and the long span by frequency, and the letter they are written with
LENGTHS = {
    "day": (30, 90, "d"),
    "week": (13, 26, "w"),
    "month": (12, 24, "m"),
    "quarter": (8, 16, "q"),
    "half_year": (6, 12, "h"),
    "year": (5, 10, "y"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One way to look at the page; `span` is "" until the reader chooses one.

    `trusted` is the first day of the period whose confidence is opened, None for the latest one, closed.
    """

    view: str = VALUES
    span: str = ""
    all_revisions: bool = False
    known: AsKnown = NOW
    trusted: date | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, str], known: AsKnown = NOW) -> Choice:
        """Return what the address asks for, as known on a day; what it asks in error is the default."""
        view, span = query.get("view", ""), query.get("range", "")
        return cls(
            view=view if view in VIEWS else VALUES,
            span=span if span in SPANS else "",
            all_revisions=query.get("revisions") == "all",
            known=known,
            trusted=day_named(query.get(CONFIDENCE, "")),
        )

    @property
    def url(self) -> str:
        """The address of this choice, relative to the page; the defaults are not spelled out."""
        return f"?{urlencode(self.query)}"

    @property
    def query(self) -> dict[str, str]:
        """What differs from the defaults, by parameter."""
        query = {}
        if self.view != VALUES:
            query["view"] = self.view
        if self.span:
            query["range"] = self.span
        if self.all_revisions:
            query["revisions"] = "all"
        if self.known.on:
            query[PARAMETER] = self.known.on.isoformat()
        if self.trusted:
            query[CONFIDENCE] = self.trusted.isoformat()
        return query


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link to another choice."""

    url: str
    label: str
    current: bool
    key: str


def views(choice: Choice) -> list[Link]:
    """Return the tabs."""
    labels = {VALUES: _("Values"), NATURAL: _("XmR"), TABLE: _("Table")}
    return [
        Link(url=replace(choice, view=view).url, label=labels[view], current=view == choice.view, key=view)
        for view in VIEWS
    ]


def spans(choice: Choice, span: str, facts: Facts) -> list[Link]:
    """Return the links of the range picker, with `span` as the one shown."""
    short, long, letter = LENGTHS[facts.kpi.frequency]
    year = period_of(facts.today, Frequency.YEAR, facts.calendar)
    is_calendar_year = facts.calendar.pattern == "calendar" and facts.calendar.fiscal_year_start_month == 1
    labels = {
        SHORT: f"{short} {letter}",
        LONG: f"{long} {letter}",
        YEAR: year.key if is_calendar_year else f"FY{year.key[2:]}",
        ALL: _("All"),
    }
    return [
        Link(url=replace(choice, span=key).url, label=label, current=key == span, key=key)
        for key, label in labels.items()
        if key != YEAR or facts.kpi.frequency != Frequency.YEAR
    ]


def chosen(choice: Choice, cells: Sequence[Cell], facts: Facts) -> tuple[str, list[Cell]]:
    """Return the span to show and its periods: unless chosen, this year if that is neither too few nor too many."""
    short, long, _letter = LENGTHS[facts.kpi.frequency]
    year = same_year(cells, facts)
    span = choice.span or (YEAR if short <= len(year) <= MOST_BY_DEFAULT else LONG)
    running = 1 if open_cell(cells) else 0  # the open period comes on top of the closed ones
    by_span = {SHORT: cells[-(short + running) :], LONG: cells[-(long + running) :], YEAR: year, ALL: cells}
    return span, list(by_span[span])
