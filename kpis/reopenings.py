"""Locked periods and the requests to reopen them, each person within their own view."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import CharField, F, Q, QuerySet, Value

from kpiplatform.accounts.models import User
from kpis.domain.periods import Period
from kpis.models import Kpi, PeriodLock, PeriodReopening
from kpis.queries import kpis_visible_to
from objectives.queries import auditing_scope_of, running_scope_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """How a period of a KPI is closed to writing; no `lock`: it is open to whoever may change the KPI's values.

    Of the requests that waits which nobody has decided, and that holds which was approved and has not expired.
    """

    lock: PeriodLock | None
    waiting: PeriodReopening | None
    holds: PeriodReopening | None

    @property
    def is_closed(self) -> bool:
        return self.lock is not None and self.holds is None


def closure_of(kpi: Kpi, period: Period, *, now: datetime) -> Closure:
    """Return how a period of the KPI is closed, in two queries at most."""
    locks = PeriodLock.objects.filter(
        calendar=kpi.calendar_id, locked_until__gte=period.end, locked_at__gte=kpi.created_at
    )
    above = Q(unit=None) | Q(path__startswith=F("unit__path"))
    locks = locks.alias(path=Value(kpi.unit.path, output_field=CharField())).filter(above)
    lock = locks.select_related("unit", "locked_by").order_by("-locked_until", "pk").first()
    if lock is None:
        return Closure(lock=None, waiting=None, holds=None)
    found = PeriodReopening.objects.filter(kpi=kpi, period_start=period.start).filter(
        Q(decided_at=None) | Q(expires_at__gt=now)
    )
    requests = list(found.select_related("requested_by", "approved_by"))
    return Closure(
        lock=lock,
        waiting=next((one for one in requests if one.decided_at is None), None),
        holds=next((one for one in requests if one.decided_at is not None), None),
    )


def reopenings_visible_to(user: User, *, today: date) -> QuerySet[PeriodReopening]:
    """Return the requests that `user` may open, of KPIs they see: their own, and those about KPIs they answer for.

    Also those of units that they run or audit.
    """
    visible = PeriodReopening.objects.filter(kpi__in=kpis_visible_to(user, today=today))
    runs, audits = running_scope_of(user, today=today), auditing_scope_of(user, today=today)
    if runs.everything or audits.everything:
        return visible
    answers = Q(kpi__owner_id=user.pk) | Q(kpi__deputy_id=user.pk) | Q(kpi__steward_id=user.pk)
    own = Q(requested_by_id=user.pk) | answers
    return visible.filter(own | runs.units("kpi__unit__") | audits.units("kpi__unit__"))


def reopenings_decided_by(user: User, *, today: date) -> QuerySet[PeriodReopening]:
    """Return the requests that wait for `user`: about KPIs of units they run, and never their own."""
    scope = running_scope_of(user, today=today)
    visible = reopenings_visible_to(user, today=today)
    waiting = visible.filter(decided_at=None).exclude(requested_by_id=user.pk)
    return waiting if scope.everything else waiting.filter(scope.units("kpi__unit__"))
