"""What we want, how it rolls up, and what is believed to cause what."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from objectives.models.strategy import Perspective, StrategyPlan, Theme
from objectives.models.unit import Unit

BANDS = ["", "on_track", "at_risk", "off_track"]


class Objective(models.Model):
    """What we want, said as a verb phrase, with one owner."""

    class RollUp(models.TextChoices):
        WEIGHTED_AVERAGE = "weighted_average", _("weighted average")
        WORST_CHILD = "worst_child", _("worst child")
        MANUAL = "manual", _("manual")

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        RETIRED = "retired", _("retired")

    plan = models.ForeignKey(StrategyPlan, on_delete=models.PROTECT, related_name="objectives")
    perspective = models.ForeignKey(Perspective, on_delete=models.PROTECT, related_name="objectives")
    theme = models.ForeignKey(Theme, on_delete=models.PROTECT, null=True, blank=True, related_name="objectives")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="objectives")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=160)
    description = models.TextField(blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="objectives")
    roll_up_method = models.CharField(max_length=20, choices=RollUp, default=RollUp.WEIGHTED_AVERAGE)
    minimum_coverage = models.DecimalField(max_digits=4, decimal_places=3, default="0.500")
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["perspective__position", "position", "code"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(parent=models.F("id")), name="objective_not_its_own_parent"),
            models.CheckConstraint(
                condition=models.Q(minimum_coverage__gte=0, minimum_coverage__lte=1), name="coverage_is_a_share"
            ),
            models.CheckConstraint(
                condition=models.Q(roll_up_method__in=["weighted_average", "worst_child", "manual"]),
                name="roll_up_method_known",
            ),
            models.CheckConstraint(condition=models.Q(status__in=["active", "retired"]), name="objective_status_known"),
        ]

    def __str__(self) -> str:
        return self.name


class ObjectiveWeight(models.Model):
    """Relative weight of an objective in its parent from a date on; rows are never changed."""

    objective = models.ForeignKey(Objective, on_delete=models.PROTECT, related_name="weights")
    weight = models.DecimalField(max_digits=8, decimal_places=3)
    effective_from = models.DateField()
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(weight__gte=0), name="objective_weight_not_negative"),
            models.UniqueConstraint(
                fields=["objective", "effective_from", "recorded_at"], name="objective_weight_recorded_once"
            ),
        ]


class ManualScore(models.Model):
    """A score given by judgement, with confidence and the reason; rows are never changed."""

    objective = models.ForeignKey(Objective, on_delete=models.PROTECT, related_name="manual_scores")
    score = models.DecimalField(max_digits=6, decimal_places=4)
    confidence = models.PositiveSmallIntegerField(help_text="percent")
    note = models.TextField()
    effective_from = models.DateField()
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(score__gte=0, score__lte=10), name="manual_score_0_to_10"),
            models.CheckConstraint(condition=models.Q(confidence__lte=100), name="confidence_is_percent"),
            models.CheckConstraint(condition=~models.Q(note=""), name="manual_score_has_note"),
        ]


class CausalLink(models.Model):
    """The hypothesis that moving one objective moves another, with sign and lag."""

    class Evidence(models.TextChoices):
        UNTESTED = "untested", _("not tested yet")
        SUPPORTED = "supported", _("supported by the data")
        CONTRADICTED = "contradicted", _("contradicted by the data")
        CANNOT_TELL = "cannot_tell", _("cannot tell")

    source = models.ForeignKey(Objective, on_delete=models.PROTECT, related_name="links_out")
    target = models.ForeignKey(Objective, on_delete=models.PROTECT, related_name="links_in")
    sign = models.SmallIntegerField(choices=[(1, "moves it the same way"), (-1, "moves it the other way")], default=1)
    lag_from_days = models.PositiveSmallIntegerField(default=0)
    lag_to_days = models.PositiveSmallIntegerField(default=0)
    rationale = models.TextField()
    evidence = models.CharField(max_length=12, choices=Evidence, default=Evidence.UNTESTED)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "target"], name="one_link_per_pair"),
            models.CheckConstraint(condition=~models.Q(source=models.F("target")), name="link_joins_two"),
            models.CheckConstraint(condition=models.Q(sign__in=[1, -1]), name="link_sign_known"),
            models.CheckConstraint(
                condition=models.Q(lag_from_days__lte=models.F("lag_to_days")), name="link_lag_in_order"
            ),
            models.CheckConstraint(
                condition=models.Q(evidence__in=["untested", "supported", "contradicted", "cannot_tell"]),
                name="link_evidence_known",
            ),
        ]


class ObjectiveState(models.Model):
    """The roll-up of an objective as it stands now; derived, rebuilt at any time."""

    objective = models.OneToOneField(Objective, on_delete=models.CASCADE, primary_key=True, related_name="state")
    score = models.DecimalField(max_digits=6, decimal_places=4, null=True)
    band = models.CharField(max_length=10, blank=True, default="")
    average = models.DecimalField(max_digits=6, decimal_places=4, null=True)
    worst_score = models.DecimalField(max_digits=6, decimal_places=4, null=True)
    coverage = models.DecimalField(max_digits=5, decimal_places=4, default=0)
    with_data = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    on_track = models.PositiveIntegerField(default=0)
    at_risk = models.PositiveIntegerField(default=0)
    off_track = models.PositiveIntegerField(default=0)
    # kept for the next roll-up, which need not read all of it again
    made_of = models.TextField(blank=True, db_default="", help_text="its parts with weight, score and band")
    made_of_until = models.DateField(null=True, help_text="another weight or manual score takes effect then")
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(band__in=BANDS), name="objective_state_band_known")]
