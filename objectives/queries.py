"""Reading the organisation and the strategy, each person within their own view."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

from kpiplatform.accounts.models import User
from kpiplatform.audit.models import AuditEntry
from objectives.models import Objective, Organisation, Role, Unit

NAMELESS = "KPI platform"  # before set-up
# As SQL, because every page asks it: the ORM takes several times as long to write it as PostgreSQL to answer.
ROLES = """
SELECT r.role, u.path, r.valid_until FROM objectives_roleassignment r JOIN objectives_unit u ON u.id = r.unit_id
WHERE r.user_id = %s
"""


class _OneOf(Func):
    """Whether a value is one of an array."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    output_field = BooleanField()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a person's roles open to them on a day: everything, the strategic level, or subtrees of units."""

    everything: bool = False
    strategic: bool = False
    unit_paths: tuple[str, ...] = ()

    def units(self, prefix: str) -> Q:
        """Return the condition that the unit reached by `prefix` (such as "unit__") lies in an open subtree."""
        condition = Q(pk__in=[])
        for path in self.unit_paths:
            condition |= Q(**{f"{prefix}path__startswith": path})
        return condition

    def of_units(self, column: str) -> Q:
        """Return the condition that the unit whose id is in `column` lies in an open subtree.

        The ids are looked up once for a statement. So the index of the column serves, beside those of other ways to
        see a row; with `units` every row of a large table is joined to its unit first. As SQL, because every page puts
        it together, some more than once.
        """
        if not self.unit_paths:
            return Q(pk__in=[])
        under = " OR ".join(["path ^@ %s"] * len(self.unit_paths))
        opened = RawSQL(f"ARRAY(SELECT id FROM objectives_unit WHERE {under})", self.unit_paths)
        return Q(_OneOf(F(column), opened))

    def holds(self, path: str) -> bool:
        """Return whether the unit at `path` lies in an open subtree."""
        return any(path.startswith(opened) for opened in self.unit_paths)


def scope_of(user: User | AnonymousUser, *, today: date) -> Scope:
    """Return what the roles of `user` open on `today`; nothing for people who may not sign in."""
    if not isinstance(user, User) or not user.is_active:
        return Scope()
    if user.is_superuser:
        return Scope(everything=True)
    roles = _roles_of(user, today)
    names = {role for role, _ in roles}
    return Scope(
        everything=Role.ADMIN in names,
        strategic=Role.EXECUTIVE in names,
        unit_paths=tuple(sorted(path for role, path in roles if role in {Role.MANAGER, Role.AUDITOR, Role.MEMBER})),
    )


def may_write(user: User, *, today: date) -> bool:
    """Return whether `user` holds any role that is not read-only: auditors write nothing."""
    if user.is_superuser:
        return True
    return any(role != Role.AUDITOR for role, _ in _roles_of(user, today))


def may_configure(user: User | AnonymousUser, *, today: date) -> bool:
    """Return whether `user` sets up the organisation: thresholds, people, units, calendars, sources, cadences."""
    return scope_of(user, today=today).everything


def manages(user: User, unit: Unit, *, today: date) -> bool:
    """Return whether `user` runs the unit: a manager of it or of a unit above, or an admin."""
    if may_configure(user, today=today):
        return True
    return any(role == Role.MANAGER and unit.path.startswith(path) for role, path in _roles_of(user, today))


def running_scope_of(user: User | AnonymousUser, *, today: date) -> Scope:
    """Return what `user` runs on `today`: everything for admins, else the units they manage and those below."""
    if may_configure(user, today=today):
        return Scope(everything=True)
    if not isinstance(user, User) or not user.is_active:
        return Scope()
    return Scope(unit_paths=tuple(path for role, path in _roles_of(user, today) if role == Role.MANAGER))


def working_scope_of(user: User | AnonymousUser, *, today: date) -> Scope:
    """Return where `user` belongs on `today`, as team member or manager: these units and those below."""
    if not isinstance(user, User) or not user.is_active:
        return Scope()
    at_work = {Role.MANAGER, Role.MEMBER}
    return Scope(unit_paths=tuple(path for role, path in _roles_of(user, today) if role in at_work))


