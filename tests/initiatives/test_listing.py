"""The list of initiatives, part by part."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from objectives.models import Role
from tests.factories import a_person, a_role
from tests.initiatives.factories import END, a_milestone, an_initiative

pytestmark = pytest.mark.django_db


def test_the_list_goes_on_in_its_order_with_the_count_of_each_state(client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("initiatives.views.work.AT_ONCE", 2)
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    for number, status in enumerate(["proposed", "running", "running", "running", "done"]):
        initiative = an_initiative(f"Work {number}", status=status)
        a_milestone(initiative, due_on=END, planned_on=END - timedelta(days=number))
    shown, address = [], "?mine="
    while address:
        page = client.get(reverse("initiatives:initiatives") + address)
        shown += [
            (group.heading, group.count, [row.initiative.name for row in group.rows])
            for group in page.context["groups"]
        ]
        address = page.context["more"]
    headings = [heading for heading, _count, _names in shown]
    assert [(count, names) for _heading, count, names in shown] == [
        (1, ["Work 0"]),
        (3, ["Work 3"]),
        (3, ["Work 2", "Work 1"]),
    ]
    assert headings[1] == headings[2] != headings[0]
    first = client.get(reverse("initiatives:initiatives") + "?after=nowhere").context["groups"]
    assert [row.initiative.name for group in first for row in group.rows] == ["Work 0", "Work 3"]
