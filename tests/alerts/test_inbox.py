"""The inbox, the story of an incident and its answer, mails for administrators."""

from __future__ import annotations

from datetime import date, timedelta
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from alerts.models import Delivery, Incident, Message
from alerts.services import acknowledge, follow, try_again
from alerts.services.writing import write
from kpiplatform.dashboards.frame import frame_for
from kpis.grades import confidence_of
from kpis.models import Commentary, Kpi
from kpis.services.notes import comment
from objectives.models import Role
from tests.alerts.factories import MONDAY, OFF, ON, RISK, a_watched_kpi, an_owed_mail, judge_and_note, week
from tests.factories import a_person, a_role, limits
from tests.kpis.computed import say

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


# --- inbox --------------------------------------------------------------------------------------


def test_inbox_incident_and_mail_say_how_far_the_value_can_be_trusted():
    delivery = an_owed_mail()
    kpi = delivery.message.kpi
    a_role(kpi.owner, Role.OWNER)
    limits(kpi, goal=82, red_flag=79)
    say(kpi, week(46), 75, kind="manual", at=MONDAY)
    grade = confidence_of([(kpi.pk, week(46))], today=TODAY)[kpi.pk, week(46)].grade
    assert f'aria-label="Data confidence {grade}"' in inbox(kpi.owner)
    facts = signed_in(kpi.owner).get(page_of(incident_of(kpi))).context["summary"].facts
    assert {"label": "Data confidence", "value": grade} in facts
    assert f", data confidence {grade}." in write(delivery=delivery, at=MONDAY).as_string()


def test_a_change_of_band_keeps_the_grade_that_its_value_had_when_it_was_noted():
    kpi = a_watched_kpi()
    a_role(kpi.owner, Role.OWNER)
    limits(kpi, goal=82, red_flag=79)
    say(kpi, week(46), 75, at=MONDAY)
    say(kpi, week(46), 74, kind="correction", note="typing error", at=MONDAY + timedelta(hours=1))
    now = confidence_of([(kpi.pk, week(46))], today=TODAY)[kpi.pk, week(46)].grade
    client = signed_in(kpi.owner)
    (line,) = client.get(reverse("alerts:inbox"), {"show": "recent"}).context["crossings"]
    (grade,) = [one.grade for one in client.get(page_of(incident_of(kpi))).context["events"] if one.new]
    assert "A" <= line.grade == grade < now


def test_an_open_incident_says_what_since_when_and_who_acts():
    kpi = a_troubled_kpi()
    text = inbox(kpi.owner)
    for words in (
        kpi.name,
        "Off track",
        "against a goal of",
        "W46",
        "you",
        "Not acknowledged.",
        "Explanation due 19 Nov.",
    ):
        assert words in text, words
    assert f'action="{reverse("alerts:acknowledge", args=[incident_of(kpi).pk])}"' in text


def test_ones_own_come_first():
    reader = a_person("Rosa Delgado")
    a_role(reader, Role.ADMIN)
    a_troubled_kpi("Kennedy")
    own = a_troubled_kpi("Newark", owner=reader)
    a_troubled_kpi("LaGuardia")
    Incident.objects.filter(kpi=own).update(opened_at=MONDAY - timedelta(days=30))
    context = signed_in(reader).get(reverse("alerts:inbox")).context
    assert [line.name for line in context["troubles"]] == ["Newark", "LaGuardia", "Kennedy"]
    context = signed_in(reader).get(reverse("alerts:inbox"), {"mine": "1"}).context
    assert [line.name for line in context["troubles"]] == ["Newark"]


def test_recoveries_are_among_the_recent_changes():
    kpi = a_troubled_kpi()
    judge_and_note(kpi, {week(47): ON}, now=MONDAY + timedelta(days=7))
    context = signed_in(kpi.owner).get(reverse("alerts:inbox"), {"show": "recent"}).context
    assert [(line.old, line.new) for line in context["crossings"]] == [
        ("off_track", "on_track"),
        ("on_track", "off_track"),
    ]
    assert "troubles" not in context or not context["troubles"]


