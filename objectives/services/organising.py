"""What the organisation is called and which clock it lives by."""

from __future__ import annotations

from django.db import transaction

from kpiplatform.audit.editing import lock_as_seen
from objectives.models import Organisation


def found_organisation(*, name: str, time_zone: str) -> Organisation:
    """Return the organisation that this installation serves from now on; founding it again changes nothing."""
    return Organisation.objects.get_or_create(pk=1, defaults={"name": name, "time_zone": time_zone})[0]


def edit_organisation(*, seen: str, name: str, time_zone: str) -> Organisation:
    """Rename the organisation, or let its days begin elsewhere. Raises ChangedMeanwhile."""
    with transaction.atomic():
        row = lock_as_seen(Organisation.objects.all(), 1, seen)
        row.name, row.time_zone = name, time_zone
        row.save(update_fields=["name", "time_zone"])
    return row
