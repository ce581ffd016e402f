"""What the owner's page is printed from: the KPIs with their periods and values, and the grids made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from alerts.queries import local_date
from kpiplatform.dashboards.my_kpis import approving, grid, queries, todo
from kpiplatform.dashboards.my_kpis.choice import Choice
from kpiplatform.dashboards.my_kpis.owed import owed
from kpiplatform.dashboards.my_kpis.sheet import Attempts, Key, Sheet, Viewer
from kpiplatform.dashboards.my_kpis.slots import CLOSED_COLUMNS, Line, Slot, columns, lines
from kpis.domain.limits import Limits, RangeLimits, in_force, limits_for
from kpis.domain.periods import Period, period_of
from kpis.grades import confidence_of, grades_of
from kpis.models import Kpi
from kpis.queries import calendar_of, rules_of


def viewer_of(request: HttpRequest) -> Viewer:
    """Return who asks, the organisation's day, and the time zone the person reads clocks in."""
    now = timezone.now()
    return Viewer(user=request.user, now=now, today=local_date(now), tz=timezone.get_current_timezone())


def lines_of(
    kpis: Sequence[Kpi], viewer: Viewer, *, closed: int = CLOSED_COLUMNS, also: Iterable[Key] = ()
) -> list[Line]:
    """Return the KPIs with the periods of the grid and their values; `also` names further ones that were typed in."""
    shown: dict[tuple[str, int], list[Period]] = {}
    for kpi in kpis:
        key = (kpi.frequency, kpi.calendar_id)
        if key not in shown:
            shown[key] = columns(kpi.frequency, calendar_of(kpi.calendar), viewer.today, closed=closed)
    periods = {kpi.pk: shown[kpi.frequency, kpi.calendar_id] for kpi in kpis}
    by_id = {kpi.pk: kpi for kpi in kpis}
    for kpi_id, start in also:
        period = period_at(by_id[kpi_id], start, viewer) if kpi_id in by_id else None
        if period is not None and period not in periods[kpi_id]:
            periods[kpi_id] = sorted([*periods[kpi_id], period], key=lambda one: one.start)
    return lines(
        kpis,
        periods=periods,
        values=queries.values_since(_since(periods)),
        proposed=queries.proposed_since(_since(periods)),
        kept=queries.kept_since(_since(periods), viewer.user),
        working=queries.working_days(kpis),
        today=viewer.today,
    )


def sheet_of(owned: Sequence[Line], viewer: Viewer, attempts: Attempts) -> Sheet:
    """Return what the rows are made from: recent changes, goals, and what was typed but isn't saved."""
    since = {line.kpi.pk: line.slots[0].period.start for line in owned}
    return Sheet(
        viewer=viewer,
        changes=queries.changes_since(since, now=viewer.now),
        goals=goals_of([line.kpi for line in owned], viewer.today),
        attempts=attempts,
    )


def whole_page(kpis: Sequence[Kpi], viewer: Viewer, attempts: Attempts, choice: Choice) -> dict[str, Any]:
    """Return the context of the page. What is to be done first does not depend on what was chosen to be seen."""
    owned = lines_of(kpis, viewer, closed=choice.closed)
    chosen = [line for line in owned if choice.shows(line.kpi)]
    grades = _grades(owned, viewer)
    sheet = replace(sheet_of(chosen, viewer, attempts), grades=grades)
    sheets = grid.grids(chosen, sheet)
    return {
        "todo": _todo([_shortened(line) for line in owned], grades, viewer),
        "choice": choice,
        "frequencies": choice.frequencies(kpis),
        "grids": sheets,
        "issues": [cell for one in sheets for row in one.rows for cell in row.cells if cell.has_issue],
        "counts": _counts(sheets),
        "has_inputs": any(one.has_inputs for one in sheets),
    }


def _shortened(line: Line) -> Line:
    return Line(kpi=line.kpi, slots=line.slots[-CLOSED_COLUMNS - 1 :])


def todo_only(kpis: Sequence[Kpi], viewer: Viewer) -> dict[str, Any]:
    """Return the context of the to-do list alone, which is read anew after each value."""
    owned = lines_of(kpis, viewer)
    return {"is_part": True, "todo": _todo(owned, _grades(owned, viewer), viewer)}


def _grades(owned: Sequence[Line], viewer: Viewer) -> dict[int, str]:
    latest = {line.kpi.pk: line.kpi.state.period_start for line in owned if hasattr(line.kpi, "state")}
    return grades_of(latest, today=viewer.today)


def _todo(owned: Sequence[Line], grades: Mapping[int, str], viewer: Viewer) -> todo.Todo:
    incidents = queries.open_incidents([line.kpi.pk for line in owned])
    waiting = queries.waiting_for(viewer.user, now=viewer.now, today=viewer.today)
    unconfirmed = [slot.key for line in owned for slot in line.slots if slot.is_asked and slot.state == "provisional"]
    provisional = confidence_of(unconfirmed, today=viewer.today) if unconfirmed else {}
    return todo.todo(
        owned,
        incidents,
        owed(viewer),
        approving.rows(waiting, viewer),
        grades,
        {key: its.grade for key, its in provisional.items()},
        viewer,
    )


def period_at(kpi: Kpi, start: date, viewer: Viewer) -> Period | None:
    """Return the period of the KPI that starts on a day; None if none does, or it has not begun."""
    period = period_of(start, kpi.frequency, calendar_of(kpi.calendar))
    return None if period.start != start or start > viewer.today else period


def slot_of(kpi: Kpi, start: date, viewer: Viewer) -> Slot | None:
    """Return the slot of the period that starts on a day, read anew; None if there is none to type in."""
    if period_at(kpi, start, viewer) is None or kpi.entry == Kpi.Entry.DERIVED:
        return None
    return lines_of([kpi], viewer, also=[(kpi.pk, start)])[0].slot(start)


def goals_of(kpis: Iterable[Kpi], today: date) -> dict[int, tuple[Decimal | None, Decimal | None]]:
    """Return the goal of each KPI, and its upper end for a range: as last judged, or as it will be."""
    goals: dict[int, tuple[Decimal | None, Decimal | None]] = {}
    unjudged = []
    for kpi in kpis:
        if hasattr(kpi, "state") and kpi.state.goal is not None:
            goals[kpi.pk] = (kpi.state.goal, kpi.state.goal_high)
        elif kpi.polarity != Kpi.Polarity.UNSCORED:
            unjudged.append(kpi)
    rules = rules_of(unjudged) if unjudged else {}
    for kpi in unjudged:
        own = rules[kpi.pk]
        limits, _reason = limits_for(kpi.polarity, in_force(own.targets, today), in_force(own.thresholds, today))
        if isinstance(limits, Limits):
            goals[kpi.pk] = (limits.goal, None)
        elif isinstance(limits, RangeLimits):
            goals[kpi.pk] = (limits.goal_low, limits.goal_high)
    return goals


def _since(periods: dict[int, list[Period]]) -> dict[int, date]:
    return {pk: own[0].start for pk, own in periods.items()}


def _counts(sheets: Sequence[grid.Grid]) -> dict[str, int]:
    """Return how many cells are in each state; entry.js keeps these up to date."""
    counts = dict.fromkeys(("saved", "waiting", "unexplained", "invalid", "conflict", "asking", "missing"), 0)
    for one in sheets:
        for row in one.rows:
            for cell in row.cells:
                for name in counts:
                    counts[name] += f"cell--{name}" in cell.css.split()
    return counts
