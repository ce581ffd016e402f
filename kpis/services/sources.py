"""Setting how a source is pulled, and who is told when it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from kpiplatform.accounts.models import User
from kpiplatform.accounts.services import lock_active
from kpiplatform.audit.editing import lock_as_seen
from kpis.models import DataSource
from kpis.services.freshness import behind_from

# What people set; the rest says how the source stands and is written by every pull.
SET_BY_PEOPLE = (
    "name",
    "owner_id",
    "repeats",
    "pull_at",
    "hours_apart",
    "weekdays",
    "day_of_month",
    "look_back_days",
    "is_snapshot",
    "may_be_empty",
    "is_enabled",
)


def set_schedule(*, source: DataSource, seen: str, owner: User, said: Mapping[str, Any]) -> DataSource:
    """Set when a source is pulled, how far back, and by whose care; `said` names columns of SET_BY_PEOPLE.

    Raises ChangedMeanwhile or NotActive.
    """
    with transaction.atomic():
        lock_active(owner)
        row = lock_as_seen(DataSource.objects.all(), source.pk, seen, SET_BY_PEOPLE)
        for name in set(SET_BY_PEOPLE) - {"owner_id"}:
            setattr(row, name, said[name])
        row.owner = owner
        row.behind_from = behind_from(row)
        row.save(update_fields=[*SET_BY_PEOPLE, "behind_from"])
    return row


def hand_over_source(*, source: DataSource, owner: User) -> None:
    """Make `owner` the one who is told when the source fails. Raises NotActive for who may not sign in."""
    with transaction.atomic():
        lock_active(owner)
        DataSource.objects.filter(pk=source.pk).update(owner=owner)
