"""What is said, and the fate of each copy. PostgreSQL is the queue."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from alerts.models.crossing import BandCrossing
from alerts.models.subscription import Subscription
from kpis.models import Commentary, DataSource, Kpi


class Message(models.Model):
    """One thing to say; the key makes it unique, the facts are frozen when it is owed."""

    class Kind(models.TextChoices):
        WORSE = "worse", _("worse")
        BETTER = "better", _("better")
        CORRECTION = "correction", _("correction")
        SOURCE_ERROR = "source_error", _("source error")
        SUSPECT = "suspect", _("pull held")
        STALE = "stale", _("stale")
        MENTION = "mention", _("mention")
        MINUTES = "minutes", _("minutes")
        APPROVAL = "approval", _("approval")

    # Those that several of which to one person about one KPI are folded into the newest.
    ABOUT_BANDS = (Kind.WORSE, Kind.BETTER, Kind.CORRECTION)

    dedup_key = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=12, choices=Kind)
    kpi = models.ForeignKey(Kpi, on_delete=models.PROTECT, null=True, related_name="messages")
    source = models.ForeignKey(DataSource, on_delete=models.PROTECT, null=True, related_name="messages")
    crossing = models.ForeignKey(BandCrossing, on_delete=models.PROTECT, null=True, related_name="messages")
    commentary = models.ForeignKey(Commentary, on_delete=models.PROTECT, null=True, related_name="messages")
    subscription = models.ForeignKey(Subscription, on_delete=models.SET_NULL, null=True, related_name="messages")
    facts = models.JSONField(help_text="all that the text says, as it was known then")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kpi__isnull=False, source__isnull=True)
                | models.Q(kpi__isnull=True, source__isnull=False)
                | models.Q(kind__in=["minutes", "approval"], kpi__isnull=True, source__isnull=True),
                name="message_about_one_thing",
            )
        ]


class Delivery(models.Model):
    """One copy of a message to one person by one channel."""

    class State(models.TextChoices):
        PENDING = "pending", _("pending")
        LEASED = "leased", _("being sent")
        SENT = "sent", _("sent")
        DEAD = "dead", _("given up")
        SUPPRESSED = "suppressed", _("not sent")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="deliveries")
    channel = models.CharField(max_length=10, default="email")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    reply = models.CharField(max_length=500, blank=True, default="", help_text="the server's last word, or why not")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(state__in=["pending", "leased"]),
                name="delivery_owed",
            ),
            models.Index(fields=["finished_at"], condition=models.Q(state="dead"), name="delivery_given_up"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["message", "recipient", "channel"], name="one_delivery_per_recipient"),
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "leased", "sent", "dead", "suppressed"]),
                name="delivery_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "leased"], finished_at__isnull=True)
                | models.Q(state__in=["sent", "dead", "suppressed"], finished_at__isnull=False),
                name="final_delivery_has_an_end",
            ),
        ]
