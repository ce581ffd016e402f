"""Saying something about a KPI: notes on the chart, comments, explanations."""

from __future__ import annotations

from datetime import date, timedelta
from unittest.mock import patch

import pytest
from django.urls import reverse

from kpis.models import Annotation, Commentary
from kpis.services.notes import annotate, comment, explain
from objectives.models import Role
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
W46, W47 = date(2026, 11, 9), date(2026, 11, 16)
NOTE = {"day": "2026-11-12", "until": "", "text": "Fog at Newark"}
EXPLANATION = {
    "kind": "explanation",
    "period": "2026-11-09",
    "cause": "Fog",
    "action": "More crews",
    "recovery_on": "2026-12-07",
}


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def kpi():
    return a_kpi(code="OTD")


@pytest.fixture
def member(client):
    person = a_person("Noah Fields")
    a_role(person, Role.MEMBER)
    client.force_login(person)
    return person


def notes_of(kpi) -> str:
    return reverse("kpis:annotate", args=[kpi.code])


def thread_of(kpi) -> str:
    return reverse("kpis:comment", args=[kpi.code])


# --- services -----------------------------------------------------------------------------------


def test_the_same_words_twice_within_ten_minutes_are_one_note(kpi):
    said = {"kpi": kpi, "start": W46, "end": W47, "text": "Fog", "author": kpi.owner}
    first = annotate(**said, now=NOW)
    assert annotate(**said, now=NOW + timedelta(minutes=9)) == first
    assert annotate(**said, now=NOW + timedelta(minutes=11)) != first
    assert annotate(**said | {"author": a_person()}, now=NOW) != first
    assert annotate(**said | {"text": "Snow"}, now=NOW) != first
    assert Annotation.objects.count() == 4


def test_the_same_comment_on_two_kpis_is_two_comments(kpi):
    said = {"body": "Seen.", "author": kpi.owner, "now": NOW}
    assert comment(kpi=kpi, **said) == comment(kpi=kpi, **said)
    comment(kpi=a_kpi(code="OTA"), **said)
    assert Commentary.objects.count() == 2


def test_an_answer_and_a_comment_of_the_same_words_are_two_entries(kpi):
    said = {"kpi": kpi, "body": "Seen.", "author": kpi.owner, "now": NOW}
    first = comment(**said)
    answer = comment(**said, answers=first.pk)
    assert (answer.parent, Commentary.objects.count()) == (first, 2)


def test_an_explanation_has_all_its_parts(kpi):
    said = {"period_start": W46, "cause": "Fog", "action": "More crews", "recovery_on": date(2026, 12, 7)}
    explanation = explain(kpi=kpi, author=kpi.owner, now=NOW, **said)
    assert explain(kpi=kpi, author=kpi.owner, now=NOW, **said) == explanation
    stored = Commentary.objects.get()
    assert (stored.kind, stored.period_start, stored.body) == ("explanation", W46, "")
    assert (stored.cause, stored.action, stored.recovery_on) == ("Fog", "More crews", date(2026, 12, 7))


# --- notes on the chart -------------------------------------------------------------------------


def test_a_note_is_stored_for_its_day_and_leads_back_to_the_chart(client, kpi, member):
    response = client.post(notes_of(kpi), NOTE)
    assert (response.status_code, response["Location"]) == (303, "/kpis/OTD/#chart-panel")
    note = Annotation.objects.get()
    assert (note.period_start, note.period_end, note.text) == (date(2026, 11, 12), date(2026, 11, 13), "Fog at Newark")
    assert (note.author, note.created_at) == (member, NOW)


def test_a_note_on_several_days_ends_with_its_last(client, kpi, member):
    client.post(notes_of(kpi), NOTE | {"until": "2026-11-13"})
    assert Annotation.objects.get().period_end == date(2026, 11, 14)


def test_htmx_gets_an_empty_form_and_the_fact(client, kpi, member):
    response = client.post(notes_of(kpi), NOTE, headers=HTMX)
    assert response.status_code == 200
    assert '"annotation-added"' in response["HX-Trigger"]
    assert b"<html" not in response.content
    assert b"Fog at Newark" not in response.content


