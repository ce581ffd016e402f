"""Meetings, sections and reasons in words."""

from __future__ import annotations

from datetime import date, datetime, tzinfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from kpis.domain.figures import day
from reviews.domain.agenda import Reason, Section

WEEKDAYS = (
    gettext_noop("Mon"),
    gettext_noop("Tue"),
    gettext_noop("Wed"),
    gettext_noop("Thu"),
    gettext_noop("Fri"),
    gettext_noop("Sat"),
    gettext_noop("Sun"),
)


def dated(value: date) -> str:
    """Return a day with its weekday, like “Thu 26 Nov 2026”."""
    return f"{_(WEEKDAYS[value.weekday()])} {day(value)}"


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