def auditing_scope_of(user: User | AnonymousUser, *, today: date) -> Scope:
    """Return of what `user` may read the audit trail: of everything for admins and auditors of the whole organisation.

    Auditors of a unit read what concerns it and those below, everybody else nothing.
    """
    if may_configure(user, today=today):
        return Scope(everything=True)
    if not isinstance(user, User) or not user.is_active:
        return Scope()
    paths = tuple(path for role, path in _roles_of(user, today) if role == Role.AUDITOR)
    return Scope(everything=any("/" not in path.strip("/") for path in paths), unit_paths=paths)


def decides_for(user: User, unit: Unit, *, today: date) -> bool:
    """Return whether `user` decides about work of the unit: who runs it, and executives of this very unit."""
    if manages(user, unit, today=today):
        return True
    return (Role.EXECUTIVE, unit.path) in _roles_of(user, today)


def units_visible_to(user: User | AnonymousUser, *, today: date) -> QuerySet[Unit]:
    """Return the units whose pages `user` may open: all for admins and executives, else those of their roles."""
    units = Unit.objects.filter(is_active=True)
    scope = scope_of(user, today=today)
    if scope.everything or scope.strategic:
        return units
    return units.filter(scope.units(""))


def colleagues_of(user: User | AnonymousUser, *, today: date) -> QuerySet[User]:
    """Return the people that `user` may name, find and mention: everybody active, for whoever has a role here."""
    people = User.objects.filter(is_active=True)
    if not isinstance(user, User) or not user.is_active:
        return people.none()
    return people if user.is_superuser or _roles_of(user, today) else people.filter(pk=user.pk)


def _roles_of(user: User, today: date) -> list[tuple[str, str]]:
    """The (role, unit path) of a person on a day; read once per person object, that is once per request."""
    if not hasattr(user, "roles_read"):
        with connection.cursor() as cursor:
            cursor.execute(ROLES, [user.pk])
            user.roles_read = cursor.fetchall()
    return [(role, path) for role, path, until in user.roles_read if until is None or until >= today]


def objectives_visible_to(user: User | AnonymousUser, *, today: date) -> QuerySet[Objective]:
    """Return the objectives that `user` may open: strategy for executives, own units, and what they own."""
    objectives = Objective.objects.filter(status=Objective.Status.ACTIVE)
    scope = scope_of(user, today=today)
    if scope.everything or scope.strategic:
        return objectives
    return objectives.filter(Q(owner_id=user.pk) | scope.units("unit__"))


def active_objectives(known_at: datetime | None = None) -> QuerySet[Objective]:
    """Return the objectives of the strategy, by what was known at a moment, None for now.

    Of the audit trail it is read which ones were retired only later.
    """
    active = Q(status=Objective.Status.ACTIVE)
    if known_at is None:
        return Objective.objects.filter(active)
    table = Objective._meta.db_table
    later = AuditEntry.objects.filter(
        table=table, row=Cast(OuterRef("pk"), TextField()), at__gte=known_at, before__status=Objective.Status.ACTIVE
    ).exclude(after__status=Objective.Status.ACTIVE)
    return Objective.objects.filter(active | Q(Exists(later)))


def opens_objective(user: User, *, status: str, owner_id: int, unit_path: str, today: date) -> bool:
    """Return whether `user` may open an objective: `objectives_visible_to` for one of which this much was read."""
    if status != Objective.Status.ACTIVE:
        return False
    scope = scope_of(user, today=today)
    return scope.everything or scope.strategic or owner_id == user.pk or scope.holds(unit_path)


def organisation() -> Organisation:
    """Return the organisation that this installation serves; an unsaved one before set-up."""
    return Organisation.objects.first() or Organisation(pk=1, name=NAMELESS)


def organisations_day(now: datetime) -> date:
    """Return the day where the organisation is: by it periods close, and what holds from a day on begins to hold."""
    return now.astimezone(ZoneInfo(organisation().time_zone)).date()
