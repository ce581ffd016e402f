"""Rows of one sheet of an Excel workbook. Cells keep their types; formulas count with their stored results."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched, islice
from operator import itemgetter
from typing import Any, BinaryIO

from kpis.domain.guessing import Layout, guess_layout
from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import Place, SourceError, Table, Window, require_columns
from kpis.sources.cells import Formats
from kpis.sources.files import open_file, shown_name
from kpis.sources.settings import FILE, READING, Setting, Type

ROWS_AT_ONCE = 5_000
ROWS_LOOKED_AT = 200
PARTS_AT_MOST = 5_000
COLUMNS_AT_MOST = 2_000

SETTINGS = (
    *FILE,
    Setting(
        name="sheet",
        label=_("Sheet"),
        help=_("Empty for the first one."),
    ),
    Setting(
        name="header_row",
        label=_("Row of the column names"),
        type=Type.WHOLE,
        default=1,
        least=1,
        most=1000,
        help=_("Rows above it are not read."),
    ),
    *READING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class XlsxFile:
    """A sheet with column names in one row and a row of cells in each row below."""

    place: Place
    settings: Mapping[str, Any]
    formats: Formats

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], place: Place) -> XlsxFile:
        """Return the workbook that the settings describe; SourceError says what is wrong with them."""
        return cls(place=place, settings=settings, formats=Formats.of(settings, zone=place.zone))

    @property
    def asks_for_days(self) -> bool:
        """Return False: a file is read to its end."""
        return False

    def choices(self) -> dict[str, list[str]]:
        """Return the names of the sheets."""
        with self._workbook() as workbook:
            return {"sheet": list(workbook.sheetnames)}

    def layout(self) -> Layout | None:
        """Return where the rows seem to be, whatever the settings say."""
        with self._workbook() as workbook:
            sheets = [workbook[name] for name in workbook.sheetnames if hasattr(workbook[name], "reset_dimensions")]
            return guess_layout([(sheet.title, list(_first_rows(sheet))) for sheet in sheets])

    def tables(self, *, window: Window, names: frozenset[str] | None) -> Iterator[Table]:
        """Yield the rows; line numbers are those that a spreadsheet program shows."""
        with self._workbook() as workbook:
            yield from self._stretches(self._sheet(workbook), names)

    def _stretches(self, sheet: Any, names: frozenset[str] | None) -> Iterator[Table]:
        where, first = Sentence(_("The sheet %(name)s"), {"name": sheet.title}), self.settings["header_row"]
        # What a file says about the size of its sheets may be wrong.
        sheet.reset_dimensions()
        rows = sheet.iter_rows(min_row=first, values_only=True)
        header = [str(cell).strip() if cell is not None else "" for cell in next(rows, ())]
        while header and not header[-1]:
            header.pop()
        if not header:
            says = _("%(where)s has no column names in row %(row)s.")
            raise SourceError(Sentence(says, {"where": where, "row": str(first)}))
        if len(header) > COLUMNS_AT_MOST:
            says = _("%(where)s has more than %(most)s columns.")
            raise SourceError(Sentence(says, {"where": where, "most": COLUMNS_AT_MOST}))
        wanted = sorted(names) if names is not None else [name for name in header if name]
        require_columns(header, wanted, where=where)
        places = [header.index(name) for name in wanted]
        for stretch in batched(enumerate(rows, start=first + 1), ROWS_AT_ONCE, strict=False):
            # Rows end with their last cell, and rows without any are nothing.
            filled = [(line, row) for line, row in stretch if any(cell is not None and cell != "" for cell in row)]
            cells = [[*row, *(None,) * (len(header) - len(row))] for _line, row in filled]
            yield Table(
                columns={name: list(map(itemgetter(at), cells)) for name, at in zip(wanted, places, strict=True)},
                lines=[line for line, _row in filled],
            )

    def _sheet(self, workbook: Any) -> Any:
        named: Sequence[str] = workbook.sheetnames
        name = self.settings["sheet"] or (named[0] if named else "")
        if name not in named:
            says = _("The workbook has no sheet %(name)s. It has: %(sheets)s")
            raise SourceError(Sentence(says, {"name": name, "sheets": ", ".join(named)[:200]}))
        sheet = workbook[name]
        if not hasattr(sheet, "reset_dimensions"):
            raise SourceError(Sentence(_("The sheet %(name)s is a chart and has no rows."), {"name": name}))
        return sheet

    @contextmanager
    def _workbook(self) -> Iterator[Any]:
        from openpyxl import load_workbook  # a third of a second that other kinds need not wait for

        where = shown_name(self.settings)
        with open_file(self.settings, self.place) as content, tempfile.TemporaryFile() as spooled:
            file = content
            if not content.seekable():
                shutil.copyfileobj(content, spooled)
                spooled.seek(0)
                file = spooled
            self._refuse_bombs(file, where)
            try:
                workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            except MemoryError:
                raise
            except Exception as error:
                # The library raises whatever the broken part makes it stumble over.
                says = _("%(file)s is no readable workbook (%(kind)s).")
                raise SourceError(Sentence(says, {"file": where, "kind": type(error).__name__})) from None
            try:
                yield workbook
            finally:
                workbook.close()

    def _refuse_bombs(self, file: BinaryIO, where: str | Sentence) -> None:
        """Refuse what unpacks to more than a source may have, before anything is unpacked."""
        try:
            parts = zipfile.ZipFile(file).infolist()
        except zipfile.BadZipFile:
            raise SourceError(Sentence(_("%(file)s is no Excel workbook (.xlsx)."), {"file": where})) from None
        if len(parts) > PARTS_AT_MOST or sum(part.file_size for part in parts) > self.place.limits.size:
            says = _("%(file)s unpacks to more than %(most)s MiB.")
            raise SourceError(Sentence(says, {"file": where, "most": self.place.limits.size // 1024**2}))


def _first_rows(sheet: Any) -> Iterator[Sequence[Any]]:
    sheet.reset_dimensions()
    for row in islice(sheet.iter_rows(values_only=True), ROWS_LOOKED_AT):
        yield row[:COLUMNS_AT_MOST]
