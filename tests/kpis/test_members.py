"""Values that members of a KPI's unit propose: they wait for its owner, whatever the KPI says."""

from __future__ import annotations

from datetime import date
from unittest.mock import patch

import pytest
from django.test import Client
from django.urls import reverse

from alerts.models import Delivery
from alerts.services.writing import NotToBeSent, write
from kpiplatform.accounts.models import User
from kpis.models import Kpi, Measurement, ProposedValue
from objectives.models import Role
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit

pytestmark = pytest.mark.django_db
W46 = date(2026, 11, 9)


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def kpi() -> Kpi:
    kpi = a_kpi(
        "Crews", code="CREWS", owner=a_person("Rosa Delgado"), measure_unit="crews", unit=a_unit(), active_from=W46
    )
    a_role(kpi.owner, Role.OWNER)
    return kpi


@pytest.fixture
def noah(client: Client, kpi: Kpi) -> User:
    person = a_person("Noah Fields")
    a_role(person, Role.MEMBER, kpi.unit)
    client.force_login(person)
    return person


def address(kpi: Kpi) -> str:
    return reverse("kpis:correct", args=[kpi.code, W46])


def test_a_member_proposes_on_the_page_of_the_kpi_and_the_owner_finds_it_in_the_to_do_list(client, kpi, noah):
    page = client.get(reverse("kpi", args=["CREWS"])).content.decode()
    assert ">Propose<" in page
    assert "Propose the value" in client.get(address(kpi)).content.decode()
    assert client.post(address(kpi), {"seq": "0", "value": "5", "note": ""}).status_code == 303
    assert not Measurement.objects.exists()
    assert ProposedValue.objects.get().entered_by == noah
    client.force_login(kpi.owner)
    assert "Values to approve" in client.get(reverse("my:kpis")).content.decode()
    token = f"{ProposedValue.objects.get().pk}@0"
    assert client.post(reverse("my:approvals"), {"one": token}).status_code == 303
    assert Measurement.objects.get().value == 5


def test_a_member_reads_why_the_value_was_rejected(client, kpi, noah):
    client.post(address(kpi), {"seq": "0", "value": "5", "note": ""})
    proposed = ProposedValue.objects.get()
    client.post(reverse("my:approvals"), {"one": f"{proposed.pk}@0"})  # nobody approves what they entered
    assert not Measurement.objects.exists()
    client.force_login(kpi.owner)
    client.post(reverse("my:approvals"), {"chosen": f"{proposed.pk}@0", "decision": "reject", "reason": "Count again"})
    client.force_login(noah)
    assert (
        "was rejected by Rosa Delgado on 22 Nov 2026, 08:00: Count again" in client.get(address(kpi)).content.decode()
    )


@pytest.mark.parametrize(
    ("role", "change"),
    [(Role.AUDITOR, {}), (Role.MEMBER, {"entry": "source"}), (Role.MEMBER, {"status": "draft"}), (Role.EXECUTIVE, {})],
)
def test_nobody_proposes_who_only_reads_nor_what_is_not_typed(client, kpi, role, change):
    person = a_person("Somebody")
    a_role(person, role, kpi.unit)
    Kpi.objects.update(tier="strategic", **change)
    client.force_login(person)
    assert client.post(address(kpi), {"seq": "0", "value": "5", "note": "x"}).status_code == 403
    assert ">Propose<" not in client.get(reverse("kpi", args=["CREWS"])).content.decode()
    assert not ProposedValue.objects.exists()


def test_a_member_of_another_unit_proposes_nothing(client, kpi):
    person = a_person("Somebody")
    a_role(person, Role.MEMBER, a_unit("jfk", "Kennedy"))
    client.force_login(person)
    assert client.post(address(kpi), {"seq": "0", "value": "5", "note": ""}).status_code == 404


def test_a_member_withdraws_a_value_that_waits_and_nobody_is_asked_or_written_to_any_more(client, kpi, noah):
    client.post(address(kpi), {"seq": "0", "value": "5", "note": ""})
    proposed = ProposedValue.objects.get()
    assert f'name="withdraw" value="{proposed.pk}"' in client.get(address(kpi)).content.decode()
    answers = [client.post(address(kpi), {"withdraw": proposed.pk}, follow=True) for _ in range(2)]
    for answer in answers:  # the second press says the same
        said = answer.content.decode()
        assert "your value is withdrawn; nobody has to decide about it" in said
        assert "5.0\u202fcrews, entered by Noah Fields, was withdrawn on 22 Nov 2026, 08:00" in said
        assert 'name="withdraw"' not in said
    with pytest.raises(NotToBeSent):
        write(delivery=Delivery.objects.get(), at=NOW)
    client.force_login(kpi.owner)
    assert "Values to approve" not in client.get(reverse("my:kpis")).content.decode()


def test_a_member_withdraws_neither_what_was_decided_nor_what_others_entered(client, kpi, noah):
    client.post(address(kpi), {"seq": "0", "value": "5", "note": ""})
    proposed = ProposedValue.objects.get()
    client.force_login(kpi.owner)
    assert client.post(address(kpi), {"withdraw": proposed.pk}).status_code == 404
    client.post(reverse("my:approvals"), {"one": f"{proposed.pk}@0"})
    client.force_login(noah)
    said = client.post(address(kpi), {"withdraw": proposed.pk}, follow=True).content.decode()
    assert "it was decided about your value meanwhile; nothing was withdrawn" in said
    assert Measurement.objects.get().value == 5


def test_a_member_takes_no_value_back_and_reopens_nothing(client, kpi, noah):
    client.post(address(kpi), {"seq": "0", "value": "5", "note": ""})
    assert client.post(reverse("kpis:bring_back", args=["CREWS", W46, 1]), {"note": "x"}).status_code in {403, 404}
    assert client.get(reverse("my:cell", args=["CREWS", W46])).status_code == 404
