"""A KPI's numbers, periods and reasons in words, for one reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from kpiplatform.dashboards.kpi_page.facts import Facts, Other
from kpis.dates import moment, short_day, short_label, span_label
from kpis.domain.figures import delta_unit, number, signed, with_unit
from kpis.domain.limits import AnyLimits, Limits, RangeLimits
from kpis.domain.periods import EN_DASH, Frequency, Period
from kpis.models import Kpi

HALF = Decimal("0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How one KPI is put into words for one reader."""

    unit: str
    decimals: int
    locale: str
    frequency: str
    today: date
    language: str | None = field(default_factory=get_language)

    @classmethod
    def of(cls, facts: Facts) -> Wording:
        """Return the wording of the KPI the facts are about."""
        return cls.of_kpi(facts.kpi, locale=facts.locale, today=facts.today)

    @classmethod
    def of_kpi(cls, kpi: Kpi | Other, *, locale: str, today: date) -> Wording:
        """Return the wording of any KPI."""
        return cls(unit=kpi.measure_unit, decimals=kpi.decimals, locale=locale, frequency=kpi.frequency, today=today)

    # --- numbers --------------------------------------------------------------------------
    def bare(self, value: Decimal | None) -> str:
        """The number alone, where the unit stands elsewhere."""
        return number(value, self.decimals, locale=self.locale)

    def full(self, value: Decimal | None) -> str:
        """The number with its unit."""
        return with_unit(self.bare(value), self.unit)

    def change(self, value: Decimal | None) -> str:
        """A difference with sign and unit."""
        return with_unit(self.bare_change(value), delta_unit(self.unit))

    def bare_change(self, value: Decimal | None) -> str:
        """A difference with sign, where the unit stands elsewhere."""
        return signed(value, self._places(value), locale=self.locale)

    def distance(self, value: Decimal) -> str:
        """A difference without sign, where words say the direction."""
        return with_unit(number(abs(value), self._places(value), locale=self.locale), delta_unit(self.unit))

    def _places(self, value: Decimal | None) -> int:
        """The decimals of a difference: more where it would look like none, such as 1.02 against a goal of 1.0."""
        if not value:
            return self.decimals
        places = (self.decimals, self.decimals + 1, self.decimals + 2)
        return next((count for count in places if abs(value).scaleb(count) >= HALF), self.decimals)

    def count(self, value: Decimal | None) -> str:
        """A count of things: numerators and denominators."""
        if value is None:
            return number(None, 0)
        return number(value, 0 if value == value.to_integral_value() else 1, locale=self.locale)

    def goal(self, limits: AnyLimits | None) -> str:
        """The goal, or the goal range, without unit; "" where none is in force."""
        if isinstance(limits, Limits):
            return self.bare(limits.goal)
        if isinstance(limits, RangeLimits):
            return f"{self.bare(limits.goal_low)}{EN_DASH}{self.bare(limits.goal_high)}"
        return ""

    def red_flag(self, limits: AnyLimits | None) -> str:
        """The red flag, or both of a range, without unit; "" where none is in force."""
        if isinstance(limits, Limits):
            return self.bare(limits.red_flag)
        if isinstance(limits, RangeLimits):
            return f"{self.bare(limits.red_low)} / {self.bare(limits.red_high)}"
        return ""

    # --- time -----------------------------------------------------------------------------
    def period(self, period: Period) -> str:
        """The period's short name; the year is added to a week of another year."""
        return self.names(period)[0]

    def dated_period(self, period: Period) -> str:
        """The period's name and, for a week, its days."""
        return self.names(period)[1]

    def names(self, period: Period) -> tuple[str, str]:
        """The period's short name, and that followed by the days of a week."""
        return _names_in(period, self.today.year, self.language)

    def day(self, day: date) -> str:
        """A day; the year only where it is not this one."""
        return short_day(day) if day.year == self.today.year else f"{short_day(day)} {day.year}"

    def moment(self, at: datetime) -> str:
        """A time on the reader's clock."""
        return moment(at, timezone.get_current_timezone())

    def per_period(self) -> str:
        """Like "per week"."""
        return {
            "day": _("per day"),
            "week": _("per week"),
            "month": _("per month"),
            "quarter": _("per quarter"),
            "half_year": _("per half-year"),
            "year": _("per year"),
        }[self.frequency]

    def period_noun(self) -> str:
        """Like "Week", the head of a column."""
        return {
            "day": _("Day"),
            "week": _("Week"),
            "month": _("Month"),
            "quarter": _("Quarter"),
            "half_year": _("Half-year"),
            "year": _("Year"),
        }[self.frequency]

    def periods(self, count: int) -> str:
        """Like "46 weeks"."""
        words = {
            "day": ngettext("%(count)d day", "%(count)d days", count),
            "week": ngettext("%(count)d week", "%(count)d weeks", count),
            "month": ngettext("%(count)d month", "%(count)d months", count),
            "quarter": ngettext("%(count)d quarter", "%(count)d quarters", count),
            "half_year": ngettext("%(count)d half-year", "%(count)d half-years", count),
            "year": ngettext("%(count)d year", "%(count)d years", count),
        }
        return words[self.frequency] % {"count": count}


# The same periods are named on every page, 260 of them on a page of five years.
@lru_cache(maxsize=8192)
def _names_in(period: Period, year: int, language: str | None) -> tuple[str, str]:
    """Return what a period is called in a year, without and with its days; `language` only tells the cache apart."""
    if period.frequency is Frequency.DAY and period.start.year == year:
        return (name := short_day(period.start)), name
    name = short_label(period)
    if period.frequency is Frequency.WEEK and int(period.key[:4]) != year:
        name = f"{name} {period.key[:4]}"
    return name, f"{name}, {span_label(period)}" if period.frequency is Frequency.WEEK else name


def why_no_band(reason: str) -> str:
    """Say in a sentence why a value has no band."""
    return {
        "unscored": _("It is watched, not judged: it has no band."),
        "no_target": _("No target is set for it, so it has no band."),
        "no_thresholds": _("No limits are set for it, so it has no band."),
        "target_zero": _("Its limits are percentages of a target of zero, so it has no band."),
        "wrong_order": _("Its red flag lies on the wrong side of its goal, so it has no band."),
        "zero_denominator": _("There was nothing to count, so there is no value."),
        "unknown_option": _("The value is none of the options of its scale, so it has no band."),
    }.get(reason, _("It has no band yet."))


def days(count: int) -> str:
    """Like "6 days", in weeks from two on."""
    if count >= 14:
        return ngettext("%(count)d week", "%(count)d weeks", count // 7) % {"count": count // 7}
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}


def joined(parts: Sequence[str], by: str = " · ") -> str:
    """Join what is there."""
    return by.join(part for part in parts if part)


def sentence(text: str) -> str:
    """Return the text with a capital at the front and a full stop at the end."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")
