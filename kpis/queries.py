"""Reading KPIs, each person within their own view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from kpiplatform.accounts.models import User
from kpis.domain.limits import TargetRow, ThresholdRow
from kpis.domain.periods import Calendar
from kpis.models import Kpi, PeriodCalendar, Target, ThresholdSet
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Every version of a KPI's targets and thresholds, and the limits already derived from them."""

    targets: list[TargetRow] = field(default_factory=list)
    thresholds: list[ThresholdRow] = field(default_factory=list)
    cache: dict[Any, Any] = field(default_factory=dict)


def rules_of(kpi_ids: Sequence[int]) -> dict[int, Rules]:
    """Return the targets and thresholds of each KPI, in two queries."""
    rules = {kpi_id: Rules() for kpi_id in kpi_ids}
    for target in Target.objects.filter(kpi_id__in=kpi_ids):
        rules[target.kpi_id].targets.append(
            TargetRow(
                effective_from=target.effective_from,
                recorded_at=target.recorded_at,
                value=target.value,
                low=target.low,
                high=target.high,
            )
        )
    for row in ThresholdSet.objects.filter(kpi_id__in=kpi_ids):
        rules[row.kpi_id].thresholds.append(
            ThresholdRow(
                effective_from=row.effective_from,
                recorded_at=row.recorded_at,
                mode=row.mode,
                goal=row.goal,
                red_flag=row.red_flag,
                goal_low=row.goal_low,
                goal_high=row.goal_high,
                red_low=row.red_low,
                red_high=row.red_high,
                scores={Decimal(option): Decimal(str(score)) for option, score in row.scores.items()} or None,
            )
        )
    return rules


def calendars() -> dict[int, Calendar]:
    """Return the period calendars by id."""
    return {row.pk: calendar_of(row) for row in PeriodCalendar.objects.all()}


def calendar_of(row: PeriodCalendar) -> Calendar:
    """Return the calendar as the domain functions take it."""
    return Calendar(
        fiscal_year_start_month=row.fiscal_year_start_month,
        label_rule=row.label_rule,
        week_start=row.week_start,
        pattern=row.pattern,
        year_end_rule=row.year_end_rule,
        year_end_weekday=row.year_end_weekday,
        year_end_month=row.year_end_month,
    )
