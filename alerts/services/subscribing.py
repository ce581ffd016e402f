"""Who wants to be told of what."""

from __future__ import annotations

from typing import Any, Literal

from django.db import connection, transaction

from alerts.models import Subscription
from kpiplatform.accounts.models import User
from kpis.models import Kpi
from objectives.models import Objective, Unit

type Told = Literal["every", "worst", "nothing"]

# What stands now is no news to whoever begins to follow: only what changes from here on is told.
NOTE_PRESENT_BANDS = """
INSERT INTO alerts_announcement (subscription_id, kpi_id, band, seq, told_at)
SELECT s.id, a.kpi_id, a.confirmed_band, a.seq, NULL
FROM alerts_subscription s
LEFT JOIN objectives_unit followed ON followed.id = s.unit_id
JOIN kpis_kpi k ON k.id = s.kpi_id OR k.objective_id = s.objective_id
     OR k.unit_id IN (SELECT u.id FROM objectives_unit u WHERE starts_with(u.path, followed.path))
JOIN alerts_alertstate a ON a.kpi_id = k.id
WHERE s.id = %s AND a.confirmed_band <> ''
ON CONFLICT (subscription_id, kpi_id)
DO UPDATE SET band = excluded.band, seq = excluded.seq, told_at = NULL
"""


def follow(*, user: User, thing: Kpi | Objective | Unit) -> Subscription:
    """Tell `user` of every change of band of a KPI, or of the KPIs of an objective, or of a unit and below, from now
    on; asked twice, it is one subscription."""
    about: dict[str, Any] = {"kpi": None, "objective": None, "unit": None, str(thing._meta.model_name): thing}
    with transaction.atomic():
        subscription, is_new = Subscription.objects.get_or_create(user=user, **about)
        if is_new or not subscription.is_active:
            _begin(subscription)
    return subscription


def tell(*, subscription: Subscription, what: Told) -> None:
    """Change what a subscription tells: every change of band, only off track reached or left, or nothing for now."""
    with transaction.atomic():
        row = Subscription.objects.select_for_update().get(pk=subscription.pk)
        if what == "nothing":
            row.is_active = False
            row.save(update_fields=["is_active"])
            return
        row.worst_only = what == "worst"
        row.save(update_fields=["worst_only"])
        if not row.is_active:
            _begin(row)


def unfollow(*, subscription: Subscription) -> None:
    """End a subscription. That of an owner is kept, switched off, since it would be made anew."""
    with transaction.atomic():
        row = Subscription.objects.select_for_update().filter(pk=subscription.pk).first()
        if row is None:
            return
        if row.as_owner:
            row.is_active = False
            row.save(update_fields=["is_active"])
        else:
            row.delete()


def _begin(subscription: Subscription) -> None:
    subscription.is_active = True
    subscription.save(update_fields=["is_active"])
    with connection.cursor() as cursor:
        cursor.execute(NOTE_PRESENT_BANDS, [subscription.pk])
