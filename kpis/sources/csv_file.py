"""Rows of a CSV file. Encoding, mark and date format are declared, never guessed."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any

from kpis.domain.guessing import Writing, guess_writing
from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import Place, Refusal, SourceError, Table, Window, require_columns
from kpis.sources.cells import Formats
from kpis.sources.files import open_file, shown_name
from kpis.sources.settings import FILE, READING, Setting, Type

LINES_AT_ONCE = 20_000
BYTES_LOOKED_AT = 64 * 1024
LINE_END = re.compile(r"\r\n|\r|\n")

SETTINGS = (
    *FILE,
    Setting(
        name="encoding",
        label=_("Encoding"),
        default="utf-8",
        required=True,
        help=_("utf-8 for most; cp1252 for files of older Windows programs."),
    ),
    Setting(
        name="delimiter",
        label=_("Columns are parted by"),
        type=Type.CHOICE,
        default=",",
        choices=(
            (",", _("comma ,")),
            (";", _("semicolon ;")),
            ("\t", _("tab")),
            ("|", _("vertical bar |")),
            (" ", _("space")),
            (":", _("colon :")),
            ("^", _("caret ^")),
            ("~", _("tilde ~")),
        ),
    ),
    *READING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFile:
    """A CSV file with a header; only the columns that are needed are kept."""

    place: Place
    settings: Mapping[str, Any]
    formats: Formats

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], place: Place) -> CsvFile:
        """Return the file that the settings describe; SourceError says what is wrong with them."""
        try:
            codecs.lookup(settings["encoding"])
        except LookupError:
            says = _("%(name)s is not the name of an encoding.")
            raise SourceError(Sentence(says, {"name": settings["encoding"]})) from None
        return cls(place=place, settings=settings, formats=Formats.of(settings, zone=place.zone))

    @property
    def asks_for_days(self) -> bool:
        """Return False: a file is read to its end."""
        return False

    def choices(self) -> dict[str, list[str]]:
        """Return nothing: a CSV file has one table."""
        return {}

    def writing(self) -> Writing:
        """Return how the beginning of the file seems to be written, whatever the settings say."""
        with open_file(self.settings, self.place) as content:
            return guess_writing(content.read(BYTES_LOOKED_AT))

    def tables(self, *, window: Window, names: frozenset[str] | None) -> Iterator[Table]:
        """Yield the lines; a wrong encoding, header or quoting refuses the whole file."""
        where, encoding = shown_name(self.settings), codecs.lookup(self.settings["encoding"]).name
        if encoding == "utf-8":
            encoding = "utf-8-sig"
        with open_file(self.settings, self.place) as content:
            if not encoding.startswith("utf") and _is_utf_8(_beginning(content)):
                # Every byte is a character in the others, so that names would be read as other names.
                says = _("%(file)s is written in utf-8, not in %(encoding)s.")
                raise SourceError(Sentence(says, {"file": where, "encoding": self.settings["encoding"]}))
            try:
                text = io.TextIOWrapper(content, encoding, newline="")
            except LookupError:
                raise SourceError(Sentence(_("%(name)s is not the encoding of a text."), {"name": encoding})) from None
            rows = csv.reader(text, delimiter=self.settings["delimiter"], strict=True)
            try:
                yield from self._stretches(rows, names, where)
            except UnicodeDecodeError as error:
                # The lines before the stretch that cannot be decoded were given already.
                line = rows.line_num + 1 + bytes(error.object[: error.start]).count(b"\n")
                says = _("%(file)s is not written in %(encoding)s: see line %(line)s.")
                parts = {"file": where, "encoding": self.settings["encoding"], "line": str(line)}
                raise SourceError(Sentence(says, parts)) from None
            except csv.Error as error:
                parts = {"file": where, "line": str(rows.line_num), "why": str(error)}
                raise SourceError(Sentence(_("%(file)s, line %(line)s: %(why)s."), parts)) from None

    def _stretches(self, rows: Any, names: frozenset[str] | None, where: str | Sentence) -> Iterator[Table]:
        header = [name.strip() for name in next(rows, [])]
        if not header:
            raise SourceError(Sentence(_("%(file)s is empty."), {"file": where}))
        wanted = sorted(names) if names is not None else header
        require_columns(header, wanted, where=where)
        places = [header.index(name) for name in wanted]
        line = rows.line_num
        while stretch := list(islice(rows, LINES_AT_ONCE)):
            lines: Sequence[int] = range(line + 1, line + 1 + len(stretch))
            if rows.line_num - line != len(stretch):
                lines = _lines_of(stretch, line)
            line = rows.line_num
            refusals: list[Refusal] = []
            if set(map(len, stretch)) != {len(header)}:
                stretch, lines, refusals = _of_width(stretch, lines, len(header))
            yield Table(
                columns={name: list(map(itemgetter(at), stretch)) for name, at in zip(wanted, places, strict=True)},
                lines=lines,
                refusals=refusals,
            )


def _beginning(content: Any) -> bytes:
    """Return the first bytes of a stream that is read from its beginning afterwards."""
    if not content.seekable():
        return content.peek()
    beginning = content.read(BYTES_LOOKED_AT)
    content.seek(0)
    return beginning


def _is_utf_8(beginning: bytes) -> bool:
    """Return whether there are letters beyond ASCII, all of them in UTF-8; the last one may be cut."""
    try:
        return not codecs.getincrementaldecoder("utf-8")().decode(beginning).isascii()
    except UnicodeDecodeError:
        return False


def _lines_of(stretch: Sequence[list[str]], before: int) -> list[int]:
    """Return the line on which each row begins; a cell may have several."""
    lines, line = [], before + 1
    for row in stretch:
        lines.append(line)
        line += 1 + sum(len(LINE_END.findall(cell)) for cell in row)
    return lines


def _of_width(
    stretch: Sequence[list[str]], lines: Sequence[int], width: int
) -> tuple[list[list[str]], list[int], list[Refusal]]:
    """Return the rows that have the fields of the header; empty lines are nothing, others are named."""
    kept, kept_lines, refusals = [], [], []
    for row, line in zip(stretch, lines, strict=True):
        if len(row) == width:
            kept.append(row)
            kept_lines.append(line)
        elif row:
            says = _("The line has %(count)s fields, the header has %(wanted)s.")
            refusals.append(Refusal(line, Sentence(says, {"count": len(row), "wanted": width})))
    return kept, kept_lines, refusals
