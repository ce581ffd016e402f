"""The audit trail: written by database triggers, never by the application."""

from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    """One change of one row of an audited table; rows form a hash chain and can be neither changed nor deleted."""

    at = models.DateTimeField()
    actor = models.BigIntegerField(null=True)
    table = models.TextField()
    row = models.TextField()
    action = models.TextField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    previous_hash = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["table", "row", "id"], name="audit_by_row")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(action__in=["INSERT", "UPDATE", "DELETE"]), name="audit_action_known"
            )
        ]
