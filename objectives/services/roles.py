"""Who has which role where. One rule stands above all: somebody can always configure."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from objectives.models import Role, RoleAssignment, Unit
from objectives.services.refusal import Refused


def give_role(*, person: User, unit: Unit, role: str, valid_until: date | None, today: date) -> RoleAssignment:
    """Give a person a role in a unit and below. The same role again moves its last day. Raises Refused."""
    if role == Role.AUDITOR and valid_until is None:
        raise Refused(_("An auditor's role ends on a day: say which."))
    if valid_until is not None and valid_until < today:
        raise Refused(_("The last day lies in the past."))
    with transaction.atomic():
        _lock_admins()
        locked = User.objects.select_for_update().get(pk=person.pk)
        if not locked.is_active:
            raise Refused(_("%(name)s may not sign in: let them in again first.") % {"name": locked.name})
        if not Unit.objects.select_for_update(no_key=True).get(pk=unit.pk).is_active:
            raise Refused(_("%(unit)s is closed: nobody is given a role there.") % {"unit": unit.name})
        before = RoleAssignment.objects.filter(user=person, unit=unit, role=role).first()
        if before is not None and before.valid_until == valid_until:
            return before
        assignment, _created = RoleAssignment.objects.update_or_create(
            user=person, unit=unit, role=role, defaults={"valid_until": valid_until}
        )
        if role == Role.ADMIN and valid_until is not None:
            _refuse_without_admin(today)
    return assignment


def end_role(*, assignment: RoleAssignment, today: date) -> None:
    """Take a role away. Raises Refused for the last administrator's."""
    with transaction.atomic():
        _lock_admins()
        RoleAssignment.objects.filter(pk=assignment.pk).delete()
        if assignment.role == Role.ADMIN:
            _refuse_without_admin(today)


def end_installation_rights(*, person: User, today: date) -> None:
    """Take away the rights that a person has from the command line, beside all roles. Raises Refused for the last."""
    with transaction.atomic():
        _lock_admins()
        User.objects.filter(pk=person.pk).update(is_superuser=False)
        _refuse_without_admin(today)


def refuse_if_last_admin(*, person: User, today: date) -> None:
    """Raise Refused if nobody else could configure. Asked in the transaction that closes the person's account."""
    _lock_admins()
    if admins(today=today).filter(pk=person.pk).exists() and not admins(today=today).exclude(pk=person.pk).exists():
        raise Refused(_("%(name)s is the last administrator: make somebody else one first.") % {"name": person.name})


def admins(*, today: date) -> QuerySet[User]:
    """Return the active people who can configure for good: an administrator until a day counts only on roles."""
    lasting = RoleAssignment.objects.filter(role=Role.ADMIN, valid_until__isnull=True).values("user")
    return User.objects.filter(Q(is_superuser=True) | Q(pk__in=lasting), is_active=True)


def _lock_admins() -> None:
    """Two administrators who remove each other at once wait for one another."""
    held = RoleAssignment.objects.filter(role=Role.ADMIN).values("user")
    people = User.objects.filter(Q(is_superuser=True) | Q(pk__in=held)).order_by("pk")
    list(people.select_for_update(no_key=True).values_list("pk", flat=True))


def _refuse_without_admin(today: date) -> None:
    if not admins(today=today).exists():
        raise Refused(_("This is the last administrator's role: make somebody else one first."))
