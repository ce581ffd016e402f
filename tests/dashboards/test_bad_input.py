"""What a person or an administrator may not say is refused with a sentence, and what stood there stays."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import Error, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from kpis.domain.periods import Calendar, Period, next_period, period_of, previous_period
from kpis.models import Kpi, MeasurementRevision, PeriodLock, Target, ThresholdSet
from objectives.models import Role
from tests.factories import a_kpi, a_person, a_role, limits

pytestmark = pytest.mark.django_db


@pytest.fixture
def kpi(client: Client) -> Kpi:
    """A weekly KPI typed by hand, whose owner has signed in."""
    made = a_kpi(code="WALKS", active_from=timezone.now().date() - timedelta(days=70))
    limits(made)
    a_role(made.owner, Role.OWNER)
    client.force_login(made.owner)
    return made


def this_week() -> Period:
    return period_of(timezone.now().date(), "week", Calendar())


def refused(client: Client, path: str, said: dict[str, str], *sentence: str) -> None:
    """The form comes back with the sentence and with what was typed; nothing is recorded."""
    before = MeasurementRevision.objects.count()
    response = client.post(path, said)
    assert response.status_code == 422
    text = response.content.decode()
    for words in (*sentence, said["value"]):
        assert words in text
    assert MeasurementRevision.objects.count() == before


def test_a_value_that_is_no_number_is_refused_and_stays_in_the_form(kpi: Kpi, client: Client) -> None:
    for path in (
        reverse("my:cell", args=["WALKS", this_week().start]),
        reverse("kpis:correct", args=["WALKS", this_week().start]),
    ):
        refused(client, path, {"value": "eighty", "seq": "0"}, "eighty")


def test_a_period_in_the_future_takes_no_value(kpi: Kpi, client: Client) -> None:
    start = next_period(this_week(), Calendar()).start
    refused(client, reverse("kpis:correct", args=["WALKS", start]), {"value": "80", "seq": "0"}, "has not begun")


def test_a_locked_period_takes_no_value_and_says_so(kpi: Kpi, client: Client) -> None:
    week = previous_period(this_week(), Calendar())
    PeriodLock.objects.create(
        calendar=kpi.calendar, locked_until=week.end, locked_at=timezone.now(), locked_by=kpi.owner, reason="Reviewed"
    )
    refused(client, reverse("kpis:correct", args=["WALKS", week.start]), {"value": "80", "seq": "0"}, "is locked")


def test_an_unknown_kpi_is_not_found_and_nothing_is_written(kpi: Kpi, client: Client) -> None:
    for path in (reverse("my:cell", args=["NONE", this_week().start]), reverse("kpi", args=["NONE"])):
        assert client.get(path).status_code == 404
    client.post(reverse("my:block"), {f"NONE@{this_week().start}@0": "80"})
    assert not MeasurementRevision.objects.exists()


def test_a_day_that_no_calendar_knows_is_not_found(kpi: Kpi, client: Client) -> None:
    for day in ("9999-12-27", "0001-01-01", "2026-02-30"):
        assert client.get(f"/kpis/WALKS/measurements/{day}/").status_code == 404
        assert client.get(f"/my/WALKS/{day}/").status_code == 404
        assert (
            client.post(reverse("my:block"), {f"WALKS@{day}@0": "80"}, headers={"HX-Request": "true"}).status_code < 500
        )
    assert not MeasurementRevision.objects.exists()


@pytest.mark.parametrize("path", ["/kpis/WALKS%00/", "/search/?q=%00", "/kpis/WALKS/?range=a%00b", "/%00"])
def test_an_address_with_the_character_nul_leads_nowhere(kpi: Kpi, client: Client, path: str) -> None:
    assert client.get(path).status_code == 404
    assert Client().get(path).status_code in {302, 404}


def rule(kpi: Kpi, **said: Any) -> dict[str, Any]:
    """What comes with every target and threshold set."""
    return {
        "kpi": kpi,
        "effective_from": timezone.now().date(),
        "recorded_at": timezone.now(),
        "recorded_by": kpi.owner,
        **said,
    }


def test_half_a_target_is_refused_and_the_old_one_stays(kpi: Kpi) -> None:
    with pytest.raises(Error, match="target_is_a_value_a_range_or_an_end"), transaction.atomic():
        Target.objects.create(**rule(kpi, low=Decimal(1)))
    assert Target.objects.get().value == 80


@pytest.mark.parametrize(
    "said",
    [
        {"mode": "absolute", "goal": Decimal(80), "red_flag": Decimal(80)},
        {"mode": "offset", "red_flag": Decimal(0)},
    ],
)
def test_a_red_flag_equal_to_the_goal_is_refused_and_the_old_one_stays(kpi: Kpi, said: dict[str, Any]) -> None:
    with pytest.raises(Error, match=r"red_flag_differs_from_(goal|target)"), transaction.atomic():
        ThresholdSet.objects.create(**rule(kpi, **said))
    assert ThresholdSet.objects.get().red_flag == 72


def test_an_active_kpi_has_an_owner_who_may_sign_in(kpi: Kpi) -> None:
    gone = a_person("Gone Away", is_active=False)
    with pytest.raises(Error, match="must be an active person"), transaction.atomic():
        Kpi.objects.filter(pk=kpi.pk).update(owner=gone)
    with pytest.raises(Error, match="give the KPIs another owner first"), transaction.atomic():
        type(kpi.owner).objects.filter(pk=kpi.owner_id).update(is_active=False)
    kpi.refresh_from_db()
    assert kpi.owner.is_active
