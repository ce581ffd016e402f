"""Telling people that they were named in what somebody wrote."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from alerts.models import Delivery, Message
from alerts.signals import deliveries_owed
from kpiplatform.accounts.models import User
from kpis.models import Commentary
from objectives.queries import organisation


def note_mentions(*, commentary: Commentary, people: Sequence[User], now: datetime) -> int:
    """Owe each person who was named one mail about it and return how many that are. Safe to repeat.

    Belongs into the transaction that stored what was written. Who may see the KPI is asked again before sending.
    """
    told = [person for person in people if person.pk != commentary.author_id]
    if not told:
        return 0
    with transaction.atomic():
        message, is_new = Message.objects.get_or_create(
            dedup_key=f"mention|{commentary.kpi_id}|commentary {commentary.pk}",
            defaults={
                "kind": Message.Kind.MENTION,
                "kpi": commentary.kpi,
                "commentary": commentary,
                "facts": _facts(commentary),
                "created_at": now,
            },
        )
        if not is_new:
            return 0
        Delivery.objects.bulk_create(
            Delivery(message=message, recipient=person, next_attempt_at=now, created_at=now) for person in told
        )
        transaction.on_commit(lambda: deliveries_owed.send(sender=None), robust=True)
    return len(told)


def _facts(commentary: Commentary) -> dict[str, object]:
    kpi = commentary.kpi
    return {
        "organisation": organisation().name,
        "kpi": {"code": kpi.code, "name": kpi.name},
        "author": commentary.author.name,
        "at": commentary.created_at.isoformat(),
        "body": commentary.body or f"{commentary.cause}\n\n{commentary.action}",
        "commentary": commentary.pk,
    }
