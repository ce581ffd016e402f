"""The mail to somebody who was named, through the outbox."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from alerts.mails import Reader, write_mention_mail
from alerts.models import Delivery
from alerts.services import note_mentions
from alerts.services.claiming import claim
from alerts.services.writing import NotToBeSent, write
from kpis.services.notes import comment
from objectives.models import Role
from tests.alerts.factories import MONDAY, OFF, a_watched_kpi, judge_and_note, week
from tests.factories import a_person, a_role

pytestmark = pytest.mark.django_db
NOAH = Reader(name="Noah Fields", locale="en", time_zone=ZoneInfo("America/New_York"))
FACTS = {
    "organisation": "Harbor Airports",
    "kpi": {"code": "OTD", "name": "On-time departures"},
    "author": "Rosa Delgado",
    "at": "2026-11-16T06:10:00+00:00",
    "body": "@Noah Fields: why W46?\n\n<b>Fog</b> again.",
    "commentary": 7,
}
URL = "https://kpi.example.com/kpis/OTD/#entry-7"


def a_mention(**fields) -> Delivery:
    kpi, reader = a_watched_kpi(), a_person("Noah Fields", **fields)
    a_role(kpi.owner, Role.OWNER)
    a_role(reader, Role.MEMBER)
    comment(kpi=kpi, body="@Noah Fields: why?", author=kpi.owner, now=MONDAY)
    return Delivery.objects.get(message__kind="mention")


def test_the_mail_says_who_where_and_in_which_words():
    mail = write_mention_mail(FACTS, reader=NOAH, url=URL)
    assert mail.subject == "Rosa Delgado named you: On-time departures"
    assert "  > @Noah Fields: why W46?\n  >\n  > <b>Fog</b> again." in mail.text
    assert "&lt;b&gt;Fog&lt;/b&gt; again." in mail.html
    for body in (mail.text, mail.html):
        assert URL in body
        assert "16 November 2026, 01:10" in " ".join(body.split())


def test_a_long_text_is_cut_at_a_word():
    mail = write_mention_mail(FACTS | {"body": "word " * 1000}, reader=NOAH, url=URL)
    assert "word …" in " ".join(mail.text.split())
    assert len(mail.text) < 1500


def test_what_is_owed_is_written_for_the_person():
    delivery = a_mention(time_zone="Europe/Paris")
    message = write(delivery=delivery, at=MONDAY)
    assert message["To"] == f"Noah Fields <{delivery.recipient.email}>"
    assert message["Subject"].startswith("Ana Kovač named you")
    assert "#entry-" in message.get_body(("plain",)).get_content()


def test_whoever_lost_sight_of_the_kpi_is_not_told():
    delivery = a_mention()
    delivery.recipient.roles.all().delete()
    with pytest.raises(NotToBeSent):
        write(delivery=Delivery.objects.get(pk=delivery.pk), at=MONDAY)


def test_a_mention_and_a_change_of_band_do_not_stand_in_for_each_other():
    kpi = a_watched_kpi()
    author = a_person("Noah Fields")
    a_role(author, Role.MEMBER)
    a_role(kpi.owner, Role.OWNER)
    judge_and_note(kpi, {week(46): OFF})
    comment(kpi=kpi, body=f"@{kpi.owner.email}: why?", author=author, now=MONDAY)
    kinds = set()
    while (claimed := claim(at=MONDAY, lease=timedelta(seconds=90))).delivery is not None:
        kinds.add(claimed.delivery.message.kind)
        assert claimed.suppressed == 0
    assert kinds == {"worse", "mention"}


def test_noted_twice_it_is_owed_once():
    delivery = a_mention()
    said = delivery.message.commentary
    assert note_mentions(commentary=said, people=[delivery.recipient], now=MONDAY) == 0
    assert Delivery.objects.count() == 1
