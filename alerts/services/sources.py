"""Telling the owner of a source that it fails, or that a pull was held."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from alerts.models import Delivery, Message
from alerts.signals import deliveries_owed
from kpis.models import DataSource, Kpi, Pull
from kpis.services.freshness import is_scheduled
from objectives.queries import organisation

FAILURES_IN_A_ROW = 3


def note_bad_pull(*, pull: Pull, now: datetime) -> bool:
    """Owe the owner of the source one message about it and return whether that is a new one.

    Failures are told when the third in a row ends, once until a pull succeeds; a held pull, and a file that was sent in
    and cannot be read, at once.
    """
    source = DataSource.objects.get(pk=pull.source_id)
    if pull.state == Pull.State.SUSPECT:
        kind, key = Message.Kind.SUSPECT, f"suspect|source {source.pk}|pull {pull.pk}"
    elif source.consecutive_failures >= FAILURES_IN_A_ROW or not is_scheduled(source):
        since = source.last_applied_at.isoformat() if source.last_applied_at else "the beginning"
        kind, key = Message.Kind.SOURCE_ERROR, f"source_error|source {source.pk}|since {since}"
    else:
        return False
    with transaction.atomic():
        message, is_new = Message.objects.get_or_create(
            dedup_key=key,
            defaults={"kind": kind, "source": source, "facts": _facts(source, pull, now), "created_at": now},
        )
        if is_new:
            Delivery.objects.create(message=message, recipient=source.owner, next_attempt_at=now, created_at=now)
            transaction.on_commit(lambda: deliveries_owed.send(sender=None), robust=True)
    return is_new


def _facts(source: DataSource, pull: Pull, now: datetime) -> dict[str, object]:
    kpis = Kpi.objects.filter(mapping__source=source, status=Kpi.Status.ACTIVE).order_by("code")
    error = pull.error or source.last_error
    return {
        "organisation": organisation().name,
        "source": source.name,
        "error": error.to_store() if error else None,
        "failures": source.consecutive_failures,
        "is_sent_in": not is_scheduled(source),
        "at": (pull.finished_at or now).isoformat(),
        "last_applied_at": source.last_applied_at.isoformat() if source.last_applied_at else None,
        "kpis": [{"code": code, "name": name} for code, name in kpis.values_list("code", "name")],
    }
