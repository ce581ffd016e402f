"""Days and moments of the sample: as its files write them, and as they are on the day of loading."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from kpiplatform.demo.shift import FIRST_DAY, moved

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RELATIVE = re.compile(r"([+-]?\d+)([dwm])(?: (mon|tue|wed|thu|fri|sat|sun))?(?: (\d\d):(\d\d))?$")
_PLACEHOLDER = re.compile(r"\{(day|week):([^}]+)\}|\{year\}")
# Limits and targets hold for the period in which the data begins, and periods begin before their first row.
BEFORE_THE_DATA = timedelta(days=60)

type Written = date | datetime | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """The day of loading, and by how many weeks the data was moved to reach it."""

    now: datetime
    zone: ZoneInfo
    weeks: int

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def start(self) -> date:
        """The first day of the moved data."""
        return moved(FIRST_DAY, self.weeks)

    def day(self, written: Written) -> date:
        """Return the day: a date of 2013 moves with the data, a text counts from the day of loading."""
        if isinstance(written, datetime):
            return moved(written.date(), self.weeks)
        if isinstance(written, date):
            return moved(written, self.weeks)
        if written == "start":
            return self.start
        if written.startswith("exactly "):
            return date.fromisoformat(written.removeprefix("exactly "))
        return self._relative(written)[0]

    def effective(self, written: Written) -> date:
        """Return the day from which something holds; `start` lies before every period of the data."""
        return self.start - BEFORE_THE_DATA if written == "start" else self.day(written)

    def moment(self, written: Written, *, at: time = time(9)) -> datetime:
        """Return the moment on the organisation's clock; where the text has no time of day it is `at`."""
        day, clock = self.day(written), at
        if isinstance(written, datetime):
            clock = written.time()
        elif isinstance(written, str) and _RELATIVE.match(written):
            clock = self._relative(written)[1] or at
        return datetime.combine(day, clock, tzinfo=self.zone)

    def text(self, written: str) -> str:
        """Return the text with its days, weeks and year filled in."""
        return _PLACEHOLDER.sub(self._filled, written)

    def _filled(self, found: re.Match[str]) -> str:
        kind, written = found.groups()
        if kind is None:
            return f"FY{self.today:%y}"
        day = self.day(date.fromisoformat(written) if written[:4] == "2013" else written)
        return f"{day.day} {day:%b}" if kind == "day" else f"W{day.isocalendar().week:02d}"

    def _relative(self, written: str) -> tuple[date, time | None]:
        """Weeks count from this week's Monday, months from this month's first day, days from today."""
        found = _RELATIVE.match(written)
        if found is None:
            raise ValueError(f"“{written}” is no day of the sample.")
        count, unit, weekday, hour, minute = found.groups()
        clock = time(int(hour), int(minute)) if hour else None
        if unit == "d":
            return self.today + timedelta(days=int(count)), clock
        if unit == "m":
            months = self.today.year * 12 + self.today.month - 1 + int(count)
            return date(months // 12, months % 12 + 1, 1), clock
        monday = self.today - timedelta(days=self.today.weekday()) + timedelta(weeks=int(count))
        return monday + timedelta(days=WEEKDAYS.index(weekday or "mon")), clock
