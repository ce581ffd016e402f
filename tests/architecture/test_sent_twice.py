"""A form that arrives twice, by a double press or by sending again after Back, does what one does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from kpiplatform.audit.models import AuditEntry
from tests.architecture.addresses import OF_THINGS
from tests.architecture.people_and_things import ROLES, World


def who_may(name: str) -> str:
    """Return the least role that may post to the address about OURS."""
    address = OF_THINGS[name]
    may = [role for role in ROLES if (address.post_answer or address.answer)(role, "OURS") == 200]
    return "owner" if "owner" in may else may[-1]


def rows() -> dict[str, int]:
    """Return how many rows each table of the product has."""
    ours = {"objectives", "kpis", "initiatives", "reviews", "alerts", "accounts", "dashboards"}
    return {
        model._meta.db_table: model._base_manager.count()
        for model in apps.get_models()
        if model._meta.app_label in ours and not model._meta.proxy
    }


def told(name: str, world: World) -> tuple[str, Mapping[str, Any]]:
    address = OF_THINGS[name]
    return reverse(name, args=address.args(world, "OURS")), dict(address.said(world, "OURS"))


@pytest.mark.parametrize("name", sorted(name for name in OF_THINGS if OF_THINGS[name].post))
def test_what_arrives_twice_is_written_once(world: World, client: Client, name: str) -> None:
    client.force_login(world.people[who_may(name)])
    path, said = told(name, world)
    assert client.post(path, said).status_code == OF_THINGS[name].posted
    once, entries = rows(), AuditEntry.objects.count()
    second = client.post(path, said)
    assert second.status_code in {302, 303, 404, 422}
    assert rows() == once
    assert AuditEntry.objects.count() == entries
