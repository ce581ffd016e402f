"""The table twin of the chart: every figure of it as text, and as a file that no spreadsheet takes for formulas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from kpiplatform.dashboards import sheet_file
from kpiplatform.dashboards.kpi_page.chart import Note, limits_in_force, notes_within
from kpiplatform.dashboards.kpi_page.facts import Facts, limits_of
from kpiplatform.dashboards.kpi_page.gap import distance
from kpiplatform.dashboards.kpi_page.timeline import Cell, Standing, latest_closed
from kpiplatform.dashboards.kpi_page.wording import Wording, why_no_band
from kpis.dates import span_label
from kpis.domain.figures import delta_unit
from kpis.domain.limits import AnyLimits
from kpis.domain.periods import Frequency, previous_period
from kpis.revision_words import why_no_value
from kpis.templatetags.kpi_figures import band_name

LATEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One period, ready to print: `figures` under the heads; `start` leads to its versions and to the form."""

    period: str
    dates: str
    figures: Sequence[str]
    band: str | None
    band_state: str
    words: str
    notes: Sequence[int]
    remark: str
    css: str
    start: str
    change: str
    grade: str
    rows: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The twin: a head for the period and one for each column of figures, and rows."""

    period_head: str
    has_dates: bool
    heads: Sequence[str]
    rows: Sequence[TableRow]
    has_more: bool
    has_data: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Which figures this KPI has, beside the value itself."""

    parts: bool
    to_date: bool
    goal: bool


def table(*, facts: Facts, cells: Sequence[Cell], notes: Sequence[Note], limit: int | None = LATEST) -> Table:
    """Return the newest `limit` periods, or all of `cells`, newest first."""
    wording = Wording.of(facts)
    newest = list(reversed(cells))[:limit]
    limits = [_limits(cell, facts) for cell in newest]
    columns = _Columns(
        parts=any(cell.row is not None and cell.row.numerator is not None for cell in newest),
        to_date=facts.kpi.is_cumulative,
        goal=any(limits),
    )
    words = _Words(wording)
    latest = latest_closed(cells)
    return Table(
        period_head=wording.period_noun(),
        has_dates=facts.kpi.frequency != Frequency.DAY,
        heads=_heads(columns, facts, wording),
        rows=[
            _row(cell, limit, columns, notes, words, facts=facts, is_latest=cell is latest)
            for cell, limit in zip(newest, limits, strict=True)
        ],
        has_more=len(newest) < len(cells),
        has_data=bool(facts.confidence),
    )


def _heads(columns: _Columns, facts: Facts, wording: Wording) -> list[str]:
    heads: list[str] = []
    if columns.parts:
        heads += [facts.kpi.numerator_label or _("numerator"), facts.kpi.denominator_label or _("denominator")]
    heads.append(wording.unit or _("value"))
    if columns.to_date:
        heads.append(_("to date"))
    if columns.goal:
        unit = delta_unit(wording.unit)
        heads += [_("goal"), _("gap, %(unit)s") % {"unit": unit} if unit else _("gap")]
    return heads


def _row(
    cell: Cell,
    limits: AnyLimits | None,
    columns: _Columns,
    notes: Sequence[Note],
    words: _Words,
    *,
    facts: Facts,
    is_latest: bool,
) -> TableRow:
    period, provisional = cell.period, cell.standing is Standing.PROVISIONAL
    is_locked, breaks, its = facts.is_locked(period), _breaks(cell, facts), facts.confidence.get(period.start)
    marks = {"is-provisional": provisional, "is-now": is_latest, "is-break": breaks}
    return TableRow(
        period=words.wording.period(period),
        dates=span_label(period),
        figures=_figures(cell, limits, columns, words.wording),
        band=cell.band if cell.value is not None else None,
        band_state="provisional" if provisional else "",
        words=words.of(cell),
        notes=[note.number for note in notes_within(notes, period.start, period.end)],
        remark=words.changed if breaks else "",
        css=" ".join(mark for mark, holds in marks.items() if holds),
        start=period.start.isoformat(),
        change=words.locked if is_locked else words.change(cell, facts),
        grade=its.grade if its else "",
        rows=period.start.isoformat() if its and facts.may_read_rows and not facts.known.on else "",
    )


