"""The organisation of the sample: units, people, plan and objectives."""

from datetime import date
from decimal import Decimal

from django.contrib.auth.hashers import make_password

from kpiplatform.accounts.models import User
from kpiplatform.demo.scene import Scene
from kpiplatform.demo.sheets import read
from kpis.models import Holiday, PeriodCalendar
from objectives.models import (
    CausalLink,
    Objective,
    ObjectiveWeight,
    Organisation,
    Perspective,
    RoleAssignment,
    StrategyPlan,
    Theme,
    Unit,
)


def add_organisation(scene: Scene, *, password: str) -> None:
    """Create the organisation with its calendar, units, people and roles; all people share the password."""
    described = read("organisation")
    Organisation.objects.create(pk=1, **described["organisation"])
    calendar = dict(described["calendar"])
    holidays = calendar.pop("holiday")
    scene.calendar = PeriodCalendar.objects.create(is_default=True, **calendar)
    Holiday.objects.bulk_create(
        Holiday(calendar=scene.calendar, day=scene.moments.day(row["day"]), name=row["name"]) for row in holidays
    )
    _add_units(scene, described["unit"])
    _add_people(scene, password=password)


def add_strategy(scene: Scene) -> None:
    """Create the plan of the running year with its perspectives, themes, objectives and causal links."""
    described, moments = read("strategy"), scene.moments
    plan = StrategyPlan.objects.create(
        code=moments.text("{year}"),
        name=moments.text(described["plan"]["name"]),
        vision=described["plan"]["vision"],
        starts_on=date(moments.today.year, 1, 1),
        ends_on=date(moments.today.year, 12, 31),
    )
    perspectives = {
        row["code"]: Perspective(plan=plan, position=position, **row)
        for position, row in enumerate(described["perspective"], start=1)
    }
    Perspective.objects.bulk_create(perspectives.values())
    themes = {row["code"]: Theme(plan=plan, **row) for row in described["theme"]}
    Theme.objects.bulk_create(themes.values())
    for position, row in enumerate(described["objective"], start=1):
        scene.objectives[row["code"]] = Objective.objects.create(
            plan=plan,
            code=row["code"],
            name=row["name"],
            description=row["description"],
            perspective=perspectives[row["perspective"]],
            theme=themes[row["theme"]],
            unit=scene.units[row["unit"]],
            parent=scene.objectives.get(row.get("parent", "")),
            owner=scene.people[row["owner"]],
            position=position,
        )
    ObjectiveWeight.objects.bulk_create(
        ObjectiveWeight(
            objective=scene.objectives[row["code"]],
            weight=Decimal(row["weight"]),
            effective_from=moments.effective("start"),
            recorded_at=scene.founded_at,
            recorded_by=scene.office,
        )
        for row in described["objective"]
        if "weight" in row
    )
    CausalLink.objects.bulk_create(
        CausalLink(
            source=scene.objectives[row["from"]],
            target=scene.objectives[row["to"]],
            sign=row["sign"],
            lag_from_days=row["lag_days"][0],
            lag_to_days=row["lag_days"][1],
            evidence=row["evidence"],
            rationale=row["rationale"],
        )
        for row in described["link"]
    )


def _add_units(scene: Scene, rows: list[dict[str, str]]) -> None:
    for position, row in enumerate(rows):
        parent = scene.units.get(row.get("parent", ""))
        scene.units[row["code"]] = Unit.objects.create(
            code=row["code"],
            name=row["name"],
            parent=parent,
            path=f"{parent.path if parent else '/'}{row['code']}/",
            position=position,
        )


def _add_people(scene: Scene, *, password: str) -> None:
    rows = read("people")["person"]
    # Hashing is slow on purpose: once is enough for one password.
    hashed = make_password(password)
    people = User.objects.bulk_create(
        User(email=row["email"], name=row["name"], password=hashed, time_zone=str(scene.moments.zone)) for row in rows
    )
    scene.people = {person.email.partition("@")[0]: person for person in people}
    RoleAssignment.objects.bulk_create(
        RoleAssignment(
            user=person,
            unit=scene.units[role["unit"]],
            role=role["role"],
            valid_until=scene.moments.day(role["until"]) if "until" in role else None,
        )
        for person, row in zip(people, rows, strict=True)
        for role in row["roles"]
    )
