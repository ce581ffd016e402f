"""Reading initiatives, each person within their own view."""

from __future__ import annotations

from datetime import date

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Q, QuerySet

from initiatives.domain.status import APPROVED, OPEN, may_decide
from initiatives.models import ExpectedImpact, Initiative, Milestone
from kpiplatform.accounts.models import User
from kpis.models import Kpi
from kpis.queries import kpis_visible_to
from objectives.models import Objective, Role, RoleAssignment, Unit
from objectives.queries import (
    decides_for,
    manages,
    may_configure,
    may_write,
    objectives_visible_to,
    scope_of,
    units_visible_to,
)


def initiatives_visible_to(user: User | AnonymousUser, *, today: date) -> QuerySet[Initiative]:
    """Return the initiatives that `user` may open.

    Admins open all; executives those of the very unit they lead, and those that serve an objective of the strategy
    or are to move a strategic KPI; managers, team members and auditors those of their units and below; everyone
    their own, those with a milestone of theirs, and those that are to move a KPI they own. Anyone else's initiative
    does not exist for them.
    """
    scope = scope_of(user, today=today)
    initiatives = Initiative.objects.all()
    if scope.everything:
        return initiatives
    if not isinstance(user, User) or not user.is_active:
        return initiatives.none()
    impacts = ExpectedImpact.objects.filter(initiative=OuterRef("pk"))
    condition = Q(owner=user) | scope.units("unit__")
    condition |= Q(Exists(Milestone.objects.filter(initiative=OuterRef("pk"), owner=user)))
    condition |= Q(Exists(impacts.filter(kpi__owner=user)))
    if scope.strategic:
        condition |= Q(objective__isnull=False) | Q(Exists(impacts.filter(kpi__tier=Kpi.Tier.STRATEGIC)))
        led = RoleAssignment.objects.filter(user=user, role=Role.EXECUTIVE).exclude(valid_until__lt=today)
        condition |= Q(unit__in=led.values("unit"))
    return initiatives.filter(condition)


def initiatives_editable_by(user: User, *, today: date) -> QuerySet[Initiative]:
    """Return the initiatives that `user` may change: their own, those of units they manage, all for admins."""
    visible = initiatives_visible_to(user, today=today)
    if not user.is_active or not may_write(user, today=today):
        return visible.none()
    if may_configure(user, today=today):
        return visible
    condition = Q(owner=user)
    managed = RoleAssignment.objects.filter(user=user, role=Role.MANAGER).exclude(valid_until__lt=today)
    for path in managed.values_list("unit__path", flat=True):
        condition |= Q(unit__path__startswith=path)
    return visible.filter(condition)


def may_edit(user: User, initiative: Initiative, *, today: date) -> bool:
    """Return whether `user` may change an initiative they see: `initiatives_editable_by` for one, without a query."""
    if not user.is_active or not may_write(user, today=today):
        return False
    return initiative.owner_id == user.pk or manages(user, initiative.unit, today=today)


def may_approve(user: User, initiative: Initiative, *, today: date) -> bool:
    """Return whether `user` may approve an initiative, and change what was approved: not its owner."""
    decides = may_write(user, today=today) and decides_for(user, initiative.unit, today=today)
    return may_decide(APPROVED, decides_for_unit=decides, is_owner=initiative.owner_id == user.pk)


def may_edit_milestone(user: User, milestone: Milestone, *, today: date) -> bool:
    """Return whether `user` may tick and move a milestone: whoever changes the initiative, and its own owner."""
    if may_edit(user, milestone.initiative, today=today):
        return True
    return milestone.owner_id == user.pk and user.is_active and may_write(user, today=today)


def kpis_without_initiative(user: User, *, today: date) -> QuerySet[Kpi]:
    """Return the KPIs `user` sees that are at risk or off track while no open initiative is to move them."""
    answered = ExpectedImpact.objects.filter(kpi=OuterRef("pk"), initiative__status__in=OPEN)
    return (
        kpis_visible_to(user, today=today)
        .filter(~Exists(answered), status=Kpi.Status.ACTIVE, state__band__in=["at_risk", "off_track"])
        .select_related("state", "owner", "unit")
        .order_by("state__score", "code")
    )


def initiatives_without_kpi(user: User, *, today: date) -> QuerySet[Initiative]:
    """Return the open initiatives `user` sees that promise no KPI anything."""
    promised = ExpectedImpact.objects.filter(initiative=OuterRef("pk"))
    return (
        initiatives_visible_to(user, today=today)
        .filter(~Exists(promised), status__in=OPEN)
        .select_related("owner", "unit")
    )


def milestones_owed_by(user: User) -> QuerySet[Milestone]:
    """Return the milestones of open initiatives that `user` is to reach, the next first."""
    owed = Milestone.objects.filter(owner=user, done_on__isnull=True, initiative__status__in=OPEN)
    return owed.select_related("initiative").order_by("due_on", "pk")


def units_to_propose_in(user: User, *, today: date) -> QuerySet[Unit]:
    """Return the units in which `user` may propose work: those they see, and those of their roles and their KPIs."""
    visible = units_visible_to(user, today=today).values("pk")
    own = Kpi.objects.filter(owner=user).values("unit")
    roles = RoleAssignment.objects.filter(user=user).exclude(valid_until__lt=today).values("unit")
    return Unit.objects.filter(Q(pk__in=visible) | Q(pk__in=own) | Q(pk__in=roles), is_active=True)


def objectives_to_serve(user: User, *, today: date) -> QuerySet[Objective]:
    """Return the objectives that `user` may name: those they see, and those of the KPIs they see."""
    visible = objectives_visible_to(user, today=today).values("pk")
    measured = kpis_visible_to(user, today=today).order_by().values("objective")
    return Objective.objects.filter(Q(pk__in=visible) | Q(pk__in=measured), status=Objective.Status.ACTIVE)
