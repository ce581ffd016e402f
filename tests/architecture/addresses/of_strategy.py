"""The map, and the pages of objectives and units."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse

from tests.architecture.addresses import Address
from tests.architecture.people_and_things import ROLES, World
from tests.factories import an_objective

# The objective of OURS lies in the unit of the manager, the member and the auditor; its owner is the role "owner".
OPENS = {
    "admin": {"COMPANY", "OURS", "THEIRS"},
    "executive": {"COMPANY", "OURS", "THEIRS"},
    "manager": {"OURS"},
    "owner": {"OURS"},
    "member": {"OURS"},
    "auditor": {"OURS"},
}
# Units open to executives and by the roles in them; owning a KPI opens none.
UNITS = {role: OPENS[role] for role in ("admin", "executive", "manager", "member", "auditor")}


def furnish(world: World) -> None:
    owners = {
        "COMPANY": world.kpis["COMPANY"].owner,
        "OURS": world.people["owner"],
        "THEIRS": world.kpis["THEIRS"].owner,
    }
    world.things["objective"] = {
        key: an_objective(f"Win {key.lower()}", code=key.lower(), unit=world.kpis[key].unit, owner=owner)
        for key, owner in owners.items()
    }


def objective(world: World, key: str) -> list[str]:
    return [world.things["objective"][key].code if key in world.things["objective"] else "none"]


def unit(world: World, key: str) -> list[str]:
    return [world.kpis[key].unit.code if key in world.kpis else "none"]


OF_THINGS = {
    name: Address(args=unit, answer=lambda role, key: 200 if key in UNITS.get(role, set()) else 404)
    for name in ("unit", "unit_bowler")
} | {
    "objective": Address(args=objective, answer=lambda role, key: 200 if key in OPENS.get(role, set()) else 404),
}
OF_EVERYONE = {"map": 200}
BY_ROLE = {"units": {role: 302 if role in UNITS else 200 for role in ROLES}}
ARGUMENTS = {"objective": ["ours"], "unit": ["lga"], "unit_bowler": ["lga"]}


def pages(world: World) -> Iterator[tuple[str, str, str]]:
    yield "objective without KPIs", "executive", reverse("objective", args=["ours"])
    yield "objective with KPIs", "executive", reverse("objective", args=[world.kpis["OURS"].objective.code])
    yield "objective of one's own", "owner", reverse("objective", args=["ours"])
    yield "unit", "manager", reverse("unit", args=["lga"])
    yield "unit with units below", "admin", reverse("unit", args=["company"]) + "?tier=operational"
    yield "unit of which nothing may be opened", "executive", reverse("unit", args=["jfk"])
    yield "no unit", "stranger", reverse("units")
    yield "map", "executive", reverse("map") + "?objective=ours"
    yield "map as a list", "executive", reverse("map") + "?view=list"
    yield "map of one objective", "member", reverse("map")
    yield "map of nothing", "stranger", reverse("map")
    yield "grid", "admin", reverse("unit_bowler", args=["company"])
    yield "grid of weeks, gaps", "manager", reverse("unit_bowler", args=["lga"]) + "?by=week&show=gap"
    yield "grid of quarters, scores", "auditor", reverse("unit_bowler", args=["lga"]) + "?by=quarter&show=score"
    yield "grid of which nothing may be opened", "executive", reverse("unit_bowler", args=["jfk"])
