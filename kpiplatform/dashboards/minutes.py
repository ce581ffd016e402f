"""What a closed review sets off: its minutes go by mail, through the outbox of alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.dispatch import receiver
from django.urls import reverse

from alerts.services.minuting import owe_minutes
from kpiplatform.accounts.models import User
from reviews.models import Review
from reviews.signals import review_closed


@receiver(review_closed, dispatch_uid="minutes: owe them to those who took part")
def on_review_closed(
    *, review: Review, minutes: dict[str, Any], recipients: Sequence[User], now: datetime, **_: Any
) -> None:
    """Owe the mails in the transaction that closes the review."""
    facts = minutes | {"path": reverse("reviews:review", args=[review.pk])}
    owe_minutes(key=f"review {review.pk}", facts=facts, recipients=recipients, now=now)
