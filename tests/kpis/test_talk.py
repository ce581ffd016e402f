"""The thread of a KPI: naming people, answering; and changing one's own notes on the chart."""

from __future__ import annotations

from datetime import date, timedelta
from unittest.mock import patch

import pytest
from django.urls import reverse

from alerts.models import Delivery, Message
from kpiplatform.audit.editing import seen
from kpis.models import Annotation, Commentary, Kpi
from kpis.services.notes import annotate, comment, explain
from objectives.models import Role
from tests.dashboards.my_kpis.sheets import enter
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
W46, W47 = date(2026, 11, 9), date(2026, 11, 16)


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def lga():
    return a_unit("lga")


@pytest.fixture
def kpi(lga):
    return a_kpi(code="OTD", unit=lga)


@pytest.fixture
def member(client, lga):
    person = a_person("Noah Fields")
    a_role(person, Role.MEMBER, lga)
    client.force_login(person)
    return person


@pytest.fixture
def colleague(lga):
    person = a_person("Rosa Delgado", email="rosa@example.com")
    a_role(person, Role.MANAGER, lga)
    return person


@pytest.fixture
def outsider():
    person = a_person("Peter Haas")
    a_role(person, Role.MANAGER, a_unit("jfk", "Kennedy"))
    return person


def say(kpi: Kpi, body: str, author) -> Commentary:
    return comment(kpi=kpi, body=body, author=author, now=NOW)


# --- naming -------------------------------------------------------------------------------------


def test_whoever_is_named_is_owed_one_mail(kpi, member, colleague):
    said = say(kpi, "@rosa@example.com and @Rosa Delgado: look", member)
    assert said.body == "@Rosa Delgado and @Rosa Delgado: look"
    assert list(said.mentioned.all()) == [colleague]
    delivery = Delivery.objects.get()
    assert (delivery.recipient, delivery.message.kind) == (colleague, Message.Kind.MENTION)


def test_the_same_words_twice_tell_once(kpi, member, colleague):
    for _press in range(2):
        say(kpi, "@Rosa Delgado look", member)
    assert Delivery.objects.count() == 1


def test_an_explanation_names_people_too(kpi, member, colleague):
    said = {"period_start": W46, "cause": "Fog", "action": "@Rosa Delgado adds crews", "recovery_on": W47}
    explain(kpi=kpi, author=member, now=NOW, **said)
    assert Delivery.objects.get().recipient == colleague


def test_nobody_is_told_of_a_kpi_that_they_may_not_open(client, kpi, member, outsider):
    response = client.post(reverse("kpis:comment", args=["OTD"]), {"body": "@Peter Haas look"}, headers=HTMX)
    assert not Delivery.objects.exists()
    assert not Commentary.objects.get().mentioned.exists()
    assert "Peter Haas may not open this KPI and was not told." in response["HX-Trigger"]


def test_naming_oneself_sends_nothing(kpi, member):
    say(kpi, "@Noah Fields remembers", member)
    assert not Delivery.objects.exists()


def test_the_person_is_told_who_was_told(client, kpi, member, colleague):
    response = client.post(reverse("kpis:comment", args=["OTD"]), {"body": "@Rosa Delgado look"}, headers=HTMX)
    assert "Told by mail: Rosa Delgado." in response["HX-Trigger"]


def test_only_colleagues_who_may_open_the_kpi_are_suggested(client, kpi, member, colleague, outsider):
    listed = client.get(reverse("kpis:nameable", args=["OTD"]), {"q": ""}).content.decode()
    assert "Rosa Delgado" in listed
    assert "Peter Haas" not in listed
    assert "Rosa" not in client.get(reverse("kpis:nameable", args=["OTD"]), {"q": "x"}).content.decode()


# --- answering ----------------------------------------------------------------------------------


def test_an_entry_is_answered(client, kpi, member, colleague):
    entry = say(kpi, "Why?", colleague)
    form = client.get(reverse("kpis:comment", args=["OTD"]), {"answers": entry.pk}).content.decode()
    assert "Answer to Rosa Delgado" in form
    client.post(reverse("kpis:comment", args=["OTD"]), {"body": "Fog.", "answers": entry.pk})
    assert Commentary.objects.get(body="Fog.").parent == entry


def test_an_entry_of_another_kpi_is_no_entry_here(client, kpi, member):
    other = a_kpi(code="OTA")
    entry = say(other, "Why?", other.owner)
    response = client.post(reverse("kpis:comment", args=["OTD"]), {"body": "Fog.", "answers": entry.pk})
    assert response.status_code == 404
    assert not Commentary.objects.filter(kpi=kpi).exists()


# --- notes on the chart -------------------------------------------------------------------------


