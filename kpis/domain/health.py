"""Is the number there. Never mixed with the band: a late value is not a bad one."""

from datetime import date
from typing import Literal

type Health = Literal["fresh", "late", "stale", "never", "source_error"]

# The days of the longest such period of the calendar.
_LONGEST_PERIOD = {"day": 1, "week": 7, "month": 31, "quarter": 92, "half_year": 184, "year": 366}


def default_grace_days(frequency: str) -> int:
    """Return for how many days past due a value is late before it is stale: one further period."""
    return _LONGEST_PERIOD[frequency]


def health_of(
    latest_end: date | None,
    oldest_due: date | None,
    today: date,
    grace_days: int,
    source_failing: bool,
) -> Health:
    """Return how the data of a KPI stands today.

    `latest_end` is the end of the latest period with a value, None if there never was one.
    `oldest_due` is the due date of the oldest period still missing, None if nothing is. A failing
    source explains everything else; then: no value ever, in time (the due date itself included),
    late up to `grace_days` past due, stale after that.
    """
    if source_failing:
        return "source_error"
    if latest_end is None:
        return "never"
    late = days_late(oldest_due, today)
    if late == 0:
        return "fresh"
    return "late" if late <= grace_days else "stale"


def days_late(oldest_due: date | None, today: date) -> int:
    """Return by how many days the oldest missing value is past due, 0 if none is."""
    if oldest_due is None:
        return 0
    return max((today - oldest_due).days, 0)
