"""The organisation's calendars, its holidays, and which periods are closed to writing."""

from __future__ import annotations

from datetime import date, timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from objectives.models import Unit


def working_week() -> list[int]:
    """Monday to Friday."""
    return [0, 1, 2, 3, 4]


class PeriodCalendar(models.Model):
    """How days fall into weeks, months and fiscal years."""

    class LabelRule(models.TextChoices):
        START = "start", _("the year in which it starts")
        END = "end", _("the year in which it ends")

    class Pattern(models.TextChoices):
        CALENDAR = "calendar", _("calendar months")
        P445 = "445", _("4-4-5 weeks")
        P454 = "454", _("4-5-4 weeks")
        P544 = "544", _("5-4-4 weeks")

    class YearEnd(models.TextChoices):
        LAST = "last", _("the last given weekday of the month")
        NEAREST = "nearest", _("the given weekday nearest to the month's end")

    name = models.CharField(max_length=120, unique=True)
    is_default = models.BooleanField(default=False)
    fiscal_year_start_month = models.PositiveSmallIntegerField(default=1)
    label_rule = models.CharField(max_length=5, choices=LabelRule, default=LabelRule.END)
    week_start = models.PositiveSmallIntegerField(default=0)
    pattern = models.CharField(max_length=8, choices=Pattern, default=Pattern.CALENDAR)
    year_end_rule = models.CharField(max_length=7, choices=YearEnd, default=YearEnd.LAST)
    year_end_weekday = models.PositiveSmallIntegerField(default=5)
    year_end_month = models.PositiveSmallIntegerField(default=12)
    working_weekdays = ArrayField(models.PositiveSmallIntegerField(), default=working_week)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default_calendar"
            ),
            models.CheckConstraint(
                condition=models.Q(fiscal_year_start_month__range=(1, 12), year_end_month__range=(1, 12)),
                name="calendar_months_1_to_12",
            ),
            models.CheckConstraint(
                condition=models.Q(week_start__lte=6, year_end_weekday__lte=6), name="calendar_weekdays_0_to_6"
            ),
            models.CheckConstraint(
                condition=models.Q(pattern__in=["calendar", "445", "454", "544"], label_rule__in=["start", "end"]),
                name="calendar_rules_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Holiday(models.Model):
    """A day that is no working day."""

    calendar = models.ForeignKey(PeriodCalendar, on_delete=models.CASCADE, related_name="holidays")
    day = models.DateField()
    name = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["calendar", "day"], name="holiday_once")]


class UnitCalendar(models.Model):
    """The calendar that a unit and those below follow, with its working days and holidays, unless one has its own."""

    unit = models.OneToOneField(Unit, on_delete=models.CASCADE, related_name="own_calendar")
    calendar = models.ForeignKey(PeriodCalendar, on_delete=models.CASCADE, related_name="followers")


class PeriodLock(models.Model):
    """Periods that lie before a day are closed to writing, for everyone or for a unit and below.

    It holds for the KPIs that were there when it was made.
    """

    calendar = models.ForeignKey(PeriodCalendar, on_delete=models.PROTECT, related_name="locks")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, null=True, blank=True, related_name="locks")
    locked_until = models.DateField(help_text="periods with end ≤ this day are locked")
    reason = models.CharField(max_length=200, blank=True)
    locked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    locked_at = models.DateTimeField()

    @property
    def last_day(self) -> date:
        """The last day that is locked, as people name it: periods are half-open, and so is what is locked."""
        return self.locked_until - timedelta(days=1)


class PeriodReopening(models.Model):
    """A request to write into a locked period. Once approved it holds until it expires; a rejection has its reason."""

    kpi = models.ForeignKey("kpis.Kpi", on_delete=models.PROTECT, related_name="reopenings")
    period_start = models.DateField()
    reason = models.TextField()
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    rejected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    rejection = models.CharField(max_length=400, blank=True, default="")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kpi", "period_start"],
                condition=models.Q(decided_at__isnull=True),
                name="one_waiting_reopening",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_at__isnull=True, approved_by__isnull=True, rejected_by__isnull=True)
                | models.Q(decided_at__isnull=False, approved_by__isnull=False, rejected_by__isnull=True)
                | models.Q(decided_at__isnull=False, approved_by__isnull=True, rejected_by__isnull=False),
                name="reopening_decided_once",
            ),
            models.CheckConstraint(
                condition=models.Q(rejected_by__isnull=True, rejection="")
                | models.Q(rejected_by__isnull=False) & ~models.Q(rejection=""),
                name="rejected_reopening_has_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(rejected_by__isnull=True) | ~models.Q(rejected_by=models.F("requested_by")),
                name="reopening_rejected_by_another",
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="reopening_has_reason"),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True) | ~models.Q(approved_by=models.F("requested_by")),
                name="reopening_approved_by_another",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True, expires_at__isnull=True)
                | models.Q(approved_by__isnull=False, expires_at__isnull=False),
                name="approved_reopening_expires",
            ),
        ]
