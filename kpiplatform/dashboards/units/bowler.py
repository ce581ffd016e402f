"""The grid of a unit: its KPIs by period, every cell ready to print."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpiplatform.dashboards.as_known import NOW, PARAMETER, AsKnown, beginning
from kpiplatform.dashboards.units.bowler_cells import cells_html
from kpiplatform.dashboards.units.bowler_queries import Grid, series_of
from kpis.dates import months, short_day, short_label
from kpis.domain.figures import number, signed
from kpis.domain.grid import Cell, cell, periods_in
from kpis.domain.periods import Calendar, Period, fiscal_year_start, period_of, previous_period
from kpis.grades import grades_together
from kpis.templatetags.kpi_figures import band

# How many closed periods stand before the open one.
CLOSED = {"week": 12, "month": 12, "quarter": 8}
HALF_A_YEAR = 6
LENGTHS = {"day": 0, "week": 1, "month": 2, "quarter": 3, "half_year": 4, "year": 5}
SHOWN = ("value", "gap", "score", "grade")
HEATS = {"on_track": "on", "at_risk": "risk", "off_track": "off", "": "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which periods the columns are, what stands in the cells, which KPIs below which, and as known on which day."""

    frequency: str = "month"
    show: str = "value"
    tier: str = ""
    known: AsKnown = NOW
    after: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str], known: AsKnown) -> Choice:
        """Return what the address asks for, as known on a day; what it asks in error is the default."""
        frequency, show = query.get("by", ""), query.get("show", "")
        return cls(
            known=known,
            frequency=frequency if frequency in CLOSED else "month",
            show=show if show in SHOWN else "value",
            tier=query.get("tier", ""),
            after=query.get("after", ""),
        )

    @property
    def frequencies(self) -> list[str]:
        """What fits the columns: whatever is measured at least as often."""
        return [frequency for frequency, length in LENGTHS.items() if length <= LENGTHS[self.frequency]]

    @property
    def url(self) -> str:
        """The address of this choice, relative to the page; the defaults are not spelled out."""
        return f"?{urlencode(self.query)}"

    @property
    def query(self) -> dict[str, str]:
        """What differs from the defaults, by parameter."""
        known = self.known.on.isoformat() if self.known.on else ""
        query = {"by": self.frequency, "show": self.show, "tier": self.tier, PARAMETER: known, "after": self.after}
        return {key: word for key, word in query.items() if word not in {"", "month", "value"}}


def bowler_page(grid: Grid, choice: Choice, *, today: date, locale: str) -> dict[str, Any]:
    """Return the context of the page as it stands on `today`, the day on which things are known."""
    standard = next(iter(grid.calendars.values()), Calendar())
    columns = _columns(choice.frequency, standard, today)
    year = Period(
        frequency=columns[-1].frequency, start=fiscal_year_start(today, standard), end=columns[-1].end, key="ytd"
    )
    since = fiscal_year_start(columns[0].start, standard) - timedelta(days=7)
    series = series_of(grid, grid.kpis, since=since, until=columns[-1].end, today=today, known_at=choice.known.at)
    slots: dict[tuple[str, int], list[list[Period]]] = {}
    drawn = []
    for kpi in grid.kpis:
        key = (kpi.frequency, kpi.calendar_id)
        if key not in slots:
            slots[key] = periods_in([*columns, year], kpi.frequency, grid.calendars[kpi.calendar_id])
        cells = [
            cell(series[kpi.pk], column, own, today=today) for column, own in zip(columns, slots[key], strict=False)
        ]
        drawn.append((kpi, [*cells, cell(series[kpi.pk], year, slots[key][-1], today=today)]))
    grades = _grades(drawn, choice, today=today)
    rows = [_row(kpi, cells, grades.get(kpi.pk, {}), choice, locale) for kpi, cells in drawn]
    kept = {name: value for name, value in choice.query.items() if name != PARAMETER}
    return {
        "unit": grid.unit,
        "above": grid.above,
        "lede": " ".join(filter(None, [_lede(rows, columns), _counted(len(rows), grid.total, locale)])),
        "columns": [_heading(column, index, columns, today) for index, column in enumerate(columns)],
        "span": len(columns) + 4,
        "groups": [{"name": name, "rows": list(own)} for name, own in groupby(rows, key=lambda row: row["unit_name"])],
        "frequencies": _frequencies(choice),
        "shows": _shows(choice),
        "tiers": _tiers(grid, choice),
        "choice": choice,
        "known": choice.known,
        "now_url": replace(choice, known=NOW).url,
        "kept": kept,
        "begins": beginning(kpi_ids=grid.all_ids, known=choice.known, kept=kept),
        "day": today,
        "hidden": grid.hidden,
        "more": replace(choice, after=grid.after).url if grid.after else "",
        "top": replace(choice, after="").url if choice.after else "",
        "rarer": _rarer(grid.rarer),
        "rarer_url": replace(choice, frequency="quarter", after="").url if choice.frequency != "quarter" else "",
        "caption": _caption(choice, columns),
    }


