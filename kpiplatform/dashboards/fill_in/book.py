"""The spreadsheet that goes out: filled in with what stands, locked where nothing is to be typed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import xlsxwriter
from django.utils.translation import gettext as _

from kpiplatform.dashboards.fill_in.places import NOT_APPLICABLE_MARK, Part, parts_of, stands, why_none
from kpiplatform.dashboards.my_kpis.sheet import Viewer
from kpiplatform.dashboards.my_kpis.slots import Line, Slot
from kpiplatform.sent_files.child import ROWS_AT_MOST
from kpis.dates import moment, span_label
from kpis.domain.entry_checks import language_of
from kpis.domain.figures import MARKS
from kpis.domain.periods import Frequency
from kpis.readings import PROVISIONAL

COLUMNS, ROWS = "columns", "rows"
# What stands in the first, hidden cell of a sheet, and what the sheet with the values that went out is called.
MARKS_OF = {COLUMNS: "fill in: columns 1", ROWS: "fill in: rows 1"}
SEEN = "_seen"
FIRST_PERIOD = 5  # column of the first period, where dates are in columns
ROW_HEADS = 2  # rows above the first KPI
YES = "yes"
LARGEST = 10**20
VALUES_AT_MOST = ROWS_AT_MOST - ROW_HEADS  # each has a row of its own in one sheet or another


@dataclass(frozen=True, slots=True, kw_only=True)
class _Formats:
    head: Any
    text: Any
    open: Any
    closed: Any
    provisional: Any


def workbook(lines: Sequence[Line], *, layout: str, viewer: Viewer) -> bytes:
    """Return the workbook: one sheet per frequency with dates in columns, or one with a row per value."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        formats = _formats(book)
        _explained(book, formats, layout, viewer)
        if layout == COLUMNS:
            for frequency in Frequency:
                alike = [line for line in lines if line.kpi.frequency == frequency]
                if alike:
                    _in_columns(book, alike, formats)
        else:
            _in_rows(book, lines, formats)
        _note_what_went_out(book, lines)
    return out.getvalue()


def _formats(book: Any) -> _Formats:
    locked = {"locked": True, "valign": "top"}
    number = {
        "num_format": "#,##0.########",
        "locked": False,
        "bg_color": "#FFFFFF",
        "border": 1,
        "border_color": "#C8CCD4",
    }
    return _Formats(
        head=book.add_format({"bold": True, "locked": True, "bottom": 1}),
        text=book.add_format(locked),
        open=book.add_format(number),
        closed=book.add_format({**number, "locked": True, "bg_color": "#EDEFF2"}),
        provisional=book.add_format({**number, "italic": True}),
    )


def _explained(book: Any, formats: _Formats, layout: str, viewer: Viewer) -> None:
    sheet = book.add_worksheet(_("How to")[:31])
    mark = MARKS.get(language_of(viewer.locale), MARKS["en"])[1]
    sheet.write_string(0, 0, _("Values of KPIs, to fill in"), formats.head)
    sentences = [
        _("Made for %(name)s on %(moment)s.") % {"name": viewer.user.name, "moment": moment(viewer.now, viewer.tz)},
        _("Type into the framed cells; grey ones are locked. Send the file back on the page it came from."),
        _("Only what you change is looked at, and nothing is recorded before you have seen and confirmed it."),
        _("Numbers typed as text are read with “%(mark)s” as decimal mark.") % {"mark": mark},
        _("Where a period does not apply, type %(mark)s and the reason.") % {"mark": NOT_APPLICABLE_MARK}
        if layout == COLUMNS
        else _("Where a period does not apply, leave the numbers empty and give the reason."),
    ]
    for row, sentence in enumerate(sentences, start=1):
        sheet.write_string(row, 0, sentence, formats.text)
    sheet.set_column(0, 0, 90)
    sheet.protect()


def _in_columns(book: Any, lines: Sequence[Line], formats: _Formats) -> None:
    """A sheet of one frequency. KPIs of other calendars stand below, under heads of their own periods."""
    sheet = book.add_worksheet(str(lines[0].kpi.get_frequency_display()).capitalize()[:31])
    sheet.write_string(0, 0, MARKS_OF[COLUMNS])
    row = 0
    by_calendar: dict[int, list[Line]] = {}
    for line in lines:
        by_calendar.setdefault(line.kpi.calendar_id, []).append(line)
    for alike in by_calendar.values():
        sheet.set_row(row, None, None, {"hidden": True})
        heads = [_("KPI"), _("Unit"), _("Measured in"), _("What")]
        for column, head in enumerate(heads, start=1):
            sheet.write_string(row + 1, column, head, formats.head)
        for column, slot in enumerate(alike[0].slots, start=FIRST_PERIOD):
            sheet.write_string(row, column, slot.period.start.isoformat())
            sheet.write_string(row + 1, column, slot.period.key, formats.head)
            if slot.period.frequency != Frequency.DAY:
                sheet.write_comment(row + 1, column, span_label(slot.period))
        row += ROW_HEADS
        for line in alike:
            for part in parts_of(line.kpi):
                _line(sheet, row, line, part, formats)
                row += 1
    sheet.set_column(0, 0, None, None, {"hidden": True})
    sheet.set_column(1, 1, 36)
    sheet.set_column(2, 4, 14)
    sheet.set_column(FIRST_PERIOD, FIRST_PERIOD + len(lines[0].slots), 12)
    sheet.freeze_panes(ROW_HEADS, FIRST_PERIOD)
    sheet.protect("", {"format_columns": True, "format_rows": True})


