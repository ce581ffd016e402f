"""The grid in which an owner types: ready strings for the template, a cell per period, a row per KPI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from django.utils.translation import gettext as _

from kpiplatform.dashboards.my_kpis import links, words
from kpiplatform.dashboards.my_kpis.row_state import RowState, row_state
from kpiplatform.dashboards.my_kpis.sheet import Attempt, Sheet, cell_id, cell_url, form_id, grid_id, place_of, title_of
from kpiplatform.dashboards.my_kpis.slots import FREQUENCIES, Line, Slot
from kpis.domain.figures import MISSING, number
from kpis.models import Kpi
from kpis.services.entry import takes_parts
from kpis.templatetags.kpi_figures import band_name

# So many characters of a number fit where the grid is no wider than its columns ask for, and among many of them.
SHORT, SHORT_AMONG_MANY, LONG = 6, 5, 9
SHORT_GOAL, LONG_GOAL = 7, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell as it is printed."""

    id: str
    input_id: str
    issue_id: str
    form_id: str
    css: str
    state: str
    label: str
    title: str
    name: str = ""
    url: str = ""
    text: str = ""
    saved: str | None = None
    placeholder: str = ""
    band: str | None = None
    band_state: str = ""
    is_input: bool = False
    is_na: bool = False
    has_issue: bool = False
    is_ratio: bool = False
    parts: str = ""
    result: str = ""
    undo_name: str = ""
    undo_seq: int = 0
    attempt: Attempt | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the cell is mere text, whose band nothing else names."""
        return not self.is_input and not self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    code: str
    name: str
    url: str
    unit: str
    goal: str
    grade: str
    cells: tuple[Cell, ...]
    state: RowState

    @property
    def state_id(self) -> str:
        return f"state-{self.code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    label: str
    sub: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    id: str
    form_id: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    groups: tuple[tuple[str, tuple[Row, ...]], ...]
    has_inputs: bool
    span: int

    @property
    def css(self) -> str:
        """How wide it is beside the screen: by its columns, and so that no number is cut off at its beginning."""
        cells = [cell for row in self.rows for cell in row.cells]
        names = []
        if self.is_many:
            names.append("entry--wide" if len(self.columns) < 20 else "entry--widest")
        elif any(cell.is_ratio for cell in cells):
            names.append("entry--ratios")
        longest = max((len(cell.text) for cell in cells), default=0)
        if longest > self.short:
            names.append("entry--long" if longest <= LONG else "entry--longest")
        goal = max((len(row.goal) for row in self.rows), default=0)
        if goal > SHORT_GOAL:
            names.append("entry--goals" if goal <= LONG_GOAL else "entry--ranges")
        return " ".join(names)

    @property
    def is_many(self) -> bool:
        return len(self.columns) > 7

    @property
    def short(self) -> int:
        """How long a number may be in a grid that is no wider than its columns ask for."""
        return SHORT_AMONG_MANY if self.is_many else SHORT

    @property
    def long(self) -> int:
        return LONG

    @property
    def rows(self) -> list[Row]:
        return [row for _unit, rows in self.groups for row in rows]


def grids(lines: Iterable[Line], sheet: Sheet) -> list[Grid]:
    """Return a grid per frequency (and calendar), those to type in first, then days first; the rows stand by unit."""

    def kind(line: Line) -> tuple[int, int]:
        return FREQUENCIES.index(line.kpi.frequency), line.kpi.calendar_id

    kinds = [list(same) for _key, same in groupby(sorted(lines, key=kind), key=kind)]
    calendars = Counter(same[0].kpi.frequency for same in kinds)
    made = [_grid(same, sheet, names_calendar=calendars[same[0].kpi.frequency] > 1) for same in kinds]
    return sorted(made, key=lambda one: not one.has_inputs)


def _grid(lines: list[Line], sheet: Sheet, *, names_calendar: bool) -> Grid:
    kpi = lines[0].kpi
    heads = tuple(_column([line.slots[at] for line in lines]) for at in range(len(lines[0].slots)))
    groups = tuple(
        (unit, tuple(row(line, sheet) for line in same))
        for unit, same in groupby(lines, key=lambda at: at.kpi.unit.name)
    )
    titles = {
        "day": (_("Daily"), _("Values by day")),
        "week": (_("Weekly"), _("Values by week")),
        "month": (_("Monthly"), _("Values by month")),
        "quarter": (_("Quarterly"), _("Values by quarter")),
        "half_year": (_("Half-yearly"), _("Values by half-year")),
        "year": (_("Yearly"), _("Values by year")),
    }
    title, caption = titles[kpi.frequency]
    if names_calendar:
        title, caption = f"{title}, {kpi.calendar.name}", f"{caption}, {kpi.calendar.name}"
    return Grid(
        id=grid_id(kpi),
        form_id=form_id(kpi),
        title=title,
        caption=caption,
        columns=heads,
        groups=groups,
        has_inputs=any(cell.is_input for _unit, rows in groups for one in rows for cell in one.cells),
        span=len(heads) + 2,
    )


def _column(slots: list[Slot]) -> Column:
    label, sub = words.heading(slots[0].period)
    note = ""
    if slots[0].is_open:
        note = _("provisional")
    elif all(slot.is_locked for slot in slots):
        note = _("locked")
    return Column(label=label, sub=sub, note=note)


def row(line: Line, sheet: Sheet) -> Row:
    """Return the row of one KPI."""
    kpi = line.kpi
    return Row(
        code=kpi.code,
        name=words.name_in_unit(kpi),
        url=links.kpi_page(kpi.code),
        unit=kpi.measure_unit,
        goal=_goal(kpi, sheet),
        grade=sheet.grades.get(kpi.pk, ""),
        cells=tuple(cell(slot, sheet) for slot in line.slots),
        state=row_state(line, sheet),
    )


def cell(slot: Slot, sheet: Sheet) -> Cell:
    """Return one cell: a field where a value is typed, else a link to its form, or plain where nothing can change."""
    kpi, locale = slot.kpi, sheet.viewer.locale
    attempt = sheet.attempts.get(slot.key)
    suffix = f"{kpi.code}-{slot.period.start}"
    value, waiting = slot.value, slot.waiting
    is_read = slot.state == "not_applicable" or slot.is_by_another(sheet.viewer.user.pk)
    kept = slot.unexplained if attempt is None else None
    is_input = slot.is_typed and (not is_read or attempt is not None or kept is not None)
    said = kept or waiting or value
    figure = words.shown(said.value, kpi, locale) if said is not None and said.value is not None else ""
    text = words.typed_value(said, kpi, locale) if is_input else figure
    is_ratio = is_input and takes_parts(kpi)
    # What waits or is kept is judged by nobody.
    band = value.band if said is value and value is not None and value.value is not None else None
    reachable = is_input or (kpi.entry != Kpi.Entry.DERIVED and not slot.is_locked)
    return Cell(
        id=cell_id(slot),
        input_id=f"value-{suffix}",
        issue_id=f"issue-{suffix}",
        form_id=form_id(kpi),
        css=_css(slot, sheet, attempt, is_input),
        state=attempt.kind if attempt else slot.state,
        label=_label(slot, text, band, is_input),
        title=title_of(slot),
        name=place_of(slot, attempt.seq if attempt else slot.seq),
        url=cell_url(slot) if reachable or attempt is not None else "",
        text=attempt.text if attempt else text or _empty(slot, is_input),
        saved=text if attempt else None,
        placeholder=_placeholder(slot) if is_input else "",
        band=band if attempt is None or attempt.kind == "conflict" else None,
        band_state="provisional" if slot.state == "provisional" else "",
        is_input=is_input,
        is_na=slot.state == "not_applicable" and not is_input and waiting is None,
        has_issue=slot.is_typed or attempt is not None,
        is_ratio=is_ratio,
        parts=words.parts_wanted(kpi) if is_ratio else "",
        result=_result(said, figure) if is_ratio and attempt is None else "",
        undo_name="withdraw" if waiting else "undo",
        undo_seq=_undo(slot, sheet) if is_input else 0,
        attempt=attempt,
    )


def _result(said: words.Said | None, figure: str) -> str:
    """Return what the two parts in a field come to; nothing for a value that was recorded without them."""
    return figure or MISSING if said is not None and said.denominator is not None else ""


def _undo(slot: Slot, sheet: Sheet) -> int:
    """Return what one may take back here: one's own latest change, or what waits; 0 for nothing."""
    if slot.waiting is not None:
        return slot.waiting.pk
    for change in sheet.changes.get(slot.kpi.pk, ()):
        if change.period_start == slot.period.start:
            is_mine = change.by_id == sheet.viewer.user.pk and change.kind != "undo"
            return change.seq if is_mine and change.seq > 1 else 0
    return 0


