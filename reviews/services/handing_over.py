"""Giving a forum another chair, and open decisions and actions another owner."""

from __future__ import annotations

from django.db import transaction

from kpiplatform.accounts.models import User
from kpiplatform.accounts.services import lock_active
from reviews.models import Action, Decision, Forum


def hand_over_forum(*, forum: Forum, chair: User) -> None:
    """Make `chair` lead the forum, and take part in it. Raises NotActive for a person who may not sign in."""
    with transaction.atomic():
        lock_active(chair)
        Forum.objects.filter(pk=forum.pk).update(chair=chair)
        forum.participants.add(chair)


def hand_over_decision(*, decision: Decision, owner: User) -> None:
    """Make `owner` prepare the decision. Raises NotActive for a person who may not sign in."""
    with transaction.atomic():
        lock_active(owner)
        Decision.objects.filter(pk=decision.pk).update(owner=owner)


def hand_over_action(*, action: Action, owner: User) -> None:
    """Make `owner` do what was agreed. Raises NotActive for a person who may not sign in."""
    with transaction.atomic():
        lock_active(owner)
        Action.objects.filter(pk=action.pk).update(owner=owner)
