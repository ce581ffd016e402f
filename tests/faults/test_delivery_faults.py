"""Senders that die, brokers that are away, many senders at once: every owed mail arrives, at most one of them twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from django.conf import settings
from django.db import connection, connections

from alerts.channels.email import EmailChannel
from alerts.models import Delivery, Message
from alerts.services import deliver_due, delivering
from tests.alerts.factories import MONDAY, OFF, Mailbox, a_mail_server, a_watched_kpi, an_owed_mail, judged, week
from tests.factories import a_person

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60  # until a process that says nothing is given up

PRELUDE = """
import time
from datetime import date, datetime
import django
django.setup()
from django.conf import settings
from alerts.channels.email import EmailChannel
from alerts.services import deliver_due, delivering
now = datetime.fromisoformat({now!r})

def here(word):
    print(word, flush=True)
    time.sleep(600)
"""
SEND_AND_HANG_BEFORE_THE_NOTE = """
delivering._note_accepted = lambda *_: here("accepted")
deliver_due(now=now)
"""
CLAIM_AND_HANG_BEFORE_SENDING = """
EmailChannel.open = lambda self: here("claimed")
deliver_due(now=now)
"""
COMMIT_AND_HANG_BEFORE_THE_BELL = """
from django.db import transaction
from alerts.services import note_judgements
from alerts.signals import deliveries_owed
deliveries_owed.connect(lambda **_: here("committed"), weak=False)
deliveries_owed.receivers.reverse()
with transaction.atomic():
    note_judgements(kpi_ids=[{kpi}], judged_from={{{kpi}: date.fromisoformat({since!r})}}, now=now)
"""
COMMIT_WITHOUT_A_BROKER = """
from django.db import transaction
from alerts.services import note_judgements
with transaction.atomic():
    note_judgements(kpi_ids=[{kpi}], judged_from={{{kpi}: date.fromisoformat({since!r})}}, now=now)
