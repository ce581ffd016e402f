"""A list looked at line by line: what is new, what changes, what stays, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from django.utils.translation import gettext as _

from kpiplatform.dashboards.kpi_list.changes import ChangeLines
from kpiplatform.dashboards.kpi_list.lines import Line, NewLines, Places, Wanted, rows_said
from kpiplatform.sent_files.reading import Rows


def lines_of(rows: Rows, *, head: int, wanted: Wanted) -> list[Line]:
    """Return a line for each row below the heads that holds anything; nothing is written."""
    said = rows_said(rows, head=head, columns=wanted.columns)
    # A code that is made up for one line is none that another says.
    codes = {cells["code"].text.upper() for _number, cells in said if "code" in cells}
    places = Places()
    new, changes = NewLines(wanted, places, codes), ChangeLines(wanted, places, codes)
    said_in: dict[str, int] = {}
    lines = []
    for number, cells in said:
        code = cells["code"].text.upper() if "code" in cells else ""
        line = Line(number=number, name=cells["name"].text if "name" in cells else "", code=code)
        if code in changes.kpis:
            changes.read(line, cells)
        else:
            new.read(line, cells)
        if code and said_in.setdefault(code, number) != number:
            line.refused.append(_("%(code)s is the code of line %(line)d.") % {"code": code, "line": said_in[code]})
        lines.append(line)
    return lines


def token_of(lines: Sequence[Line]) -> str:
    """Return a token of what is changed of KPIs that exist: what is imported is what was looked at."""
    shown = [(line.number, line.code, [(one.column, one.old, one.new) for one in line.changes]) for line in lines]
    changing = [one for line, one in zip(lines, shown, strict=True) if line.is_change]
    return sha256(repr(changing).encode()).hexdigest()[:24] if changing else ""
