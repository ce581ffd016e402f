"""The interface for programs, which a session opens nothing of, and the pages about it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.urls import reverse

from kpiplatform.api.services.tokens import give_token
from tests.architecture.addresses import Address
from tests.architecture.people_and_things import World

OWNERS = {"COMPANY": "executive", "OURS": "owner", "THEIRS": "manager"}
FOR_PROGRAMS = ("api:kpis", "api:kpi", "api:measurements", "api:push", "api:scorecard")


def furnish(world: World) -> None:
    """Give a token to three people."""
    world.things["token"] = {
        key: give_token(
            form=uuid.uuid4(),
            user=world.people[role],
            name=f"Load {key}",
            may_read=True,
            may_ingest=True,
            expires_at=world.moment + timedelta(days=30),
            now=world.moment,
        ).token
        for key, role in OWNERS.items()
    }


def token(world: World, key: str) -> list[Any]:
    found = world.things["token"].get(key)
    return [found.pk if found else 0]


def revoked(role: str, key: str) -> int:
    """A token is revoked by its person, and by administrators."""
    return 200 if role == "admin" or OWNERS[key] == role else 404


def never_read(role: str, key: str) -> int:
    return 405


OF_THINGS = {
    "api:revoke": Address(args=token, answer=never_read, post={"sure": "1"}, post_answer=revoked),
}
OF_EVERYONE = {
    "api:documentation": 200,
    "api:tokens": 200,
    "api:named": 200,
    "api:openapi": 200,
    "api:unknown": 404,
} | {name: 405 if name == "api:push" else 401 for name in FOR_PROGRAMS}
ARGUMENTS = {"api:revoke": [1], "api:unknown": ["nothing/here"]}


def pages(world: World) -> Iterator[tuple[str, str, str]]:
    for role in ("owner", "admin", "stranger"):
        yield "tokens", role, reverse("api:tokens")
    yield "documentation", "member", reverse("api:documentation")


def refused(world: World) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    yield "a token for nothing", "owner", reverse("api:tokens"), {"form": uuid.uuid4(), "name": "", "last_day": "x"}
