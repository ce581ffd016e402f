"""The definition sheet of a KPI and its history."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from kpis.models.calendar import PeriodCalendar
from objectives.models import Objective, Unit


class Kpi(models.Model):
    """A defined indicator with exactly one accountable owner."""

    class Polarity(models.TextChoices):
        HIGHER = "higher_is_better", _("higher is better")
        LOWER = "lower_is_better", _("lower is better")
        RANGE = "within_range", _("within a range")
        UNSCORED = "unscored", _("not scored")

    class Tier(models.TextChoices):
        STRATEGIC = "strategic", _("strategic")
        OPERATIONAL = "operational", _("operational")

    class IndicatorType(models.TextChoices):
        LEADING = "leading", _("leading")
        LAGGING = "lagging", _("lagging")

    class Frequency(models.TextChoices):
        DAY = "day", _("daily")
        WEEK = "week", _("weekly")
        MONTH = "month", _("monthly")
        QUARTER = "quarter", _("quarterly")
        HALF_YEAR = "half_year", _("half-yearly")
        YEAR = "year", _("yearly")

    class Aggregation(models.TextChoices):
        SUM = "sum", _("sum")
        AVERAGE = "average", _("average")
        WEIGHTED_AVERAGE = "weighted_average", _("weighted average")
        LAST = "last", _("last value")
        FIRST = "first", _("first value")
        MIN = "min", _("minimum")
        MAX = "max", _("maximum")
        MEDIAN = "median", _("median")
        COUNT = "count", _("count")
        RATIO_OF_SUMS = "ratio_of_sums", _("ratio of sums")
        FORMULA = "formula", _("formula")
        COMPOUNDED = "compounded", _("compounded")
        NONE = "none", _("no roll-up")

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        PROPOSED = "proposed", _("proposed")
        ACTIVE = "active", _("active")
        RETIRED = "retired", _("retired")

    class Entry(models.TextChoices):
        SOURCE = "source", _("from a source")
        MANUAL = "manual", _("entered by hand")
        DERIVED = "derived", _("derived by formula")

    class MissingPolicy(models.TextChoices):
        BLANK = "blank", _("no value")
        ZERO = "zero", _("zero")
        IGNORE = "ignore", _("leave out")

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=160)
    objective = models.ForeignKey(Objective, on_delete=models.PROTECT, related_name="kpis")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="kpis")
    calendar = models.ForeignKey(PeriodCalendar, on_delete=models.PROTECT, related_name="kpis")
    position = models.PositiveSmallIntegerField(default=0)

    purpose = models.TextField(blank=True)
    decision_informed = models.TextField(blank=True)
    formula_in_words = models.TextField(blank=True)
    inclusions = models.TextField(blank=True)
    measure_unit = models.CharField(max_length=20, blank=True)
    decimals = models.PositiveSmallIntegerField(default=1)
    numerator_label = models.CharField(max_length=40, blank=True)
    denominator_label = models.CharField(max_length=40, blank=True)

    polarity = models.CharField(max_length=20, choices=Polarity)
    tier = models.CharField(max_length=12, choices=Tier)
    indicator_type = models.CharField(max_length=8, choices=IndicatorType)
    frequency = models.CharField(max_length=10, choices=Frequency)
    time_aggregation = models.CharField(max_length=20, choices=Aggregation)
    unit_aggregation = models.CharField(max_length=20, choices=Aggregation, default=Aggregation.NONE)
    part_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="parts",
        help_text="the KPI of a unit above that measures the same of the whole",
    )  # fmt: skip
    is_cumulative = models.BooleanField(default=False, help_text="compares the sum to date with a phased target")
    ratio_factor = models.DecimalField(max_digits=12, decimal_places=4, default=1, help_text="100 for percent")

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="kpis_owned")
    deputy = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="kpis_deputised"
    )
    steward = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="kpis_stewarded"
    )

    entry = models.CharField(max_length=8, choices=Entry, default=Entry.MANUAL)
    formula = models.TextField(blank=True)
    missing_policy = models.CharField(max_length=6, choices=MissingPolicy, default=MissingPolicy.BLANK)
    minimum = models.DecimalField(max_digits=28, decimal_places=8, null=True, blank=True)
    maximum = models.DecimalField(max_digits=28, decimal_places=8, null=True, blank=True)
    reporting_lag_days = models.PositiveSmallIntegerField(default=1)
    lag_in_working_days = models.BooleanField(default=False)
    stale_after_days = models.PositiveSmallIntegerField(default=7, help_text="days past due until late becomes stale")

    unusual_factor = models.DecimalField(
        max_digits=6, decimal_places=2, null=True, blank=True, help_text="empty: the organisation's, 0 never asks"
    )
    explain_below = models.DecimalField(
        max_digits=4, decimal_places=2, null=True, blank=True, help_text="empty: the organisation's, 0 never asks"
    )
    needs_approval = models.BooleanField(default=False, help_text="values by hand wait until the owner approves them")

    cost_to_measure = models.CharField(max_length=200, blank=True)
    unintended_consequences = models.TextField(blank=True)
    guard = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="guards")
    guard_reason = models.CharField(max_length=200, blank=True)
    baseline_value = models.DecimalField(max_digits=28, decimal_places=8, null=True, blank=True)
    baseline_note = models.CharField(max_length=200, blank=True)
    benchmark_value = models.DecimalField(max_digits=28, decimal_places=8, null=True, blank=True)
    benchmark_source = models.CharField(max_length=200, blank=True)
    benchmark_on = models.DateField(null=True, blank=True)
    review_by = models.DateField(null=True, blank=True)

    status = models.CharField(max_length=8, choices=Status, default=Status.DRAFT)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    active_from = models.DateField(null=True, blank=True, help_text="first day for which a value is expected")

    class Meta:
        ordering = ["position", "code"]
        indexes = [models.Index(fields=["tier", "status"], name="kpi_by_tier")]
        constraints = [
            models.CheckConstraint(condition=models.Q(code__regex=r"^[A-Z0-9][A-Z0-9-]*$"), name="kpi_code_form"),
            models.CheckConstraint(condition=~models.Q(guard=models.F("id")), name="kpi_not_its_own_guard"),
            models.CheckConstraint(condition=~models.Q(part_of=models.F("id")), name="kpi_not_part_of_itself"),
            models.CheckConstraint(condition=models.Q(decimals__lte=8), name="kpi_decimals_0_to_8"),
            models.CheckConstraint(
                condition=models.Q(polarity__in=["higher_is_better", "lower_is_better", "within_range", "unscored"]),
                name="kpi_polarity_known",
            ),
            models.CheckConstraint(condition=models.Q(tier__in=["strategic", "operational"]), name="kpi_tier_known"),
            models.CheckConstraint(
                condition=models.Q(frequency__in=["day", "week", "month", "quarter", "half_year", "year"]),
                name="kpi_frequency_known",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["draft", "proposed", "active", "retired"]), name="kpi_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(minimum__isnull=True)
                | models.Q(maximum__isnull=True)
                | models.Q(minimum__lt=models.F("maximum")),
                name="kpi_bounds_in_order",
            ),
            models.CheckConstraint(
                condition=models.Q(unusual_factor__isnull=True) | models.Q(unusual_factor__gte=0),
                name="kpi_unusual_factor_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(explain_below__isnull=True) | models.Q(explain_below__range=(0, 10)),
                name="kpi_explain_below_a_score",
            ),
            models.CheckConstraint(
                condition=models.Q(benchmark_value__isnull=True) | ~models.Q(benchmark_source=""),
                name="benchmark_has_source",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class KpiVersion(models.Model):
    """One version of a KPI's definition; rows are never changed."""

    kpi = models.ForeignKey(Kpi, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    effective_from = models.DateField()
    breaks_series = models.BooleanField(default=False)
    definition = models.JSONField()
    reason = models.TextField(blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kpi", "version"], name="kpi_version_once")]


class KpiStep(models.Model):
    """A KPI entered another state of its life; rows are never changed. Before its first step it was as made."""

    kpi = models.ForeignKey(Kpi, on_delete=models.PROTECT, related_name="steps")
    was = models.CharField(max_length=8, choices=Kpi.Status)
    became = models.CharField(max_length=8, choices=Kpi.Status)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["kpi", "recorded_at"], name="steps_of_kpi")]
        constraints = [models.CheckConstraint(condition=~models.Q(was=models.F("became")), name="step_changes_state")]


