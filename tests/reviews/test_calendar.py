"""The calendar of one person: who reads it, and what stands in it."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from kpiplatform.accounts.models import User
from objectives.models import Organisation, Role, RoleAssignment
from reviews.feeds import events_of
from reviews.services.calendar_feeds import calendar_token, person_of_calendar, renew_calendar, stop_calendar
from tests.factories import NOW, a_person, a_role
from tests.reviews.factories import a_forum, a_planned_review

pytestmark = pytest.mark.django_db
THURSDAY = date(2026, 11, 26)


def a_reader(name: str = "Ana Kovač") -> User:
    person = a_person(name)
    a_role(person)
    return person


def read(client: Client, token: str):
    return client.get(reverse("reviews:calendar", args=[token]))


def test_the_address_opens_without_signing_in_and_shows_the_meetings(client):
    person = a_reader()
    a_forum("Operations board", participants=[person], weekday=3)
    response = read(client, renew_calendar(user=person, now=NOW))
    text = response.content.decode()
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert "private" in response["Cache-Control"]
    assert "SUMMARY:Operations board\r\n" in text
    assert text.endswith("END:VCALENDAR\r\n")


@pytest.mark.parametrize(
    "change", ["renewed", "stopped", "inactive", "other secret", "another person", "no such token"]
)
def test_an_address_that_is_no_longer_valid_is_not_found(client, change):
    person = a_reader()
    token = renew_calendar(user=person, now=NOW)
    assert read(client, token).status_code == 200
    if change == "renewed":
        renew_calendar(user=person, now=NOW)
    elif change == "stopped":
        stop_calendar(user=person)
    elif change == "inactive":
        User.objects.filter(pk=person.pk).update(is_active=False)
    elif change == "other secret":
        token = token[:-1] + ("A" if token[-1] != "A" else "B")
    elif change == "another person":
        other = a_reader("Tom Lindqvist")
        renew_calendar(user=other, now=NOW)
        token = f"{other.pk}-{token.partition('-')[2]}"
    else:
        token = "1"
    assert read(client, token).status_code == 404


def test_the_stored_secret_alone_makes_no_address():
    person = a_reader()
    token = renew_calendar(user=person, now=NOW)
    assert person.calendar_feed.secret not in token
    assert person_of_calendar(token=f"{person.pk}-{person.calendar_feed.secret}") is None
    assert person_of_calendar(token=calendar_token(user=person)) == person


def test_only_forums_one_takes_part_in_or_chairs_stand_in_it():
    person = a_reader()
    a_role(person, Role.ADMIN)
    for name, fields in {
        "Mine": {"participants": [person]},
        "Chaired": {"chair": person},
        "Of others": {},
        "Given up": {"participants": [person], "is_active": False},
    }.items():
        a_forum(name, **fields)
    assert {event.title for event in events_of(person, now=NOW)} == {"Mine", "Chaired"}


def test_who_leaves_a_forum_no_longer_reads_when_it_meets():
    person = a_reader()
    forum = a_forum(participants=[person])
    assert events_of(person, now=NOW)
    forum.participants.remove(person)
    RoleAssignment.objects.filter(user=person).delete()
    assert events_of(person, now=NOW) == []


def test_a_meeting_has_the_same_uid_every_time_and_begins_by_the_organisation_s_clock():
    person = a_reader()
    Organisation.objects.update(time_zone="America/New_York")
    forum = a_forum(participants=[person], weekday=3, starts_at=time(9))
    first, again = events_of(person, now=NOW)[0], events_of(person, now=NOW + timedelta(hours=5))[0]
    assert (first.uid, first.starts_at) == (again.uid, again.starts_at)
    assert first.uid.startswith(f"forum-{forum.pk}-20261126@")
    assert first.starts_at.isoformat() == "2026-11-26T09:00:00-05:00"


def test_a_review_planned_beside_the_rule_stands_in_it_too():
    person = a_reader()
    forum = a_forum(participants=[person], weekday=3)
    extra = a_planned_review(forum, on=date(2026, 11, 24))
    a_planned_review(forum, on=THURSDAY)
    events = events_of(person, now=NOW)
    assert [event.starts_at.date() for event in events[:2]] == [date(2026, 11, 24), THURSDAY]
    assert events[0].url.endswith(reverse("reviews:review", args=[extra.pk]))
    assert len(events) == len({event.uid for event in events}) > 50