def test_pages_of_the_list_neither_skip_nor_repeat():
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    names = {a_troubled_kpi(f"Gate {number}").name for number in range(5)}
    client, address, seen = signed_in(admin), reverse("alerts:inbox") + "?show=open", []
    with patch("alerts.inbox.SIZE", {"": (2, 2), "open": (2, 0), "recent": (0, 2)}):
        while address:
            context = client.get(address).context
            seen += [line.name for line in context["troubles"]]
            address = context["more_troubles"]
        assert sorted(seen) == sorted(names)
        address, seen = reverse("alerts:inbox") + "?show=recent", []
        while address:
            context = client.get(address).context
            seen += [line.name for line in context["crossings"]]
            address = context["more_crossings"]
    assert sorted(seen) == sorted(names)


@pytest.mark.parametrize("after", ["0", "x", "-1", "99999999999999999999999", "'"])
def test_a_mistyped_page_starts_at_the_top(after):
    kpi = a_troubled_kpi()
    assert kpi.name in inbox(kpi.owner, show="open", after=after)


def test_the_inbox_asks_the_same_queries_for_two_incidents_and_for_nine():
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    client, counts = signed_in(admin), []
    for more in (2, 7):
        for number in range(more):
            a_troubled_kpi(f"Gate {more} {number}")
        client.get(reverse("alerts:inbox"))
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("alerts:inbox"))
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12


def test_the_count_beside_the_navigation_is_of_what_waits_for_oneself():
    kpi = a_troubled_kpi()
    a_troubled_kpi("Kennedy")
    assert frame_for(kpi.owner, now=MONDAY).unacknowledged == 1
    assert 'Alerts <span class="n">1</span>' in inbox(kpi.owner)
    acknowledge(incident_id=incident_of(kpi).pk, user=kpi.owner, now=MONDAY)
    assert frame_for(kpi.owner, now=MONDAY).unacknowledged == 0


# --- one incident -------------------------------------------------------------------------------


def test_the_story_tells_the_change_the_mail_and_the_answer():
    kpi = a_troubled_kpi()
    incident = incident_of(kpi)
    client = signed_in(kpi.owner)
    response = client.post(page_of(incident), ANSWER, follow=True)
    text = response.content.decode()
    for words in (
        "Off track in W46",
        "Mail: LaGuardia on-time arrivals off track",
        "owed, goes out next",
        "acknowledged it",
        "explained it",
        "Two storms",
        "One more crew",
        "7 Dec",
    ):
        assert words in text, words


def test_one_form_acknowledges_and_explains_once():
    kpi = a_troubled_kpi()
    incident, client = incident_of(kpi), signed_in(kpi.owner)
    for _press in range(2):
        assert client.post(page_of(incident), ANSWER).status_code == 303
    incident.refresh_from_db()
    said = Commentary.objects.get()
    assert incident.acknowledged_by == kpi.owner
    assert (said.period_start, said.recovery_on, said.author) == (week(46), date(2026, 12, 7), kpi.owner)


@pytest.mark.parametrize("said", [{"cause": ""}, {"action": " "}, {"recovery_on": ""}, {"recovery_on": "2026-11-15"}])
def test_an_answer_with_a_gap_changes_nothing_and_keeps_what_was_typed(said):
    kpi = a_troubled_kpi()
    response = signed_in(kpi.owner).post(page_of(incident_of(kpi)), ANSWER | said)
    assert response.status_code == 422
    kept = next(words for field, words in ANSWER.items() if field not in said)
    assert kept in response.content.decode()
    assert not Commentary.objects.exists()
    assert incident_of(kpi).acknowledged_at is None


def test_explained_from_anywhere_is_explained_here():
    kpi = a_troubled_kpi()
    said = {"kind": "explanation", "period": str(week(46)), **ANSWER}
    signed_in(kpi.owner).post(reverse("kpis:comment", args=[kpi.code]), said)
    text = inbox(kpi.owner)
    assert "Explained." in text
    assert "Explanation due" not in text
    assert "Answer it" not in signed_in(kpi.owner).get(page_of(incident_of(kpi))).content.decode()


def test_trouble_that_grows_worse_is_to_be_explained_anew():
    kpi = a_watched_kpi()
    judge_and_note(kpi, {week(46): RISK})
    a_role(kpi.owner, Role.OWNER)
    signed_in(kpi.owner).post(page_of(incident_of(kpi)), ANSWER)
    assert "Explained." in inbox(kpi.owner)
    judge_and_note(kpi, {week(47): OFF}, now=MONDAY + timedelta(days=7))
    incident = incident_of(kpi)
    assert incident.explanation_due_on == date(2026, 11, 26)
    assert incident.acknowledged_at is not None
    assert "Explanation due 26 Nov." in inbox(kpi.owner)
    facts = Message.objects.filter(kpi=kpi).latest("pk").facts
    assert facts["explain_by"] == "2026-11-26"