def _rarer(count: int) -> str:
    """Say how many KPIs are measured too seldom for the columns."""
    if not count:
        return ""
    words = ngettext("%(count)d KPI is measured less often", "%(count)d KPIs are measured less often", count)
    return words % {"count": count}


def _columns(frequency: str, calendar: Calendar, today: date) -> list[Period]:
    """Return the open period and the closed ones before it; months begin with the fiscal year once half of it ran."""
    columns = [period_of(today, frequency, calendar)]
    while len(columns) <= CLOSED[frequency]:
        columns.append(previous_period(columns[-1], calendar))
    columns.reverse()
    of_year = [column for column in columns if column.start >= fiscal_year_start(today, calendar)]
    return of_year if frequency == "month" and len(of_year) > HALF_A_YEAR else columns


def _heading(column: Period, index: int, columns: Sequence[Period], today: date) -> dict[str, Any]:
    """Name a column as short as it stays clear: the year where it begins, the day up to which the open one runs."""
    is_open = column.end > today
    if column.frequency == "month" and "P" not in column.key:
        name = months()[column.start.month - 1]
    else:
        name = short_label(column).split(" ")[0]
    begins = index == 0 or column.key[:4] != columns[index - 1].key[:4]
    below = _("to %(day)s") % {"day": short_day(today)} if is_open else column.key[:4] if begins else ""
    return {"name": name, "below": below, "is_last": not is_open and index == len(columns) - 2}


def _grades(drawn: Sequence[tuple[Any, Sequence[Cell]]], choice: Choice, *, today: date) -> dict[int, dict[int, str]]:
    """Return the grades of the cells of each KPI by their place: of all, or of the latest closed one."""
    made_of = {
        (kpi.pk, place): [(kpi.pk, start) for start in one.made_of]
        for kpi, cells in drawn
        for place, one in _graded(cells, choice)
    }
    grades: dict[int, dict[int, str]] = defaultdict(dict)
    for (kpi_id, place), grade in grades_together(made_of, today=today, known_at=choice.known.at).items():
        grades[kpi_id][place] = grade
    return grades


def _graded(cells: Sequence[Cell], choice: Choice) -> list[tuple[int, Cell]]:
    """Return the cells whose grade is shown, with their places; the last two are the open period and the year."""
    placed = [(place, one) for place, one in enumerate(cells) if one.kind == "value"]
    return placed if choice.show == "grade" else [one for one in placed if one[0] < len(cells) - 2][-1:]


def _row(kpi: Any, every: Sequence[Cell], grades: Mapping[int, str], choice: Choice, locale: str) -> dict[str, Any]:
    *cells, to_date = every
    latest = next((one for one in reversed(cells[:-1]) if one.goal is not None), None)
    rolls_up = not any(one.kind == "no_rollup" for one in cells)
    if choice.show == "grade":
        drawn = [_cell(one, grades.get(place, "")) for place, one in enumerate(cells)] if rolls_up else []
        year = grades.get(len(cells), "")
    else:
        figure = _figure(kpi, choice.show, locale)
        drawn = [_cell(one, figure(one)) for one in cells] if rolls_up else []
        year = number(to_date.value, kpi.decimals, locale=locale) if to_date.value is not None else ""
    return {
        "kpi": kpi,
        "url": reverse("kpi", args=[kpi.code]) + choice.known.query,
        "unit_name": kpi.unit.name,
        "goal": _goal(latest, kpi.decimals, locale) if latest else "",
        "cells": drawn,
        "cells_html": cells_html(drawn),
        "span": len(cells),
        "to_date": year,
        "grade": grades.get(max(grades)) if grades and choice.show != "grade" else "",
        "to_date_words": "" if to_date.value is not None else _("no roll-up") if to_date.kind == "no_rollup" else "–",
        "bands": [one.band for one in cells[:-1]],
    }


def _goal(one: Cell, decimals: int, locale: str) -> str:
    ends = [one.goal] if one.goal_high is None else [one.goal, one.goal_high]
    return "–".join(number(end, decimals, locale=locale) for end in ends)


