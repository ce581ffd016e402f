"""The plan, and the lenses through which it is read."""

from __future__ import annotations

from django.db import models


class StrategyPlan(models.Model):
    """A strategy with a beginning and an end."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    vision = models.TextField(blank=True)
    starts_on = models.DateField()
    ends_on = models.DateField()
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(starts_on__lt=models.F("ends_on")), name="plan_dates_in_order"),
            models.UniqueConstraint(fields=["is_active"], condition=models.Q(is_active=True), name="one_active_plan"),
        ]

    def __str__(self) -> str:
        return self.name


class Perspective(models.Model):
    """A Balanced Scorecard lens of a plan."""

    plan = models.ForeignKey(StrategyPlan, on_delete=models.PROTECT, related_name="perspectives")
    code = models.SlugField(max_length=40)
    name = models.CharField(max_length=120)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "code"], name="perspective_code_once"),
            models.UniqueConstraint(fields=["plan", "position"], name="perspective_position_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Theme(models.Model):
    """A grouping of objectives across perspectives."""

    plan = models.ForeignKey(StrategyPlan, on_delete=models.PROTECT, related_name="themes")
    code = models.SlugField(max_length=40)
    name = models.CharField(max_length=120)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["plan", "code"], name="theme_code_once")]

    def __str__(self) -> str:
        return self.name
