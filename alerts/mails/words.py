"""Periods, bands and days in words."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.utils.dateformat import format as format_date
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.mails.layout import Reader

SHAPES = {"on_track": "●", "at_risk": "▲", "off_track": "■", "": "○"}
KINDS = {"on_track": "on", "at_risk": "risk", "off_track": "off", "": "none"}


def band_name(band: str) -> str:
    """Return the band in running text, like “off track”."""
    return {
        "on_track": _("on track"),
        "at_risk": _("at risk"),
        "off_track": _("off track"),
        "": _("no band"),
    }[band]


def sentence_case(text: str) -> str:
    """Return `text` with its first letter large."""
    return text[:1].upper() + text[1:]


def period_name(frequency: str) -> str:
    """Return what one period is called at the head of a column."""
    return {
        "day": _("Day"),
        "week": _("Week"),
        "month": _("Month"),
        "quarter": _("Quarter"),
        "half_year": _("Half-year"),
        "year": _("Year"),
    }[frequency]


def periods(frequency: str, count: int) -> str:
    """Return a number of periods, like “12 weeks”."""
    texts = {
        "day": ngettext("%d day", "%d days", count),
        "week": ngettext("%d week", "%d weeks", count),
        "month": ngettext("%d month", "%d months", count),
        "quarter": ngettext("%d quarter", "%d quarters", count),
        "half_year": ngettext("%d half-year", "%d half-years", count),
        "year": ngettext("%d year", "%d years", count),
    }
    return texts[frequency] % count


def period_in_full(period: dict[str, Any], frequency: str) -> tuple[str, str]:
    """Return a period's name and its days, like (“week 2026-W46”, “9 to 15 November”); "" if the name says them."""
    start, last = date.fromisoformat(period["start"]), date.fromisoformat(period["last_day"])
    if frequency == "day":
        return format_date(start, "l j F Y"), ""
    if frequency == "week":
        return _("week %s") % period["key"], span(start, last)
    if frequency == "month" and start.day == 1:
        return format_date(start, "F Y"), ""
    return period["label"], span(start, last)


def span(start: date, last: date) -> str:
    """Return first and last day, like “9 to 15 November”."""
    if start.year != last.year:
        first = format_date(start, "j F Y")
    else:
        first = format_date(start, "j" if start.month == last.month else "j F")
    end = format_date(last, "j F Y" if start.year != last.year else "j F")
    return _("%(first)s to %(last)s") % {"first": first, "last": end}


def weekday(iso: str) -> str:
    """Return a day that is near, like “Wednesday 25 November”."""
    return format_date(date.fromisoformat(iso), "l j F")


def long_day(iso: str) -> str:
    """Return a day with its year, like “25 November 2026”."""
    return format_date(date.fromisoformat(iso), "j F Y")


def moment(iso: str, reader: Reader) -> str:
    """Return a time on the reader's clock, like “16 November 2026, 06:10”."""
    return format_date(datetime.fromisoformat(iso).astimezone(reader.time_zone), "j F Y, H:i")


def why_told(follows: dict[str, str]) -> str:
    """Return why the reader gets the mail."""
    match follows["kind"]:
        case "owner":
            return _("You receive this as the owner.")
        case "objective":
            return _("You receive this because you follow the objective “%s”.") % follows["name"]
        case "unit":
            return _("You receive this because you follow %s and the units below.") % follows["name"]
        case _other:
            return _("You receive this because you follow this KPI.")
