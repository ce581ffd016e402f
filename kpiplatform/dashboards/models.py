"""What is begun on pages that compose several apps, and not yet anything of theirs."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from kpis.models import Kpi


class KpiDraft(models.Model):
    """A KPI that is being defined step by step: what was typed in each, until it becomes a KPI."""

    token = models.UUIDField(
        unique=True, default=uuid.uuid4, help_text="of the page it began on: sent twice, begun once"
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="kpi_drafts")
    answers = models.JSONField(default=dict, help_text="step → field → what was typed")
    kpi = models.OneToOneField(Kpi, on_delete=models.PROTECT, null=True, blank=True, related_name="draft")
    is_dropped = models.BooleanField(default=False)
    begun_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["-changed_at"]
