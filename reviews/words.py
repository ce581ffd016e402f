"""Meetings, sections and reasons in words."""

from __future__ import annotations

from datetime import date, datetime, tzinfo

from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from kpis.dates import day, weekday
from reviews.domain.agenda import Reason, Section
from reviews.domain.cadence import LAST, Cadence, spelled_out

ORDINALS = (
    gettext_lazy("first"), gettext_lazy("second"), gettext_lazy("third"), gettext_lazy("fourth"),
    gettext_lazy("fifth"), gettext_lazy("sixth"), gettext_lazy("seventh"), gettext_lazy("eighth"),
    gettext_lazy("ninth"), gettext_lazy("tenth"), gettext_lazy("eleventh"), gettext_lazy("twelfth"),
)  # fmt: skip


def dated(value: date) -> str:
    """Return a day with its weekday, like “Thu 26 Nov 2026”."""
    return f"{weekday(value)} {day(value)}"


def meeting_time(begins: datetime, zone: tzinfo) -> str:
    """Return when a meeting begins on the reader's clock, like “Thu 26 Nov 2026, 09:00”."""
    local = begins.astimezone(zone)
    return f"{dated(local.date())}, {local:%H:%M}"


def how_far(value: date, today: date) -> str:
    """Return a day as seen from today: tomorrow, in 4 days, 2 days ago."""
    days = (value - today).days
    if days == 0:
        return _("today")
    if days == 1:
        return _("tomorrow")
    if days > 0:
        return ngettext("in %(n)d day", "in %(n)d days", days) % {"n": days}
    return ngettext("%(n)d day ago", "%(n)d days ago", -days) % {"n": -days}


def due(value: date, today: date) -> str:
    """Return when something is due, or by how much it is late."""
    late = (today - value).days
    if late > 0:
        return ngettext("%(n)d day late", "%(n)d days late", late) % {"n": late}
    return _("due %(day)s") % {"day": dated(value)}


def section_title(section: str) -> str:
    """Return the heading of a section of the agenda."""
    return {
        Section.OFF_TRACK: _("Off track"),
        Section.WORSE: _("Worse since the last review"),
        Section.UNANSWERED: _("At risk, without initiative or explanation"),
        Section.STALE: _("Data missing or late"),
        Section.DECISIONS: _("Decisions due"),
        Section.ACTIONS: _("Open actions"),
    }[Section(section)]


def reason(code: str, since: str) -> str:
    """Return one reason why something is on the agenda; `since` names the day of the last review."""
    return {
        Reason.OFF_TRACK: _("off track"),
        Reason.WORSE: _("worse since %(day)s") % {"day": since},
        Reason.NO_INITIATIVE: _("no initiative"),
        Reason.NOT_EXPLAINED: _("not explained"),
        Reason.STALE: _("data missing or late"),
        Reason.OVERDUE: _("overdue"),
    }[Reason(code)]


def in_words(cadence: Cadence) -> str:
    """Return the rule as people say it: every second Thursday, last Friday of each month."""
    said = spelled_out(cadence)
    words = {"daily": _days, "weekly": _weeks, "monthly": _months, "quarterly": _quarters}[said.rule](said)
    if said.working_days_only and said.rule != "daily":
        return _("%(rule)s, or the next working day") % {"rule": words}
    return words


def _days(said: Cadence) -> str:
    nth = {"nth": ORDINALS[said.interval - 1]}
    if said.working_days_only:
        return _("every working day") if said.interval == 1 else _("every %(nth)s working day") % nth
    return _("every day") if said.interval == 1 else _("every %(nth)s day") % nth


def _weeks(said: Cadence) -> str:
    facts = {"nth": ORDINALS[said.interval - 1], "weekday": _weekday(said)}
    return (_("every %(weekday)s") if said.interval == 1 else _("every %(nth)s %(weekday)s")) % facts


def _months(said: Cadence) -> str:
    facts = {"day": _day_in_month(said), "nth": ORDINALS[said.interval - 1]}
    return (_("%(day)s of each month") if said.interval == 1 else _("%(day)s of every %(nth)s month")) % facts


def _quarters(said: Cadence) -> str:
    facts = {
        "day": _day_in_month(said),
        "month": ORDINALS[(said.month_of_quarter or 1) - 1],
        "nth": ORDINALS[said.interval - 1],
    }
    if said.interval == 1:
        return _("%(day)s of the %(month)s month of each quarter") % facts
    return _("%(day)s of the %(month)s month of every %(nth)s quarter") % facts


def _day_in_month(said: Cadence) -> str:
    if said.nth_week == LAST:
        return _("last %(weekday)s") % {"weekday": _weekday(said)}
    if said.nth_week is not None:
        return _("%(nth)s %(weekday)s") % {"nth": ORDINALS[said.nth_week - 1], "weekday": _weekday(said)}
    if said.day_of_month == 31:
        return _("last day")
    return _("%(nth)s day") % {"nth": _numbered(said.day_of_month or 1)}


def _weekday(said: Cadence) -> str:
    return str(WEEKDAYS[said.weekday or 0])


def _numbered(day_of_month: int) -> str:
    """Return 1st, 2nd, 3rd, 4th."""
    if 11 <= day_of_month <= 13:
        return pgettext("ordinal 11, 12, 13", "%(n)dth") % {"n": day_of_month}
    ordinals = {
        1: pgettext("ordinal of a number that ends in 1", "%(n)dst"),
        2: pgettext("ordinal of a number that ends in 2", "%(n)dnd"),
        3: pgettext("ordinal of a number that ends in 3", "%(n)drd"),
    }
    other = pgettext("ordinal of any other number", "%(n)dth")
    return ordinals.get(day_of_month % 10, other) % {"n": day_of_month}
