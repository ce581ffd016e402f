"""What of the scorecard a person asked to see, read from the address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils.translation import gettext as _

from kpiplatform.dashboards.as_known import DAY, PARAMETER, AsKnown, as_known
from kpis.dates import short_label, span_label
from kpis.domain.periods import Calendar, Period, next_period, parse_key, period_of, previous_period

TIERS = ("strategic", "operational")
BANDS = ("on_track", "at_risk", "off_track", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Tier, filters, the week that is read, and the day up to whose end things are known.

    `week` is None for now: then each KPI stands at its latest closed period. `known_on` is None for as known now.
    `after` is the KPI below which a part of the table begins, "" at its top.
    `refused` says in a sentence what of the address made no sense; the rest holds.
    """

    today: date
    zone: ZoneInfo
    calendar: Calendar
    tier: str = "strategic"
    usual_tier: str = "strategic"
    unit: str = ""
    theme: str = ""
    owner: str = ""
    band: str = ""
    week: Period | None = None
    known_on: date | None = None
    after: str = ""
    refused: tuple[str, ...] = ()

    @property
    def is_now(self) -> bool:
        """Whether the stored states answer: no past week and nothing forgotten."""
        return self.week is None and self.known_on is None

    @property
    def is_filtered(self) -> bool:
        """Whether only some of the tier's KPIs are asked for."""
        return bool(self.unit or self.theme or self.owner or self.band)

    @property
    def known_to(self) -> date:
        """The day before which periods must have ended to be over: today, or the day after the past one."""
        return self.known_on + DAY if self.known_on else self.today

    @property
    def last_closed_week(self) -> Period:
        return last_week_before(self.known_to, self.calendar)

    @property
    def shown_week(self) -> Period:
        return self.week or self.last_closed_week

    @property
    def reads_to(self) -> date:
        """The day before which periods must have ended to be read."""
        return self.shown_week.end if self.week else self.known_to

    @property
    def known(self) -> AsKnown:
        """The day up to whose end things are known."""
        return as_known(str(self.known_on or ""), today=self.today, zone=self.zone)

    @property
    def known_at(self) -> datetime | None:
        """The moment from which on nothing is known."""
        return self.known.at

    @property
    def week_label(self) -> str:
        return short_label(self.shown_week)

    @property
    def span(self) -> str:
        return span_label(self.shown_week)

    def at(self, **changes: object) -> str:
        """Return the query string of this selection with some choices changed, at the top of the table."""
        return "?" + urlencode(replace(self, **{"after": "", **changes}).query)  # type: ignore[arg-type]

    @property
    def query(self) -> dict[str, str]:
        """What differs from the defaults, by parameter."""
        words = {
            "tier": self.tier if self.tier != self.usual_tier else "",
            "unit": self.unit,
            "theme": self.theme,
            "owner": self.owner,
            "band": self.band,
            "week": self.week.key if self.week else "",
            PARAMETER: self.known_on.isoformat() if self.known_on else "",
            "after": self.after,
        }
        return {key: word for key, word in words.items() if word}

    @property
    def link_now(self) -> str:
        """The address of the same choice at the latest week, as known now."""
        return self.at(week=None, known_on=None)

    @property
    def known_or_today(self) -> date:
        return self.known_on or self.today

    @property
    def earlier(self) -> str:
        return self.at(week=previous_period(self.shown_week, self.calendar))

    @property
    def later(self) -> str:
        """The address of the following week; empty at the latest."""
        if self.week is None:
            return ""
        following = next_period(self.week, self.calendar)
        return self.at(week=following if following.end < self.last_closed_week.end else None)


def selection_from(
    query: QueryDict, *, now: datetime, zone: ZoneInfo, calendar: Calendar, usual_tier: str = "strategic"
) -> Selection:
    """Read the address; what makes no sense is left out and named in `refused`."""
    today = now.astimezone(zone).date()
    refused: list[str] = []
    known = as_known(query.get(PARAMETER, ""), today=today, zone=zone)
    chosen = Selection(
        today=today,
        zone=zone,
        calendar=calendar,
        usual_tier=usual_tier,
        tier=_one_of(query, "tier", TIERS, usual_tier),
        unit=query.get("unit", "")[:40],
        theme=query.get("theme", "")[:40],
        owner=query.get("owner", "") if query.get("owner", "").isdigit() else "",
        band=_one_of(query, "band", BANDS, ""),
        week=_week(query.get("week", ""), known.on + DAY if known.on else today, calendar, refused),
        known_on=known.on,
        after=query.get("after", ""),
    )
    return replace(chosen, refused=tuple(filter(None, [*refused, known.refused])))


def _one_of(query: QueryDict, name: str, words: tuple[str, ...], default: str) -> str:
    word = query.get(name, default)
    return word if word in words else default


def last_week_before(day: date, calendar: Calendar) -> Period:
    """Return the latest week that is over when `day` begins."""
    return previous_period(period_of(day, "week", calendar), calendar)


def _week(key: str, known_to: date, calendar: Calendar, refused: list[str]) -> Period | None:
    if not key:
        return None
    try:
        week = parse_key(key, calendar)
    except ValueError:
        week = None
    if week is None or week.frequency != "week":
        refused.append(_("“%(text)s” is not a week such as 2026-W46; the latest week is shown.") % {"text": key[:20]})
        return None
    latest = last_week_before(known_to, calendar)
    return week if week.end < latest.end else None