def _css(slot: Slot, sheet: Sheet, attempt: Attempt | None, is_input: bool) -> str:
    names = ["cell"]
    if not is_input:
        names.append("num")
    if attempt is not None:
        names.append(f"cell--{attempt.css}")
    elif slot.unexplained is not None:
        names.append("cell--unexplained")
    elif slot.waiting is not None:
        names.append("cell--waiting")
    elif slot.state == "not_applicable":
        names.append("cell--na")
    elif slot.is_locked:
        names.append("cell--locked")
    elif slot.state in {"provisional", "missing", "due"}:
        names.append(f"cell--{slot.state}")
    elif not is_input:
        names.append("cell--read")
    mine = (one for one in sheet.changes.get(slot.kpi.pk, ()) if one.by_id == sheet.viewer.user.pk)
    if attempt is None and not slot.waiting and any(one.period_start == slot.period.start for one in mine):
        names.append("cell--saved")
    return " ".join(names)


def _empty(slot: Slot, is_input: bool) -> str:
    """Return the word in a cell without value that is no field."""
    if is_input or (slot.state == "not_due" and slot.waiting is None):
        return ""
    if slot.waiting is not None:
        return _("n/a") if slot.waiting.state == "not_applicable" else MISSING
    if slot.state == "not_applicable":
        return _("n/a")
    if slot.value is not None:
        return MISSING  # a ratio over nothing
    return _("enter") if slot.is_typed else _("missing") if slot.state == "missing" else ""


