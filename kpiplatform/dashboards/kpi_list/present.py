"""The KPIs that there are as a list of the same columns: taken along, changed, and sent again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import IO, Any

import xlsxwriter

from kpiplatform.dashboards.kpi_list.aims import limits_in_force
from kpiplatform.dashboards.kpi_list.columns import CHOICES, COLUMNS, LIMITS, LIMITS_OF_RANGE
from kpis.models import Kpi
from kpis.queries import rules_of

OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "default_date_format": "yyyy-mm-dd",
}
LONGEST = 32_767  # characters of a cell


def as_workbook(kpis: Sequence[Kpi], *, day: date) -> IO[bytes]:
    """Return a workbook with a line for each KPI, which comes with what it refers to, and its limits of a day."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the response closes it)
    with xlsxwriter.Workbook(file, OPTIONS) as book:
        sheet = book.add_worksheet("KPIs")
        sheet.freeze_panes(1, 2)
        sheet.write_row(0, 0, [str(column.label) for column in COLUMNS], book.add_format({"bold": True}))
        for number, cells in enumerate(_lines(kpis, day), start=1):
            for place, cell in enumerate(cells):
                _put(sheet, number, place, cell)
    file.seek(0)
    return file


def _lines(kpis: Sequence[Kpi], day: date) -> Iterator[list[Any]]:
    rules = rules_of(kpis)
    for kpi in kpis:
        limits = limits_in_force(kpi.polarity, rules[kpi.pk], day)
        yield [_cell(kpi, column.name, limits) for column in COLUMNS]


def _cell(kpi: Kpi, name: str, limits: dict[str, Decimal | None]) -> Any:
    if name in (*LIMITS, *LIMITS_OF_RANGE):
        return limits.get(name)
    if name in CHOICES:
        return str(CHOICES[name](getattr(kpi, name)).label)
    referred = {"objective": "code", "unit": "code", "owner": "email"}
    return getattr(getattr(kpi, name), referred[name]) if name in referred else getattr(kpi, name)


def _put(sheet: Any, row: int, place: int, cell: Any) -> None:
    match cell:
        case None | "":
            pass
        case date():
            sheet.write_datetime(row, place, cell)
        case int() | Decimal():
            sheet.write_number(row, place, cell)
        case _:
            sheet.write_string(row, place, cell[:LONGEST])
