"""Sending what is owed, to a real SMTP server that can be difficult."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

import pytest
from django.db import OperationalError

from alerts.models import Delivery, Message
from alerts.services import deliver_due, delivering
from alerts.services.delivering import retry_after
from objectives.models import Role
from tests.alerts.factories import (
    MONDAY,
    OFF,
    ON,
    RISK,
    Mailbox,
    a_mail_server,
    a_subscription,
    a_watched_kpi,
    after,
    an_owed_mail,
    judge_and_note,
    mailers_for,
    week,
)
from tests.factories import a_kpi, a_person, a_role

pytestmark = [
    pytest.mark.django_db,
    # The sign-in of the test server needs no TLS: it never leaves this machine.
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]


def test_an_owed_mail_is_sent_once_and_the_reply_of_the_server_is_kept():
    delivery = an_owed_mail()
    with a_mail_server(Mailbox()) as mailbox:
        sweep = deliver_due(now=MONDAY)
        assert deliver_due(now=after(hours=2)).sent == 0
    delivery.refresh_from_db()
    assert (sweep.sent, sweep.stopped) == (1, "")
    assert mailbox.recipients == [delivery.recipient.email]
    assert (delivery.state, delivery.reply, delivery.attempts) == ("sent", "250 kept as 1", 1)
    assert delivery.finished_at >= MONDAY


def test_the_headers_name_the_mail_its_sender_and_that_a_machine_wrote_it(settings):
    settings.BASE_URL = "https://kpi.example.com"
    settings.DEFAULT_FROM_EMAIL = "Harbor Airports KPIs <kpi@example.com>"
    delivery = an_owed_mail(owner=a_person("Ana Kovač", email="ana.kovac@example.com"))
    with a_mail_server(Mailbox()) as mailbox:
        deliver_due(now=MONDAY)
    (_, message), code = mailbox.accepted[0], delivery.message.kpi.code
    assert message["Message-ID"] == f"<{delivery.pk}@kpi.example.com>"
    assert message["From"] == "Harbor Airports KPIs <kpi@example.com>"
    assert message["To"] == "Ana Kovač <ana.kovac@example.com>"
    assert message["Subject"] == "LaGuardia on-time arrivals off track: 75.0 % vs 82.0 % (W46)"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["In-Reply-To"] is None
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    assert f"https://kpi.example.com/kpis/{code}/" in text
    pictures = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert [f'src="cid:{part["Content-ID"].strip("<>")}"' in html for part in pictures] == [True, True]
    assert message.get_content_type() == "multipart/alternative"


def test_mails_about_one_incident_hang_together():
    kpi = a_watched_kpi()
    with a_mail_server(Mailbox()) as mailbox:
        for number, band in ((46, RISK), (47, OFF), (48, ON), (49, OFF)):
            now = after(weeks=number - 46)
            judge_and_note(kpi, {week(number): band}, now=now)
            deliver_due(now=now)
    first = mailbox.ids[0]
    assert [message["In-Reply-To"] for _, message in mailbox.accepted] == [None, first, first, None]
    assert mailbox.accepted[1][1]["References"] == first


def test_each_recipient_has_their_own_transaction():
    kpi = a_kpi()
    people = [a_person(f"Reader {n}") for n in range(3)]
    for person in people:
        a_role(person)
        a_subscription(person, kpi=kpi)
    judge_and_note(kpi, {week(45): ON})
    judge_and_note(kpi, {week(46): OFF})
    refused = people[1]
    with a_mail_server(Mailbox(rcpt={refused.email: "550 5.1.1 no such user"})) as mailbox:
        sweep = deliver_due(now=MONDAY)
    assert (sweep.sent, sweep.dead) == (3, 1)
    assert sorted(mailbox.recipients) == sorted([kpi.owner.email, people[0].email, people[2].email])
    dead = Delivery.objects.get(recipient=refused)
    assert (dead.state, dead.reply, dead.attempts) == ("dead", "550 5.1.1 no such user", 1)
    assert mailbox.dialogues == 1


def test_a_message_refused_for_good_is_dead_at_once():
    delivery = an_owed_mail()
    with a_mail_server(Mailbox(data={delivery.recipient.email: "554 5.7.1 rejected"})):
        assert deliver_due(now=MONDAY).dead == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reply) == ("dead", "554 5.7.1 rejected")


def test_greylisting_is_tried_again_later():
    delivery = an_owed_mail()
    with a_mail_server(Mailbox(rcpt={delivery.recipient.email: "451 4.7.1 come back"})) as mailbox:
        assert deliver_due(now=MONDAY).later == 1
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts, delivery.reply) == ("pending", 1, "451 4.7.1 come back")
        assert timedelta(seconds=20) < delivery.next_attempt_at - MONDAY < timedelta(seconds=45)
        assert deliver_due(now=after(seconds=5)).later == 0
        mailbox.rcpt.clear()
        assert deliver_due(now=after(minutes=1)).sent == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("sent", 2)


def test_after_a_day_of_trying_the_mail_is_dead_and_says_why():
    delivery = an_owed_mail()
    with a_mail_server(Mailbox(data={delivery.recipient.email: "452 4.3.1 mailbox full"})) as mailbox:
        assert deliver_due(now=MONDAY).later == 1
        assert deliver_due(now=after(hours=23)).later == 1
        assert deliver_due(now=after(hours=25)).dead == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reply, delivery.attempts) == ("dead", "452 4.3.1 mailbox full", 3)
    assert mailbox.accepted == []


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 30), (2, 60), (5, 480), (8, 3600), (40, 3600)])
def test_the_pauses_double_from_half_a_minute_to_an_hour(attempts, seconds):
    pauses = [retry_after(attempts).total_seconds() for _ in range(50)]
    assert seconds * 0.8 <= min(pauses) < max(pauses) <= seconds * 1.2


def test_a_server_that_is_away_ends_the_sweep_and_spares_the_others(settings):
    first, second = an_owed_mail(), an_owed_mail("Kennedy on-time arrivals")
    settings.MAILERS = mailers_for(1)
    sweep = deliver_due(now=MONDAY)
    assert (sweep.sent, sweep.later, sweep.stopped) == (0, 1, "unreachable")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.attempts, second.attempts) == (1, 0)
    assert first.reply.startswith("ConnectionRefusedError")
    with a_mail_server(Mailbox()):
        assert deliver_due(now=after(minutes=1)).sent == 2


def test_a_sender_that_the_server_dislikes_costs_no_recipient_the_mail():
    delivery = an_owed_mail()
    with a_mail_server(Mailbox(mail="550 5.7.1 sender unknown")):
        assert deliver_due(now=MONDAY).stopped == "unreachable"
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reply) == ("pending", "550 5.7.1 sender unknown")


def test_a_refused_sign_in_pauses_every_sender_and_uses_up_no_attempt():
    delivery = an_owed_mail()
    with a_mail_server(Mailbox(users={"kpi": "right"}), username="kpi", password="wrong") as mailbox:
        assert deliver_due(now=MONDAY).stopped == "sign-in refused"
        tried = mailbox.dialogues
        an_owed_mail("Kennedy on-time arrivals")
        assert deliver_due(now=after(minutes=4)).stopped == "sign-in refused"
        assert mailbox.dialogues == tried
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("pending", 0)
    assert delivery.reply.startswith("sign-in refused: 535")
    with a_mail_server(Mailbox(users={"kpi": "right"}), username="kpi", password="right"):
        assert deliver_due(now=after(minutes=6)).sent == 2


def test_a_server_that_wants_a_sign_in_only_when_mail_comes_pauses_too():
    delivery = an_owed_mail()
    with a_mail_server(Mailbox(users={"kpi": "right"})):
        assert deliver_due(now=MONDAY).stopped == "sign-in refused"
    delivery.refresh_from_db()
    assert (delivery.attempts, delivery.reply[:20]) == (0, "sign-in refused: 530")


def test_a_server_that_hangs_after_the_message_is_not_waited_for_and_the_copy_has_the_same_id():
    delivery = an_owed_mail()
    with a_mail_server(Mailbox(hang_after_data=True), timeout=0.5) as mailbox:
        sweep = deliver_due(now=MONDAY)
    assert (sweep.later, sweep.stopped) == (1, "unreachable")
    delivery.refresh_from_db()
    assert delivery.state == "pending"
    assert delivery.reply.startswith("perhaps accepted before; SMTPServerDisconnected")
    with a_mail_server(Mailbox()) as second:
        assert deliver_due(now=after(minutes=1)).sent == 1
    assert mailbox.ids == second.ids


def test_a_mail_that_can_not_be_written_does_not_stop_the_others():
    first, second = an_owed_mail(), an_owed_mail("Kennedy on-time arrivals")
    Message.objects.filter(pk=first.message_id).update(facts={"was": "on_track"})
    with a_mail_server(Mailbox()) as mailbox:
        sweep = deliver_due(now=MONDAY)
    first.refresh_from_db()
    assert (sweep.sent, sweep.later) == (1, 1)
    assert mailbox.recipients == [second.recipient.email]
    assert first.reply.startswith("could not be written: KeyError")


def test_a_claim_is_taken_over_only_when_its_lease_has_ended():
    delivery = an_owed_mail()
    delivering.claim(at=MONDAY, lease=timedelta(seconds=90))
    with a_mail_server(Mailbox()):
        assert deliver_due(now=after(seconds=80)).sent == 0
        assert deliver_due(now=after(seconds=91)).sent == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("sent", 2)


def test_a_sweep_has_a_limit_of_mails_and_of_time():
    an_owed_mail()
    an_owed_mail("Kennedy on-time arrivals")
    with a_mail_server(Mailbox()):
        assert deliver_due(now=MONDAY, limit=1).sent == 1
        assert deliver_due(now=MONDAY, for_seconds=-1).stopped == "time is up"


def test_a_database_away_between_the_yes_of_the_server_and_our_note_makes_no_duplicate():
    delivery = an_owed_mail()
    real, failures = Delivery.objects.filter, iter([OperationalError("server closed the connection")])

    def flaky(*args, **kwargs):
        if "state__in" in kwargs and "pk" in kwargs and (error := next(failures, None)):
            raise error
        return real(*args, **kwargs)

    with (
        a_mail_server(Mailbox()) as mailbox,
        mock.patch.object(Delivery.objects, "filter", flaky),
        mock.patch.object(delivering, "connection") as connection,
        mock.patch.object(delivering.time, "sleep"),
    ):
        connection.in_atomic_block = False
        assert deliver_due(now=MONDAY).sent == 1
    delivery.refresh_from_db()
    assert (delivery.state, mailbox.recipients) == ("sent", [delivery.recipient.email])


# --- may it still be sent ------------------------------------------------------------------------


def test_nobody_is_mailed_who_may_not_sign_in_any_more():
    kpi = a_kpi()
    follower = a_person("Mia Stone")
    a_subscription(follower, kpi=kpi)
    judge_and_note(kpi, {week(45): ON})
    judge_and_note(kpi, {week(46): OFF})
    follower.is_active = False
    follower.save()
    with a_mail_server(Mailbox()) as mailbox:
        assert deliver_due(now=MONDAY).suppressed == 1
    assert mailbox.recipients == [kpi.owner.email]
    assert Delivery.objects.get(recipient=follower).reply == "the recipient may not sign in any more"


def test_nobody_is_mailed_about_a_kpi_they_may_not_open():
    kpi = a_kpi()
    manager = a_person("Mia Stone")
    role = a_role(manager, Role.MANAGER)
    a_subscription(manager, kpi=kpi)
    judge_and_note(kpi, {week(45): ON})
    judge_and_note(kpi, {week(46): OFF})
    role.delete()
    with a_mail_server(Mailbox()) as mailbox:
        assert deliver_due(now=MONDAY).suppressed == 1
    assert mailbox.recipients == [kpi.owner.email]
    assert Delivery.objects.get(recipient=manager).reply == "the recipient may not see this KPI"


def test_nobody_is_mailed_whose_subscription_has_ended():
    delivery = an_owed_mail()
    delivery.message.subscription.delete()
    with a_mail_server(Mailbox()) as mailbox:
        assert deliver_due(now=MONDAY).suppressed == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reply, mailbox.accepted) == ("suppressed", "the subscription has ended", [])
    assert delivery.finished_at >= MONDAY
