"""What is wanted, and where the lines between the bands lie. Rows are never changed: a new row overrides an old one."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from kpis.models.definition import Kpi


def value_field() -> models.DecimalField:
    """A finite number in the KPI's unit, or nothing."""
    return models.DecimalField(max_digits=28, decimal_places=8, null=True, blank=True)


class Target(models.Model):
    """The value wanted in every period that starts on or after a day, until a later row; without a number none is."""

    kpi = models.ForeignKey(Kpi, on_delete=models.PROTECT, related_name="targets")
    effective_from = models.DateField()
    value = value_field()
    low = value_field()
    high = value_field()
    reason = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["effective_from", "recorded_at"]
        constraints = [
            models.UniqueConstraint(fields=["kpi", "effective_from", "recorded_at"], name="target_recorded_once"),
            models.CheckConstraint(
                condition=models.Q(value__isnull=False, low__isnull=True, high__isnull=True)
                | models.Q(value__isnull=True, low__isnull=False, high__isnull=False, low__lte=models.F("high"))
                | models.Q(value__isnull=True, low__isnull=True, high__isnull=True),
                name="target_is_a_value_a_range_or_an_end",
            ),
        ]


class ThresholdSet(models.Model):
    """How the limits derive from the target, or stand alone, from a day on."""

    class Mode(models.TextChoices):
        ABSOLUTE = "absolute", _("numbers")
        OFFSET = "offset", _("distance from the target")
        PERCENT = "percent", _("percent of the target")

    kpi = models.ForeignKey(Kpi, on_delete=models.PROTECT, related_name="threshold_sets")
    effective_from = models.DateField()
    mode = models.CharField(max_length=8, choices=Mode)
    goal = value_field()
    red_flag = value_field()
    goal_low = value_field()
    goal_high = value_field()
    red_low = value_field()
    red_high = value_field()
    scores = models.JSONField(default=dict, blank=True, help_text="option → score, for yes/no and text scales")
    reason = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["effective_from", "recorded_at"]
        constraints = [
            models.UniqueConstraint(fields=["kpi", "effective_from", "recorded_at"], name="thresholds_recorded_once"),
            models.CheckConstraint(
                condition=models.Q(mode__in=["absolute", "offset", "percent"]), name="threshold_mode_known"
            ),
            models.CheckConstraint(
                condition=models.Q(goal__isnull=True)
                | models.Q(red_flag__isnull=True)
                | ~models.Q(goal=models.F("red_flag")),
                name="red_flag_differs_from_goal",
            ),
            models.CheckConstraint(
                condition=models.Q(mode="absolute")
                | models.Q(red_flag__isnull=True)
                | ~models.Q(red_flag=0)
                | models.Q(goal__isnull=False),
                name="red_flag_differs_from_target",
            ),
            models.CheckConstraint(
                condition=models.Q(red_low__isnull=True)
                | models.Q(
                    red_low__lt=models.F("goal_low"),
                    goal_low__lte=models.F("goal_high"),
                    goal_high__lt=models.F("red_high"),
                ),
                name="range_limits_in_order",
            ),
        ]
