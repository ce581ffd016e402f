"""How the organisation takes values by hand."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction

from kpiplatform.audit.editing import lock_as_seen
from kpis.models import EntryRules


def set_entry_rules(
    *, seen: str, unusual_factor: Decimal, explain_below: Decimal | None, owner_needs_approval: bool
) -> EntryRules:
    """Set what is asked of values that people type, from now on. Raises ChangedMeanwhile; the same again does not."""
    said = {
        "unusual_factor": unusual_factor,
        "explain_below": explain_below,
        "owner_needs_approval": owner_needs_approval,
    }
    with transaction.atomic():
        row, is_first = EntryRules.objects.get_or_create(pk=1, defaults=said)
        row = EntryRules.objects.select_for_update().get(pk=1)
        if is_first or said == {name: getattr(row, name) for name in said}:
            return row  # also the second press of the button
        row = lock_as_seen(EntryRules.objects.all(), 1, seen)
        for name, value in said.items():
            setattr(row, name, value)
        row.save(update_fields=list(said))
    return row
