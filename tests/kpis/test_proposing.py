"""Four eyes: what waits for an approval, and that nobody approves what they entered."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from kpiplatform.accounts.models import User
from kpis.domain.periods import Calendar, period_of
from kpis.models import (
    Commentary,
    EntryRules,
    Evaluation,
    Kpi,
    Measurement,
    MeasurementRevision,
    PeriodLock,
    ProposedValue,
)
from kpis.queries import proposed_values_decided_by
from kpis.readings import Conflict, PeriodLocked, Recorded
from kpis.services.entry import Explanation, enter_measurement, take_back
from kpis.services.proposing import AlreadyDecided, approve, reject, withdraw
from objectives.models import Role
from tests.factories import NOW, a_kpi, a_person, a_role, limits

pytestmark = pytest.mark.django_db
D = Decimal
W45, W46 = date(2026, 11, 2), date(2026, 11, 9)


def enter(kpi: Kpi, user: User, value: str, seq: int = 0, start: date = W46, **said: Any) -> Recorded:
    period = period_of(start, kpi.frequency, Calendar())
    now = said.pop("now", NOW)
    return enter_measurement(kpi=kpi, period=period, expected_seq=seq, value=D(value), user=user, now=now, **said)


@pytest.fixture
def people() -> dict[str, User]:
    found = {name: a_person(name.title()) for name in ("owner", "deputy", "steward", "admin", "other")}
    for name, person in found.items():
        a_role(person, Role.ADMIN if name == "admin" else Role.OWNER)
    return found


@pytest.fixture
def kpi(people: dict[str, User]) -> Kpi:
    kpi = a_kpi(**{name: people[name] for name in ("owner", "deputy", "steward")}, needs_approval=True)
    limits(kpi, goal=80, red_flag=72)
    return kpi


def waiting() -> ProposedValue:
    return ProposedValue.objects.get(outcome="")


def test_what_the_deputy_enters_waits_and_nothing_judges_it(kpi, people):
    recorded = enter(kpi, people["deputy"], "60")
    assert (recorded.new, recorded.waiting, recorded.kpi_ids) == (0, 1, ())
    assert not Measurement.objects.exists()
    assert not Evaluation.objects.exists()
    assert (waiting().value, waiting().entered_by) == (60, people["deputy"])


def test_the_owners_own_value_is_stored_unless_the_organisation_wants_a_second_person(kpi, people):
    assert enter(kpi, people["owner"], "60").new == 1
    EntryRules.objects.create(pk=1, owner_needs_approval=True)
    assert enter(kpi, people["owner"], "61", seq=1).waiting == 1


def test_other_kpis_take_values_at_once(people):
    assert enter(a_kpi(owner=people["owner"], deputy=people["deputy"]), people["deputy"], "60").waiting == 0


def test_an_approved_value_is_judged_and_names_both_people(kpi, people):
    enter(kpi, people["deputy"], "60")
    approve(proposed_id=waiting().pk, seq=0, user=people["owner"], now=NOW)
    revision = MeasurementRevision.objects.get()
    assert (revision.value, revision.recorded_by, revision.approved_by) == (60, people["deputy"], people["owner"])
    assert Evaluation.objects.get().band == "off_track"
    assert not ProposedValue.objects.filter(outcome="").exists()


def test_what_was_said_with_the_value_goes_along(kpi, people):
    enter(kpi, people["owner"], "81", start=W45)
    told = Explanation(cause="A strike.", action="Ferries.", recovery_on=date(2026, 12, 1))
    enter(kpi, people["deputy"], "60", seq=1, start=W45, note="Counted again", explanation=told)
    assert not Commentary.objects.exists()
    approve(proposed_id=waiting().pk, seq=1, user=people["owner"], now=NOW)
    revision = MeasurementRevision.objects.get(seq=2)
    assert (revision.kind, revision.note) == ("correction", "Counted again")
    assert Commentary.objects.get().author == people["deputy"]


def test_the_database_refuses_that_somebody_approves_their_own_value(kpi, people):
    enter(kpi, people["deputy"], "60")
    with pytest.raises(IntegrityError), transaction.atomic():
        approve(proposed_id=waiting().pk, seq=0, user=people["deputy"], now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        reject(proposed_id=waiting().pk, reason="no", user=people["deputy"], now=NOW)
    assert not Measurement.objects.exists()


def test_a_rejected_value_keeps_its_reason_and_is_not_stored(kpi, people):
    enter(kpi, people["deputy"], "60")
    reject(proposed_id=waiting().pk, reason="The wrong week", user=people["owner"], now=NOW)
    row = ProposedValue.objects.get()
    assert (row.outcome, row.decision_reason, row.decided_by) == ("rejected", "The wrong week", people["owner"])
    assert not Measurement.objects.exists()


def test_a_value_is_decided_about_once(kpi, people):
    enter(kpi, people["deputy"], "60")
    pk = waiting().pk
    approve(proposed_id=pk, seq=0, user=people["owner"], now=NOW)
    with pytest.raises(AlreadyDecided):
        approve(proposed_id=pk, seq=1, user=people["admin"], now=NOW)
    with pytest.raises(AlreadyDecided):
        reject(proposed_id=pk, reason="no", user=people["admin"], now=NOW)
    assert MeasurementRevision.objects.count() == 1


def test_an_approval_beside_another_value_than_the_present_is_a_conflict(kpi, people):
    enter(kpi, people["owner"], "81")
    enter(kpi, people["deputy"], "60", seq=1)
    pk = waiting().pk
    with pytest.raises(Conflict):
        approve(proposed_id=pk, seq=0, user=people["owner"], now=NOW)
    assert waiting().pk == pk
    approve(proposed_id=pk, seq=1, user=people["owner"], now=NOW)
    assert Measurement.objects.get().value == 60


def test_nothing_is_proposed_or_approved_into_a_locked_period(kpi, people):
    enter(kpi, people["deputy"], "60")
    PeriodLock.objects.create(
        calendar=kpi.calendar, locked_until=W46 + timedelta(weeks=1), locked_by=people["admin"], locked_at=NOW
    )
    with pytest.raises(PeriodLocked):
        approve(proposed_id=waiting().pk, seq=0, user=people["owner"], now=NOW)
    with pytest.raises(PeriodLocked):
        enter(kpi, people["deputy"], "61")
    assert waiting().value == 60


def test_the_same_value_sent_twice_waits_once_and_another_takes_its_place(kpi, people):
    enter(kpi, people["deputy"], "60")
    enter(kpi, people["deputy"], "60", now=NOW + timedelta(seconds=1))
    assert ProposedValue.objects.count() == 1
    enter(kpi, people["deputy"], "61")
    assert [(row.value, row.outcome) for row in ProposedValue.objects.all()] == [(60, "replaced"), (61, "")]


def test_the_waiting_value_of_another_person_is_replaced_only_by_who_saw_it(kpi, people):
    enter(kpi, people["deputy"], "60")
    with pytest.raises(Conflict) as conflict:
        enter(kpi, people["steward"], "61")
    assert conflict.value.proposed_id == waiting().pk
    with pytest.raises(Conflict):
        enter(kpi, people["owner"], "61")
    enter(kpi, people["owner"], "61", seen_proposed=waiting().pk)
    assert ProposedValue.objects.get().outcome == "replaced"
    assert Measurement.objects.get().value == 61


def test_one_takes_back_what_waits_if_it_is_ones_own(kpi, people):
    enter(kpi, people["deputy"], "60")
    pk = waiting().pk
    with pytest.raises(AlreadyDecided):
        withdraw(proposed_id=pk, user=people["owner"], now=NOW)
    withdraw(proposed_id=pk, user=people["deputy"], now=NOW)
    assert ProposedValue.objects.get().outcome == "withdrawn"


def test_an_approved_value_is_not_taken_back_past_the_approver(kpi, people):
    enter(kpi, people["owner"], "81")
    enter(kpi, people["deputy"], "60", seq=1)
    approve(proposed_id=waiting().pk, seq=1, user=people["owner"], now=NOW)
    with pytest.raises(Conflict):
        take_back(kpi=kpi, period_start=W46, seq=2, user=people["deputy"], now=NOW)


@pytest.mark.parametrize(
    ("author", "deciders"),
    [
        ("deputy", {"owner", "admin"}),
        ("steward", {"owner", "admin"}),
        ("admin", {"owner"}),
        ("owner", {"deputy", "steward", "admin"}),
    ],
)
def test_who_decides_depends_on_who_entered_and_is_never_the_same(kpi, people, author, deciders):
    EntryRules.objects.create(pk=1, owner_needs_approval=True)
    enter(kpi, people[author], "60")
    may = {name for name, person in people.items() if proposed_values_decided_by(person, today=NOW.date()).exists()}
    assert may == deciders


def test_an_auditor_decides_nothing_even_as_the_owner(kpi, people):
    enter(kpi, people["deputy"], "60")
    people["owner"].roles.all().delete()
    owner = User.objects.get(pk=people["owner"].pk)
    a_role(owner, Role.AUDITOR)
    assert not proposed_values_decided_by(owner, today=NOW.date()).exists()