def _figure(kpi: Any, show: str, locale: str) -> Callable[[Cell], str]:
    def figure(one: Cell) -> str:
        if show == "score":
            return number(one.score, 1, locale=locale)
        if show == "value" or one.value is None:
            return number(one.value, kpi.decimals, locale=locale)
        gap = _gap(one)
        return "–" if gap is None else signed(gap, kpi.decimals, locale=locale)

    return figure


def _gap(one: Cell) -> Decimal | None:
    if one.value is None or one.goal is None:
        return None
    if one.goal_high is None or one.value < one.goal:
        return one.value - one.goal
    return max(one.value - one.goal_high, Decimal(0))


def _cell(one: Cell, text: str) -> dict[str, Any]:
    if one.kind != "value":
        words = {"missing": _("missing"), "not_due": _("not due"), "na": _("n/a"), "before": ""}
        return {"kind": one.kind, "text": words.get(one.kind, ""), "heat": one.kind, "band": "", "title": ""}
    partly = ""
    if one.present < one.expected:
        partly = _("%(present)d of %(expected)d periods") % {"present": one.present, "expected": one.expected}
    return {
        "kind": "value",
        "heat": "provisional" if one.is_provisional else HEATS[one.band],
        "band": band(one.band, "sm", "provisional" if one.is_provisional else ""),
        "text": text,
        "title": partly,
    }


def _lede(rows: Sequence[Mapping[str, Any]], columns: Sequence[Period]) -> str:
    """Say in which closed column most and fewest KPIs were off track."""
    if not rows:
        return ""
    closed = columns[:-1]
    counts = [
        (sum(row["bands"][index] == "off_track" for row in rows), sum(bool(row["bands"][index]) for row in rows))
        for index in range(len(closed))
    ]
    judged = [(off, total, column) for (off, total), column in zip(counts, closed, strict=True) if total]
    if not judged:
        return _("No period of these KPIs is judged yet.")
    worst = max(judged, key=lambda one: Decimal(one[0]) / one[1])
    off, total, latest = judged[-1]
    facts = {"period": short_label(latest), "off": off, "total": total}
    text = _("%(off)d of %(total)d KPIs were off track in %(period)s") % facts
    if worst[2] == latest or worst[0] <= off:
        return text + "."
    facts = {"period": short_label(worst[2]), "off": worst[0], "total": worst[1]}
    return text + _("; %(period)s was the worst with %(off)d of %(total)d.") % facts


def _counted(shown: int, total: int, locale: str) -> str:
    """Say that the sentences before are about a part of the KPIs, where it is one."""
    if shown == total or not shown:
        return ""
    facts = {"shown": number(Decimal(shown), 0, locale=locale), "total": number(Decimal(total), 0, locale=locale)}
    return _("Counted are the %(shown)s KPIs shown here, of %(total)s.") % facts


def _frequencies(choice: Choice) -> list[dict[str, Any]]:
    names = {"week": _("Weeks"), "month": _("Months"), "quarter": _("Quarters")}
    return [
        {"name": name, "url": replace(choice, frequency=key, after="").url, "current": key == choice.frequency}
        for key, name in names.items()
    ]


def _shows(choice: Choice) -> list[dict[str, Any]]:
    names = {"value": _("Value"), "gap": _("Gap to goal"), "score": _("Score"), "grade": _("Confidence")}
    return [
        {"name": name, "url": replace(choice, show=key).url, "current": key == choice.show}
        for key, name in names.items()
    ]


def _tiers(grid: Grid, choice: Choice) -> list[dict[str, Any]]:
    if len(grid.tiers) < 2:
        return []
    names = {"": _("All"), "strategic": _("Strategic"), "operational": _("Operational")}
    counts = {"": sum(grid.tiers.values()), **grid.tiers}
    return [
        {
            "name": name,
            "count": counts[key],
            "url": replace(choice, tier=key, after="").url,
            "current": key == grid.tier,
        }
        for key, name in names.items()
    ]


def _caption(choice: Choice, columns: Sequence[Period]) -> str:
    facts = {"first": short_label(columns[0]), "last": short_label(columns[-1])}
    if choice.frequency == "week":
        return _("KPIs by week, band and figure, %(first)s to %(last)s") % facts
    if choice.frequency == "quarter":
        return _("KPIs by quarter, band and figure, %(first)s to %(last)s") % facts
    return _("KPIs by month, band and figure, %(first)s to %(last)s") % facts
