"""What is begun on pages that compose several apps and not yet anything of theirs, and what is taken along."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from kpis.models import DataSource, Kpi


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


class SentFile(models.Model):
    """A spreadsheet that somebody sent: its cells, what is to become of them, and what became of them."""

    class Purpose(models.TextChoices):
        VALUES = "values", _("values of KPIs")
        KPIS = "kpis", _("a list of KPIs")

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sent_files")
    purpose = models.CharField(max_length=6, choices=Purpose)
    name = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64, help_text="of the file: sent twice, kept once until it is done")
    sheets = models.JSONField(help_text="sheet → rows of cells, each its kind and text; nothing once it is done")
    choices = models.JSONField(default=dict, help_text="how it is to be read")
    sent_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    outcome = models.JSONField(default=dict, help_text="how many of what")

    class Meta:
        ordering = ["-sent_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["author", "purpose", "sha256"], condition=models.Q(done_at=None), name="file_waits_once"
            ),
            models.CheckConstraint(condition=models.Q(purpose__in=["values", "kpis"]), name="sent_file_purpose_known"),
        ]


class SourceSetup(models.Model):
    """What is chosen for a source step by step, until it feeds KPIs: its figures, and which group goes to which KPI."""

    source = models.OneToOneField(DataSource, on_delete=models.CASCADE, related_name="setup")
    token = models.UUIDField(
        unique=True, default=uuid.uuid4, help_text="of the page it began on: sent twice, begun once"
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="source_setups")
    look = models.JSONField(default=dict, help_text="columns and first rows as they were read last, or what went wrong")
    measures = models.JSONField(default=list, help_text="figures with what was chosen for each group")
    tried = models.JSONField(default=dict, help_text="the values that the figures gave when they were tried last")


class TakenFile(models.Model):
    """A file with figures that somebody took along. Its content is not kept; that it was taken is audited."""

    name = models.CharField(max_length=200)
    kpi = models.ForeignKey(Kpi, on_delete=models.PROTECT, null=True, related_name="+")
    selection = models.JSONField(default=dict, help_text="what was chosen, as the address said it")
    rows = models.PositiveBigIntegerField()
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    taken_at = models.DateTimeField()

    class Meta:
        verbose_name = _("exported file")
