"""The pages of configuration and of the first run: for administrators, for everybody else they don't exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import time
from decimal import Decimal
from typing import Any

from django.urls import reverse

from kpiplatform.accounts.models import Invitation
from kpiplatform.accounts.services.people import PARTICULARS
from kpiplatform.audit.editing import seen
from kpiplatform.dashboards.models import SourceSetup
from kpis.domain.quality import Rule, rows_outcome
from kpis.domain.sentences import Sentence
from kpis.models import (
    EntryRules,
    Holiday,
    PeriodCalendar,
    Pull,
    PullRefusal,
    QualityRule,
    SourceAgreement,
    SourceMapping,
    StagedReading,
)
from kpis.models.source import DataSource
from kpis.services.checking import keep_outcomes
from kpis.sources.base import of_column
from kpis.sources.measures import Measure, Part
from objectives.models import Role, Unit
from tests.architecture.addresses import Address
from tests.architecture.people_and_things import ROLES, World

UNITS = {"COMPANY": "company", "OURS": "lga", "THEIRS": "jfk"}
PEOPLE = {"COMPANY": "executive", "OURS": "owner", "THEIRS": "member"}
CUT = {
    "pattern": "calendar",
    "fiscal_year_start_month": "1",
    "label_rule": "end",
    "week_start": "0",
    "year_end_rule": "last",
    "year_end_weekday": "5",
    "year_end_month": "12",
    "working_weekdays": ["0", "1", "2", "3", "4"],
}
NOBODY = 10**9
NOT_THERE = Sentence("The file %(name)s is not there.", {"name": "nowhere.csv"})
TOO_FEW = Sentence("There were %(rows)s rows a day, usual are %(usual)s.", {"rows": 3, "usual": 1000})
TOO_LATE = rows_outcome(
    Rule(kind="range", severity="hold", columns=("delay",), high=Decimal(1440)), broken=1, checked=9
)
NO_NUMBER = of_column("delay", Sentence("%(text)s is not a number.", {"text": "'x'"}))


def furnish(world: World) -> None:
    """Add a calendar and a source with rules and a held pull for each key; the member owns the sources."""
    world.things["calendar"], world.things["pull"], world.things["rule"] = {}, {}, {}
    EntryRules.objects.create(pk=1)
    for key, kpi in world.kpis.items():
        calendar = PeriodCalendar.objects.create(name=f"Calendar {key}")
        Holiday.objects.create(calendar=calendar, day=world.week.start, name="Founders' day")
        world.things["calendar"][key] = calendar
        source = DataSource.objects.create(
            code=f"source-{key.lower()}",
            name=f"Source {key}",
            kind="csv_file",
            config={"path": "nowhere.csv", "date_column": "day"},
            owner=world.people["member"],
            pull_at=time(6),
            is_enabled=False,
            last_error=NOT_THERE,
            consecutive_failures=2,
        )
        measure = Measure(name="Departures", numerator=Part(agg="count"), group_by="origin").to_store()
        SourceSetup.objects.create(
            source=source,
            author=world.people["admin"],
            look={"columns": ["day", "origin", "carrier", "delay"], "error": NOT_THERE.to_store()},
            tried={"error": NOT_THERE.to_store()},
            measures=[{"measure": measure, "groups": [{"value": "JFK", "rows": 3}]}],
        )
        pull = Pull.objects.create(
            source=source,
            slot=world.moment,
            state=Pull.State.SUSPECT,
            since=world.week.start,
            until=world.week.end,
            started_at=world.moment,
            finished_at=world.moment,
            error=TOO_FEW,
        )
        StagedReading.objects.create(
            pull=pull, kpi=kpi, period_start=world.week.start, period_end=world.week.end, value=75, state="reported"
        )
        world.things["pull"][key] = pull
        SourceMapping.objects.create(source=source, kpi=kpi, spec={"value": {"agg": "count"}})
        SourceAgreement.objects.create(source=source, fresh_within_minutes=120)
        world.things["rule"][key] = QualityRule.objects.create(
            source=source,
            kind="range",
            severity="hold",
            columns=["delay"],
            high=1440,
            created_at=world.moment,
            created_by=world.people["member"],
        )
        PullRefusal.objects.create(pull=pull, line=7, why=NO_NUMBER)
        keep_outcomes(pull, [TOO_LATE])


def source_owners(role: str, key: str) -> int:
    return 200 if role in {"admin", "member"} else 404


def admins(role: str, key: str) -> int:
    return 200 if role == "admin" else 404


def for_admins(answer: int = 200) -> dict[str, int]:
    return {role: answer if role == "admin" else 404 for role in ROLES}


def nowhere(role: str, key: str) -> int:
    """Pages that are only posted to."""
    return 405


def person(world: World, key: str) -> list[Any]:
    return [world.people[PEOPLE[key]].pk if key in PEOPLE else NOBODY]


def role_of_person(world: World, key: str) -> list[Any]:
    assignment = world.people[PEOPLE[key]].roles.first() if key in PEOPLE else None
    return [*person(world, key), assignment.pk if assignment else NOBODY]


def unit(world: World, key: str) -> list[Any]:
    return [UNITS.get(key, "none")]


def calendar(world: World, key: str) -> list[Any]:
    row = world.things["calendar"].get(key)
    return [row.pk if row else NOBODY]


def source(world: World, key: str) -> list[Any]:
    return [f"source-{key.lower()}"]


def pull(world: World, key: str) -> list[Any]:
    row = world.things["pull"].get(key)
    return [*source(world, key), row.pk if row else NOBODY]


def rule(world: World, key: str) -> list[Any]:
    row = world.things["rule"].get(key)
    return [*source(world, key), row.pk if row else NOBODY]


def another_bound(world: World, key: str) -> Mapping[str, Any]:
    return {"columns": "delay", "high": "600", "severity": "hold", "seen": seen(world.things["rule"][key])}


def another_agreement(world: World, key: str) -> Mapping[str, Any]:
    row = world.things["pull"][key].source.agreement
    return {"fresh_within_minutes": "90", "rows_visible_to": "source", "row_columns": "", "seen": seen(row)}


def objective(world: World, key: str) -> list[Any]:
    return [world.kpis[key].objective.code if key in world.kpis else "none"]


def new_particulars(world: World, key: str) -> Mapping[str, Any]:
    someone = world.people[PEOPLE[key]]
    said = {"name": f"{someone.name} II", "email": someone.email, "time_zone": "UTC"}
    return said | {"seen": seen(someone, PARTICULARS)}


def new_name(world: World, key: str) -> Mapping[str, Any]:
    row = Unit.objects.get(code=UNITS[key])
    return {"name": f"{row.name} II", "parent": row.parent_id or "", "seen": seen(row)}


def new_rules(world: World, key: str) -> Mapping[str, Any]:
    row = world.things["calendar"][key]
    return CUT | {"name": f"{row.name} II", "week_start": "6", "seen": seen(row)}


def new_role(world: World, key: str) -> Mapping[str, Any]:
    return {"role": Role.MANAGER, "unit": Unit.objects.get(code="jfk").pk, "valid_until": ""}


OF_THINGS = {
    "configuration:person": Address(args=person, answer=admins, post=new_particulars),
    "configuration:add_role": Address(args=person, answer=nowhere, post_answer=admins, post=new_role),
    "configuration:drop_role": Address(args=role_of_person, answer=nowhere, post_answer=admins, post={"end": "1"}),
    "configuration:invite_again": Address(
        args=person, answer=nowhere, post_answer=admins, post={"send": "1"}, counted=(Invitation,)
    ),
    "configuration:leave": Address(args=person, answer=admins),
    "configuration:give": Address(args=person, answer=nowhere),
    "configuration:come_back": Address(args=person, answer=nowhere),
    "configuration:kpi_access": Address(args=lambda world, key: [key], answer=admins),
    "configuration:objective_access": Address(args=objective, answer=admins),
    "configuration:unit": Address(args=unit, answer=admins, post=new_name),
    "configuration:unit_order": Address(args=unit, answer=nowhere),
    "configuration:unit_close": Address(args=unit, answer=nowhere),
    "configuration:calendar": Address(args=calendar, answer=admins, post=new_rules),
    "configuration:calendar_preview": Address(args=calendar, answer=admins),
    "configuration:calendar_default": Address(args=calendar, answer=nowhere, post_answer=admins, post={"ok": "1"}),
    "configuration:holidays": Address(
        args=calendar, answer=nowhere, post_answer=admins, post={"days": "2027-01-06 Epiphany"}
    ),
    "configuration:calendar_units": Address(
        args=calendar,
        answer=nowhere,
        post_answer=admins,
        post=lambda world, key: {"unit": Unit.objects.get(code="jfk").pk},
    ),
    "configuration:lock": Address(
        args=calendar,
        answer=nowhere,
        post_answer=admins,
        post={"until": "2026-01-31", "unit": "", "reason": "closed", "sure": "2026-01-31/all"},
    ),
    "configuration:source": Address(args=source, answer=source_owners),
    "configuration:source_access": Address(args=source, answer=admins),
    "configuration:source_reading": Address(args=source, answer=admins),
    "configuration:source_figures": Address(args=source, answer=admins),
    "configuration:source_figure": Address(args=lambda world, key: [*source(world, key), 0], answer=admins),
    "configuration:source_values": Address(args=source, answer=admins),
    "configuration:pulls": Address(args=source, answer=source_owners),
    "configuration:pull_history": Address(args=source, answer=source_owners),
    "configuration:pull_now": Address(
        args=source, answer=nowhere, post_answer=source_owners, post={"ask": "1"}, counted=(Pull,)
    ),
    "configuration:pull_again": Address(
        args=source,
        answer=source_owners,
        post=lambda world, key: {"since": str(world.week.start), "reason": "late bags"},
        counted=(Pull,),
    ),
    "configuration:pull": Address(
        args=pull, answer=source_owners, post={"decision": "apply", "reason": "the file is right"}
    ),
    "configuration:pull_refusals": Address(args=pull, answer=source_owners),
    "configuration:pull_changes": Address(args=pull, answer=source_owners),
    "configuration:agreement": Address(args=source, answer=source_owners, post=another_agreement),
    "configuration:new_rule": Address(
        args=lambda world, key: [*source(world, key), "filled"],
        answer=source_owners,
        post={"columns": "carrier", "severity": "refuse"},
    ),
    "configuration:rule": Address(args=rule, answer=source_owners, post=another_bound),
}
BY_ROLE = {
    name: for_admins()
    for name in (
        "configuration",
        "configuration:people",
        "configuration:invite",
        "configuration:access",
        "configuration:organisation",
        "configuration:entry_rules",
        "configuration:units",
        "configuration:calendars",
        "configuration:new_calendar",
        "configuration:new_source",
        "setup",
        "setup_step",
    )
} | {"setup_sample": for_admins(302), "configuration:sources": {role: source_owners(role, "") for role in ROLES}}
OF_EVERYONE = {"load_sample": 405}
ARGUMENTS = {
    "configuration:person": [1],
    "configuration:add_role": [1],
    "configuration:drop_role": [1, 1],
    "configuration:invite_again": [1],
    "configuration:leave": [1],
    "configuration:give": [1],
    "configuration:come_back": [1],
    "configuration:calendar": [1],
    "configuration:calendar_preview": [1],
    "configuration:calendar_default": [1],
    "configuration:holidays": [1],
    "configuration:calendar_units": [1],
    "configuration:lock": [1],
    "configuration:source_figure": ["source-ours", 0],
    "configuration:pull": ["source-ours", 1],
    "configuration:pull_refusals": ["source-ours", 1],
    "configuration:pull_changes": ["source-ours", 1],
    "configuration:new_rule": ["source-ours", "filled"],
    "configuration:rule": ["source-ours", 1],
    "setup_step": ["people"],
}


FILES = {"configuration:pull_refusals", "configuration:pull_changes"}


def pages(world: World) -> Iterator[tuple[str, str, str]]:
    for name in (*BY_ROLE, *OF_THINGS):
        if name in {"setup_sample", *FILES} or (name in OF_THINGS and OF_THINGS[name].answer is nowhere):
            continue
        args = OF_THINGS[name].args(world, "OURS") if name in OF_THINGS else ARGUMENTS.get(name, [])
        yield name, "admin", reverse(name, args=args)
    for kind in ("range", "type", "allowed", "rows", "total", "fresh"):
        yield f"rule, {kind}", "member", reverse("configuration:new_rule", args=["source-ours", kind])
    yield "source, its owner", "member", reverse("configuration:source", args=["source-ours"])
    yield "sources, their owner", "member", reverse("configuration:sources")
    yield "people who left", "admin", reverse("configuration:people") + "?closed=1"
    yield "first objective", "admin", reverse("setup_step", args=["objective"])
    yield "first KPI", "admin", reverse("setup_step", args=["kpi"])


def refused(world: World) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    said = {
        "configuration:person": {"name": "", "email": "x"},
        "configuration:add_role": {"role": "auditor", "unit": Unit.objects.get(code="lga").pk},
        "configuration:leave": {},
        "configuration:give": {"kind": "all", "to": ""},
        "configuration:unit": {"name": ""},
        "configuration:unit_close": {},
        "configuration:calendar": CUT | {"name": ""},
        "configuration:holidays": {"days": "christmas"},
        "configuration:calendar_units": {"unit": "0"},
        "configuration:lock": {"until": "2999-01-01", "reason": "too early"},
        "configuration:source": {"name": "", "pull_at": "25:00"},
        "configuration:pull_again": {"since": "yesterday", "reason": ""},
        "configuration:source_access": {"path": ""},
        "configuration:source_reading": {"date_format": ""},
        "configuration:source_figures": {"name": "", "agg": "sum"},
        "configuration:source_figure": {"to-0": "new", "name-0": ""},
        "configuration:pull": {"decision": "apply", "reason": ""},
        "configuration:new_rule": {"columns": ""},
        "configuration:rule": {"columns": "delay, arrival", "high": "many"},
        "configuration:agreement": {"fresh_within_minutes": "0"},
    }
    for name, data in said.items():
        yield name, "admin", reverse(name, args=OF_THINGS[name].args(world, "OURS")), data
    yield "last admin", "admin", _role_of_the_admin(world), {}
    for name, data in {
        "configuration:invite": {"name": "Ana", "email": "owner@example.com"},
        "configuration:organisation": {"name": "", "time_zone": "Nowhere"},
        "configuration:units": {"name": ""},
        "configuration:new_source": {"name": "", "kind": "oracle"},
        "configuration:entry_rules": {"unusual_factor": "many", "explain_below": "11"},
        "configuration:new_calendar": CUT | {"name": "Standard", "working_weekdays": []},
    }.items():
        yield name, "admin", reverse(name), data
    yield "first objective", "admin", reverse("setup_step", args=["objective"]), {"name": ""}
    yield "invitations", "admin", reverse("setup_step", args=["people"]), {"people": "nobody"}


def _role_of_the_admin(world: World) -> str:
    admin = world.people["admin"]
    return reverse("configuration:drop_role", args=[admin.pk, admin.roles.get().pk])
