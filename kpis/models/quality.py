"""What is agreed about a source, the rules its rows must keep, and how each pull kept them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from kpis.models.definition import Kpi
from kpis.models.sentence import SentenceField
from kpis.models.source import DataSource, Pull, SourceMapping
from kpis.models.target import value_field

# Rules about single rows: only these can refuse a row, all others hold the whole pull.
ROW_KINDS = ["type", "range", "filled", "unique", "rising", "allowed"]


class SourceAgreement(models.Model):
    """What was agreed about a source: by when its values are fresh, and who may read its rows."""

    class Readers(models.TextChoices):
        SOURCE = "source", _("administrators and the owner of the source")
        OWNERS = "owners", _("administrators, the owner of the source, and those who answer for the KPI")
        READERS = "readers", _("everybody who sees the KPI")

    source = models.OneToOneField(DataSource, on_delete=models.CASCADE, related_name="agreement")
    fresh_within_minutes = models.PositiveIntegerField(null=True, help_text="after the time it is pulled at")
    fresh_since = models.DateTimeField(null=True, help_text="when that was agreed: the record begins there")
    rows_visible_to = models.CharField(max_length=8, choices=Readers, default=Readers.OWNERS)
    row_columns = models.JSONField(default=list, help_text="columns shown beside those that the KPIs read")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(rows_visible_to__in=["source", "owners", "readers"]), name="rows_readers_known"
            ),
            models.CheckConstraint(
                condition=models.Q(fresh_within_minutes__isnull=True) | models.Q(fresh_within_minutes__gt=0),
                name="fresh_within_some_time",
            ),
        ]


class QualityRule(models.Model):
    """What the rows of a source, or those of one of its KPIs, must keep to."""

    class Kind(models.TextChoices):
        TYPE = "type", _("is of a type")
        RANGE = "range", _("lies in a range")
        FILLED = "filled", _("is filled in")
        UNIQUE = "unique", _("comes once")
        RISING = "rising", _("never falls")
        ALLOWED = "allowed", _("is one of a list")
        ROWS = "rows", _("as many rows as usual")
        TOTAL = "total", _("agrees with a control total")
        FRESH = "fresh", _("newest row is young")

    class Severity(models.TextChoices):
        REFUSE = "refuse", _("refuse the row")
        HOLD = "hold", _("hold the pull")

    source = models.ForeignKey(DataSource, on_delete=models.CASCADE, related_name="rules")
    mapping = models.ForeignKey(SourceMapping, on_delete=models.CASCADE, null=True, blank=True, related_name="rules")
    kind = models.CharField(max_length=8, choices=Kind)
    severity = models.CharField(max_length=6, choices=Severity)
    columns = models.JSONField(default=list)
    value_type = models.CharField(max_length=6, blank=True, default="")
    low = value_field()
    high = value_field()
    allowed = models.JSONField(default=list)
    control_column = models.CharField(max_length=80, blank=True, default="")
    control_kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    tolerance = models.DecimalField(max_digits=6, decimal_places=3, default=0, help_text="percent of the control total")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=[*ROW_KINDS, "rows", "total", "fresh"]), name="rule_kind_known"
            ),
            models.CheckConstraint(
                condition=models.Q(severity="hold") | models.Q(severity="refuse", kind__in=ROW_KINDS),
                name="only_row_rules_refuse",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind__in=["range", "rows", "fresh"])
                | models.Q(low__isnull=False)
                | models.Q(high__isnull=False),
                name="rule_has_a_bound",
            ),
            models.CheckConstraint(
                condition=models.Q(low__isnull=True)
                | models.Q(high__isnull=True)
                | models.Q(low__lte=models.F("high")),
                name="rule_bounds_in_order",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="total")
                | models.Q(control_kpi__isnull=False, control_column="")
                | (models.Q(control_kpi__isnull=True) & ~models.Q(control_column="")),
                name="total_has_one_control",
            ),
            models.CheckConstraint(condition=models.Q(tolerance__gte=0), name="rule_tolerance_positive"),
        ]


class PullCheck(models.Model):
    """How the rows of a pull kept one rule, in a sentence."""

    pull = models.ForeignKey(Pull, on_delete=models.CASCADE, related_name="checks")
    rule = models.ForeignKey(QualityRule, on_delete=models.SET_NULL, null=True, related_name="checks")
    kind = models.CharField(max_length=8)
    severity = models.CharField(max_length=6)
    is_kept = models.BooleanField()
    checked = models.PositiveIntegerField(default=0)
    broken = models.PositiveIntegerField(default=0)
    says = SentenceField()
