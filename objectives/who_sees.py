"""Who can open an objective, and why: the same rule as `objectives_visible_to`, asked the other way round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from objectives.models import Objective, Role, RoleAssignment, Unit
from objectives.queries import scope_of

OF_UNITS = (Role.MANAGER, Role.MEMBER, Role.AUDITOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sees:
    """A person who can open a thing, with every reason why."""

    person: User
    reasons: tuple[str, ...]


def who_sees_objective(objective: Objective, *, today: date) -> list[Sees]:
    """Return everybody who can open the objective, by name; nobody for one that is retired."""
    if objective.status != Objective.Status.ACTIVE:
        return []
    found, units = [], units_above(objective.unit)
    for person in people_with_roles():
        scope = scope_of(person, today=today)
        reasons = [_("owner")] if person.pk == objective.owner_id else []
        if scope.everything:
            reasons.append(_("admin: sees everything"))
        if scope.strategic:
            reasons.append(_("executive: sees every objective"))
        reasons += reasons_of_units(person, units, today=today)
        if reasons:
            found.append(Sees(person=person, reasons=tuple(reasons)))
    return found


def people_with_roles() -> list[User]:
    """Return the people who may sign in, by name, each with their roles read; two queries."""
    people = list(User.objects.filter(is_active=True).order_by("name", "pk"))
    by_person: dict[int, list[tuple[str, str, date | None]]] = {person.pk: [] for person in people}
    rows = RoleAssignment.objects.values_list("user_id", "role", "unit__path", "valid_until")
    for user_id, role, path, until in rows.filter(user__is_active=True):
        by_person[user_id].append((role, path, until))
    for person in people:
        person.roles_read = by_person[person.pk]
    return people


def units_above(unit: Unit) -> dict[str, str]:
    """Return the names of a unit and of those above it, by path."""
    codes = unit.path.strip("/").split("/")
    return dict(Unit.objects.filter(code__in=codes).values_list("path", "name"))


def reasons_of_units(person: User, units: Mapping[str, str], *, today: date) -> Iterator[str]:
    """Yield the roles of a person of `people_with_roles` in one of the `units_above`, as reasons."""
    open_paths = scope_of(person, today=today).unit_paths
    for role, path, until in person.roles_read:
        if role in OF_UNITS and path in open_paths and path in units and (until is None or until >= today):
            yield _("%(role)s of %(unit)s") % {"role": str(Role(role).label).lower(), "unit": units[path]}
