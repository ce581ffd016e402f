"""Every address of the installation, area by area: who may open it, and what everyone else is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from kpiplatform.audit.models import AuditEntry
from kpis.models import Annotation, Commentary, MeasurementRevision
from tests.architecture.people_and_things import ROLES, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address of one thing, of which there are OURS, THEIRS and COMPANY in the small organisation.

    `args` gives the arguments of its path for such a key, and for NONE those of a thing that does not exist.
    `answer` is the status of GET by role and key; 200 means that the role may also post. What is posted is `post`,
    the status then `posted`; whoever may read but not post is named by `post_answer`. A post that succeeds adds at
    least one row to one of `counted`; any other adds none.
    """

    args: Callable[[World, str], list[Any]]
    answer: Callable[[str, str], int]
    post: Mapping[str, Any] | Callable[[World, str], Mapping[str, Any]] = field(default_factory=dict)
    posted: int = 303
    post_answer: Callable[[str, str], int] | None = None
    counted: tuple[type[Model], ...] = (AuditEntry, Annotation, Commentary, MeasurementRevision)

    def said(self, world: World, key: str) -> Mapping[str, Any]:
        return self.post(world, key) if callable(self.post) else self.post

    def written(self) -> int:
        return sum(model._default_manager.count() for model in self.counted)


def only(*allowed: str, otherwise: int = 404) -> dict[str, int]:
    """Return the answers of a page that opens for the `allowed` roles."""
    return {role: 200 if role in allowed else otherwise for role in ROLES}


# An area is a module of this package with any of:
#   furnish(world)                  puts what it needs into world.things[kind][key]
#   OF_THINGS: {name: Address}      addresses of one thing
#   OF_EVERYONE: {name: status}     addresses without a thing: what GET answers everybody who has signed in
#   BY_ROLE: {name: {role: status}} addresses without a thing whose answer depends on the role
#   ARGUMENTS: {name: [...]}        arguments for some path of an address
#   pages(world)                    yields (name, role, path) of pages that test_pages.py holds against its rules
#   refused(world)                  yields (name, role, path, data) of forms that must be answered with 422
AREAS = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]


def _merged(name: str) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for area in AREAS:
        table = getattr(area, name, {})
        assert not merged.keys() & table.keys(), f"named twice: {merged.keys() & table.keys()}"
        merged |= table
    return merged


OF_THINGS: dict[str, Address] = _merged("OF_THINGS")
OF_EVERYONE: dict[str, int] = _merged("OF_EVERYONE")
BY_ROLE: dict[str, dict[str, int]] = _merged("BY_ROLE")
ARGUMENTS: dict[str, list[Any]] = _merged("ARGUMENTS")


def furnish(world: World) -> World:
    """Let every area put its things into the small organisation."""
    for area in AREAS:
        if hasattr(area, "furnish"):
            area.furnish(world)
    return world


def addresses(patterns: list[Any] | None = None, space: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Return every address with its full name."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns, f"{space}{one.namespace}:" if one.namespace else space)
        else:
            yield f"{space}{one.name}", one


def any_path(name: str) -> str:
    """Return some path of an address, whether or not there is an object behind it."""
    count = next(one for known, one in addresses() if known == name).pattern.regex.groups
    return reverse(name, args=ARGUMENTS.get(name, ["OURS", "2026-11-09"][:count]))
