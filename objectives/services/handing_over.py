"""Giving an objective another owner."""

from __future__ import annotations

from django.db import transaction

from kpiplatform.accounts.models import User
from kpiplatform.accounts.services import lock_active
from objectives.models import Objective


def hand_over_objective(*, objective: Objective, owner: User) -> None:
    """Make `owner` answer for the objective. Raises NotActive for a person who may not sign in."""
    with transaction.atomic():
        lock_active(owner)
        Objective.objects.filter(pk=objective.pk).update(owner=owner)
