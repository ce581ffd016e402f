"""Judgements: one per value, and the present state of each KPI. Derived; rebuilt at any time."""

from __future__ import annotations

from django.db import models

from kpis.models.definition import Kpi
from kpis.models.target import value_field

BANDS = ["", "on_track", "at_risk", "off_track"]
HEALTH = ["fresh", "late", "stale", "never", "source_error"]


class Evaluation(models.Model):
    """Value, limits used, score and band of a KPI in a period. That the KPI is there is checked once per statement."""

    pk = models.CompositePrimaryKey("kpi_id", "period_start")
    kpi = models.ForeignKey(
        Kpi, on_delete=models.CASCADE, related_name="evaluations", db_index=False, db_constraint=False
    )
    period_start = models.DateField()
    period_end = models.DateField()
    value = value_field()
    goal = value_field()
    red_flag = value_field()
    goal_high = value_field()
    red_high = value_field()
    score = models.DecimalField(max_digits=6, decimal_places=4, null=True)
    band = models.CharField(max_length=10, blank=True, default="")
    no_band_reason = models.CharField(max_length=20, blank=True, default="")
    is_provisional = models.BooleanField(default=False)
    evaluated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(band__in=BANDS), name="evaluation_band_known"),
            models.CheckConstraint(
                condition=models.Q(band="", score__isnull=True) | (~models.Q(band="") & models.Q(score__isnull=False)),
                name="band_and_score_together",
            ),
            models.CheckConstraint(
                condition=models.Q(score__isnull=True) | models.Q(score__gte=0, score__lte=10), name="score_0_to_10"
            ),
        ]


class KpiState(models.Model):
    """All that a row of a scorecard shows of a KPI, ready to read."""

    kpi = models.OneToOneField(Kpi, on_delete=models.CASCADE, primary_key=True, related_name="state")
    # the latest closed period with a value
    period_start = models.DateField(null=True)
    period_end = models.DateField(null=True)
    value = value_field()
    previous_value = value_field()
    goal = value_field()
    red_flag = value_field()
    goal_high = value_field()
    red_high = value_field()
    score = models.DecimalField(max_digits=6, decimal_places=4, null=True)
    band = models.CharField(max_length=10, blank=True, default="")
    no_band_reason = models.CharField(max_length=20, blank=True, default="")
    band_since = models.DateField(null=True)
    signal = models.CharField(max_length=10, blank=True, default="", help_text="signal, routine or too_few")
    spark = models.JSONField(default=dict, help_text="the last twelve closed periods, drawn")
    recent = models.TextField(
        blank=True, db_default="", help_text="the newest judged periods; values: kept for the next judgement"
    )
    # the open period
    open_start = models.DateField(null=True)
    open_value = value_field()
    open_band = models.CharField(max_length=10, blank=True, default="")
    # is the number there
    health = models.CharField(max_length=12, default="never")
    days_late = models.PositiveIntegerField(default=0)
    next_due_on = models.DateField(null=True)
    recorded_at = models.DateTimeField(null=True)
    # work that is owed: values from this period on are recorded, but not judged
    dirty_from = models.DateField(null=True)
    dirty_since = models.DateTimeField(null=True)
    evaluated_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["dirty_since"], condition=models.Q(dirty_since__isnull=False), name="kpi_state_owed"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(band__in=BANDS, open_band__in=BANDS), name="kpi_state_band_known"
            ),
            models.CheckConstraint(condition=models.Q(health__in=HEALTH), name="kpi_state_health_known"),
        ]
