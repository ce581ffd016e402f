"""What one is told: following, ending, and what cannot be followed."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.test import Client
from django.urls import reverse

from alerts.models import Announcement, Delivery, Incident, Subscription
from alerts.services import follow, tell, unfollow
from kpis.models import Kpi
from objectives.models import Role
from tests.alerts.factories import MONDAY, OFF, ON, RISK, a_watched_kpi, judge_and_note, week
from tests.factories import a_person, a_role, a_unit

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
ANSWER = {"cause": "Two storms", "action": "One more crew", "recovery_on": "2026-12-07"}
TODAY = MONDAY.date()


@pytest.fixture(autouse=True)
def it_is_monday():
    with patch("django.utils.timezone.now", return_value=MONDAY):
        yield


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def a_troubled_kpi(name: str = "LaGuardia on-time arrivals", **fields) -> Kpi:
    kpi = a_watched_kpi(name, **fields)
    judge_and_note(kpi, {week(46): OFF})
    if not kpi.owner.roles.exists():
        a_role(kpi.owner, Role.OWNER)
    return kpi


def incident_of(kpi: Kpi) -> Incident:
    return Incident.objects.get(kpi=kpi)


def page_of(incident: Incident) -> str:
    return reverse("alerts:incident", args=[incident.pk])


def inbox(user, **query) -> str:
    return signed_in(user).get(reverse("alerts:inbox"), query).content.decode()


def member_of(unit=None):
    person = a_person("Noah Fields")
    a_role(person, Role.MEMBER, unit)
    return person


def test_following_a_kpi_tells_what_changes_from_then_on():
    kpi = a_watched_kpi()
    person = member_of()
    signed_in(person).post(reverse("alerts:subscriptions"), {"kpi": kpi.code})
    assert Announcement.objects.get(subscription__user=person).band == "on_track"
    assert not Delivery.objects.filter(recipient=person).exists()
    judge_and_note(kpi, {week(46): OFF})
    assert Delivery.objects.filter(recipient=person).count() == 1


@pytest.mark.parametrize("kind", ["objective", "unit"])
def test_an_objective_and_a_unit_are_followed_the_same_way(kind):
    unit = a_unit()
    kpi = a_watched_kpi(unit=unit)
    kpi.objective.unit = unit
    kpi.objective.save()
    person = member_of(unit)
    thing = getattr(kpi, kind)
    signed_in(person).post(reverse("alerts:subscriptions"), {kind: thing.code})
    judge_and_note(kpi, {week(46): OFF})
    assert Delivery.objects.filter(recipient=person).count() == 1


@pytest.mark.parametrize("kind", ["kpi", "objective", "unit"])
def test_what_one_may_not_see_cannot_be_followed_or_found(kind):
    kpi = a_watched_kpi(unit=a_unit("jfk", "Kennedy"))
    person = member_of(a_unit())
    code = kpi.code if kind == "kpi" else getattr(kpi, kind).code
    client = signed_in(person)
    assert client.post(reverse("alerts:subscriptions"), {kind: code}).status_code == 404
    assert not Subscription.objects.filter(user=person).exists()
    assert client.get(reverse("alerts:subscriptions"), {"q": "arrivals"}).context["found"] == []


def test_an_owner_who_wants_nothing_is_asked_nothing_again():
    kpi = a_watched_kpi()
    a_role(kpi.owner, Role.OWNER)
    own = Subscription.objects.get(user=kpi.owner)
    address = reverse("alerts:subscription", args=[own.pk])
    signed_in(kpi.owner).post(address, {"what": "nothing"})
    judge_and_note(kpi, {week(46): OFF})
    assert not Delivery.objects.exists()
    signed_in(kpi.owner).post(address, {"what": "every"})
    judge_and_note(kpi, {week(47): OFF}, now=MONDAY + timedelta(days=7))
    assert not Delivery.objects.exists()  # what stood when it was switched on is no news
    judge_and_note(kpi, {week(48): RISK}, now=MONDAY + timedelta(days=14))
    judge_and_note(kpi, {week(49): OFF}, now=MONDAY + timedelta(days=21))
    assert Delivery.objects.get().message.kind == "worse"


def test_only_off_track_is_told_to_whoever_chose_so():
    kpi = a_watched_kpi()
    tell(subscription=Subscription.objects.get(user=kpi.owner), what="worst")
    judge_and_note(kpi, {week(46): RISK})
    assert not Delivery.objects.exists()
    judge_and_note(kpi, {week(47): OFF}, now=MONDAY + timedelta(days=7))
    assert Delivery.objects.count() == 1


def test_what_one_follows_is_ended_and_the_mail_still_owed_is_not_sent():
    kpi, person = a_watched_kpi(), member_of()
    row = follow(user=person, thing=kpi)
    judge_and_note(kpi, {week(46): OFF})
    signed_in(person).post(reverse("alerts:subscription", args=[row.pk]), {"end": "1"})
    assert not Subscription.objects.filter(user=person).exists()
    assert Delivery.objects.get(recipient=person).message.subscription is None
    unfollow(subscription=row)


def test_the_subscription_of_somebody_else_does_not_exist():
    kpi, person = a_watched_kpi(), member_of()
    own = Subscription.objects.get(user=kpi.owner)
    address = reverse("alerts:subscription", args=[own.pk])
    assert signed_in(person).post(address, {"what": "nothing"}).status_code == 404
    own.refresh_from_db()
    assert own.is_active


@pytest.mark.parametrize("text", ["%", "_", "'", "\x01"])
def test_any_text_may_be_looked_for(text):
    person = member_of()
    client = signed_in(person)
    assert client.get(reverse("alerts:subscriptions"), {"q": text}).status_code == 200
    assert client.post(reverse("alerts:subscriptions"), {"kpi": text}).status_code == 404


def test_a_change_that_left_no_incident_leads_to_the_kpi():
    kpi = a_troubled_kpi()
    judge_and_note(kpi, {week(47): ON}, now=MONDAY + timedelta(days=7))
    judge_and_note(kpi, {week(48): OFF, week(49): ON}, now=MONDAY + timedelta(days=21))
    lines = signed_in(kpi.owner).get(reverse("alerts:inbox"), {"show": "recent"}).context["crossings"]
    own = page_of(incident_of(kpi))
    assert [line.url for line in lines] == [reverse("kpi", args=[kpi.code])] * 2 + [own] * 2


def test_an_auditor_changes_nothing():
    kpi, auditor = a_watched_kpi(), a_person("Victor Amadi")
    a_role(auditor, Role.AUDITOR)
    assert signed_in(auditor).post(reverse("alerts:subscriptions"), {"kpi": kpi.code}).status_code == 403
    assert "Follow" not in signed_in(auditor).get(reverse("kpi", args=[kpi.code])).content.decode()
    assert not Subscription.objects.filter(user=auditor).exists()
