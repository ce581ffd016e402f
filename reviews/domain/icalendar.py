"""A calendar as programs read it (RFC 5545): times in UTC, lines folded at 75 octets and ended with CRLF."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LONGEST_LINE = 75  # octets
PRODUCT = "-//KPI platform//Reviews//EN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One meeting; `uid` stays the same for the same meeting in every answer."""

    uid: str
    starts_at: datetime
    lasts: timedelta
    title: str
    text: str = ""
    url: str = ""


def calendar_text(events: Iterable[Event], *, name: str, stamp: datetime) -> str:
    """Return the calendar called `name`, as it was known at `stamp`."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_escaped(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT6H",
    ]
    for event in events:
        lines += _event(event, stamp)
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _event(event: Event, stamp: datetime) -> list[str]:
    lines = [
        "BEGIN:VEVENT",
        f"UID:{event.uid}",
        f"DTSTAMP:{_utc(stamp)}",
        f"DTSTART:{_utc(event.starts_at)}",
        f"DTEND:{_utc(event.starts_at + event.lasts)}",
        f"SUMMARY:{_escaped(event.title)}",
    ]
    if event.text:
        lines.append(f"DESCRIPTION:{_escaped(event.text)}")
    if event.url:
        lines.append(f"URL:{event.url}")
    return [*lines, "END:VEVENT"]


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    """Escape what has a meaning in a text value; a control character has none and is left out."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")
    return "".join(character for character in text if character == "\t" or character >= " ")


def _folded(line: str) -> str:
    """Break a long line; a continuation begins with a space, and no character is torn apart."""
    parts, part, length = [], "", 0
    for character in line:
        size = len(character.encode())
        if length + size > LONGEST_LINE:
            parts.append(part)
            part, length = "", 1  # the space of the continuation counts
        part += character
        length += size
    return "\r\n ".join([*parts, part])
