"""Giving an initiative another owner."""

from __future__ import annotations

from django.db import transaction

from initiatives.models import Initiative
from kpiplatform.accounts.models import User
from kpiplatform.accounts.services import lock_active


def hand_over_initiative(*, initiative: Initiative, owner: User) -> None:
    """Make `owner` run the initiative. Raises NotActive for a person who may not sign in."""
    with transaction.atomic():
        lock_active(owner)
        Initiative.objects.filter(pk=initiative.pk).update(owner=owner)
