"""Jobs that compose several apps. Every one may run twice or at once: the work itself is rows that are claimed."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from kpiplatform.accounts.services import deliver_invitations
from objectives.queries import organisation


@shared_task
def send_invitations() -> None:
    """Send the invitations that are owed; rung after the commit that owed one, and by the clock."""
    deliver_invitations(now=timezone.now(), organisation=organisation().name)