class KpiOwnership(models.Model):
    """Who was accountable from when; rows are never changed."""

    kpi = models.ForeignKey(Kpi, on_delete=models.PROTECT, related_name="ownerships")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    effective_from = models.DateField()
    reason = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kpi", "effective_from", "recorded_at"], name="ownership_recorded_once")
        ]


class KpiWeight(models.Model):
    """Relative weight of a KPI in its objective from a date on; rows are never changed."""

    kpi = models.ForeignKey(Kpi, on_delete=models.PROTECT, related_name="weights")
    weight = models.DecimalField(max_digits=8, decimal_places=3)
    effective_from = models.DateField()
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(weight__gte=0), name="kpi_weight_not_negative"),
            models.UniqueConstraint(fields=["kpi", "effective_from", "recorded_at"], name="kpi_weight_recorded_once"),
        ]


class KpiLink(models.Model):
    """The hypothesis that one KPI leads another."""

    source = models.ForeignKey(Kpi, on_delete=models.PROTECT, related_name="links_out")
    target = models.ForeignKey(Kpi, on_delete=models.PROTECT, related_name="links_in")
    sign = models.SmallIntegerField(choices=[(1, "moves it the same way"), (-1, "moves it the other way")], default=1)
    lag_from_periods = models.PositiveSmallIntegerField(default=0)
    lag_to_periods = models.PositiveSmallIntegerField(default=0)
    rationale = models.TextField()
    evidence = models.CharField(
        max_length=12,
        choices=[
            ("untested", "not tested yet"),
            ("supported", "supported by the data"),
            ("contradicted", "contradicted by the data"),
            ("cannot_tell", "cannot tell"),
        ],
        default="untested",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "target"], name="one_kpi_link_per_pair"),
            models.CheckConstraint(condition=~models.Q(source=models.F("target")), name="kpi_link_joins_two"),
            models.CheckConstraint(condition=models.Q(sign__in=[1, -1]), name="kpi_link_sign_known"),
            models.CheckConstraint(
                condition=models.Q(lag_from_periods__lte=models.F("lag_to_periods")), name="kpi_link_lag_in_order"
            ),
        ]
