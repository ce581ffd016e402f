"""What stands in a spreadsheet that came back, place by place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from kpiplatform.dashboards.fill_in.book import COLUMNS, FIRST_PERIOD, MARKS_OF, ROW_HEADS, SEEN, YES
from kpiplatform.dashboards.fill_in.places import NOT_APPLICABLE_MARK
from kpiplatform.sent_files.reading import Cell, FileRefused, Rows

CODE_AND_DAY = 3
NO = ("", "no")
LONG_DAY = len("2026-11-22")


@dataclass(slots=True, kw_only=True)
class Said:
    """What the file says of one period of a KPI; `seq` is the revision that stood there when the file was made.

    `unclear` is why it cannot be taken, whatever the KPI: it says two things at once.
    """

    place: str
    code: str
    start: date
    seq: int = 0
    numbers: dict[str, Cell] = field(default_factory=dict)
    provisional: bool | None = None  # None: the form has no place for it
    applies: bool = True
    not_applicable: str = ""
    unclear: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """Something in the file that belongs to no period that it was made with, and so is not read."""

    place: str
    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CameBack:
    """All that a file says: of the periods that it was made with, and beside them."""

    saids: list[Said]
    strays: list[Stray]


def said_in(sheets: Mapping[str, Rows]) -> CameBack:
    """Return everything that stands in the file. Raises FileRefused for one that did not come from here."""
    seen = _seen(sheets.get(SEEN, []))
    codes = {code for code, _start in seen}
    found: dict[tuple[str, date], Said] = {}
    strays: list[Stray] = []
    is_ours = False
    for name, rows in sheets.items():
        mark = _text(rows, 0, 0)
        if mark not in MARKS_OF.values():
            strays += _unmarked(name, rows, codes)
            continue
        is_ours = True
        for one in _from_columns(name, rows, codes) if mark == MARKS_OF[COLUMNS] else _from_rows(name, rows, codes):
            if isinstance(one, Stray):
                strays.append(one)
                continue
            key = (one.code, one.start)
            if key in seen:
                one.seq = seen[key]
                found[key] = _together(found[key], one) if key in found else one
            elif one.numbers or not one.applies:
                strays.append(Stray(place=one.place, name=one.code, why=_("The file was not made with this period.")))
    if not is_ours or not seen:
        raise FileRefused(
            _("This is not a spreadsheet that was made here. Make one on this page, fill it in and send it back.")
        )
    return CameBack(saids=[_clear(one) for one in found.values()], strays=strays)


def _from_columns(name: str, rows: Rows, codes: set[str]) -> Iterator[Said | Stray]:
    """Yield the cells below the periods; hidden rows of days come again where another calendar begins."""
    days: list[date | None] = []
    heads = -1
    undated: dict[int, int] = {}
    for number, row in enumerate(rows):
        key = _text(rows, number, 0)
        days_here = [_day(cell) for cell in row[FIRST_PERIOD:]]
        if any(days_here) and "|" not in key:
            days, heads = days_here, number + 1
            continue
        code, _bar, part = key.partition("|")
        if number == heads or not any(row[FIRST_PERIOD:]):
            if code not in codes:
                continue
        elif not part or code not in codes:
            yield Stray(place=f"{name}!{number + 1}", name=_text(rows, number, 1) or code, why=_of_no_kpi())
            continue
        for column in range(FIRST_PERIOD, max(len(row), FIRST_PERIOD + len(days))):
            start = days[column - FIRST_PERIOD] if column - FIRST_PERIOD < len(days) else None
            cell = row[column] if column < len(row) else None
            if start is None:
                undated[column] = undated.get(column, 0) + (cell is not None)
                continue
            one = Said(place=f"{name}!{xl_rowcol_to_cell(number, column)}", code=code, start=start)
            if cell is not None and cell.text.lower().startswith(NOT_APPLICABLE_MARK):
                one.applies, one.not_applicable = False, cell.text[len(NOT_APPLICABLE_MARK) :].strip(" :")
            elif cell is not None:
                one.numbers[part] = cell
            yield one
    for column, count in undated.items():
        if count:
            yield Stray(place=f"{name}!{xl_col_to_name(column)}", name="", why=_of_no_period(count))


def _from_rows(name: str, rows: Rows, codes: set[str]) -> Iterator[Said | Stray]:
    for number, row in enumerate(rows[ROW_HEADS:], start=ROW_HEADS):
        code, _bar, text = _text(rows, number, 0).partition("|")
        start = _day(Cell("text", text)) if text else None
        cells = [*row, *[None] * 10]
        if start is None or code not in codes:
            if any(cells[5:10]):
                yield Stray(place=f"{name}!{number + 1}", name=_text(rows, number, 1) or code, why=_of_no_kpi())
            continue
        provisional = cells[8].text.lower() if cells[8] else ""
        yield Said(
            place=f"{name}!{xl_rowcol_to_cell(number, 5)}",
            code=code,
            start=start,
            numbers={
                part: cell
                for part, cell in zip(("value", "numerator", "denominator"), cells[5:8], strict=True)
                if cell is not None
            },
            provisional=provisional not in NO,
            applies=cells[9] is None,
            not_applicable=cells[9].text if cells[9] is not None else "",
            unclear=""
            if provisional in (*NO, YES)
            else _("“%(text)s” is not known: a value that is provisional says %(yes)s.")
            % {"text": provisional[:40], "yes": YES},
        )


def _together(one: Said, other: Said) -> Said:
    """Return one period of the parts that stand in two places."""
    for part, cell in other.numbers.items():
        known = one.numbers.setdefault(part, cell)
        if known.text != cell.text:
            words = {"place": other.place, "one": known.text[:40], "other": cell.text[:40]}
            one.unclear = _("It stands twice in the file: %(one)s here, %(other)s in %(place)s.") % words
    one.applies = one.applies and other.applies
    one.not_applicable = one.not_applicable or other.not_applicable
    one.unclear = one.unclear or other.unclear
    return one


def _clear(said: Said) -> Said:
    """Return a period with why it says nothing that can be taken, if it doesn't."""
    if not said.applies and said.numbers:
        number = next(iter(said.numbers.values())).text[:40]
        said.unclear = said.unclear or _("It has a number, %(number)s, and does not apply: leave one of them.") % {
            "number": number
        }
    elif not said.applies and not said.not_applicable:
        said.unclear = said.unclear or _("Say why it does not apply: %(mark)s and the reason.") % {
            "mark": NOT_APPLICABLE_MARK
        }
    return said


def _unmarked(name: str, rows: Rows, codes: set[str]) -> list[Stray]:
    """Return that a sheet of ours is not read because its first cell is gone; sheets of other people are theirs."""
    if name == SEEN or not any(_text(rows, number, 0).partition("|")[0] in codes for number in range(len(rows))):
        return []
    why = _("The hidden cell A1 of the sheet was changed, so nothing of it is read. Make a new spreadsheet.")
    return [Stray(place=name, name="", why=why)]


def _of_no_kpi() -> str:
    return _("The row is none that the file was made with: the hidden cell at its beginning says which KPI it is of.")


def _of_no_period(count: int) -> str:
    words = ngettext(
        "The column has no period in its hidden first cell, so %(n)d cell is not read.",
        "The column has no period in its hidden first cell, so %(n)d cells are not read.",
        count,
    )
    return words % {"n": count}


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
    # A head like 2026-W46 would be a day too.
    try:
        return date.fromisoformat(cell.text) if cell and len(cell.text) == LONG_DAY else None
    except ValueError:
        return None
