"""The pages of forums and reviews: who reads them, who runs the meeting, who may write in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.urls import reverse

from kpiplatform.audit.editing import seen
from reviews.models import Forum
from reviews.services.forums import seen_forum
from tests.architecture.addresses import Address
from tests.architecture.people_and_things import KEYS, OPENS, ROLES, World
from tests.reviews.factories import (
    WEEK,
    a_decision,
    a_forum,
    a_held_review,
    a_planned_review,
    an_action,
    an_open_review,
)

# The manager chairs OURS and the owner takes part in it; the auditor reads it through the unit, the member does not.
READS = {"admin": set(KEYS), "executive": {"COMPANY"}, "manager": {"OURS"}, "owner": {"OURS"}, "auditor": {"OURS"}}
RUNS = {"admin": set(KEYS), "manager": {"OURS"}}
WRITES = {"admin": set(KEYS), "manager": {"OURS"}, "owner": {"OURS"}}


def furnish(world: World) -> None:
    """Give each KPI a forum, with a held, an open and a planned review, a decision that waits and an open action."""
    now = world.moment
    kinds = ("forum", "held", "open", "planned", "decision", "action")
    world.things.update({kind: {} for kind in kinds})
    for key in KEYS:
        kpi = world.kpis[key]
        ours = key == "OURS"
        forum = a_forum(
            f"Board for {key}",
            code=key.lower(),
            unit=kpi.unit,
            tier=kpi.tier,
            chair=world.people["manager"] if ours else kpi.owner,
            participants=[kpi.owner],
        )
        held = a_held_review(forum, at=now - WEEK)
        made = {
            "forum": forum,
            "held": held,
            "decision": a_decision(forum, owner=kpi.owner, due_on=now.date()),
            "action": an_action(held, owner=kpi.owner),
            "open": an_open_review(forum, at=now + timedelta(minutes=1)),
            "planned": a_planned_review(forum, on=now.date() + WEEK),
        }
        for kind, thing in made.items():
            world.things[kind][key] = thing


def forum(world: World, key: str) -> list[str]:
    return [key.lower()]


def pk_of(kind: str) -> Callable[[World, str], list[Any]]:
    def args(world: World, key: str) -> list[Any]:
        thing = world.things[kind].get(key)
        return [thing.pk if thing else 0]

    return args


def thing(world: World, key: str) -> list[str]:
    return [key]


def opens(role: str, key: str) -> int:
    """Whoever opens an initiative reads what was decided about it, as far as they open the forums."""
    return 200 if key in OPENS[role] else 404


def read(role: str, key: str) -> int:
    return 200 if key in READS.get(role, set()) else 404


def by(allowed: dict[str, set[str]]) -> Callable[[str, str], int]:
    """Whoever reads but may not do it is told so; for anyone else there is nothing."""

    def answer(role: str, key: str) -> int:
        if read(role, key) == 404:
            return 404
        return 200 if key in allowed.get(role, set()) else 403

    return answer


def posted_only(role: str, key: str) -> int:
    return 405


def in_five_days(world: World, key: str) -> dict[str, Any]:
    review = world.things["planned"][key]
    return {"held_on": str(world.moment.date() + timedelta(days=5)), "seen": seen(review)}


def a_forum_said(world: World, key: str) -> dict[str, Any]:
    its: Forum = world.things["forum"][key]
    return {
        "name": "Board",
        "unit": its.unit_id,
        "tier": its.tier,
        "chair": its.chair_id,
        "participants": [its.chair_id],
        "rule": "monthly",
        "interval": "1",
        "nth_week": "-1",
        "weekday": "4",
        "anchor": "2026-01-01",
        "starts_at": "10:00",
        "is_active": "on",
        "seen": seen_forum(its),
    }


def another_kpi(world: World, key: str) -> dict[str, Any]:
    return {"kpi": world.kpis[key].pk}


def settled(world: World, key: str) -> dict[str, Any]:
    return {"state": "taken", "outcome": "Yes.", "seen": seen(world.things["decision"][key])}


def changed(world: World, key: str) -> dict[str, Any]:
    its = world.things["action"][key]
    return {"text": "Ask again", "owner": its.owner_id, "due_on": "2099-01-01", "seen": seen(its)}


OF_THINGS = {
    "reviews:forum": Address(args=forum, answer=read),
    "reviews:edit_forum": Address(args=forum, answer=by({"admin": set(KEYS)}), post=a_forum_said),
    "reviews:kpis": Address(args=forum, answer=read, post=another_kpi, post_answer=by({"admin": set(KEYS)})),
    "reviews:of_initiative": Address(args=thing, answer=opens),
    "reviews:plan": Address(args=forum, answer=posted_only, post=in_five_days, post_answer=by(RUNS)),
    "reviews:review": Address(args=pk_of("held"), answer=read),
    "reviews:open": Address(args=pk_of("planned"), answer=posted_only, post={"go": "1"}, post_answer=by(RUNS)),
    "reviews:move": Address(args=pk_of("planned"), answer=posted_only, post=in_five_days, post_answer=by(RUNS)),
    "reviews:live": Address(args=pk_of("open"), answer=read, post={"comment": "Noted."}, post_answer=by(WRITES)),
    "reviews:close": Address(args=pk_of("open"), answer=by(RUNS), post={"summary": "Held."}),
    "reviews:pack": Address(args=pk_of("held"), answer=read),
    "pack_file": Address(args=pk_of("held"), answer=read),
    "reviews:decision": Address(args=pk_of("decision"), answer=read, post=settled, post_answer=by(WRITES)),
    "reviews:action": Address(args=pk_of("action"), answer=read, post=changed, post_answer=by(WRITES)),
    "reviews:tick": Address(args=pk_of("action"), answer=posted_only, post={"next": "/"}, post_answer=by(WRITES)),
}
OF_EVERYONE = {"reviews:reviews": 200, "reviews:calendar_address": 200, "reviews:calendar": 404}
BY_ROLE = {"reviews:new_forum": {role: 200 if role == "admin" else 404 for role in ROLES}}
ARGUMENTS = (
    {"reviews:calendar": ["no-such-token"]}
    | {
        f"reviews:{name}": [1]
        for name in ("review", "open", "move", "live", "close", "pack", "decision", "action", "tick")
    }
    | {"pack_file": [1]}
)


def pages(world: World) -> Iterator[tuple[str, str, str]]:
    things = {kind: world.things[kind]["OURS"].pk for kind in ("held", "open", "planned", "decision", "action")}
    for role in ("admin", "owner"):
        yield f"reviews, {role}", role, reverse("reviews:reviews")
        yield f"forum, {role}", role, reverse("reviews:forum", args=["ours"])
        yield f"KPIs of a forum, {role}", role, reverse("reviews:kpis", args=["ours"])
        for kind in ("held", "open", "planned"):
            yield f"{kind} review, {role}", role, reverse("reviews:review", args=[things[kind]])
        yield f"live, {role}", role, reverse("reviews:live", args=[things["open"]])
        yield f"live, a decision, {role}", role, reverse("reviews:live", args=[things["open"]]) + "?item=2"
        yield f"live, an action, {role}", role, reverse("reviews:live", args=[things["open"]]) + "?item=3"
        yield f"pack, {role}", role, reverse("reviews:pack", args=[things["held"]])
        yield f"decision, {role}", role, reverse("reviews:decision", args=[things["decision"]])
        yield f"action, {role}", role, reverse("reviews:action", args=[things["action"]])
        yield f"decisions about an initiative, {role}", role, reverse("reviews:of_initiative", args=["OURS"])
        yield f"calendar, {role}", role, reverse("reviews:calendar_address")
    yield "reviews, nothing to see", "stranger", reverse("reviews:reviews")
    yield "new forum", "admin", reverse("reviews:new_forum")
    yield "edit forum", "admin", reverse("reviews:edit_forum", args=["ours"])
    yield "close", "admin", reverse("reviews:close", args=[things["open"]])


def refused(world: World) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    things = {kind: world.things[kind]["OURS"].pk for kind in ("open", "planned", "decision", "action")}
    yield "new forum", "admin", reverse("reviews:new_forum"), {"name": ""}
    yield "edit forum", "admin", reverse("reviews:edit_forum", args=["ours"]), {"name": ""}
    yield "a KPI for a forum", "admin", reverse("reviews:kpis", args=["ours"]), {"kpi": "0"}
    yield "plan", "admin", reverse("reviews:plan", args=["ours"]), {"held_on": "2001-01-01"}
    yield "move", "admin", reverse("reviews:move", args=[things["planned"]]), {"held_on": ""}
    yield "notes", "owner", reverse("reviews:live", args=[things["open"]]), {"action": "Ask", "outcome": "Yes"}
    yield "close", "admin", reverse("reviews:close", args=[things["open"]]), {"summary": "x" * 9000}
    yield "decision", "owner", reverse("reviews:decision", args=[things["decision"]]), {"state": "taken"}
    yield "action", "owner", reverse("reviews:action", args=[things["action"]]), {"text": ""}
