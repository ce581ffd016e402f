"""Sending as jobs: a bell after commit, and a sweep that needs no bell."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from alerts.services import deliver_due


@shared_task
def deliver() -> None:
    """Send what is owed; rung after the commit that owed it."""
    deliver_due(now=timezone.now())


@shared_task
def sweep_deliveries() -> None:
    """Send what is owed; called by the clock, for all that no bell was heard for and all that waits to be retried."""
    deliver_due(now=timezone.now())
