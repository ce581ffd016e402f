"""Reading people for the pages of configuration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from initiatives.models import Initiative
from kpiplatform.accounts.models import Invitation, User
from kpis.dates import day, moment
from kpis.models import Kpi
from objectives.models import Objective, Role, RoleAssignment

RUNNING = [Initiative.Status.PROPOSED, Initiative.Status.APPROVED, Initiative.Status.RUNNING]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """A line of the list of people."""

    person: User
    roles: list[str]
    owns: str
    signed_in: str
    trouble: str


def people(*, active: bool, words: str = "") -> QuerySet[User]:
    """Return people with their roles, what they own counted, and their last invitation."""
    last = Invitation.objects.filter(user=OuterRef("pk")).order_by("-asked_at", "-id")
    rows = User.objects.filter(is_active=active)
    if words:
        rows = rows.filter(Q(name__icontains=words) | Q(email__icontains=words))
    return rows.annotate(
        kpis_count=_count(Kpi.objects.exclude(status=Kpi.Status.RETIRED)),
        objectives_count=_count(Objective.objects.filter(status=Objective.Status.ACTIVE)),
        initiatives_count=_count(Initiative.objects.filter(status__in=RUNNING)),
        invitation_state=Subquery(last.values("state")[:1]),
        invited_at=Subquery(last.values("asked_at")[:1]),
    ).prefetch_related(_roles())


def person_row(person: Any, *, today: date, zone: tzinfo) -> PersonRow:
    """Return how a person of `people` reads in the list."""
    counted = [
        ngettext("%d KPI", "%d KPIs", person.kpis_count) % person.kpis_count if person.kpis_count else "",
        ngettext("%d objective", "%d objectives", person.objectives_count) % person.objectives_count
        if person.objectives_count
        else "",
        ngettext("%d initiative", "%d initiatives", person.initiatives_count) % person.initiatives_count
        if person.initiatives_count
        else "",
    ]
    return PersonRow(
        person=person,
        roles=[role_words(role, today=today) for role in person.roles.all()]
        + ([_("Installation admin")] if person.is_superuser else []),
        owns=", ".join(word for word in counted if word),
        signed_in=_signed_in(person.last_login, person.invited_at, zone),
        trouble=_("invitation could not be sent")
        if person.invitation_state == Invitation.State.FAILED and person.last_login is None and person.is_active
        else "",
    )


def role_words(role: RoleAssignment, *, today: date) -> str:
    """Return a role as people read it, like “Auditor, LaGuardia until 31 Dec 2026”."""
    words = f"{Role(role.role).label}, {role.unit.name}"
    if role.valid_until is None:
        return words
    if role.valid_until < today:
        return _("%(role)s, ended %(day)s") % {"role": words, "day": day(role.valid_until)}
    return _("%(role)s until %(day)s") % {"role": words, "day": day(role.valid_until)}


def roles_of(person: User) -> QuerySet[RoleAssignment]:
    """Return the roles of a person, also those that have ended."""
    return person.roles.select_related("unit").order_by("unit__path", "role")


def last_invitation(person: User) -> Invitation | None:
    """Return the newest mail that was owed to the person."""
    return Invitation.objects.filter(user=person).select_related("invited_by").first()


def _roles() -> Prefetch:
    return Prefetch("roles", RoleAssignment.objects.select_related("unit").order_by("unit__path", "role"))


def _count(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.filter(owner=OuterRef("pk")).order_by().values("owner").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0)


def _signed_in(last: datetime | None, invited: datetime | None, zone: tzinfo) -> str:
    if last is not None:
        return moment(last, zone)
    return _("never; invited %(day)s") % {"day": day(invited.astimezone(zone))} if invited else _("never")
