"""Saying something about values: a mark on the chart, a comment, the explanation of a band."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from kpiplatform.accounts.models import User
from kpis.models import Annotation, Commentary, Kpi

AGAIN = timedelta(minutes=10)  # the same words by the same person within this time are a second press of the button


def annotate(*, kpi: Kpi, start: date, end: date, text: str, author: User, now: datetime) -> Annotation:
    """Mark the days from `start` up to, not including, `end` on the chart; said twice, it is stored once."""
    said = {"kpi": kpi, "period_start": start, "period_end": end, "text": text, "author": author}
    return _once(Annotation.objects.all(), said, now)


def comment(
    *, kpi: Kpi, body: str, author: User, now: datetime, period_start: date | None = None, answers: int | None = None
) -> Commentary:
    """Add a comment to the thread, on a period or as the answer to an entry; said twice, it is stored once."""
    said = {
        "kpi": kpi,
        "kind": Commentary.Kind.COMMENT,
        "parent_id": answers,
        "period_start": period_start,
        "body": body,
        "author": author,
    }
    return _once(Commentary.objects.all(), said, now)


def explain(
    *, kpi: Kpi, period_start: date, cause: str, action: str, recovery_on: date, author: User, now: datetime
) -> Commentary:
    """Explain the value of a period: why, what is done, and from when it is well again; stored once."""
    said = {
        "kpi": kpi,
        "kind": Commentary.Kind.EXPLANATION,
        "period_start": period_start,
        "cause": cause,
        "action": action,
        "recovery_on": recovery_on,
        "author": author,
    }
    return _once(Commentary.objects.all(), said, now)


def _once[Note: (Annotation, Commentary)](notes: QuerySet[Note], said: dict[str, Any], now: datetime) -> Note:
    """Return the note just stored with these words, or store it; two presses at the same moment wait for each other."""
    with transaction.atomic():
        Kpi.objects.select_for_update(no_key=True).get(pk=said["kpi"].pk)
        before = notes.filter(**said, created_at__gt=now - AGAIN).order_by("-pk").first()
        return before or notes.create(**said, created_at=now)
