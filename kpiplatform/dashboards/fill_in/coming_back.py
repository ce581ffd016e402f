"""What stands in a spreadsheet that came back, place by place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext as _
from xlsxwriter.utility import xl_rowcol_to_cell

from kpiplatform.dashboards.fill_in.book import COLUMNS, FIRST_PERIOD, MARKS_OF, ROW_HEADS, ROWS, SEEN
from kpiplatform.dashboards.fill_in.places import NOT_APPLICABLE_MARK
from kpiplatform.sent_files.reading import Cell, FileRefused, Rows

CODE_AND_DAY = 3


@dataclass(slots=True, kw_only=True)
class Said:
    """What the file says of one period of a KPI; `seq` is the revision that stood there when the file was made."""

    place: str
    code: str
    start: date
    seq: int
    numbers: dict[str, Cell] = field(default_factory=dict)
    provisional: bool | None = None  # None: the form has no place for it
    not_applicable: str = ""


def said_in(sheets: Mapping[str, Rows]) -> list[Said]:
    """Return every period that stands in the file. Raises FileRefused for a file that did not come from here."""
    seen = _seen(sheets.get(SEEN, []))
    found: dict[tuple[str, date], Said] = {}
    is_ours = False
    for name, rows in sheets.items():
        mark = _text(rows, 0, 0)
        if mark == MARKS_OF[COLUMNS]:
            cells, is_ours = _from_columns(name, rows), True
        elif mark == MARKS_OF[ROWS]:
            cells, is_ours = _from_rows(name, rows), True
        else:
            continue
        for one in cells:
            key = (one.code, one.start)
            if key not in seen:
                continue
            if key in found:
                found[key].numbers |= one.numbers
                found[key].not_applicable = found[key].not_applicable or one.not_applicable
            else:
                one.seq = seen[key]
                found[key] = one
    if not is_ours or not seen:
        raise FileRefused(
            _("This is not a spreadsheet that was made here. Make one on this page, fill it in and send it back.")
        )
    return list(found.values())


def _from_columns(name: str, rows: Rows) -> Iterator[Said]:
    """Yield the cells below the periods; hidden rows of days come again where another calendar begins."""
    days: list[date | None] = []
    for number, row in enumerate(rows):
        key = _text(rows, number, 0)
        days_here = [_day(cell) for cell in row[FIRST_PERIOD:]]
        if any(days_here) and "|" not in key:
            days = days_here
        code, _bar, part = key.partition("|")
        if not part:
            continue
        for column, start in enumerate(days, start=FIRST_PERIOD):
            if start is None:
                continue
            cell = row[column] if column < len(row) else None
            one = Said(place=f"{name}!{xl_rowcol_to_cell(number, column)}", code=code, start=start, seq=0)
            if cell is not None and cell.text.lower().startswith(NOT_APPLICABLE_MARK):
                one.not_applicable = cell.text[len(NOT_APPLICABLE_MARK) :].strip(" :") or _("does not apply")
            elif cell is not None:
                one.numbers[part] = cell
            yield one


def _from_rows(name: str, rows: Rows) -> Iterator[Said]:
    for number, row in enumerate(rows[ROW_HEADS:], start=ROW_HEADS):
        code, _bar, text = _text(rows, number, 0).partition("|")
        start = _day(Cell("text", text)) if text else None
        if start is None:
            continue
        cells = [*row, *[None] * 10]
        yield Said(
            place=f"{name}!{xl_rowcol_to_cell(number, 5)}",
            code=code,
            start=start,
            seq=0,
            numbers={
                part: cell
                for part, cell in zip(("value", "numerator", "denominator"), cells[5:8], strict=True)
                if cell is not None
            },
            provisional=cells[8] is not None,
            not_applicable=cells[9].text if cells[9] is not None else "",
        )


def _seen(rows: Rows) -> dict[tuple[str, date], int]:
    seen = {}
    for row in rows:
        if len(row) >= CODE_AND_DAY and row[0] and row[2] and (start := _day(row[1])) and row[2].text.isdecimal():
            seen[row[0].text, start] = int(row[2].text)
    return seen


def _text(rows: Rows, row: int, column: int) -> str:
    cells = rows[row] if row < len(rows) else []
    cell = cells[column] if column < len(cells) else None
    return cell.text if cell else ""


def _day(cell: Cell | None) -> date | None:
    try:
        return date.fromisoformat(cell.text) if cell else None
    except ValueError:
        return None
