"""Jobs that compose several apps. Every one may run twice or at once: the work itself is rows that are claimed."""

from __future__ import annotations

import secrets

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from kpiplatform.accounts.services import deliver_invitations
from kpiplatform.demo import loading
from kpiplatform.demo.sign_ins import SAMPLE_PASSWORD
from objectives.queries import organisation


@shared_task
def send_invitations() -> None:
    """Send the invitations that are owed; rung after the commit that owed one, and by the clock."""
    deliver_invitations(now=timezone.now(), organisation=organisation().name)


@shared_task
def load_sample_organisation() -> None:
    """Load the sample organisation; in production nobody knows its people's password."""
    password = secrets.token_urlsafe(32) if settings.PRODUCTION else SAMPLE_PASSWORD
    loading.load_sample_organisation(now=timezone.now(), password=password)
