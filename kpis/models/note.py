"""What people say about values: marks on the chart, comments and explanations."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from kpis.models.definition import Kpi


class Annotation(models.Model):
    """A remark on a period or a range of periods, shown as a numbered marker on the chart."""

    kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, related_name="annotations")
    period_start = models.DateField()
    period_end = models.DateField()
    text = models.CharField(max_length=300)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["period_start", "id"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(text=""), name="annotation_says_something"),
            models.CheckConstraint(
                condition=models.Q(period_start__lt=models.F("period_end")), name="annotation_period"
            ),
        ]


class Commentary(models.Model):
    """A comment, or the explanation of a band: cause, action, recovery date."""

    class Kind(models.TextChoices):
        COMMENT = "comment", _("comments")
        EXPLANATION = "explanation", _("explains")

    kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, related_name="commentary")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.COMMENT)
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="answers")
    period_start = models.DateField(null=True, blank=True)
    body = models.TextField(blank=True)
    cause = models.TextField(blank=True)
    action = models.TextField(blank=True)
    recovery_on = models.DateField(null=True, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    mentioned = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="mentions", blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="comment", cause="", action="", recovery_on__isnull=True) & ~models.Q(body="")
                | models.Q(kind="explanation", recovery_on__isnull=False) & ~models.Q(cause="") & ~models.Q(action=""),
                name="comment_or_whole_explanation",
            )
        ]
