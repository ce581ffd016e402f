"""How values by hand are taken: the rules of the organisation, and values that wait for something."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from kpis.models.definition import Kpi
from kpis.models.measurement import value_matches_state
from kpis.models.target import value_field


class EntryRules(models.Model):
    """How values by hand are taken where a KPI does not say otherwise; without the row the defaults hold."""

    unusual_factor = models.DecimalField(max_digits=6, decimal_places=2, default=Decimal(6), help_text="0 never asks")
    explain_below = models.DecimalField(max_digits=4, decimal_places=2, null=True, blank=True)
    owner_needs_approval = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="one_row_of_entry_rules"),
            models.CheckConstraint(condition=models.Q(unusual_factor__gte=0), name="unusual_factor_not_negative"),
            models.CheckConstraint(
                condition=models.Q(explain_below__isnull=True) | models.Q(explain_below__range=(0, 10)),
                name="explain_below_a_score",
            ),
        ]


class ProposedValue(models.Model):
    """A value that somebody entered and somebody else has to approve. It is no measurement: nothing judges it."""

    class Outcome(models.TextChoices):
        WAITING = "", _("waiting for approval")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")
        REPLACED = "replaced", _("replaced by another value")
        WITHDRAWN = "withdrawn", _("withdrawn by whoever entered it")

    kpi = models.ForeignKey(Kpi, on_delete=models.PROTECT, related_name="proposed_values")
    period_start = models.DateField()
    period_end = models.DateField()
    value = value_field()
    numerator = value_field()
    denominator = value_field()
    state = models.CharField(max_length=14)
    reason = models.CharField(max_length=200, blank=True, default="")
    kind = models.CharField(max_length=10)
    note = models.CharField(max_length=400, blank=True, default="")
    unusual_by = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    cause = models.TextField(blank=True, default="")
    action = models.TextField(blank=True, default="")
    recovery_on = models.DateField(null=True)
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField()
    outcome = models.CharField(max_length=9, choices=Outcome, blank=True, default=Outcome.WAITING)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ["entered_at", "id"]
        constraints = [
            *value_matches_state("proposed"),
            models.UniqueConstraint(
                fields=["kpi", "period_start"], condition=models.Q(outcome=""), name="one_value_waits_per_period"
            ),
            models.CheckConstraint(
                condition=~models.Q(outcome__in=["approved", "rejected"])
                | models.Q(decided_by__isnull=False) & ~models.Q(decided_by=models.F("entered_by")),
                name="proposed_value_decided_by_another",
            ),
            models.CheckConstraint(
                condition=models.Q(outcome="", decided_at__isnull=True)
                | ~models.Q(outcome="") & models.Q(decided_at__isnull=False),
                name="proposed_value_decided_at_a_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(outcome="rejected") | ~models.Q(decision_reason=""), name="rejection_has_reason"
            ),
            models.CheckConstraint(
                condition=models.Q(cause="", action="", recovery_on__isnull=True)
                | models.Q(recovery_on__isnull=False) & ~models.Q(cause="") & ~models.Q(action=""),
                name="proposed_value_explained_wholly",
            ),
        ]


class KeptValue(models.Model):
    """A value that somebody typed and that is stored only with its explanation, which is not there yet.

    Only its author sees it, and nothing counts it. `told` is what they wrote of the explanation so far, `seen_seq` the
    revision that stood there.
    """

    kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, related_name="kept_values")
    period_start = models.DateField()
    value = value_field()
    numerator = value_field()
    denominator = value_field()
    seen_seq = models.PositiveIntegerField()
    note = models.CharField(max_length=400, blank=True, default="")
    is_sure = models.BooleanField(default=False, help_text="the question about an unusual move was answered")
    told = models.JSONField(default=dict)
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    entered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kpi", "period_start", "entered_by"], name="one_kept_value_per_person"),
            models.CheckConstraint(condition=models.Q(value__isnull=False), name="kept_value_has_a_value"),
        ]
