"""Rows of a CSV file. Encoding, mark and date format are declared, never guessed."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from kpis.domain.parsing import NumberFormat, parse_day, parse_number
from kpis.sources.base import (
    BYTES_AT_MOST,
    ROWS_AT_MOST,
    Refusal,
    SourceError,
    SourceRows,
    Wanted,
    Window,
    path_inside,
    read_settings,
    require_columns,
)
from kpis.sources.rows import RawRows, Reader, bounded, typed_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFile:
    """A CSV file with a header in the folder of the sources; only the columns that are needed are kept."""

    folder: Path
    path: str
    encoding: str
    delimiter: str
    date_column: str
    date_format: str
    numbers: NumberFormat
    unique_by: tuple[str, ...]

    @classmethod
    def from_config(cls, config: Any, folder: Path) -> CsvFile:
        """Return the file that `config` describes; SourceError says what is wrong with it."""
        defaults = {
            "encoding": "utf-8",
            "delimiter": ",",
            "date_format": "%Y-%m-%d",
            "decimal": ".",
            "unique_by": [],
        }
        settings = read_settings(config, required=["path", "date_column"], defaults=defaults)
        try:
            codecs.lookup(settings["encoding"])
        except LookupError:
            raise SourceError(f"{settings['encoding']} is not the name of an encoding.") from None
        if len(settings["delimiter"]) != 1 or settings["delimiter"] in '"\r\n':
            raise SourceError("The delimiter of the source is one character.")
        if "%z" in settings["date_format"] or "%Z" in settings["date_format"]:
            raise SourceError("The date format of the source has a time zone; days have none.")
        try:
            numbers = NumberFormat(decimal=settings["decimal"])
        except ValueError as error:
            raise SourceError(str(error)) from None
        return cls(
            folder=folder,
            path=settings["path"],
            encoding=settings["encoding"],
            delimiter=settings["delimiter"],
            date_column=settings["date_column"],
            date_format=settings["date_format"],
            numbers=numbers,
            unique_by=tuple(settings["unique_by"]),
        )

    def fetch(self, *, window: Window, columns: frozenset[Wanted]) -> SourceRows:
        """Return the rows of the window; a wrong encoding, header or quoting refuses the whole file."""
        names = sorted({name for name, _ in columns} | {self.date_column, *self.unique_by})
        return typed_rows(
            self._cells(names),
            reader=Reader(day=self._day, number=self._number, text=_text),
            date_column=self.date_column,
            columns=columns,
            window=window,
            unique_by=self.unique_by,
        )

    def _cells(self, names: list[str]) -> RawRows:
        rows = csv.reader(io.StringIO(self._content(), newline=""), delimiter=self.delimiter, strict=True)
        picked: list[tuple[str, ...]] = []
        lines: list[int] = []
        refusals: list[Refusal] = []
        try:
            header = [name.strip() for name in next(rows, [])]
            if not header:
                raise SourceError(f"{self.path} is empty.")
            require_columns(header, names, where=self.path)
            # Two places at least, so that itemgetter gives a tuple.
            pick = itemgetter(*[header.index(name) for name in names], 0)
            width, line = len(header), rows.line_num + 1
            for row in rows:
                if len(row) == width:
                    picked.append(pick(row))
                    lines.append(line)
                elif row:
                    refusals.append(Refusal(line, f"The line has {len(row)} fields, the header has {width}."))
                line = rows.line_num + 1
                if len(picked) > ROWS_AT_MOST:
                    raise SourceError(f"{self.path} has more than {ROWS_AT_MOST:,} lines.")
        except csv.Error as error:
            raise SourceError(f"{self.path}, line {rows.line_num}: {error}.") from None
        cells = list(zip(*picked, strict=True)) if picked else [()] * len(names)
        return RawRows(cells=dict(zip(names, cells, strict=False)), lines=lines, refusals=refusals)

    def _content(self) -> str:
        path = path_inside(self.folder, self.path)
        try:
            with path.open("rb") as file:
                content = file.read(BYTES_AT_MOST + 1)
        except OSError as error:
            raise SourceError(f"{self.path} could not be read: {error.strerror}.") from None
        if len(content) > BYTES_AT_MOST:
            raise SourceError(f"{self.path} has more than {BYTES_AT_MOST // 1024**2} MiB.")
        try:
            return content.decode(self.encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            line = content[: error.start].decode(self.encoding, errors="replace").count("\n") + 1
            raise SourceError(f"{self.path} is not written in {self.encoding}: see line {line}.") from None
        except LookupError:
            raise SourceError(f"{self.encoding} is not the encoding of a text.") from None

    def _day(self, cell: str) -> Any:
        return parse_day(cell, self.date_format) if cell.strip() else None

    def _number(self, cell: str) -> Any:
        return bounded(parse_number(cell, self.numbers)) if cell.strip() else None


def _text(cell: str) -> str | None:
    return cell.strip() or None
