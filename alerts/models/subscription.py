"""Who wants to be told what, and what each was last told."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from kpis.models import Kpi
from objectives.models import Objective, Unit


class Subscription(models.Model):
    """A person's wish to be told of a KPI, or of all KPIs of an objective or of a unit and below."""

    class When(models.TextChoices):
        NOW = "now", _("at once")
        DIGEST = "digest", _("in the digest")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="subscriptions")
    kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, null=True, blank=True, related_name="subscriptions")
    objective = models.ForeignKey(
        Objective, on_delete=models.CASCADE, null=True, blank=True, related_name="subscriptions"
    )
    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, null=True, blank=True, related_name="subscriptions")
    as_owner = models.BooleanField(default=False, help_text="made for the owner of the KPI by default")
    worst_only = models.BooleanField(default=False, help_text="only when off track is reached or left")
    when = models.CharField(max_length=6, choices=When, default=When.NOW)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kpi__isnull=False, objective__isnull=True, unit__isnull=True)
                | models.Q(kpi__isnull=True, objective__isnull=False, unit__isnull=True)
                | models.Q(kpi__isnull=True, objective__isnull=True, unit__isnull=False),
                name="subscription_to_one_thing",
            ),
            models.UniqueConstraint(
                fields=["user", "kpi", "objective", "unit"], nulls_distinct=False, name="subscribed_once"
            ),
            models.CheckConstraint(condition=models.Q(when__in=["now", "digest"]), name="subscription_when_known"),
        ]


class Announcement(models.Model):
    """The band of a KPI that a subscription was last told, or would have been told had it changed."""

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="announcements", db_index=False
    )
    kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, related_name="announcements")
    band = models.CharField(max_length=10)
    seq = models.PositiveIntegerField()
    told_at = models.DateTimeField(null=True, help_text="empty: noted without a message")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subscription", "kpi"], name="one_announcement_per_kpi")]
