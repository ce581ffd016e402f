"""Importing a list of KPIs: for administrators, each their own files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import reverse

from kpiplatform.dashboards.models import SentFile
from tests.architecture.addresses import Address
from tests.architecture.people_and_things import ROLES, World

AUTHORS = {"COMPANY": "executive", "OURS": "admin", "THEIRS": "owner"}
CELLS = [[["text", "Name"], ["text", "Objective"]], [["text", "Bags late"], ["text", "none such"]]]


def furnish(world: World) -> None:
    """Let three people have sent a list."""
    world.things["kpi_list"] = {
        key: SentFile.objects.create(
            author=world.people[role],
            purpose=SentFile.Purpose.KPIS,
            name="list.xlsx",
            sha256=key,
            sheets={"Sheet": CELLS},
            sent_at=world.moment,
        )
        for key, role in AUTHORS.items()
    }


def sent_file(world: World, key: str) -> list[Any]:
    found = world.things["kpi_list"].get(key)
    return [found.pk if found else 0]


OF_THINGS = {
    "kpi_list:read": Address(args=sent_file, answer=lambda role, key: 200 if (role, key) == ("admin", "OURS") else 404),
}
BY_ROLE = {
    name: {role: 200 if role == "admin" else 404 for role in ROLES} for name in ("kpi_list:send", "kpi_list:present")
}
ARGUMENTS = {"kpi_list:read": [1]}


def pages(world: World) -> Iterator[tuple[str, str, str]]:
    yield "send a list", "admin", reverse("kpi_list:send")
    yield "a list", "admin", reverse("kpi_list:read", args=sent_file(world, "OURS"))


def refused(world: World) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    yield "no file", "admin", reverse("kpi_list:send"), {}
    yield "no column", "admin", reverse("kpi_list:read", args=sent_file(world, "OURS")), {"column_0": ""}
