"""The minutes of a review, composed when it is closed: who, what was on the agenda, what was said and decided."""

from __future__ import annotations

from typing import Any

from kpis.models import Commentary
from reviews.models import Action, Decision, Review
from reviews.queries import open_actions


def minutes_of(review: Review, *, by: str) -> dict[str, Any]:
    """Return the record of a closed review as texts: it will be shown and mailed as it is."""
    pack = review.pack.content
    assert review.opened_at is not None
    assert review.closed_at is not None
    names = {row["code"]: row for row in pack["kpis"]}
    said = Commentary.objects.filter(
        kpi__code__in=names, created_at__gte=review.opened_at, created_at__lte=review.closed_at
    ).select_related("kpi", "author")
    carried = open_actions(review.forum).filter(review__held_on__lt=review.held_on)
    return {
        "organisation": pack["organisation"],
        "forum": pack["forum"],
        "held_on": pack["held_on"],
        "opened_at": review.opened_at.isoformat(),
        "closed_at": review.closed_at.isoformat(),
        "closed_by": by,
        "people": pack["people"],
        "summary": review.minutes,
        "agenda": [
            {
                "name": names[item["key"]]["name"],
                "code": item["key"],
                "band": names[item["key"]]["band"],
                "reasons": item["reasons"],
            }
            for item in pack["agenda"]
            if item["key"] in names
        ],
        "said": [
            {
                "kpi": row.kpi.name,
                "author": row.author.name,
                "text": row.body or f"{row.cause} {row.action}",
            }
            for row in said.order_by("created_at", "pk")
        ],
        "decisions": [_decision(row) for row in _decided(review)],
        "actions": [_action(row) for row in review.actions.select_related("owner", "review", "kpi", "initiative")],
        "carried": [_action(row) for row in carried],
        "pack_sha256": review.pack.sha256,
    }


def _decided(review: Review) -> list[Decision]:
    """What was decided, and what was put off to a day, in this review."""
    rows = Decision.objects.filter(review=review).exclude(state=Decision.State.DUE)
    return list(rows.select_related("owner", "kpi", "objective", "initiative"))


def _decision(row: Decision) -> dict[str, Any]:
    return {
        "title": row.title,
        "state": row.state,
        "outcome": row.outcome,
        "owner": row.owner.name,
        "due_on": row.due_on.isoformat(),
        "about": str(row.kpi or row.initiative or row.objective or ""),
    }


def _action(row: Action) -> dict[str, Any]:
    return {
        "text": row.text,
        "owner": row.owner.name,
        "owner_id": row.owner_id,
        "due_on": row.due_on.isoformat(),
        "done_on": row.done_on.isoformat() if row.done_on else "",
        "asked_on": row.review.held_on.isoformat(),
        "about": str(row.kpi or row.initiative or ""),
    }
