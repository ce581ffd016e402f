"""Rows for tests: plain functions with visible defaults."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from kpiplatform.accounts.models import User
from kpis.models import Kpi, PeriodCalendar, Target, ThresholdSet
from objectives.models import Objective, Organisation, Perspective, Role, RoleAssignment, StrategyPlan, Unit

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
numbers = count(1)


def a_person(name: str = "Ana Kovač", **fields: Any) -> User:
    fields.setdefault("email", f"person{next(numbers)}@example.com")
    return User.objects.create_user(fields.pop("email"), fields.pop("password", None), name=name, **fields)


def a_role(user: User, role: str = Role.MEMBER, unit: Unit | None = None, **fields: Any) -> RoleAssignment:
    if role == Role.AUDITOR:
        fields.setdefault("valid_until", date(2099, 12, 31))
    return RoleAssignment.objects.create(user=user, role=role, unit=unit or the_company(), **fields)


def the_company() -> Unit:
    Organisation.objects.get_or_create(pk=1, defaults={"name": "Harbor Airports"})
    return Unit.objects.get_or_create(code="company", defaults={"name": "Harbor Airports", "path": "/company/"})[0]


def a_unit(code: str = "lga", name: str = "LaGuardia", parent: Unit | None = None) -> Unit:
    parent = parent or the_company()
    return Unit.objects.create(code=code, name=name, parent=parent, path=f"{parent.path}{code}/")


def the_calendar() -> PeriodCalendar:
    return PeriodCalendar.objects.get_or_create(name="Standard", defaults={"is_default": True})[0]


def the_plan() -> StrategyPlan:
    return StrategyPlan.objects.get_or_create(
        code="fy26", defaults={"name": "FY26", "starts_on": date(2026, 1, 1), "ends_on": date(2027, 1, 1)}
    )[0]


def an_objective(name: str = "Leave and arrive on time", **fields: Any) -> Objective:
    plan = the_plan()
    perspective = Perspective.objects.get_or_create(
        plan=plan, code="customer", defaults={"name": "Customer", "position": 1}
    )[0]
    fields.setdefault("code", f"objective-{next(numbers)}")
    fields.setdefault("unit", fields.pop("unit", None) or the_company())
    fields.setdefault("owner", fields.pop("owner", None) or a_person("Daniel Reyes"))
    return Objective.objects.create(plan=plan, perspective=perspective, name=name, **fields)


def a_kpi(name: str = "On-time arrivals", **fields: Any) -> Kpi:
    defaults: dict[str, Any] = {
        "code": f"KPI-{next(numbers)}",
        "polarity": Kpi.Polarity.HIGHER,
        "tier": Kpi.Tier.OPERATIONAL,
        "indicator_type": Kpi.IndicatorType.LAGGING,
        "frequency": Kpi.Frequency.WEEK,
        "time_aggregation": Kpi.Aggregation.AVERAGE,
        "measure_unit": "%",
        "status": Kpi.Status.ACTIVE,
        "created_at": NOW,
    }
    fields = {**defaults, **fields}
    if "objective" not in fields:
        fields["objective"] = an_objective()
    if "unit" not in fields:
        fields["unit"] = the_company()
    if "calendar" not in fields:
        fields["calendar"] = the_calendar()
    if "owner" not in fields:
        fields["owner"] = a_person()
    return Kpi.objects.create(name=name, **fields)


def a_deputy(kpi: Kpi, name: str = "Ana Kovač") -> User:
    """Give `kpi` a deputy, who enters its values as the owner does."""
    kpi.deputy = a_person(name)
    kpi.save(update_fields=["deputy"])
    a_role(kpi.deputy, Role.OWNER)
    return kpi.deputy


def limits(
    kpi: Kpi,
    *,
    goal: str | int = 80,
    red_flag: str | int = 72,
    since: date = date(2020, 1, 1),
    recorded_at: datetime = NOW,
) -> None:
    """Give `kpi` a target and an absolute red flag from `since` on."""
    by = kpi.owner
    Target.objects.create(kpi=kpi, effective_from=since, value=Decimal(goal), recorded_at=recorded_at, recorded_by=by)
    ThresholdSet.objects.create(
        kpi=kpi,
        effective_from=since,
        mode="absolute",
        red_flag=Decimal(red_flag),
        recorded_at=recorded_at,
        recorded_by=by,
    )