def _placeholder(slot: Slot) -> str:
    return {"missing": _("missing"), "due": _("due")}.get(slot.state, "")


def _label(slot: Slot, text: str, band: str | None, is_input: bool) -> str:
    """Return what is read out for a field or a link."""
    said = [title_of(slot)]
    if not is_input and text:
        said.append(text)
    if slot.unexplained is not None:
        said.append(_("waits for an explanation"))
    elif slot.waiting is not None:
        said.append(_("waiting for approval"))
    elif band is not None:
        said.append(band_name(band, "provisional" if slot.state == "provisional" else ""))
    elif slot.state in {"missing", "due"}:
        said.append(_("missing") if slot.state == "missing" else _("due"))
    elif slot.state == "not_applicable":
        said.append(_("not applicable"))
    if is_input and takes_parts(slot.kpi):
        said.append(words.parts_wanted(slot.kpi))
    if not is_input:
        said.append(_("enter") if slot.is_typed and not (slot.value or slot.waiting) else _("correct"))
    return ", ".join(said)


def _goal(kpi: Kpi, sheet: Sheet) -> str:
    goal, high = sheet.goals.get(kpi.pk, (None, None))
    if goal is None:
        return MISSING
    figures = [_round_goal(one, kpi, sheet.viewer.locale) for one in (goal, high) if one is not None]
    return "\N{EN DASH}".join(figures)


def _round_goal(goal: Decimal, kpi: Kpi, locale: str) -> str:
    """Return a goal without decimals that say nothing: 80, not 80.0."""
    return number(goal, 0 if goal == goal.to_integral_value() else kpi.decimals, locale=locale)
