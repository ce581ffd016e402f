"""Rosa at her page on 22 November 2026, with a KPI that she types and a ratio."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.test import Client

from kpiplatform.accounts.models import User
from kpis.models import Kpi
from objectives.models import Role
from tests.factories import NOW, a_kpi, a_person, a_role


@pytest.fixture(autouse=True)
def today_is_22_november_2026() -> Iterator[None]:
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def rosa(client: Client) -> User:
    person = a_person("Rosa Delgado")
    a_role(person, Role.OWNER)
    client.force_login(person)
    return person


@pytest.fixture
def crews(rosa: User) -> Kpi:
    return a_kpi("Crews", code="CREWS", owner=rosa, measure_unit="crews", decimals=0, minimum=0, maximum=100)


@pytest.fixture
def passed(rosa: User) -> Kpi:
    return a_kpi(
        "Audits passed",
        code="AUDITS",
        owner=rosa,
        time_aggregation=Kpi.Aggregation.RATIO_OF_SUMS,
        ratio_factor=100,
        numerator_label="passed",
        denominator_label="audits",
        decimals=1,
        maximum=100,
    )
