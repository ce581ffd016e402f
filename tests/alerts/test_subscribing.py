"""Incidents, subscriptions, and many evaluators at once."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from alerts.models import Announcement, BandCrossing, Delivery, Incident, Message, Subscription
from alerts.services import note_judgements
from kpis.models import KpiState
from tests.alerts.factories import (
    MONDAY,
    OFF,
    ON,
    RISK,
    a_subscription,
    a_watched_kpi,
    crossings,
    judge_and_note,
    judged,
    noted,
    week,
)
from tests.factories import a_kpi, a_person, a_unit, an_objective

pytestmark = pytest.mark.django_db
ORDER = {"on_track": 0, "at_risk": 1, "off_track": 2}


def test_trouble_opens_one_incident_that_worsens_and_closes_with_the_band():
    kpi = a_watched_kpi()
    judge_and_note(kpi, {week(46): RISK})
    incident = Incident.objects.get(kpi=kpi)
    assert (incident.worst_band, incident.explanation_due_on) == ("at_risk", date(2026, 11, 19))
    judge_and_note(kpi, {week(47): OFF}, now=MONDAY + timedelta(weeks=1))
    incident.refresh_from_db()
    assert (incident.worst_band, incident.closed_at) == ("off_track", None)
    end = MONDAY + timedelta(weeks=2)
    judge_and_note(kpi, {week(48): ON}, now=end)
    incident.refresh_from_db()
    assert incident.closed_at == end


def test_trouble_that_ended_before_it_was_noted_leaves_no_incident():
    kpi = a_kpi()
    judge_and_note(kpi, {week(43): ON, week(44): OFF, week(45): ON, week(46): RISK})
    incident = Incident.objects.get(kpi=kpi)
    assert incident.opened_by.period_start == week(46)


def test_one_batch_may_close_an_incident_and_open_the_next():
    kpi = a_watched_kpi(band=OFF)
    judge_and_note(kpi, {week(46): ON, week(47): RISK}, now=MONDAY + timedelta(weeks=1))
    old, new = Incident.objects.filter(kpi=kpi).order_by("opened_at")
    assert (old.closed_at is None, new.closed_at is None) == (False, True)
    assert new.opened_by.period_start == week(47)


# --- subscriptions -------------------------------------------------------------------------------


def test_a_new_owner_is_subscribed_and_the_former_one_no_longer():
    kpi = a_watched_kpi()
    former, new = kpi.owner, a_person("Rosa Delgado")
    kpi.owner = new
    kpi.save()
    judge_and_note(kpi, {week(46): OFF})
    assert Subscription.objects.get(kpi=kpi, is_active=True).user == new
    assert not Delivery.objects.filter(recipient=former).exists()


def test_an_owner_who_ended_the_subscription_stays_without():
    kpi = a_watched_kpi()
    Subscription.objects.update(is_active=False)
    judge_and_note(kpi, {week(46): OFF})
    assert not Delivery.objects.exists()
    assert Subscription.objects.count() == 1


def test_an_owner_who_comes_back_is_subscribed_again():
    kpi = a_watched_kpi()
    first, second = kpi.owner, a_person("Rosa Delgado")
    for owner, number in ((second, 46), (first, 47)):
        kpi.owner = owner
        kpi.save()
        judge_and_note(kpi, {week(number): ON}, now=MONDAY + timedelta(weeks=number - 46))
    assert Subscription.objects.get(kpi=kpi, is_active=True).user == first


def test_followers_of_the_objective_and_of_a_unit_above_are_told():
    airport = a_unit("jfk", "Kennedy")
    gate = a_unit("jfk-gate", "Gate", parent=airport)
    elsewhere = a_unit("jfk-2", "Kennedy West")
    objective = an_objective()
    kpi = a_kpi(unit=gate, objective=objective)
    by_objective, by_unit, other = a_person("Bo Lind"), a_person("Chi Park"), a_person("Dee Moss")
    a_subscription(by_objective, objective=objective)
    a_subscription(by_unit, unit=airport)
    a_subscription(other, unit=elsewhere)
    judge_and_note(kpi, {week(45): ON})
    judge_and_note(kpi, {week(46): OFF})
    assert {one.recipient for one in Delivery.objects.all()} == {kpi.owner, by_objective, by_unit}


def test_several_subscriptions_of_one_person_make_one_mail():
    kpi = a_kpi()
    a_subscription(kpi.owner, objective=kpi.objective)
    a_subscription(kpi.owner, unit=kpi.unit)
    judge_and_note(kpi, {week(45): ON})
    judge_and_note(kpi, {week(46): OFF})
    delivery = Delivery.objects.get()
    assert delivery.message.facts["follows"]["kind"] == "owner"
    assert Announcement.objects.filter(kpi=kpi, band="off_track", told_at=MONDAY).count() == 3


def test_whoever_wants_only_the_worst_hears_of_off_track_reached_and_left():
    kpi = a_kpi()
    boss = a_person("Dan Reyes")
    a_subscription(boss, kpi=kpi, worst_only=True)
    for number, band in ((44, ON), (45, RISK), (46, OFF), (47, RISK), (48, ON)):
        judge_and_note(kpi, {week(number): band}, now=MONDAY + timedelta(weeks=number - 46))
    told = Message.objects.filter(subscription__user=boss).order_by("pk")
    assert [(m.kind, m.facts["was"], m.facts["band"]) for m in told] == [
        ("worse", "at_risk", "off_track"),
        ("better", "off_track", "at_risk"),
    ]


def test_a_subscription_that_begins_later_starts_with_what_is_confirmed_now():
    kpi = a_watched_kpi(band=OFF)
    a_subscription(a_person("Bo Lind"), kpi=kpi)
    judge_and_note(kpi, {week(46): OFF})
    assert not Delivery.objects.exists()


# --- many at once --------------------------------------------------------------------------------


def test_the_number_of_queries_does_not_grow_with_the_kpis():
    def queries_for(count: int) -> int:
        kpis = [a_watched_kpi() for _ in range(count)]
        for kpi in kpis:
            judged(kpi, {week(46): OFF})
        ids = sorted(kpi.pk for kpi in kpis)
        with (
            CaptureQueriesContext(
                connection,
            ) as queries,
            transaction.atomic(),
        ):
            done = note_judgements(kpi_ids=ids, judged_from=dict.fromkeys(ids, week(46)), cause="value", now=MONDAY)
        assert done.deliveries == count
        return len(queries)

    assert queries_for(2) == queries_for(9)


@pytest.mark.django_db(transaction=True)
def test_two_evaluators_at_once_leave_the_rows_of_one():
    kpis = [a_watched_kpi(owner=a_person(f"Owner {n}")) for n in range(6)]
    for kpi in kpis:
        judged(kpi, {week(46): OFF})
    ids = sorted(kpi.pk for kpi in kpis)
    together, failures = threading.Barrier(4), []

    def evaluate(own: list[int]) -> None:
        try:
            together.wait(10)
            with transaction.atomic():
                list(KpiState.objects.select_for_update().filter(kpi_id__in=own).order_by("kpi_id"))
                note_judgements(kpi_ids=own, judged_from=dict.fromkeys(own, week(46)), cause="value", now=MONDAY)
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=evaluate, args=(own,)) for own in (ids, ids, ids[:4], ids[2:])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failures == []
    assert BandCrossing.objects.filter(seq=2).count() == BandCrossing.objects.count() / 2 == 6
    assert Message.objects.count() == Delivery.objects.count() == 6


def test_a_transaction_that_fails_owes_nothing():
    kpi = a_watched_kpi()
    judged(kpi, {week(46): OFF})

    class Broken(Exception):
        pass

    def evaluate() -> None:
        with transaction.atomic():
            noted(kpi, since=week(46))
            raise Broken

    with pytest.raises(Broken):
        evaluate()
    assert not Message.objects.exists()
    assert len(crossings(kpi)) == 1
    noted(kpi, since=week(46))
    assert Message.objects.count() == 1