print("done", flush=True)
"""


def a_process(script: str, *, redis_url: str = "", **values: object) -> subprocess.Popen[str]:
    """Run `script` in a process of its own on the test database and the mail server of the settings."""
    database = connection.settings_dict
    smtp = settings.MAILERS["default"].get("OPTIONS", {})
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "kpiplatform.settings",
        "DATABASE_URL": "postgresql://{USER}:{PASSWORD}@/{NAME}?host={HOST}".format(**database),
        "SMTP_URL": f"smtp://127.0.0.1:{smtp.get('port', 25)}",
    }
    if redis_url:
        environment["REDIS_URL"] = redis_url
    text = PRELUDE.format(now=MONDAY.isoformat()) + script.format(since=week(46).isoformat(), **values)
    return subprocess.Popen(
        [sys.executable, "-c", text],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_after(process: subprocess.Popen[str], word: str) -> None:
    """Wait until the process says `word`, then kill it where it stands."""
    watchdog = threading.Timer(SECONDS, process.kill)
    watchdog.start()
    try:
        said = process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)
        _, complaints = process.communicate()
    finally:
        watchdog.cancel()
    assert said == word, complaints
    assert process.returncode == -signal.SIGKILL


def after(**later: float):
    return MONDAY + timedelta(**later)


def test_a_sender_killed_between_acceptance_and_note_makes_at_most_one_duplicate_with_the_same_id():
    delivery = an_owed_mail()
    with a_mail_server(Mailbox()) as mailbox:
        killed_after(a_process(SEND_AND_HANG_BEFORE_THE_NOTE), "accepted")
        assert len(mailbox.accepted) == 1
        assert deliver_due(now=after(seconds=20)).sent == 0
        assert deliver_due(now=after(minutes=5)).sent == 1
        assert deliver_due(now=after(hours=5)).sent == 0
    assert len(mailbox.ids) == 2
    assert len(set(mailbox.ids)) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("sent", 2)


def test_a_sender_killed_between_claim_and_sending_loses_nothing_and_doubles_nothing():
    an_owed_mail()
    with a_mail_server(Mailbox()) as mailbox:
        killed_after(a_process(CLAIM_AND_HANG_BEFORE_SENDING), "claimed")
        assert Delivery.objects.get().state == "leased"
        assert mailbox.accepted == []
        assert deliver_due(now=after(minutes=2)).sent == 1
    assert len(mailbox.ids) == 1


def test_an_evaluator_killed_between_commit_and_bell_has_left_the_mail_owed():
    kpi = a_watched_kpi()
    judged(kpi, {week(46): OFF})
    killed_after(a_process(COMMIT_AND_HANG_BEFORE_THE_BELL, kpi=kpi.pk), "committed")
    assert Message.objects.count() == 1
    with a_mail_server(Mailbox()) as mailbox:
        assert deliver_due(now=MONDAY).sent == 1
    assert mailbox.recipients == [kpi.owner.email]


def test_a_broker_that_is_away_costs_the_bell_and_not_the_mail():
    kpi = a_watched_kpi()
    judged(kpi, {week(46): OFF})
    process = a_process(COMMIT_WITHOUT_A_BROKER, kpi=kpi.pk, redis_url="redis://127.0.0.1:1/0")
    said, complaints = process.communicate(timeout=SECONDS)
    assert (process.returncode, said.strip()) == (0, "done"), complaints
    assert "no broker to ring for the sender" in complaints
    with a_mail_server(Mailbox()):
        assert deliver_due(now=MONDAY).sent == 1


def test_many_senders_at_once_send_each_mail_once():
    count = 10
    for number in range(count):
        an_owed_mail(f"Indicator {number}", owner=a_person(f"Owner {number}"))
    together, sweeps, failures = threading.Barrier(4), [], []

    def sweep() -> None:
        try:
            together.wait(10)
            sweeps.append(deliver_due(now=MONDAY))
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    with a_mail_server(Mailbox(), timeout=30) as mailbox:
        threads = [threading.Thread(target=sweep) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
    assert failures == []
    assert sum(one.sent for one in sweeps) == count
    assert set(Counter(mailbox.recipients).values()) == {1}
    assert len(mailbox.accepted) == count


class Crash(BaseException):
    """A process that ends on the spot: nothing may catch it."""


@pytest.mark.parametrize("seed", range(4))
def test_whatever_crashes_each_mail_arrives_and_only_a_crash_after_acceptance_doubles_it(seed):
    chance = random.Random(seed)
    deliveries = [an_owed_mail(f"Indicator {number}") for number in range(3)]
    after_acceptance = Counter()
    hand_over, note, opening = EmailChannel.hand_over, delivering._note_accepted, EmailChannel.open

    def crashing_open(channel):
        if chance.random() < 0.3:
            raise Crash("between claim and sending")
        opening(channel)

    def crashing_hand_over(channel, message, **named):
        answer = hand_over(channel, message, **named)
        if chance.random() < 0.3:
            after_acceptance[message["Message-ID"]] += 1
            raise Crash("after acceptance, before we read the answer")
        return answer

    def crashing_note(delivery, reply, run):
        if chance.random() < 0.3:
            after_acceptance[f"<{delivery.pk}@localhost>"] += 1
            raise Crash("between acceptance and note")
        note(delivery, reply, run)

    now = MONDAY
    with (
        a_mail_server(Mailbox()) as mailbox,
        mock.patch.object(EmailChannel, "open", crashing_open),
        mock.patch.object(EmailChannel, "hand_over", crashing_hand_over),
        mock.patch.object(delivering, "_note_accepted", crashing_note),
    ):
        while Delivery.objects.filter(state__in=["pending", "leased"]).exists():
            try:
                deliver_due(now=now)
            except Crash:
                connection.close()
            now += timedelta(minutes=3)
    assert now < after(hours=6)
    copies = Counter(mailbox.ids)
    assert copies == {f"<{d.pk}@localhost>": 1 + after_acceptance[f"<{d.pk}@localhost>"] for d in deliveries}
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