def _breaks(cell: Cell, facts: Facts) -> bool:
    """Return whether the period is the first by another definition."""
    return facts.broke_between(previous_period(cell.period, facts.calendar).start, cell.period.start)


def _figures(cell: Cell, limits: AnyLimits | None, columns: _Columns, wording: Wording) -> list[str]:
    row = cell.row
    figures = []
    if columns.parts:
        parts = (row.numerator, row.denominator) if row is not None and row.numerator is not None else (None, None)
        figures += ["" if part is None else wording.count(part) for part in parts]
    figures.append("" if cell.value is None else wording.bare(cell.value))
    if columns.to_date:
        figures.append("" if cell.shown is None else wording.bare(cell.shown))
    if columns.goal:
        gap = distance(cell.shown, limits)
        figures += [wording.goal(limits), "" if gap is None else wording.bare_change(gap)]
    return figures


def _limits(cell: Cell, facts: Facts) -> AnyLimits | None:
    if cell.row is not None and cell.row.is_judged:
        return limits_of(cell.row)
    return limits_in_force(facts, cell.period.start)


class _Words:
    """What stands in the column of the band; each band is put into words once."""

    def __init__(self, wording: Wording) -> None:
        self.wording = wording
        self.bands: dict[tuple[str, str], str] = {}
        self.correct, self.enter, self.locked = _("Correct"), _("Enter"), _("locked")
        self.propose, self.changed = _("Propose"), _("definition changed")

    def change(self, cell: Cell, facts: Facts) -> str:
        """Say what the link to the form of a period does."""
        if facts.may_propose:
            return self.propose
        return self.correct if cell.row is not None else self.enter

    def of(self, cell: Cell) -> str:
        reason = cell.row.reason if cell.row is not None else ""
        match cell.standing:
            case Standing.MISSING:
                return _("missing")
            case Standing.NOT_DUE:
                return _("not due yet")
            case Standing.NOT_APPLICABLE:
                return _("not applicable: %(reason)s") % {"reason": reason}
            case Standing.NO_VALUE:
                return _("no value: %(reason)s") % {"reason": why_no_value(reason)}
        if cell.row is not None and not cell.row.is_judged:
            return _("not judged yet")
        key = (cell.band, cell.standing)
        if key not in self.bands:
            name = band_name(cell.band, "provisional" if cell.standing is Standing.PROVISIONAL else "")
            self.bands[key] = name[:1].lower() + name[1:]
        return self.bands[key]


# --- the file -----------------------------------------------------------------------------------


def as_csv(*, facts: Facts, cells: Sequence[Cell], notes: Sequence[Note]) -> str:
    """Return every period, newest first, as comma-separated lines with exact numbers and a point as decimal mark."""
    return sheet_file.as_csv(_head(facts), _lines(facts, reversed(cells), notes))


def _head(facts: Facts) -> list[str]:
    unit = facts.kpi.measure_unit or "value"
    return [
        "kpi",
        "period",
        "first_day",
        "last_day",
        "state",
        "numerator",
        "denominator",
        f"value ({unit})",
        "judged value",
        "goal",
        "goal to",
        "red flag",
        "upper red flag",
        "score",
        "band",
        "reason",
        "notes",
        "recorded_at",
        "confidence",
    ]


def _lines(facts: Facts, cells: Iterable[Cell], notes: Sequence[Note]) -> Iterator[list[str | Decimal | None]]:
    for cell in cells:
        period, row = cell.period, cell.row
        remarks = " | ".join(note.text for note in notes_within(notes, period.start, period.end))
        start = [facts.kpi.code, period.key, period.start.isoformat(), period.last_day.isoformat(), str(cell.standing)]
        if row is None:
            yield [*start, *[None] * 11, remarks, None, None]
            continue
        judged = [row.judged_value, row.goal, row.goal_high, row.red_flag, row.red_high, row.score]
        numbers = [row.numerator, row.denominator, row.value, *judged]
        reason = row.reason or (why_no_band(row.no_band_reason) if row.no_band_reason else "")
        its = facts.confidence.get(period.start)
        recorded_at = datetime.fromisoformat(row.recorded_at).isoformat()
        yield [*start, *numbers, row.band, reason, remarks, recorded_at, its.grade if its else None]
