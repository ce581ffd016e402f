"""When the clock that makes work due was last heard."""

from __future__ import annotations

from django.db import models


class Clock(models.Model):
    """The one row says when a worker last asked what is due; a row, because every process must be able to read it."""

    heard_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_clock")]
