"""Values, periods and days of alerts in words, for one reader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpis.dates import day, moment, short_day, short_label
from kpis.domain.figures import number, with_unit
from kpis.domain.periods import period_of
from kpis.models import Kpi
from kpis.queries import calendar_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How one person reads figures and clocks; `today` is the organisation's day."""

    locale: str
    zone: tzinfo
    today: date
    now: datetime

    def value(self, kpi: Kpi, value: Decimal | None) -> str:
        """The value with its unit."""
        return with_unit(number(value, kpi.decimals, locale=self.locale), kpi.measure_unit)

    def against(self, kpi: Kpi, value: Decimal | None, goal: Decimal | None, red_flag: Decimal | None = None) -> str:
        """The value beside its limits, like “75.4 % against a goal of 80.0, red flag 72.0”."""
        text = self.value(kpi, value)
        if goal is not None:
            figure = number(goal, kpi.decimals, locale=self.locale)
            text += _(" against a goal of %(goal)s") % {"goal": figure}
        if red_flag is not None:
            figure = number(red_flag, kpi.decimals, locale=self.locale)
            text += _(", red flag %(red_flag)s") % {"red_flag": figure}
        return text

    def period(self, kpi: Kpi, start: date) -> str:
        """The period that starts on a day, like W46; `kpi` comes with its calendar."""
        period = period_of(start, kpi.frequency, calendar_of(kpi.calendar))
        name = short_label(period)
        is_week_of_another_year = kpi.frequency == Kpi.Frequency.WEEK and int(period.key[:4]) != self.today.year
        return f"{name} {period.key[:4]}" if is_week_of_another_year else name

    def day(self, value: date) -> str:
        """A day; the year only where it is not this one."""
        return short_day(value) if value.year == self.today.year else day(value)

    def date_of(self, at: datetime) -> str:
        """The day of a moment on the reader's clock."""
        return self.day(at.astimezone(self.zone).date())

    def moment(self, at: datetime) -> str:
        """A moment on the reader's clock."""
        return moment(at, self.zone)

    def explanation(self, due: date | None, *, is_explained: bool) -> str:
        """Whether an explanation is still owed, and since when: “Explanation was due 12 Nov, 10 days ago.”"""
        if is_explained:
            return _("Explained.")
        if due is None:
            return ""
        late = (self.today - due).days
        if late <= 0:
            return _("Explanation due %s.") % (_("today") if late == 0 else self.day(due))
        ago = ngettext("%(n)s day ago", "%(n)s days ago", late) % {"n": late}
        return _("Explanation was due %(day)s, %(ago)s.") % {"day": self.day(due), "ago": ago}
