"""Single cells: a day, a number or a text, as its column is written. What is not declared is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

from kpis.domain.parsing import NumberFormat, Refused, parse_day, parse_number
from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import SourceError

ISO = "%Y-%m-%d"
UTC = ZoneInfo("UTC")
PLAIN = NumberFormat()
OF_NUMBERS = ("decimal", "grouping", "percent", "accounting")
# Sums of such numbers stay exact in 64 bits for thousands of rows, and of more rows are computed as floats.
NUMBER_BELOW = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class Formats:
    """How the cells of a column are written; moments with a zone of their own are of the day it is in `zone` then."""

    date_format: str = ISO
    numbers: NumberFormat = PLAIN
    zone: ZoneInfo = UTC

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, zone: str = "UTC") -> Formats:
        """Return the formats that the settings of a source declare; SourceError for what makes no sense."""
        return cls(zone=ZoneInfo(zone)).but(settings)

    def but(self, settings: Mapping[str, Any]) -> Formats:
        """Return these formats with what `settings` declare otherwise."""
        numbers = {name: settings[name] for name in OF_NUMBERS if name in settings}
        pattern = settings.get("date_format", self.date_format)
        if "%z" in pattern or "%Z" in pattern:
            raise SourceError(Sentence(_("The date format of the source has a time zone; days have none.")))
        try:
            return replace(self, date_format=pattern, numbers=replace(self.numbers, **numbers))
        except Refused as refused:
            raise SourceError(refused.why) from None

    def day(self, cell: Any) -> date | None:
        """Return the day, None for an empty cell; raise Refused for anything else."""
        if isinstance(cell, datetime):
            return self._day_of(cell)
        if isinstance(cell, date):
            return cell
        if cell is None:
            return None
        if self.date_format != ISO and not isinstance(cell, bool) and isinstance(cell, int | float | Decimal):
            # Years and months like 202611 are numbers in a workbook.
            cell = f"{cell:.0f}" if cell % 1 == 0 else str(cell)
        if not isinstance(cell, str):
            raise Refused(Sentence(_("%(cell)s is not a day written as a text."), {"cell": f"{cell!r:.40}"}))
        if not cell.strip():
            return None
        if self.date_format == ISO and len(cell) > 10:
            # A moment: its day counts.
            try:
                return self._day_of(datetime.fromisoformat(cell.strip()))
            except ValueError:
                pass
        return parse_day(cell, self.date_format)

    def number(self, cell: Any) -> int | float | None:
        """Return the number, None for an empty cell; raise Refused for anything else."""
        if isinstance(cell, str):
            if not cell.strip():
                return None
            return _plain(parse_number(cell, self.numbers))
        if cell is None:
            return None
        if isinstance(cell, bool) or not isinstance(cell, int | float | Decimal):
            if isinstance(cell, bytes | memoryview):
                raise Refused(Sentence(_("Bytes are not a number.")))
            raise Refused(Sentence(_("%(text)s is not a number."), {"text": f"{cell!s:.40}"}))
        if not isfinite(cell):
            raise Refused(Sentence(_("Only finite numbers are values.")))
        return _plain(cell)

    def text(self, cell: Any) -> str | None:
        """Return the text without blanks around it, None for an empty cell; raise Refused for bytes."""
        if isinstance(cell, str):
            return cell.strip() or None
        if cell is None:
            return None
        if isinstance(cell, bytes | memoryview):
            raise Refused(Sentence(_("Bytes are not a text.")))
        if isinstance(cell, bool):
            return "true" if cell else "false"
        if isinstance(cell, datetime | date | time):
            return cell.isoformat()
        return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)

    def _day_of(self, moment: datetime) -> date:
        return moment.date() if moment.tzinfo is None else moment.astimezone(self.zone).date()


def is_moment_elsewhere(cell: Any) -> bool:
    """Return whether a cell is the text of a moment with a zone of its own."""
    try:
        return isinstance(cell, str) and len(cell) > 10 and datetime.fromisoformat(cell.strip()).tzinfo is not None
    except ValueError:
        return False


def _plain(number: int | float | Decimal) -> int | float:
    """Return a whole number as one, any other as a float; one that is too large to be summed is refused."""
    if not -NUMBER_BELOW < number < NUMBER_BELOW:
        says = _("%(number)s is too large: numbers have at most 15 digits before the decimal mark.")
        raise Refused(Sentence(says, {"number": f"{number!s:.40}"}))
    whole = int(number)
    return whole if whole == number else float(number)
