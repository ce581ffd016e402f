"""Setting up KPIs and the strategy: for admins; for everyone else these pages don't exist."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.urls import reverse

from kpiplatform.audit.editing import seen
from kpiplatform.dashboards.models import KpiDraft
from kpis.services.defining import PEOPLE, SHEET
from objectives.models import CausalLink, Objective, Theme
from tests.architecture.addresses import Address
from tests.architecture.people_and_things import KEYS, ROLES, World
from tests.factories import a_kpi, an_objective, the_calendar

ADMINS = {role: 200 if role == "admin" else 404 for role in ROLES}


def for_admins(role: str, key: str) -> int:
    return 200 if role == "admin" else 404


def never_read(role: str, key: str) -> int:
    return 405


def answers(world: World, name: str) -> dict[str, dict[str, str]]:
    """What somebody typed in all seven steps."""
    kpi = world.kpis["OURS"]
    return {
        "objective": {"objective": str(kpi.objective_id), "unit": str(kpi.unit_id), "reached_when": "On time."},
        "progress": {
            "name": name,
            "purpose": "Fewer late bags",
            "decision_informed": "Belts",
            "formula_in_words": "late bags ÷ bags",
            "measure_unit": "%",
            "decimals": "1",
            "polarity": "lower_is_better",
            "tier": "operational",
            "green_while_failing": "No.",
        },
        "kind": {"indicator_type": "leading", "why_kind": "Bags come first."},
        "target": {
            "target": "2",
            "red_flag": "5",
            "effective_from": str(world.week.start),
            "why_target": "Reached once.",
        },
        "owner": {"owner": str(world.people["owner"].pk), "can_move": "Runs the belts."},
        "initiative": {"without_initiative": "A new belt."},
        "rhythm": {
            "frequency": "week",
            "calendar": str(the_calendar().pk),
            "time_aggregation": "average",
            "entry": "manual",
            "active_from": str(world.week.start),
            "reporting_lag_days": "1",
            "review_by": "2027-11-01",
            "reaction": "The shift meets.",
        },
    }


def furnish(world: World) -> None:
    admin = world.people["admin"]
    common = {"author": admin, "begun_at": world.moment, "changed_at": world.moment}
    world.things["kpi draft"] = {
        key: KpiDraft.objects.create(answers=answers(world, f"Late bags, {key}"), **common) for key in KEYS
    }
    # A source feeds the KPIs of the small organisation, so none of them can be derived.
    world.things[UNFED] = {
        key: a_kpi(f"Bags, {key}", code=f"BAGS-{key}", owner=admin, objective=world.kpis[key].objective, status="draft")
        for key in KEYS
    }
    retired = {
        key: an_objective(f"Bring bags back, {key}", code=f"bags-{key.lower()}", owner=admin, status="retired")
        for key in KEYS
    }
    world.things["retired objective"] = retired
    target = Objective.objects.filter(status="active").first()
    Theme.objects.create(plan=target.plan, code="winter", name="Winter")
    world.things["causal link"] = {
        key: CausalLink.objects.create(source=row, target=target, rationale="Bags first.")
        for key, row in retired.items()
    }


def of_thing(kind: str, attribute: str, none: Any, *more: str) -> Callable[[World, str], list[Any]]:
    """Return the arguments of an address about a thing of that kind."""
    return lambda world, key: [getattr(world.things[kind][key], attribute) if key in KEYS else none, *more]


def code(world: World, key: str) -> list[str]:
    return [key]


def people(world: World, key: str) -> dict[str, Any]:
    if key not in world.kpis:
        return {}
    owner, token = world.people["member"].pk, seen(world.kpis[key], PEOPLE)
    return {"owner": owner, "effective_from": str(world.week.start), "reason": "absence", "seen": token}


def definition(world: World, key: str) -> dict[str, Any]:
    if key not in world.kpis:
        return {}
    kpi = world.kpis[key]
    return {
        "name": f"{kpi.name} anew",
        "objective": kpi.objective_id,
        "unit": kpi.unit_id,
        "tier": kpi.tier,
        "indicator_type": kpi.indicator_type,
        "measure_unit": "%",
        "decimals": "1",
        "ratio_factor": "1",
        "polarity": kpi.polarity,
        "frequency": kpi.frequency,
        "calendar": kpi.calendar_id,
        "active_from": str(kpi.active_from),
        "reporting_lag_days": "1",
        "stale_after_days": "7",
        "entry": "manual",
        "missing_policy": "blank",
        "time_aggregation": "average",
        "unit_aggregation": "none",
        "effective_from": str(world.week.start),
        "reason": "clearer",
        "seen": seen(kpi, SHEET),
    }


def calculation(world: World, key: str) -> dict[str, Any]:
    if key not in KEYS:
        return {}
    return {
        "formula": "[COMPANY] + 1",
        "missing_policy": "blank",
        "effective_from": str(world.week.start),
        "seen": seen(world.things[UNFED][key], SHEET),
    }


def cadence(world: World, key: str) -> dict[str, Any]:
    return {"forum": world.things["forum"]["OURS"].pk, "seen": "none"}


JUDGEMENT = {"score": "7", "confidence": "60", "note": "Seen on site.", "effective_from": "2026-01-01"}
DRAFT, RETIRED, LINK, UNFED = "kpi draft", "retired objective", "causal link", "kpi without source"


def weight_from_this_week(world: World, key: str) -> dict[str, Any]:
    return {"weight": "3", "effective_from": str(world.week.start)}


OF_THINGS = {
    "kpis:definition": Address(args=code, answer=for_admins, post=definition),
    "kpis:calculation": Address(args=of_thing(UNFED, "code", "none"), answer=for_admins, post=calculation),
    "kpis:owner": Address(args=code, answer=for_admins, post=people),
    "kpis:cadence": Address(args=code, answer=for_admins, post=cadence),
    "kpis:life": Address(args=code, answer=for_admins, post={"to": "retired"}),
    "kpis:weight": Address(args=code, answer=for_admins, post=weight_from_this_week),
    "kpis:new_step": Address(
        args=of_thing(DRAFT, "pk", 0, "kind"),
        answer=for_admins,
        post={"indicator_type": "lagging", "why_kind": "Late."},
    ),
    "kpis:new_summary": Address(args=of_thing(DRAFT, "pk", 0), answer=for_admins, post={"status": "draft"}),
    "kpis:new_drop": Address(
        args=of_thing(DRAFT, "pk", 0), answer=never_read, post={"sure": "1"}, post_answer=for_admins
    ),
    "strategy:judgement": Address(args=of_thing(RETIRED, "code", "none"), answer=for_admins, post=JUDGEMENT),
    "strategy:objective": Address(args=of_thing(RETIRED, "code", "none"), answer=for_admins),
    "strategy:end_objective": Address(
        args=of_thing(RETIRED, "code", "none"), answer=never_read, post={"again": "1"}, post_answer=for_admins
    ),
    "strategy:link": Address(args=of_thing(LINK, "pk", 0), answer=for_admins, post={"drop": "1"}),
}
BY_ROLE = {
    name: ADMINS
    for name in (
        "kpis:configure",
        "kpis:new",
        "kpis:named",
        "kpis:new_dates",
        "kpis:new_calculation",
        "strategy:objectives",
        "strategy:new_objective",
        "strategy:plan",
        "strategy:perspectives",
        "strategy:themes",
        "strategy:new_link",
    )
}
ARGUMENTS: dict[str, list[Any]] = {
    "kpis:new_step": [1, "kind"],
    "kpis:new_summary": [1],
    "kpis:new_drop": [1],
    "strategy:link": [1],
    "strategy:judgement": ["aim"],
    "strategy:objective": ["aim"],
    "strategy:end_objective": ["aim"],
}


def pages(world: World) -> Iterator[tuple[str, str, str]]:
    for name in BY_ROLE.keys() - {"kpis:named", "kpis:new_dates", "kpis:new_calculation"}:  # which are parts of a page
        yield name, "admin", reverse(name)
    for name, address in OF_THINGS.items():
        if address.answer is for_admins:
            yield name, "admin", reverse(name, args=address.args(world, "OURS"))
    yield "KPIs that lack a target", "admin", reverse("kpis:configure") + "?lacks=target"
    yield "no KPI like that", "admin", reverse("kpis:configure") + "?q=nothing+is+called+so"
    yield "retired objectives", "admin", reverse("strategy:objectives") + "?retired=1"
    for key in ("objective", "progress", "target", "owner", "initiative", "rhythm"):
        yield key, "admin", reverse("kpis:new_step", args=[world.things[DRAFT]["OURS"].pk, key])


def refused(world: World) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    draft = world.things[DRAFT]["OURS"].pk
    yield "definition", "admin", reverse("kpis:definition", args=["OURS"]), {"name": ""}
    yield "people", "admin", reverse("kpis:owner", args=["OURS"]), {"owner": ""}
    yield "life", "admin", reverse("kpis:life", args=["OURS"]), {"to": "draft"}
    yield "weight", "admin", reverse("kpis:weight", args=["OURS"]), {"weight": "-1"}
    yield "calculation", "admin", reverse("kpis:calculation", args=["BAGS-OURS"]), {"formula": "[OURS"}
    yield "cadence", "admin", reverse("kpis:cadence", args=["OURS"]), {"forum": "0"}
    yield "first step", "admin", reverse("kpis:new"), {"objective": ""}
    yield "a later step", "admin", reverse("kpis:new_step", args=[draft, "target"]), {"target": "x"}
    yield "objective", "admin", reverse("strategy:new_objective"), {"name": ""}
    yield "plan", "admin", reverse("strategy:plan"), {"name": "", "starts_on": "2027-01-01", "ends_on": "2026-01-01"}
    yield "perspective", "admin", reverse("strategy:perspectives"), {"name": ""}
    yield "theme", "admin", reverse("strategy:themes"), {"name": ""}
    yield "link", "admin", reverse("strategy:new_link"), {"rationale": ""}
    judged = reverse("strategy:judgement", args=[world.things[RETIRED]["OURS"].code])
    yield "judgement", "admin", judged, {"score": "11"}
