"""Search: open to all who have signed in, each finds what they may open."""

from __future__ import annotations

from collections.abc import Iterator

from tests.architecture.people_and_things import World

OF_EVERYONE = {"search": 200}


def pages(world: World) -> Iterator[tuple[str, str, str]]:
    yield "search", "admin", "/search/"
    yield "search, found", "admin", "/search/?q=on-time"
    yield "search, nothing found", "member", "/search/?q=no-such-thing"
