"""Reading a pasted list of holidays."""

from __future__ import annotations

import re
from datetime import date

from kpis.domain.figures import MONTHS

LONGEST_NAME = 120
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)", re.ASCII)
_WORDS = re.compile(r"(?P<day>\d\d?)\.? (?P<name>[A-Za-z]{3,9})\.?,? (?P<year>\d{4})", re.ASCII)
_MONTH_NUMBERS = {name.lower(): number for number, name in enumerate(MONTHS, start=1)}


def holidays_in(text: str) -> tuple[dict[date, str], list[int]]:
    """Return the days with their names, and the numbers of the lines that begin with no day.

    A line reads “2026-12-25 Christmas Day” or “25 Dec 2026, Christmas Day”; a day named twice keeps its last name.
    Days written as 12/25/2026 are refused: nobody can tell the month.
    """
    found: dict[date, str] = {}
    refused = []
    for number, line in enumerate(text.splitlines(), start=1):
        line = " ".join(line.replace("\t", " ").split())
        if not line:
            continue
        match = _ISO.match(line) or _WORDS.match(line)
        day = _day(match) if match else None
        rest = line[match.end() :] if match else ""
        if day is None or rest[:1] not in {"", " ", ",", ";"}:
            refused.append(number)
            continue
        found[day] = rest.strip(" ,;")[:LONGEST_NAME]
    return found, refused


def _day(match: re.Match[str]) -> date | None:
    parts = match.groupdict()
    month = parts.get("month") or _MONTH_NUMBERS.get(parts["name"][:3].lower(), 0)
    try:
        return date(int(parts["year"]), int(month), int(parts["day"]))
    except ValueError:
        return None
