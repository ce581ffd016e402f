"""The pages of initiatives: who opens which, and who may write on them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from initiatives.models import Initiative
from kpiplatform.audit.editing import seen
from tests.architecture.addresses import Address
from tests.architecture.people_and_things import KEYS, OPENS, ROLES, World
from tests.initiatives.factories import a_milestone, a_promise, a_risk, an_initiative

WRITES = {"admin": set(KEYS), "manager": {"OURS"}, "owner": {"OURS"}}
APPROVES = {"admin": set(KEYS), "executive": {"COMPANY"}, "manager": {"OURS"}}


def furnish(world: World) -> None:
    """Give each KPI work that is to move it, and beside it work that promises nothing yet."""
    today = world.moment.date()
    world.things["initiative"], world.things["bare"] = {}, {}
    for code in KEYS:
        kpi = world.kpis[code]
        shared = {"unit": kpi.unit, "owner": kpi.owner, "starts_on": today - timedelta(days=30)}
        # The objective is what opens work to executives; the KPI does so where it is strategic.
        serves = kpi.objective if code == "COMPANY" else None
        work = an_initiative(f"Work for {code}", code=code, ends_on=today + timedelta(days=90), **shared)
        bare = an_initiative(
            f"Work beside {code}", code=f"{code}-BARE", ends_on=today + timedelta(days=60), objective=serves, **shared
        )
        a_milestone(work, "Trial", due_on=today + timedelta(days=10))
        a_risk(work)
        a_promise(work, kpi, starts_on=today + timedelta(days=5))
        world.things["initiative"][code], world.things["bare"][code] = work, bare


def _work(world: World, key: str) -> Initiative | None:
    return world.things["initiative"].get(key)


def _code(world: World, key: str) -> list[Any]:
    return [key]


def _bare(world: World, key: str) -> list[Any]:
    return [f"{key}-BARE"]


def _milestone(world: World, key: str) -> list[Any]:
    work = _work(world, key)
    return [key, work.milestones.get().pk if work else 0]


def _risk(world: World, key: str) -> list[Any]:
    work = _work(world, key)
    return [key, work.risks.get().pk if work else 0]


def _impact(world: World, key: str) -> list[Any]:
    return [key, key]


def _approval(world: World, key: str) -> list[Any]:
    return [key, "approved"]


def _opens(role: str, key: str) -> int:
    return 200 if key in OPENS[role] else 404


def _writes(role: str, key: str) -> int:
    if key not in OPENS[role]:
        return 404
    return 200 if key in WRITES.get(role, set()) else 403


def _approves(role: str, key: str) -> int:
    if key not in OPENS[role]:
        return 404
    return 200 if key in APPROVES.get(role, set()) else 403


def _edited(world: World, key: str) -> dict[str, Any]:
    work = world.things["initiative"][key]
    return {
        "name": "Renamed",
        "unit": work.unit_id,
        "owner": work.owner_id,
        "starts_on": str(work.starts_on),
        "ends_on": str(work.ends_on),
        "currency": "USD",
        "seen": seen(work),
    }


def _promised(world: World, key: str) -> dict[str, Any]:
    start = world.moment.date() + timedelta(days=7)
    return {
        "kpi": key,
        "change": "2.5",
        "starts_on": str(start),
        "full_effect_on": str(start + timedelta(days=20)),
        "confidence": "low",
    }


def _promised_anew(world: World, key: str) -> dict[str, Any]:
    return _promised(world, key) | {"seen": seen(world.things["initiative"][key].impacts.get())}


def _risk_changed(world: World, key: str) -> dict[str, Any]:
    risk = world.things["initiative"][key].risks.get()
    return {"text": "It rains", "likelihood": "5", "severity": "1", "mitigation": "", "seen": seen(risk)}


OF_THINGS = {
    "initiatives:initiative": Address(args=_code, answer=_opens),
    "initiatives:edit": Address(args=_code, answer=_writes, post=_edited, posted=302),
    "initiatives:step": Address(args=_approval, answer=_approves, post={"sure": "1"}),
    "initiatives:milestones": Address(args=_code, answer=_writes, post={"name": "Go", "due_on": "2099-01-01"}),
    "initiatives:milestone": Address(args=_milestone, answer=_writes, post={"done": "1"}),
    "initiatives:impacts": Address(args=_bare, answer=_writes, post=_promised),
    "initiatives:impact": Address(args=_impact, answer=_writes, post=_promised_anew),
    "initiatives:risks": Address(
        args=_code, answer=_writes, post={"text": "Fog", "likelihood": "2", "severity": "2", "mitigation": ""}
    ),
    "initiatives:risk": Address(args=_risk, answer=_writes, post=_risk_changed),
}
OF_EVERYONE = {"initiatives:initiatives": 200}
BY_ROLE = {"initiatives:new": {role: 403 if role in {"auditor", "stranger"} else 200 for role in ROLES}}
ARGUMENTS = {
    "initiatives:step": ["OURS", "approved"],
    "initiatives:milestone": ["OURS", "1"],
    "initiatives:impact": ["OURS", "OURS"],
    "initiatives:risk": ["OURS", "1"],
}


def pages(world: World) -> Iterator[tuple[str, str, str]]:
    work = world.things["initiative"]["OURS"]
    step, risk = work.milestones.get().pk, work.risks.get().pk
    yield "list", "manager", "/initiatives/"
    yield "list, empty", "stranger", "/initiatives/"
    yield "list, nothing fits", "manager", "/initiatives/?state=stopped"
    yield "initiative", "auditor", "/initiatives/OURS/"
    yield "initiative, writable", "manager", "/initiatives/OURS/"
    yield "propose", "owner", "/initiatives/new/?kpi=OURS"
    yield "edit", "owner", "/initiatives/OURS/edit/"
    yield "stop", "manager", "/initiatives/OURS/to/stopped/"
    yield "add a milestone", "owner", "/initiatives/OURS/milestones/"
    yield "move a milestone", "owner", f"/initiatives/OURS/milestones/{step}/"
    yield "promise", "owner", "/initiatives/OURS-BARE/impacts/?kpi=OURS"
    yield "promise anew", "owner", "/initiatives/OURS/impacts/OURS/"
    yield "add a risk", "owner", "/initiatives/OURS/risks/"
    yield "change a risk", "owner", f"/initiatives/OURS/risks/{risk}/"


def refused(world: World) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    work = world.things["initiative"]["OURS"]
    yield "propose", "owner", "/initiatives/new/", {"name": "", "ends_on": "soon"}
    yield "edit", "owner", "/initiatives/OURS/edit/", _edited(world, "OURS") | {"seen": "stale"}
    yield "milestone", "owner", "/initiatives/OURS/milestones/", {"name": "", "due_on": "2000-01-01"}
    yield "move", "owner", f"/initiatives/OURS/milestones/{work.milestones.get().pk}/", {"name": "x", "due_on": ""}
    yield "promise", "owner", "/initiatives/OURS-BARE/impacts/", {"change": "much"}
    yield "promise anew", "owner", "/initiatives/OURS/impacts/OURS/", _promised(world, "OURS") | {"seen": "stale"}
    yield "risk", "owner", "/initiatives/OURS/risks/", {"text": "", "likelihood": "9"}
