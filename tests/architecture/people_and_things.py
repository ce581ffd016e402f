"""One small organisation with a person of every role, and things that are theirs or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.test import Client

from kpiplatform.accounts.models import User
from kpiplatform.audit.actor import acting
from kpis.domain.periods import Calendar, Period, period_of, previous_period
from kpis.models import Kpi
from kpis.readings import Origin, Reading
from kpis.services.notes import annotate, comment
from kpis.services.recording import record_measurements
from objectives.models import Role
from tests.factories import a_kpi, a_person, a_role, a_unit, an_objective, limits, the_company

DAY = timedelta(days=1)
ROLES = ("admin", "executive", "manager", "owner", "member", "auditor", "stranger")
KEYS = ("COMPANY", "OURS", "THEIRS")

# Which KPIs a role opens, and of which it may change the values. The manager, the member and the auditor belong to
# the unit of OURS, the owner owns it; THEIRS lies in another unit; COMPANY is the strategic one.
OPENS = {
    "admin": {"COMPANY", "OURS", "THEIRS"},
    "executive": {"COMPANY"},
    "manager": {"OURS"},
    "owner": {"OURS"},
    "member": {"OURS"},
    "auditor": {"OURS"},
    "stranger": set(),
}
CHANGES = {"admin": {"COMPANY", "OURS", "THEIRS"}, "owner": {"OURS"}}
READS_ONLY = {"auditor", "stranger"}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """People by role, KPIs by code, and the latest closed week, in which every KPI turned off track.

    `things` holds what else there is, by kind and by the same three keys.
    """

    moment: datetime
    people: dict[str, User]
    kpis: dict[str, Kpi]
    week: Period
    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)

    def open_sessions(self) -> World:
        """Let a person of every role be signed in already: that takes longer than most answers do."""
        for role, person in self.people.items():
            client = Client()
            client.force_login(person)
            self.sessions[role] = client.cookies[settings.SESSION_COOKIE_NAME].value
        return self

    def seat(self, client: Client, role: str) -> None:
        """Give a client the open session of a role."""
        client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[role]


def closed_weeks(now: datetime, count: int) -> list[Period]:
    """Return the latest weeks that are over, oldest first."""
    week = period_of(now.date(), "week", Calendar())
    weeks = []
    for _ in range(count):
        week = previous_period(week, Calendar())
        weeks.append(week)
    return weeks[::-1]


def record(kpis: list[Kpi], values: dict[Period, str], *, now: datetime) -> None:
    """Say the same values of every KPI."""
    record_measurements(
        readings=[
            Reading(kpi_id=kpi.pk, period_start=week.start, period_end=week.end, value=Decimal(value))
            for kpi in kpis
            for week, value in values.items()
        ],
        origin=Origin(kind="manual", user_id=kpis[0].owner_id),
        now=now,
    )


def kpis_with_history(kpis: list[Kpi], *, now: datetime, last: str = "60") -> list[Kpi]:
    """Let KPIs be on track for eight weeks and off track in the latest closed one."""
    weeks = closed_weeks(now, 9)
    for kpi in kpis:
        limits(kpi, recorded_at=now)
    record(kpis, {week: ("82", "90")[number % 2] for number, week in enumerate(weeks[:-1])}, now=now - DAY * 2)
    record(kpis, {weeks[-1]: last}, now=now)
    return kpis


def make_world(now: datetime) -> World:
    """Create the organisation; each KPI crosses from on track to off track in the latest closed week."""
    weeks = closed_weeks(now, 9)
    ours, theirs = a_unit("lga", "LaGuardia"), a_unit("jfk", "Kennedy")
    names = {
        "admin": "Grace Lindholm",
        "executive": "Ines Okafor",
        "manager": "Sofia Marin",
        "owner": "Rosa Delgado",
        "member": "Noah Fields",
        "auditor": "Victor Amadi",
        "stranger": "Nobody Known",
    }
    people = {role: a_person(names[role], email=f"{role}@example.com") for role in ROLES}
    password = make_password("harbor-airports")
    for person in people.values():
        person.password = password
        person.save(update_fields=["password"])
    a_role(people["admin"], Role.ADMIN)
    a_role(people["executive"], Role.EXECUTIVE)
    for role in ("manager", "owner", "member", "auditor"):
        a_role(people[role], role, ours)
    other = a_person("Peter Haas", email="other@example.com")
    a_role(other, Role.OWNER, theirs)
    objective = an_objective(owner=other)
    owners = {"COMPANY": other, "OURS": people["owner"], "THEIRS": other}
    units = {"COMPANY": the_company(), "OURS": ours, "THEIRS": theirs}
    with acting(people["admin"].pk):
        kpis = {
            code: a_kpi(
                f"On-time arrivals, {unit.name}",
                code=code,
                unit=unit,
                owner=owners[code],
                objective=objective,
                tier=Kpi.Tier.STRATEGIC if code == "COMPANY" else Kpi.Tier.OPERATIONAL,
                active_from=weeks[0].start,
            )
            for code, unit in units.items()
        }
        kpis_with_history(list(kpis.values()), now=now)
    for kpi in kpis.values():
        start = weeks[-3].start
        annotate(kpi=kpi, start=start, end=start + DAY, text="A storm", author=kpi.owner, now=now)
        comment(kpi=kpi, body="We are on it.", author=kpi.owner, now=now, period_start=weeks[-1].start)
    return World(moment=now, people=people, kpis=kpis, week=weeks[-1])
