"""The mail to whoever decides about values, through the outbox: one for all that gather."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from alerts.models import Delivery
from alerts.services.claiming import claim
from alerts.services.writing import NotToBeSent, write
from kpiplatform.accounts.models import User
from kpis.domain.periods import Calendar, period_of
from kpis.models import Kpi, ProposedValue
from kpis.services.entry import enter_measurement
from kpis.services.proposing import approve
from objectives.models import Role
from tests.factories import NOW, a_kpi, a_person, a_role

pytestmark = pytest.mark.django_db
W45, W46 = date(2026, 11, 2), date(2026, 11, 9)
LATER = NOW + timedelta(minutes=11)


@pytest.fixture
def kpi() -> Kpi:
    kpi = a_kpi("Crews", owner=a_person("Rosa Delgado"), measure_unit="crews", decimals=0)
    a_role(kpi.owner, Role.OWNER)
    return kpi


@pytest.fixture
def noah() -> User:
    person = a_person("Noah Fields")
    a_role(person, Role.MEMBER)
    return person


def propose(kpi: Kpi, user: User, start: date, value: int, *, minutes: int = 0) -> None:
    enter_measurement(
        kpi=kpi, period=period_of(start, "week", Calendar()), expected_seq=0, value=Decimal(value), user=user,
        now=NOW + timedelta(minutes=minutes), note="counted",
    )  # fmt: skip


def test_values_that_gather_are_told_in_one_mail_that_waits_for_them(kpi, noah):
    propose(kpi, noah, W46, 5)
    propose(kpi, noah, W45, 6, minutes=3)
    delivery = Delivery.objects.get()
    assert delivery.recipient == kpi.owner
    assert claim(at=NOW + timedelta(minutes=9), lease=timedelta(seconds=90)).delivery is None
    mail = write(delivery=delivery, at=LATER)
    assert mail["Subject"] == "2 values wait for your approval"
    text = " ".join(mail.get_body(("plain",)).get_content().split())
    assert "Crews, W46: 5 crews entered by Noah Fields, data confidence C" in text
    assert "/my/approvals/" in text


def test_what_was_decided_before_the_mail_left_is_not_told(kpi, noah):
    propose(kpi, noah, W46, 5)
    approve(proposed_id=ProposedValue.objects.get().pk, seq=0, user=kpi.owner, now=NOW)
    with pytest.raises(NotToBeSent):
        write(delivery=Delivery.objects.get(), at=LATER)


def test_after_a_mail_was_sent_the_next_value_owes_another(kpi, noah):
    propose(kpi, noah, W46, 5)
    Delivery.objects.update(state="sent", finished_at=LATER)
    propose(kpi, noah, W45, 6, minutes=20)
    assert Delivery.objects.filter(state="pending").count() == 1


def test_of_what_the_owner_enters_deputy_and_steward_are_told_and_never_who_entered_it(kpi, noah):
    ana = a_person("Ana Kovač")
    a_role(ana, Role.OWNER)
    Kpi.objects.update(deputy=ana, steward=noah, needs_approval=True)
    kpi.refresh_from_db()
    propose(kpi, ana, W46, 5)
    assert [one.recipient for one in Delivery.objects.all()] == [kpi.owner]
