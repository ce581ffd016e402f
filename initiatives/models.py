"""Work that is meant to move KPIs, and the effect it promised before it began."""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from kpis.models import Kpi
from objectives.models import Objective, Unit


class Initiative(models.Model):
    """A piece of work with an owner, dates, milestones and a budget."""

    class Status(models.TextChoices):
        PROPOSED = "proposed", _("waiting for approval")
        APPROVED = "approved", _("approved")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=160)
    purpose = models.TextField(blank=True)
    objective = models.ForeignKey(
        Objective, on_delete=models.PROTECT, null=True, blank=True, related_name="initiatives"
    )
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="initiatives")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="initiatives")
    status = models.CharField(max_length=8, choices=Status, default=Status.PROPOSED)
    starts_on = models.DateField()
    ends_on = models.DateField()
    first_ends_on = models.DateField(null=True, blank=True, help_text="the end planned first, once it has moved")
    budget = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    spent = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    currency = models.CharField(max_length=3, default="USD")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["starts_on", "code"]
        constraints = [
            models.CheckConstraint(condition=models.Q(starts_on__lt=models.F("ends_on")), name="initiative_dates"),
            models.CheckConstraint(
                condition=models.Q(status__in=["proposed", "approved", "running", "done", "stopped"]),
                name="initiative_status_known",
            ),
            models.CheckConstraint(
                condition=models.Q(spent__gte=0) & (models.Q(budget__isnull=True) | models.Q(budget__gte=0)),
                name="initiative_money_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def planned_end(self) -> date:
        """The end that was planned first."""
        return self.first_ends_on or self.ends_on


class Milestone(models.Model):
    """A dated step of an initiative; the first date is kept when it moves."""

    initiative = models.ForeignKey(Initiative, on_delete=models.CASCADE, related_name="milestones")
    name = models.CharField(max_length=160)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="milestones"
    )
    planned_on = models.DateField()
    due_on = models.DateField()
    done_on = models.DateField(null=True, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "due_on"]
        constraints = [models.UniqueConstraint(fields=["initiative", "name"], name="milestone_once")]


class ExpectedImpact(models.Model):
    """The change of a KPI that an initiative promised, registered before the fact."""

    class Confidence(models.TextChoices):
        LOW = "low", _("low")
        MEDIUM = "medium", _("medium")
        HIGH = "high", _("high")

    initiative = models.ForeignKey(Initiative, on_delete=models.CASCADE, related_name="impacts")
    kpi = models.ForeignKey(Kpi, on_delete=models.PROTECT, related_name="impacts")
    change = models.DecimalField(max_digits=28, decimal_places=8, help_text="in the KPI's unit, signed")
    starts_on = models.DateField()
    full_effect_on = models.DateField()
    confidence = models.CharField(max_length=6, choices=Confidence)
    rationale = models.TextField(blank=True)
    registered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["initiative", "kpi"], name="one_impact_per_kpi"),
            models.CheckConstraint(condition=~models.Q(change=0), name="impact_is_a_change"),
            models.CheckConstraint(
                condition=models.Q(starts_on__lte=models.F("full_effect_on")), name="impact_dates_in_order"
            ),
            models.CheckConstraint(
                condition=models.Q(confidence__in=["low", "medium", "high"]), name="confidence_known"
            ),
        ]


class Risk(models.Model):
    """What may go wrong with an initiative, and what is done about it."""

    initiative = models.ForeignKey(Initiative, on_delete=models.CASCADE, related_name="risks")
    text = models.CharField(max_length=300)
    likelihood = models.PositiveSmallIntegerField(help_text="1 to 5")
    severity = models.PositiveSmallIntegerField(help_text="1 to 5")
    mitigation = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(likelihood__range=(1, 5), severity__range=(1, 5)), name="risk_1_to_5"
            )
        ]


class ImpactAssessment(models.Model):
    """What was measured of a promised change; "cannot tell" is a verdict."""

    class Verdict(models.TextChoices):
        EFFECT = "effect", _("an effect is visible")
        NO_EFFECT = "no_effect", _("no effect is visible")
        CANNOT_TELL = "cannot_tell", _("cannot tell")

    impact = models.ForeignKey(ExpectedImpact, on_delete=models.CASCADE, related_name="assessments")
    assessed_at = models.DateTimeField()
    points_before = models.PositiveIntegerField()
    points_after = models.PositiveIntegerField()
    effect = models.DecimalField(max_digits=28, decimal_places=8, null=True)
    interval_low = models.DecimalField(max_digits=28, decimal_places=8, null=True)
    interval_high = models.DecimalField(max_digits=28, decimal_places=8, null=True)
    verdict = models.CharField(max_length=12, choices=Verdict)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(verdict="cannot_tell") | models.Q(effect__isnull=False), name="verdict_has_effect"
            )
        ]
