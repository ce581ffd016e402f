"""Exporting: everybody what they may see."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse

from tests.architecture.people_and_things import World

OF_EVERYONE = {"export:page": 200, "export:file": 422}


def pages(world: World) -> Iterator[tuple[str, str, str]]:
    yield "export", "owner", reverse("export:page")
