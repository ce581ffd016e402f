"""Initiatives for tests: plain functions with visible defaults."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from initiatives.models import ExpectedImpact, Initiative, Milestone, Risk
from kpis.models import Kpi
from tests.factories import NOW, a_person, numbers, the_company

START, END = date(2026, 9, 1), date(2027, 1, 8)


def an_initiative(name: str = "Gate turnaround redesign", **fields: Any) -> Initiative:
    fields.setdefault("code", f"initiative-{next(numbers)}")
    fields.setdefault("starts_on", START)
    fields.setdefault("ends_on", END)
    if "unit" not in fields:
        fields["unit"] = the_company()
    if "owner" not in fields:
        fields["owner"] = a_person("Rosa Delgado")
    return Initiative.objects.create(name=name, created_at=NOW, **fields)


def a_milestone(initiative: Initiative, name: str = "Kennedy roll-out", **fields: Any) -> Milestone:
    fields.setdefault("due_on", date(2026, 12, 4))
    fields.setdefault("planned_on", fields["due_on"])
    return Milestone.objects.create(initiative=initiative, name=name, **fields)


def a_promise(initiative: Initiative, kpi: Kpi, *, change: str = "4", **fields: Any) -> ExpectedImpact:
    fields.setdefault("starts_on", date(2026, 12, 7))
    fields.setdefault("full_effect_on", fields["starts_on"] + timedelta(days=60))
    fields.setdefault("confidence", "medium")
    fields.setdefault("registered_at", NOW)
    return ExpectedImpact.objects.create(initiative=initiative, kpi=kpi, change=Decimal(change), **fields)


def a_risk(initiative: Initiative, text: str = "Crews leave in spring", **fields: Any) -> Risk:
    return Risk.objects.create(initiative=initiative, text=text, **{"likelihood": 2, "severity": 4, **fields})
