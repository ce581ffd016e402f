"""The editor of targets and thresholds: for admins; who may read the KPI is told that it isn't theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import reverse

from kpis.models import Target, ThresholdSet
from tests.architecture.addresses import Address
from tests.architecture.people_and_things import OPENS, World


def configured(role: str, code: str) -> int:
    if role == "admin":
        return 200
    return 403 if code in OPENS[role] else 404


def proposal(world: World, code: str) -> dict[str, str]:
    kpi = world.kpis.get(code)
    seen = f"{kpi.targets.latest('pk').pk}-{kpi.threshold_sets.latest('pk').pk}" if kpi else ""
    return {
        "target": "84",
        "mode": "absolute",
        "red_flag": "70",
        "effective_from": str(world.week.start),
        "reason": "plan",
        "seen": seen,
    }


OF_THINGS = {
    "kpi_limits": Address(
        args=lambda world, code: [code], answer=configured, post=proposal, counted=(Target, ThresholdSet)
    )
}


def pages(world: World) -> Iterator[tuple[str, str, str]]:
    yield "limits", "admin", reverse("kpi_limits", args=["OURS"])


def refused(world: World) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    path, good = reverse("kpi_limits", args=["OURS"]), proposal(world, "OURS")
    yield "red flag on the goal", "admin", path, good | {"red_flag": "84"}
    yield "preview of nonsense", "admin", path, good | {"red_flag": "x", "preview": "1"}
    yield "no date", "admin", path, good | {"effective_from": "tomorrow"}