def test_a_second_press_stores_nothing_more(client, kpi, member):
    for _ in range(2):
        assert client.post(notes_of(kpi), NOTE).status_code == 303
    assert Annotation.objects.count() == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"text": "  "}, "This field is required."),
        ({"text": "x" * 301}, "at most 300 characters"),
        ({"day": "2026-11-23"}, "choose a day up to today"),
        ({"day": "yesterday"}, "Enter a valid date."),
        ({"until": "2026-11-11"}, "The last day lies before the first."),
    ],
)
def test_a_refused_note_says_why_and_keeps_what_was_typed(client, kpi, member, said, why):
    for headers in ({}, HTMX):
        response = client.post(notes_of(kpi), NOTE | said, headers=headers)
        page = response.content.decode()
        assert response.status_code == 422
        assert "error-summary" in page
        assert why in page
        assert (NOTE | said)["text"].strip() in page
    assert not Annotation.objects.exists()


# --- the thread ---------------------------------------------------------------------------------


def test_a_comment_stands_in_the_thread(client, kpi, member):
    response = client.post(thread_of(kpi), {"body": "Seen.\nThanks"})
    assert (response.status_code, response["Location"]) == (303, "/kpis/OTD/#commentary")
    entry = Commentary.objects.get()
    assert (entry.kind, entry.author) == ("comment", member)
    assert entry.body.splitlines() == ["Seen.", "Thanks"]


def test_an_explanation_stands_in_the_thread(client, kpi, member):
    response = client.post(thread_of(kpi), EXPLANATION, headers=HTMX)
    assert '"commentary-added"' in response["HX-Trigger"]
    entry = Commentary.objects.get()
    assert (entry.kind, entry.period_start, entry.recovery_on) == ("explanation", W46, date(2026, 12, 7))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"cause": ""}, "Cause</a>: This field is required."),
        ({"action": " "}, "Action</a>: This field is required."),
        ({"recovery_on": ""}, "Back on track by</a>: This field is required."),
        ({"recovery_on": "2026-11-09"}, "after the period it explains"),
        ({"period": "2026-11-10"}, "Select a valid choice"),
        ({"period": "2027-01-04"}, "Select a valid choice"),
    ],
)
def test_half_an_explanation_is_refused_whole(client, kpi, member, said, why):
    response = client.post(thread_of(kpi), EXPLANATION | said)
    assert response.status_code == 422
    assert why in response.content.decode()
    assert not Commentary.objects.exists()


def test_the_latest_closed_week_is_the_one_to_explain(client, kpi, member):
    page = client.get(thread_of(kpi) + "?kind=explanation").content.decode()
    assert '<option value="2026-11-09" selected>W46, 9–15 Nov</option>' in page


def test_an_empty_comment_is_refused(client, kpi, member):
    assert client.post(thread_of(kpi), {"body": "\n"}).status_code == 422
    assert not Commentary.objects.exists()


# --- who may ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
def test_whoever_may_not_see_the_kpi_meets_nothing(client, kpi, method):
    stranger = a_person()
    a_role(stranger, Role.MANAGER, a_unit("jfk"))
    client.force_login(stranger)
    for address in (notes_of(kpi), thread_of(kpi)):
        assert getattr(client, method)(address, NOTE).status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
def test_whoever_only_reads_writes_nothing(client, kpi, method):
    auditor = a_person()
    a_role(auditor, Role.AUDITOR)
    client.force_login(auditor)
    for address, said in ((notes_of(kpi), NOTE), (thread_of(kpi), EXPLANATION)):
        assert getattr(client, method)(address, said).status_code == 403
    assert not Annotation.objects.exists()
    assert not Commentary.objects.exists()


def test_every_form_has_a_page_of_its_own(client, kpi, member):
    for address in (notes_of(kpi), thread_of(kpi), thread_of(kpi) + "?kind=explanation"):
        whole, part = client.get(address), client.get(address, headers=HTMX)
        assert (whole.status_code, part.status_code) == (200, 200)
        assert whole.content.count(b"<h1") == 1
        assert b"<h1" not in part.content