def _line(sheet: Any, row: int, line: Line, part: Part, formats: _Formats) -> None:
    kpi = line.kpi
    sheet.write_string(row, 0, f"{kpi.code}|{part.name}")
    for column, text in enumerate((kpi.name, kpi.unit.name, kpi.measure_unit, part.label), start=1):
        sheet.write_string(row, column, text, formats.text)
    for column, slot in enumerate(line.slots, start=FIRST_PERIOD):
        if why_none(slot):
            sheet.write_string(row, column, f"{NOT_APPLICABLE_MARK} {why_none(slot)}", _format(slot, formats))
        else:
            _number(sheet, row, column, stands(slot, part.name), _format(slot, formats))
    # A warning, not a bar: n/a with its reason is typed into the same cell.
    sheet.data_validation(
        row, FIRST_PERIOD, row, FIRST_PERIOD + len(line.slots) - 1, _bounds(line, part) | {"error_type": "warning"}
    )


def _in_rows(book: Any, lines: Sequence[Line], formats: _Formats) -> None:
    sheet = book.add_worksheet(_("Values")[:31])
    sheet.write_string(0, 0, MARKS_OF[ROWS])
    sheet.set_row(0, None, None, {"hidden": True})
    heads = [
        _("KPI"), _("Unit"), _("Measured in"), _("Period"), _("value"), _("numerator"), _("denominator"),
        _("provisional"), _("does not apply because"),
    ]  # fmt: skip
    for column, head in enumerate(heads, start=1):
        sheet.write_string(1, column, head, formats.head)
    row = ROW_HEADS
    for line in lines:
        for slot in line.slots:
            _row(sheet, row, slot, formats)
            row += 1
    sheet.set_column(0, 0, None, None, {"hidden": True})
    sheet.set_column(1, 1, 36)
    sheet.set_column(2, 8, 14)
    sheet.set_column(9, 9, 36)
    sheet.freeze_panes(ROW_HEADS, 5)
    sheet.autofilter(1, 1, max(row - 1, 1), len(heads))
    sheet.protect("", {"format_columns": True, "autofilter": True, "sort": True})


def _row(sheet: Any, row: int, slot: Slot, formats: _Formats) -> None:
    kpi, form = slot.kpi, _format(slot, formats)
    sheet.write_string(row, 0, f"{kpi.code}|{slot.period.start}")
    for column, text in enumerate((kpi.name, kpi.unit.name, kpi.measure_unit, slot.period.key), start=1):
        sheet.write_string(row, column, text, formats.text)
    taken = {part.name: part for part in parts_of(kpi)}
    for column, name in enumerate(("value", "numerator", "denominator"), start=5):
        _number(sheet, row, column, stands(slot, name), form if name in taken else formats.closed)
        if name in taken:
            sheet.data_validation(row, column, row, column, _bounds_of(slot, taken[name]))
    provisional = slot.value is not None and slot.value.state == PROVISIONAL
    sheet.write_string(row, 8, YES if provisional else "", form)
    sheet.data_validation(row, 8, row, 8, {"validate": "list", "source": [YES], "ignore_blank": True})
    sheet.write_string(row, 9, why_none(slot), form)


def _bounds(line: Line, part: Part) -> dict[str, Any]:
    return _bounds_of(line.slots[0], part)


def _bounds_of(slot: Slot, part: Part) -> dict[str, Any]:
    """Return what a spreadsheet program says of a number that the KPI cannot have; we check again."""
    kpi = slot.kpi
    bounded = part.name == "value"
    least = kpi.minimum if bounded and kpi.minimum is not None else -LARGEST
    most = kpi.maximum if bounded and kpi.maximum is not None else LARGEST
    title = _("Is it right?")
    says = _("A number is expected here, between %(least)s and %(most)s.") % {"least": least, "most": most}
    if (least, most) == (-LARGEST, LARGEST):
        says = _("A number is expected here.")
    return {
        "validate": "decimal",
        "criteria": "between",
        "minimum": float(least),
        "maximum": float(most),
        "ignore_blank": True,
        "error_title": title[:32],
        "error_message": says[:255],
    }


def _format(slot: Slot, formats: _Formats) -> Any:
    if slot.is_locked:
        return formats.closed
    return formats.provisional if slot.value is not None and slot.value.state == PROVISIONAL else formats.open


def _number(sheet: Any, row: int, column: int, number: Decimal | None, form: Any) -> None:
    if number is None:
        sheet.write_blank(row, column, None, form)
    else:
        sheet.write_number(row, column, float(number), form)


def _note_what_went_out(book: Any, lines: Sequence[Line]) -> None:
    """Note the revision of each period beside what it said: what is not changed is not looked at."""
    sheet = book.add_worksheet(SEEN)
    row = 0
    for line in lines:
        for slot in line.slots:
            sheet.write_string(row, 0, line.kpi.code)
            sheet.write_string(row, 1, slot.period.start.isoformat())
            sheet.write_number(row, 2, slot.seq)
            row += 1
    sheet.very_hidden()