def test_an_explanation_that_is_late_says_since_when():
    kpi = a_troubled_kpi()
    Incident.objects.update(explanation_due_on=TODAY - timedelta(days=3))
    assert "Explanation was due 13 Nov, 3 days ago." in inbox(kpi.owner)


def test_mails_to_others_are_seen_by_the_owner_and_administrators_only():
    kpi = a_watched_kpi()
    reader, other, admin = a_person("Mia Stone"), a_person("Sam Other"), a_person("Grace Lindholm")
    for person in (reader, other):
        a_role(person, Role.MEMBER)
        follow(user=person, thing=kpi)
    a_role(admin, Role.ADMIN)
    a_role(kpi.owner, Role.OWNER)
    judge_and_note(kpi, {week(46): OFF})

    def recipients(user) -> set[str]:
        events = signed_in(user).get(page_of(incident_of(kpi))).context["events"]
        return {line.who for event in events for line in event.deliveries}

    everybody = {"Mia Stone", "Sam Other", kpi.owner.name}
    assert recipients(kpi.owner) == recipients(admin) == everybody
    assert recipients(reader) == {"Mia Stone"}


# --- mails --------------------------------------------------------------------------------------


def given_up() -> Delivery:
    delivery = an_owed_mail()
    Delivery.objects.update(state=Delivery.State.DEAD, finished_at=MONDAY, attempts=3, reply="550 no such person")
    return delivery


def test_a_mail_that_was_given_up_is_tried_once_more():
    delivery = given_up()
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    client = signed_in(admin)
    text = client.get(reverse("alerts:deliveries"), {"state": "dead"}).content.decode()
    assert "550 no such person" in text
    response = client.post(reverse("alerts:retry", args=[delivery.pk]), headers=HTMX)
    assert "owed, goes out next" in response.content.decode()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.finished_at) == (Delivery.State.PENDING, None)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"state": "pending", "attempts": 2, "next_attempt_at": MONDAY + timedelta(hours=1)},
            "owed, next attempt 16 Nov",
        ),
        ({"state": "leased", "attempts": 1}, "being sent, 1 attempt"),
        ({"state": "sent", "attempts": 1, "finished_at": MONDAY, "reply": "250 Ok"}, "sent 16 Nov 2026, 06:10"),
        ({"state": "dead", "attempts": 3, "finished_at": MONDAY}, "given up 16 Nov 2026, 06:10, 3 attempts"),
        ({"state": "suppressed", "finished_at": MONDAY, "reply": "superseded by 1"}, "a newer mail took its place"),
    ],
)
def test_the_fate_of_a_mail_is_said_in_words(fields, words):
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    an_owed_mail()
    Delivery.objects.update(**fields)
    assert words in signed_in(admin).get(reverse("alerts:deliveries")).content.decode()


def test_a_mail_that_was_sent_is_not_sent_again():
    delivery = given_up()
    Delivery.objects.update(state=Delivery.State.SENT)
    assert not try_again(delivery_id=delivery.pk, now=MONDAY)
    delivery.refresh_from_db()
    assert delivery.state == Delivery.State.SENT


def test_mails_are_for_administrators():
    delivery = given_up()
    a_role(delivery.recipient, Role.OWNER)
    client = signed_in(delivery.recipient)
    assert client.get(reverse("alerts:deliveries")).status_code == 404
    assert client.post(reverse("alerts:retry", args=[delivery.pk])).status_code == 404
    delivery.refresh_from_db()
    assert delivery.state == Delivery.State.DEAD


def test_every_kind_of_message_has_its_line():
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    delivery = an_owed_mail()
    a_role(delivery.recipient, Role.OWNER)
    said = comment(kpi=delivery.message.kpi, body="@Grace Lindholm look", author=delivery.recipient, now=MONDAY)
    lines = signed_in(admin).get(reverse("alerts:deliveries")).context["lines"]
    assert [line.subject for line in lines] == [
        f"{said.author.name} named you: LaGuardia on-time arrivals",
        "LaGuardia on-time arrivals off track: 75.0\u202f% vs 82.0\u202f% (W46)",
    ]
