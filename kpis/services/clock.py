"""Noting that the clock was heard, so that its silence can be."""

from __future__ import annotations

from datetime import datetime

from kpis.models import Clock


def note_clock(*, now: datetime) -> None:
    """Note that a worker asks what is due."""
    Clock.objects.update_or_create(pk=1, defaults={"heard_at": now})