def a_note(kpi: Kpi, author) -> Annotation:
    return annotate(kpi=kpi, start=W46, end=W47, text="Fog at Newark", author=author, now=NOW)


def test_ones_own_note_is_changed(client, kpi, member):
    note = a_note(kpi, member)
    said = {"day": "2026-11-10", "until": "", "text": "Fog", "seen": seen(note)}
    assert client.post(reverse("kpis:annotation", args=["OTD", note.pk]), said).status_code == 303
    note.refresh_from_db()
    assert (note.text, note.period_start, note.period_end) == ("Fog", date(2026, 11, 10), date(2026, 11, 11))


def test_a_note_that_was_changed_meanwhile_is_not_overwritten(client, kpi, member):
    note = a_note(kpi, member)
    token = seen(note)
    Annotation.objects.filter(pk=note.pk).update(text="Storm")
    said = {"day": "2026-11-10", "text": "Fog", "seen": token}
    response = client.post(reverse("kpis:annotation", args=["OTD", note.pk]), said)
    assert response.status_code == 422
    assert "Nothing of theirs was overwritten" in response.content.decode()
    note.refresh_from_db()
    assert note.text == "Storm"


def test_what_was_removed_is_put_back_as_it_was(client, kpi, member):
    note = a_note(kpi, member)
    removed = client.post(reverse("kpis:remove_note", args=["OTD", note.pk]), headers=HTMX)
    assert not Annotation.objects.exists()
    token = removed.context["removed"]["token"]
    for _press in range(2):
        client.post(reverse("kpis:restore_note", args=["OTD"]), {"removed": token}, headers=HTMX)
    back = Annotation.objects.get()
    assert (back.text, back.author, back.created_at) == (note.text, member, note.created_at)


def test_without_script_the_way_back_stands_on_the_next_page(client, kpi, member):
    note = a_note(kpi, member)
    page = client.post(reverse("kpis:remove_note", args=["OTD", note.pk]), follow=True).content.decode()
    assert "The note “Fog at Newark” was removed." in page
    assert "Put it back" in page


def test_an_hour_later_nothing_is_put_back(client, kpi, member):
    note = a_note(kpi, member)
    token = client.post(reverse("kpis:remove_note", args=["OTD", note.pk]), headers=HTMX).context["removed"]["token"]
    with patch("django.core.signing.time.time", return_value=NOW.timestamp() + timedelta(days=99999).total_seconds()):
        assert client.post(reverse("kpis:restore_note", args=["OTD"]), {"removed": token}).status_code == 404
    assert not Annotation.objects.exists()


def test_the_note_of_somebody_else_is_theirs(client, kpi, member, colleague):
    note = a_note(kpi, colleague)
    for name in ("kpis:annotation", "kpis:remove_note"):
        assert client.post(reverse(name, args=["OTD", note.pk]), {"day": "2026-11-10", "text": "x"}).status_code == 403
    assert Annotation.objects.get().text == "Fog at Newark"


def test_a_day_in_the_address_is_filled_in(client, kpi, member):
    page = client.get(reverse("kpis:annotate", args=["OTD"]), {"day": "2026-11-03"}).content.decode()
    assert 'value="2026-11-03"' in page


# --- on the page of the KPI ---------------------------------------------------------------------


def test_answers_stand_under_what_they_answer_and_what_was_written_is_formatted(client, kpi, member, colleague):
    first = say(kpi, "**Why?** @Noah Fields <script>", colleague)
    answer = comment(kpi=kpi, body="Fog.", author=member, now=NOW, answers=first.pk)
    comment(kpi=kpi, body="Again?", author=colleague, now=NOW, answers=answer.pk)
    say(kpi, "Something else", member)
    response = client.get(reverse("kpi", args=["OTD"]))
    thread = response.context["thread"]
    assert [(entry.body, [one.body for one in entry.answers]) for entry in thread] == [
        ("**Why?** @Noah Fields <script>", ["Fog.", "Again?"]),
        ("Something else", []),
    ]
    page = response.content.decode()
    assert '<strong>Why?</strong> <b class="mention">@Noah Fields</b> &lt;script&gt;' in page
    assert f'id="entry-{answer.pk}"' in page


def test_notes_on_the_chart_lead_to_their_change_for_their_author_only(client, kpi, member, colleague):
    enter(kpi, W46, "75")
    own, other = a_note(kpi, member), a_note(kpi, colleague)
    page = client.get(reverse("kpi", args=["OTD"])).content.decode()
    assert reverse("kpis:annotation", args=["OTD", own.pk]) in page
    assert reverse("kpis:annotation", args=["OTD", other.pk]) not in page
