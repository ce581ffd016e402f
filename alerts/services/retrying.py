"""One more attempt for a mail that was given up."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from alerts.models import Delivery
from alerts.signals import deliveries_owed


def try_again(*, delivery_id: UUID, now: datetime) -> bool:
    """Owe a given-up delivery once more and return whether it was given up: pressed twice, it is owed once.

    It keeps its age, so that an attempt that fails again gives it up again.
    """
    with transaction.atomic():
        dead = Delivery.objects.filter(pk=delivery_id, state=Delivery.State.DEAD)
        revived = dead.update(state=Delivery.State.PENDING, next_attempt_at=now, finished_at=None, lease_until=None)
        if revived:
            transaction.on_commit(lambda: deliveries_owed.send(sender=None), robust=True)
    return bool(revived)
