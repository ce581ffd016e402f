"""Sending the minutes of a review to those who took part."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from alerts.models import Delivery, Message
from alerts.signals import deliveries_owed
from kpiplatform.accounts.models import User


def owe_minutes(*, key: str, facts: dict[str, Any], recipients: Iterable[User], now: datetime) -> int:
    """Owe each recipient one mail with the minutes that `key` names and return how many are new. Safe to repeat.

    Belongs into the transaction that closes the review. `facts` is all that the mail says, and `path` leads to it.
    """
    with transaction.atomic():
        message, _ = Message.objects.get_or_create(
            dedup_key=f"minutes|{key}", defaults={"kind": Message.Kind.MINUTES, "facts": facts, "created_at": now}
        )
        owed = set(message.deliveries.values_list("recipient_id", flat=True))
        new = [
            Delivery(message=message, recipient=person, next_attempt_at=now, created_at=now)
            for person in recipients
            if person.pk not in owed
        ]
        Delivery.objects.bulk_create(new, ignore_conflicts=True)
        if new:
            transaction.on_commit(lambda: deliveries_owed.send(sender=None), robust=True)
    return len(new)
