"""As known on a past day: read from the address, and kept in the links of a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils.translation import gettext as _

from kpis.dates import day
from objectives.queries import organisation

DAY = timedelta(days=1)
PARAMETER = "known"


@dataclass(frozen=True, slots=True, kw_only=True)
class AsKnown:
    """The day up to whose end things are known, None for now; `at` is the moment from which on nothing is known.

    `refused` says in a sentence why the day of the address is not used.
    """

    on: date | None = None
    at: datetime | None = None
    refused: str = ""

    @property
    def words(self) -> str:
        """The day as it is printed; "" for now."""
        return day(self.on) if self.on else ""

    @property
    def query(self) -> str:
        """What an address ends with to stay on this day; "" for now."""
        return f"?{PARAMETER}={self.on}" if self.on else ""


NOW = AsKnown()


def as_known(text: str, *, today: date, zone: ZoneInfo) -> AsKnown:
    """Return the past day that `text` names; today and later is now, and what is no day is now with a sentence."""
    if not text:
        return NOW
    try:
        meant = date.fromisoformat(text)
        at = datetime.combine(meant + DAY, time.min, zone)
    except (ValueError, OverflowError):
        return AsKnown(refused=_("“%(text)s” is not a date; everything known now is shown.") % {"text": text[:20]})
    return AsKnown(on=meant, at=at) if meant < today else NOW


def known_in(request: HttpRequest, *, now: datetime) -> AsKnown:
    """Return the past day that the address names, by the organisation's calendar; asks nothing where there is none."""
    text = request.GET.get(PARAMETER, "")
    if not text:
        return NOW
    zone = ZoneInfo(organisation().time_zone)
    return as_known(text, today=now.astimezone(zone).date(), zone=zone)
