"""Keys with which programs read and push figures, and what was pushed under which key."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models

from kpis.models import Kpi
from objectives.models import Unit

LONGEST_LIFE = timedelta(days=366)


class ApiToken(models.Model):
    """A key by which a program acts as a person: for what, where, until when. The secret itself is kept nowhere."""

    form = models.UUIDField(
        unique=True, default=uuid.uuid4, help_text="of the page it was asked on: sent twice, made once"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=80)
    hint = models.CharField(max_length=12, help_text="how the secret begins, to tell tokens apart")
    may_read = models.BooleanField(default=True)
    may_ingest = models.BooleanField(default=False)
    kpis = models.ManyToManyField(Kpi, related_name="+", help_text="none, and no unit: whatever the person may")
    units = models.ManyToManyField(Unit, related_name="+", help_text="with all units below")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(may_read=True) | models.Q(may_ingest=True), name="token_may_something"
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("created_at"))
                & models.Q(expires_at__lte=models.F("created_at") + LONGEST_LIFE),
                name="token_ends_within_a_year",
            ),
            models.CheckConstraint(
                condition=models.Q(revoked_at__isnull=True, revoked_by__isnull=True)
                | models.Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="token_revoked_by_someone",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ApiTokenKey(models.Model):
    """The fingerprint by which a token is found, and its use. Apart from the token: neither belongs into the audit."""

    token = models.OneToOneField(ApiToken, on_delete=models.CASCADE, primary_key=True, related_name="key")
    digest = models.BinaryField(unique=True, max_length=32, help_text="SHA-256 of the secret")
    last_used_at = models.DateTimeField(null=True)
    minute = models.DateTimeField(null=True, help_text="in which the requests are counted")
    requests = models.PositiveIntegerField(default=0, help_text="in that minute")


class Push(models.Model):
    """What was answered to a push with an Idempotency-Key, so that the same push again is answered alike."""

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="pushes")
    key = models.CharField(max_length=200)
    body_sha256 = models.CharField(max_length=64)
    answer = models.JSONField(null=True)
    pushed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="push_once_per_key")]
        indexes = [models.Index(fields=["pushed_at"], name="push_by_age")]
