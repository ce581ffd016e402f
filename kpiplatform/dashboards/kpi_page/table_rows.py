"""The rows of the table twin as markup.

A template that decides and escapes in each cell takes several times as long as making the rows. So the template of a
row is rendered once per page, with a mark in each place, and then filled in for each row.
"""

from __future__ import annotations

from html import escape

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from kpiplatform.dashboards.kpi_page.table import Table, TableRow
from kpis.templatetags.kpi_figures import band, grade

ROW = "kpis/kpi/_table_row.html"
CELLS = ("css", "start", "period", "dates", "figures", "judged", "notes", "data", "change")


def rows_of(table: Table, *, links: bool, may_correct: bool, confidence: str) -> SafeString:
    """Return the rows of a table; with `links` each leads to the versions of its value.

    `confidence` is the address at which the points of a value are opened, but for its first day.
    """
    marks = {name: SafeString(f"{{{name}}}") for name in CELLS}
    form = render_to_string(ROW, {"table": table, "links": links, "may_correct": may_correct, **marks})
    rows = _("Rows")
    return mark_safe("".join([form.format_map(_cells(row, rows, escape(confidence))) for row in table.rows]))


def _cells(row: TableRow, rows: str, confidence: str) -> dict[str, str]:
    """Return what stands in each place, all of it escaped."""
    period, words = escape(row.period), escape(row.words)
    if row.band is None:
        judged = f'<span class="muted">{words}</span>'
    else:
        judged = f"{band(row.band, state=row.band_state, label=False)}&ensp;{words}"
    notes = "".join([f'<span class="marker">{number}</span> ' for number in row.notes])
    if row.remark:
        notes += f'<span class="muted">{escape(row.remark)}</span>'
    spoken = f'<span class="sr-only"> {period}</span>'
    data = (
        f'<a class="trusted" href="{confidence}{row.start}#trust">{grade(row.grade)}{spoken}</a>' if row.grade else ""
    )
    if row.rows:
        data += f' <a class="correct" href="rows/{row.rows}/">{escape(rows)}{spoken}</a>'
    return {
        "css": row.css,
        "start": row.start,
        "period": period,
        "dates": escape(row.dates),
        "figures": "".join([f'<td class="num">{escape(figure)}</td>' for figure in row.figures]),
        "judged": judged,
        "notes": notes,
        "data": data,
        "change": escape(row.change),
    }
