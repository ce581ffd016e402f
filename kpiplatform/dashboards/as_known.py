"""As known on a past day: read from the address, and kept in the links of a page."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils.translation import gettext as _

from kpis.as_known import first_recorded
from kpis.dates import day
from kpis.domain.days import day_named
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The first day on which anything was known, and the address of the page as known then."""

    words: str
    url: str


def beginning(*, kpi_ids: Collection[int], known: AsKnown, kept: Mapping[str, str]) -> Beginning | None:
    """Return when knowledge of the KPIs begins, where nothing was known on the chosen day; `kept` stays in the link."""
    if known.at is None:
        return None
    first = first_recorded(kpi_ids=kpi_ids, by=known.at)
    if first is None:
        return None
    on = first.astimezone(known.at.tzinfo).date()
    return Beginning(words=day(on), url="?" + urlencode({**kept, PARAMETER: str(on)}))


def as_known(text: str, *, today: date, zone: ZoneInfo) -> AsKnown:
    """Return the past day that `text` names; today and later is now, and what is no day is now with a sentence."""
    if not text:
        return NOW
    meant = day_named(text)
    if meant is None:
        return AsKnown(refused=_("“%(text)s” is not a date; everything known now is shown.") % {"text": text[:20]})
    return AsKnown(on=meant, at=datetime.combine(meant + DAY, time.min, zone)) if meant < today else NOW


def known_in(request: HttpRequest, *, now: datetime) -> AsKnown:
    """Return the past day that the address names, by the organisation's calendar; asks nothing where there is none."""
    text = request.GET.get(PARAMETER, "")
    if not text:
        return NOW
    zone = ZoneInfo(organisation().time_zone)
    return as_known(text, today=now.astimezone(zone).date(), zone=zone)
