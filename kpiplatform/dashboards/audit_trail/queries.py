"""Reading the audit trail, each person within their own view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q, QuerySet

from kpiplatform.accounts.models import User
from kpiplatform.audit.models import AuditEntry
from kpis.models import Kpi
from objectives.queries import auditing_scope_of

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What of the trail is asked for; 0 stands for the system among people, None for everybody."""

    table: str = ""
    row: str = ""
    actor: int | None = None
    first: date | None = None
    last: date | None = None
    before: int | None = None


def entries_visible_to(user: User, *, today: date) -> QuerySet[AuditEntry]:
    """Return the entries that `user` may read: all, or for auditors of units those about the KPIs of these units."""
    scope = auditing_scope_of(user, today=today)
    if scope.everything:
        return AuditEntry.objects.all()
    if not scope.unit_paths:
        return AuditEntry.objects.none()
    ids = list(Kpi.objects.filter(scope.units("unit__")).values_list("pk", flat=True))
    about = Q(table=Kpi._meta.db_table, row__in=[str(pk) for pk in ids])
    return AuditEntry.objects.filter(about | Q(after__kpi_id__in=ids) | Q(before__kpi_id__in=ids))


def entries(user: User, chosen: Chosen, *, zone: ZoneInfo, today: date) -> QuerySet[AuditEntry]:
    """Return the entries asked for, newest first."""
    found = entries_visible_to(user, today=today)
    if chosen.table:
        found = found.filter(table=chosen.table)
    if chosen.row:
        found = found.filter(row=chosen.row)
    if chosen.actor is not None:
        found = found.filter(actor=chosen.actor or None) if chosen.actor else found.filter(actor=None)
    if chosen.first:
        found = found.filter(at__gte=datetime.combine(chosen.first, time.min, zone))
    if chosen.last:
        found = found.filter(at__lt=datetime.combine(chosen.last + DAY, time.min, zone))
    if chosen.before:
        found = found.filter(pk__lt=chosen.before)
    return found.order_by("-pk")


def audited_tables() -> set[str]:
    """Return the tables whose rows the database writes into the trail."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'audit'")
        return {name for (name,) in cursor.fetchall()}


def names_of(shown: Sequence[AuditEntry]) -> tuple[dict[int, str], dict[int, str]]:
    """Return the people who acted and the KPIs that were concerned, by id, in two queries."""
    actors = {one.actor for one in shown if one.actor}
    concerned = {(one.after or one.before or {}).get("kpi_id") for one in shown} - {None}
    return _names(User, actors), _names(Kpi, concerned)


def _names(model: type[Kpi | User], ids: set[int]) -> dict[int, str]:
    """Return names by id; as one array, because a file concerns thousands, and a statement is searched for each."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, name FROM {model._meta.db_table} WHERE id = ANY(%s)", [list(ids)])
        return dict(cursor.fetchall())
