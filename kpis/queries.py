"""Reading KPIs, each person within their own view."""

from __future__ import annotations

from datetime import date

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from kpiplatform.accounts.models import User
from kpis.models import Kpi
from objectives.queries import may_write, scope_of


def kpis_visible_to(user: User | AnonymousUser, *, today: date) -> QuerySet[Kpi]:
    """Return the KPIs that `user` may open.

    Admins open all; executives the strategic ones everywhere; managers, team members and auditors those of their
    units and below; everyone those they own, deputise or steward. Anyone else's KPI does not exist for them.
    """
    kpis = Kpi.objects.exclude(status=Kpi.Status.RETIRED)
    scope = scope_of(user, today=today)
    if scope.everything:
        return kpis
    condition = Q(owner_id=user.pk) | Q(deputy_id=user.pk) | Q(steward_id=user.pk) | scope.units("unit__")
    if scope.strategic:
        condition |= Q(tier=Kpi.Tier.STRATEGIC)
    return kpis.filter(condition) if user.is_active and user.pk else kpis.none()


def kpis_editable_by(user: User, *, today: date) -> QuerySet[Kpi]:
    """Return the KPIs whose values `user` may enter and correct: own, deputised or stewarded ones, all for admins."""
    kpis = Kpi.objects.filter(status=Kpi.Status.ACTIVE)
    if not user.is_active or not may_write(user, today=today):
        return kpis.none()
    if scope_of(user, today=today).everything:
        return kpis
    return kpis.filter(Q(owner=user) | Q(deputy=user) | Q(steward=user))
