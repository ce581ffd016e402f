"""When something is done again and again: a plain rule, read on the clock of the organisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Literal

type Repeats = Literal["daily", "hourly", "weekdays", "monthly"]

# A day is cut into equal parts, so that the hours are the same ones every day.
HOURS_APART = (1, 2, 3, 4, 6, 8, 12)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Every day at a time of day; every few hours, counted from it; on some weekdays; or on a day of the month.

    Weekdays are 1 (Monday) to 7. A month without the day takes its last one.
    """

    repeats: Repeats
    at: time
    hours_apart: int = 12
    weekdays: frozenset[int] = frozenset({1, 2, 3, 4, 5})
    day_of_month: int = 1

    def __post_init__(self) -> None:
        if self.hours_apart not in HOURS_APART:
            raise ValueError("The hours between two slots divide a day: 1, 2, 3, 4, 6, 8 or 12.")
        if not self.weekdays or not self.weekdays <= frozenset(range(1, 8)):
            raise ValueError("The weekdays are some of 1 to 7.")
        if not 1 <= self.day_of_month <= 31:
            raise ValueError("The day of the month is 1 to 31.")

    def times_on(self, day: date) -> list[time]:
        """Return the times of day of the slots on `day`, ascending."""
        if self.repeats == "hourly":
            return [self.at.replace(hour=hour) for hour in range(self.at.hour % self.hours_apart, 24, self.hours_apart)]
        if self.repeats == "weekdays" and day.isoweekday() not in self.weekdays:
            return []
        if self.repeats == "monthly" and day.day != min(self.day_of_month, _days_in_month(day)):
            return []
        return [self.at]


def latest_slot(schedule: Schedule, *, now: datetime, zone: tzinfo) -> datetime:
    """Return the last moment at or before `now` at which the clock of `zone` showed a slot."""
    day = now.astimezone(zone).date() + DAY
    while True:
        past = [slot for slot in _slots_on(schedule, day, zone) if slot <= now]
        if past:
            return max(past)
        day -= DAY


def next_slots(schedule: Schedule, *, after: datetime, zone: tzinfo, count: int) -> list[datetime]:
    """Return the first `count` slots after a moment."""
    return list(islice(_slots_after(schedule, after, zone), count))


def next_slot(schedule: Schedule, *, after: datetime, zone: tzinfo) -> datetime:
    """Return the first slot after a moment."""
    return next(_slots_after(schedule, after, zone))


def _slots_after(schedule: Schedule, after: datetime, zone: tzinfo) -> Iterator[datetime]:
    day = after.astimezone(zone).date()
    while True:
        yield from (slot for slot in _slots_on(schedule, day, zone) if slot > after)
        day += DAY


def _slots_on(schedule: Schedule, day: date, zone: tzinfo) -> list[datetime]:
    """Return the slots of a day in the order of time; an hour that the clock skips and the one after are one slot."""
    moments = {datetime.combine(day, at, zone).astimezone(UTC) for at in schedule.times_on(day)}
    return [moment.astimezone(zone) for moment in sorted(moments)]


def _days_in_month(day: date) -> int:
    return ((day.replace(day=28) + 4 * DAY).replace(day=1) - DAY).day
