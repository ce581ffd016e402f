"""How the schedule of a source reads."""

from __future__ import annotations

from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _

from kpis.models import DataSource


def schedule_words(source: DataSource) -> str:
    """Return when a source is pulled, like “every day at 06:10”."""
    if not source.is_enabled:
        return _("switched off")
    if source.config.get("origin") == "upload":
        return _("when a file is sent in")
    words = {
        DataSource.Repeats.DAILY: _("every day at %(time)s"),
        DataSource.Repeats.HOURLY: _("every %(hours)s h, as at %(time)s"),
        DataSource.Repeats.WEEKDAYS: _("%(weekdays)s at %(time)s"),
        DataSource.Repeats.MONTHLY: _("on day %(day)s of the month at %(time)s"),
    }[DataSource.Repeats(source.repeats)]
    return words % {
        "time": f"{source.pull_at:%H:%M}",
        "hours": source.hours_apart,
        "weekdays": ", ".join(str(WEEKDAYS_ABBR[day - 1]) for day in sorted(source.weekdays)),
        "day": source.day_of_month,
    }
