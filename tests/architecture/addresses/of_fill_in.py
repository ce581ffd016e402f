"""Values by spreadsheet: everybody their own KPIs and their own files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import reverse

from kpiplatform.dashboards.fill_in.book import MARKS_OF, ROWS, SEEN
from kpiplatform.dashboards.models import SentFile
from tests.architecture.addresses import Address
from tests.architecture.people_and_things import World

AUTHORS = {"COMPANY": "admin", "OURS": "owner", "THEIRS": "manager"}


def cell(text: str, kind: str = "text") -> list[str]:
    return [kind, text]


def furnish(world: World) -> None:
    """Let three people have sent a spreadsheet with one new value."""
    start = world.week.start.isoformat()
    world.things["sent_values"] = {
        key: SentFile.objects.create(
            author=world.people[role],
            purpose=SentFile.Purpose.VALUES,
            name="values.xlsx",
            sha256=key,
            sheets={
                "Values": [
                    [cell(MARKS_OF[ROWS])],
                    [],
                    [cell(f"{key}|{start}"), None, None, None, None, cell("61.5", "number")],
                ],
                SEEN: [[cell(key), cell(start), cell("1", "number")]],
            },
            sent_at=world.moment,
        )
        for key, role in AUTHORS.items()
    }


def sent_file(world: World, key: str) -> list[Any]:
    found = world.things["sent_values"].get(key)
    return [found.pk if found else 0]


OF_THINGS = {
    "my:look": Address(args=sent_file, answer=lambda role, key: 200 if AUTHORS[key] == role else 404),
}
OF_EVERYONE = {"my:fill_in": 200, "my:spreadsheet": 422}
ARGUMENTS = {"my:look": [1]}


def pages(world: World) -> Iterator[tuple[str, str, str]]:
    for role in ("owner", "admin", "stranger"):
        yield "spreadsheet", role, reverse("my:fill_in")
    yield "a spreadsheet that came back", "owner", reverse("my:look", args=sent_file(world, "OURS"))


def refused(world: World) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    yield "no file", "owner", reverse("my:fill_in"), {}
    yield "not what was seen", "owner", reverse("my:look", args=sent_file(world, "OURS")), {"looked_at": "other"}
