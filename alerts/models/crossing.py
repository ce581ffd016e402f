"""Confirmed bands: the rule, the state of the fold, each change, and the stretch of trouble it opens."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from kpis.models import Kpi

BANDS = ["", "on_track", "at_risk", "off_track"]


class AlertRule(models.Model):
    """How a KPI's band is confirmed, from a day on; without a row the defaults of its frequency hold."""

    kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, related_name="alert_rules", db_index=False)
    version = models.PositiveIntegerField(default=1)
    effective_from = models.DateField()
    margin = models.DecimalField(max_digits=28, decimal_places=8, default=0)
    confirm_periods = models.PositiveSmallIntegerField(default=1)
    alert_on_provisional = models.BooleanField(default=False)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kpi", "version"], name="alert_rule_version_once"),
            models.CheckConstraint(condition=models.Q(margin__gte=0, margin__lt=10**20), name="margin_not_negative"),
            models.CheckConstraint(condition=models.Q(confirm_periods__range=(1, 12)), name="confirm_1_to_12"),
        ]


class AlertState(models.Model):
    """Where the fold over a KPI's judged periods stands; who writes it holds the state row of the KPI."""

    kpi = models.OneToOneField(Kpi, on_delete=models.CASCADE, primary_key=True, related_name="alert_state")
    confirmed_band = models.CharField(max_length=10, blank=True, default="")
    confirmed_since = models.DateField(null=True)
    pending = models.JSONField(default=list, help_text="observed bands not yet confirmed, oldest first")
    folded_through = models.DateField(null=True)
    seq = models.PositiveIntegerField(default=0, help_text="of the last crossing")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(confirmed_band__in=BANDS), name="confirmed_band_known")
        ]


class BandCrossing(models.Model):
    """One confirmed change of a KPI's band. Rows are never changed."""

    class Cause(models.TextChoices):
        FIRST = "first", _("first judgement")
        VALUE = "value", _("a new value")
        CORRECTION = "correction", _("a correction")
        EDIT = "edit", _("a changed target or threshold")

    kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, related_name="crossings", db_index=False)
    seq = models.PositiveIntegerField()
    from_band = models.CharField(max_length=10, blank=True)
    to_band = models.CharField(max_length=10)
    period_start = models.DateField()
    period_end = models.DateField()
    cause = models.CharField(max_length=10, choices=Cause)
    value = models.DecimalField(max_digits=28, decimal_places=8, null=True)
    goal = models.DecimalField(max_digits=28, decimal_places=8, null=True)
    red_flag = models.DecimalField(max_digits=28, decimal_places=8, null=True)
    rule_version = models.PositiveIntegerField(default=0, help_text="0: the defaults of the frequency")
    recorded_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["recorded_at"], name="crossing_by_time")]
        constraints = [
            models.UniqueConstraint(fields=["kpi", "seq"], name="one_crossing_per_seq"),
            models.CheckConstraint(condition=~models.Q(from_band=models.F("to_band")), name="crossing_changes_band"),
            models.CheckConstraint(
                condition=models.Q(from_band__in=BANDS, to_band__in=BANDS[1:]), name="crossing_bands_known"
            ),
        ]


class Incident(models.Model):
    """A maximal run of a confirmed band other than on track, and what the owner says about it."""

    kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, related_name="incidents")
    opened_by = models.OneToOneField(BandCrossing, on_delete=models.PROTECT, related_name="incident")
    worst_band = models.CharField(max_length=10)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    explanation_due_on = models.DateField(null=True, blank=True)
    explanation_asked_at = models.DateTimeField(help_text="when it opened, or grew worse than it had been")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kpi"], condition=models.Q(closed_at__isnull=True), name="one_open_incident_per_kpi"
            ),
            models.CheckConstraint(
                condition=models.Q(acknowledged_by__isnull=True, acknowledged_at__isnull=True)
                | models.Q(acknowledged_by__isnull=False, acknowledged_at__isnull=False),
                name="acknowledged_by_someone",
            ),
        ]
