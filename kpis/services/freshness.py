"""From when on a source is behind what was agreed about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from kpis.domain.schedule import next_slot
from kpis.models import DataSource, SourceAgreement
from objectives.queries import organisation


def is_scheduled(source: DataSource) -> bool:
    """Return whether a source is pulled by itself: not one whose files are sent in."""
    return source.config.get("origin") != "upload"


def behind_from(source: DataSource) -> datetime | None:
    """Return the end of the time agreed for the slot after the last applied pull; None without an agreement.

    A source that was never pulled is not behind: nothing is known yet. Nor is one whose files people send in.
    """
    if not is_scheduled(source):
        return None
    agreed = SourceAgreement.objects.filter(source=source).values_list("fresh_within_minutes", flat=True).first()
    if agreed is None or source.last_applied_at is None:
        return None
    slot = next_slot(source.schedule, after=source.last_applied_at, zone=ZoneInfo(organisation().time_zone))
    return slot + timedelta(minutes=agreed)
