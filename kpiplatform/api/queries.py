"""What a token opens: never more than its person may, and of that only what it was made for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, Q, QuerySet

from kpiplatform.accounts.models import User
from kpiplatform.api.models import ApiToken
from kpis.models import Kpi
from kpis.queries import kpis_editable_by, kpis_visible_to
from objectives.models import Objective, Unit
from objectives.queries import may_configure, objectives_visible_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A program that asks: by which token, as whom, and when; `today` is the day where the person lives."""

    token: ApiToken
    user: User
    now: datetime
    today: date
    kpi_ids: frozenset[int]
    unit_paths: tuple[str, ...]

    @property
    def is_limited(self) -> bool:
        return bool(self.kpi_ids or self.unit_paths)


def caller_of(token: ApiToken, *, now: datetime) -> Caller:
    """Return who asks with the token."""
    return Caller(
        token=token,
        user=token.user,
        now=now,
        today=now.astimezone(ZoneInfo(token.user.time_zone or "UTC")).date(),
        kpi_ids=frozenset(token.kpis.values_list("pk", flat=True)),
        unit_paths=tuple(token.units.values_list("path", flat=True)),
    )


def tokens_visible_to(user: User, *, today: date) -> QuerySet[ApiToken]:
    """Return the tokens that `user` may look at and revoke: the own ones, for admins everybody's."""
    tokens = ApiToken.objects.select_related("user", "revoked_by", "key")
    if not user.is_active:
        return tokens.none()
    tokens = tokens.prefetch_related("kpis", Prefetch("units", Unit.objects.order_by("path")))
    return tokens if may_configure(user, today=today) else tokens.filter(user=user)


def kpis_readable_by(caller: Caller, *, known_at: datetime | None = None) -> QuerySet[Kpi]:
    """Return the KPIs that the token reads, with those that were retired after a moment, None for now."""
    return kpis_visible_to(caller.user, today=caller.today, known_at=known_at).filter(_within(caller))


def kpis_fed_by(caller: Caller) -> QuerySet[Kpi]:
    """Return the KPIs that the token may push values of."""
    return kpis_editable_by(caller.user, today=caller.today).filter(_within(caller))


def objectives_readable_by(caller: Caller) -> QuerySet[Objective]:
    """Return the objectives whose roll-up the token reads; one that is limited to KPIs reads those of its units."""
    objectives = objectives_visible_to(caller.user, today=caller.today)
    return objectives.filter(_of_units(caller)) if caller.is_limited else objectives


def _within(caller: Caller) -> Q:
    if not caller.is_limited:
        return Q()
    return Q(pk__in=caller.kpi_ids) | _of_units(caller)


def _of_units(caller: Caller) -> Q:
    condition = Q(pk__in=[])
    for path in caller.unit_paths:
        condition |= Q(unit__path__startswith=path)
    return condition
