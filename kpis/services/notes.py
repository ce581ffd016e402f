"""Saying something about values: a mark on the chart, a comment, the explanation of a band."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import lock_as_seen
from kpis.models import Annotation, Commentary, Kpi
from kpis.services.naming import people_named
from kpis.signals import people_mentioned
from objectives.queries import organisations_day

AGAIN = timedelta(minutes=10)  # the same words by the same person within this time are a second press of the button


def annotate(*, kpi: Kpi, start: date, end: date, text: str, author: User, now: datetime) -> Annotation:
    """Mark the days from `start` up to, not including, `end` on the chart; said twice, it is stored once."""
    said = {"kpi": kpi, "period_start": start, "period_end": end, "text": text, "author": author}
    note, _is_new = _once(Annotation.objects.all(), said, now)
    return note


def change_annotation(*, annotation_id: int, seen: str, start: date, end: date, text: str) -> Annotation:
    """Change a mark. Raises ChangedMeanwhile if somebody else did so since it was `seen`."""
    with transaction.atomic():
        note = lock_as_seen(Annotation.objects.all(), annotation_id, seen)
        note.period_start, note.period_end, note.text = start, end, text
        note.save(update_fields=["period_start", "period_end", "text"])
    return note


def remove_annotation(*, annotation_id: int) -> None:
    """Take a mark off the chart; removed twice, it is gone once."""
    with transaction.atomic():
        Annotation.objects.filter(pk=annotation_id).delete()


def restore_annotation(
    *, kpi: Kpi, start: date, end: date, text: str, author: User, created_at: datetime
) -> Annotation:
    """Put a removed mark back as it was; restored twice, it stands once."""
    said: dict[str, Any] = {"kpi": kpi, "period_start": start, "period_end": end, "text": text, "author": author}
    with transaction.atomic():
        Kpi.objects.select_for_update(no_key=True).get(pk=kpi.pk)
        return Annotation.objects.get_or_create(**said, created_at=created_at)[0]


def comment(
    *, kpi: Kpi, body: str, author: User, now: datetime, period_start: date | None = None, answers: int | None = None
) -> Commentary:
    """Add a comment to the thread, on a period or as the answer to an entry; said twice, it is stored once.

    Whoever is named by @ and may open the KPI is told.
    """
    named = people_named(body, kpi=kpi, author=author, today=_today(now))
    said = {
        "kpi": kpi,
        "kind": Commentary.Kind.COMMENT,
        "parent_id": answers,
        "period_start": period_start,
        "body": named.texts[0],
        "author": author,
    }
    return _said(said, named.told, now)


def explain(
    *, kpi: Kpi, period_start: date, cause: str, action: str, recovery_on: date, author: User, now: datetime
) -> Commentary:
    """Explain the value of a period: why, what is done, and from when it is well again; stored once.

    Whoever is named by @ and may open the KPI is told.
    """
    named = people_named(cause, action, kpi=kpi, author=author, today=_today(now))
    said = {
        "kpi": kpi,
        "kind": Commentary.Kind.EXPLANATION,
        "period_start": period_start,
        "cause": named.texts[0],
        "action": named.texts[1],
        "recovery_on": recovery_on,
        "author": author,
    }
    return _said(said, named.told, now)


def _said(said: dict[str, Any], people: Sequence[User], now: datetime) -> Commentary:
    with transaction.atomic():
        commentary, is_new = _once(Commentary.objects.all(), said, now)
        if is_new and people:
            commentary.mentioned.set(people)
            people_mentioned.send(sender=None, commentary=commentary, people=people, now=now)
    return commentary


def _once[Note: (Annotation, Commentary)](
    notes: QuerySet[Note], said: dict[str, Any], now: datetime
) -> tuple[Note, bool]:
    """Return the note just stored with these words, or store it, and whether it is new.

    Two presses at the same moment wait for each other.
    """
    with transaction.atomic():
        Kpi.objects.select_for_update(no_key=True).get(pk=said["kpi"].pk)
        before = notes.filter(**said, created_at__gt=now - AGAIN).order_by("-pk").first()
        return (before, False) if before else (notes.create(**said, created_at=now), True)


def _today(now: datetime) -> date:
    return organisations_day(now)
