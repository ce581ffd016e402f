"""What a source needs to be read and the settings must not hold: secrets, encrypted, and files that were sent in."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from kpis.models.source import DataSource


class SourceCredential(models.Model):
    """A secret of a source under the name of the setting it belongs to. Nothing but a pull ever reads it."""

    source = models.ForeignKey(DataSource, on_delete=models.CASCADE, related_name="credentials")
    name = models.CharField(max_length=40)
    ciphertext = models.TextField()
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "name"], name="one_credential_per_setting"),
            models.CheckConstraint(condition=models.Q(ciphertext__startswith="gAAAA"), name="credential_encrypted"),
        ]


class SourceUpload(models.Model):
    """A file that somebody sent in for a source. The newest one is read; of older ones only this row stays."""

    source = models.ForeignKey(DataSource, on_delete=models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class SourceUploadPart(models.Model):
    """A stretch of the bytes of an upload, so that no process holds the whole."""

    upload = models.ForeignKey(SourceUpload, on_delete=models.CASCADE, related_name="parts")
    seq = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["upload", "seq"], name="one_upload_part_per_place")]
