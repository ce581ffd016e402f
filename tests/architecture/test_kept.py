"""What was typed is not lost when the session ended, or began anew in another tab, while a form was open."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from kpis.models import Commentary
from tests.architecture.addresses import OF_THINGS
from tests.architecture.forms import form_with, forms_of
from tests.architecture.people_and_things import World
from tests.architecture.test_pages import rules_broken

HERE = {"Origin": "http://testserver"}
ELSEWHERE: list[dict[str, str]] = [{}, {"Origin": "null"}, {"Origin": "https://elsewhere.example"}]
HTMX = {"HX-Request": "true"}
TYPED = "Snow on “runway 4”.\n<b>We</b> wait."
COMMENT = {"body": TYPED, "seen": "unseen-token", "password": "harbor-airports"}
SIGN_IN = "/accounts/login/"


def strict() -> Client:
    """A browser of which the tokens are checked."""
    return Client(enforce_csrf_checks=True, headers=HERE)


def comment_path() -> str:
    return reverse("kpis:comment", args=["OURS"])


def sign_in(client: Client) -> None:
    """Sign in as somebody does in a tab beside."""
    token = form_with(client.get(SIGN_IN).content.decode(), "login").data["csrfmiddlewaretoken"]
    said = {"login": "member@example.com", "password": "harbor-airports", "csrfmiddlewaretoken": token}
    assert client.post(SIGN_IN, said).status_code == 302


def kept_form(response: Any) -> Any:
    (form,) = [one for one in forms_of(response.content.decode()) if one.action == comment_path()]
    return form


@pytest.mark.parametrize("name", sorted(name for name in OF_THINGS if OF_THINGS[name].post))
def test_every_form_sent_after_the_session_ended_comes_back_with_all_that_was_typed(
    world: World, client: Client, name: str
) -> None:
    address = OF_THINGS[name]
    said = {one: value if isinstance(value, list) else [value] for one, value in address.said(world, "OURS").items()}
    path = reverse(name, args=address.args(world, "OURS"))
    before = address.written()
    response = client.post(f"{path}?from=list", said, headers=HERE)
    assert response.status_code == 401
    (form,) = [one for one in forms_of(response.content.decode()) if one.action == f"{path}?from=list"]
    assert form.data.pop("csrfmiddlewaretoken")
    assert form.data == {one: [str(value) for value in values] for one, values in said.items()}
    assert address.written() == before
    assert rules_broken(response.content.decode()) == []


def test_the_page_shows_what_was_typed_and_nothing_of_the_organisation(world: World, client: Client) -> None:
    response = client.post(reverse("kpis:comment", args=["THEIRS"]), COMMENT, headers=HERE)
    text = response.content.decode()
    assert "<dt>Body</dt><dd>Snow on “runway 4”.<br>&lt;b&gt;We&lt;/b&gt; wait.</dd>" in text
    assert "<dt>Seen" not in text
    assert world.kpis["THEIRS"].name not in text
    assert "@example.com" not in text
    assert response["Cache-Control"] == "no-store"
    assert response["X-Frame-Options"] == "DENY"


def test_a_password_is_neither_shown_nor_sent_again_and_a_file_is_chosen_again(world: World, client: Client) -> None:
    said = {**COMMENT, "report": SimpleUploadedFile("bags.csv", b"1,2")}
    text = client.post(comment_path(), said, headers=HERE).content.decode()
    assert "harbor-airports" not in text
    assert "to be typed again: Password" in text
    assert "Choose bags.csv again." in text
    assert rules_broken(text) == []


@pytest.mark.parametrize("origin", ELSEWHERE)
def test_what_another_site_sends_is_never_given_back(world: World, client: Client, origin: dict[str, str]) -> None:
    response = client.post(comment_path(), COMMENT, headers=origin)
    assert response.status_code == 302
    assert response["Location"].startswith(SIGN_IN)
    signed_in = Client(enforce_csrf_checks=True)
    signed_in.force_login(world.people["member"])
    response = signed_in.post(comment_path(), COMMENT, headers=origin)
    assert response.status_code == 403
    assert "runway" not in response.content.decode()


def test_more_than_anybody_types_is_not_given_back(world: World, client: Client) -> None:
    assert client.post(comment_path(), {"body": "x" * 1_000_001}, headers=HERE).status_code == 302


def test_signing_in_answers_for_itself(world: World) -> None:
    response = strict().post(SIGN_IN, {"login": "member@example.com", "next": "/x"})
    assert response.status_code == 403
    assert "member@example.com" not in response.content.decode()
    response = Client().post(reverse("account_change_password"), {"oldpassword": "x"}, headers=HERE)
    assert (response.status_code, response["Location"].partition("?")[0]) == (302, SIGN_IN)


def test_a_form_opened_before_signing_in_anew_is_sent_by_one_more_press(world: World) -> None:
    client = strict()
    sign_in(client)
    opened = form_with(client.get(comment_path()).content.decode(), "body")
    sign_in_anew(client)
    refused = client.post(comment_path(), {**opened.data, "body": TYPED})
    assert refused.status_code == 403
    assert not Commentary.objects.filter(body__contains="runway").exists()
    assert client.post(comment_path(), kept_form(refused).data).status_code == 303
    assert Commentary.objects.filter(body__contains="runway 4").count() == 1


def test_after_signing_in_beside_the_page_that_kept_the_words_sends_them(world: World) -> None:
    client = strict()
    sign_in(client)
    opened = form_with(client.get(comment_path()).content.decode(), "body")
    client.logout()
    first = client.post(comment_path(), {**opened.data, "body": TYPED})
    again = client.post(comment_path(), kept_form(first).data)
    sign_in(client)
    last = client.post(comment_path(), kept_form(again).data)
    assert [one.status_code for one in (first, again, last)] == [401, 401, 403]
    assert client.post(comment_path(), kept_form(last).data).status_code == 303
    assert Commentary.objects.filter(body__contains="runway 4").count() == 1


def sign_in_anew(client: Client) -> None:
    client.post(reverse("account_logout"), {"csrfmiddlewaretoken": client.cookies["csrftoken"].value})
    sign_in(client)


def test_a_part_of_a_page_that_writes_stays_as_it_is_when_the_session_ended(world: World, client: Client) -> None:
    response = client.post(comment_path(), COMMENT, headers=HTMX)
    assert (response.status_code, response.content) == (401, b"")
    assert "HX-Redirect" not in response
    stale = Client(enforce_csrf_checks=True).post(comment_path(), COMMENT, headers=HTMX)
    assert (stale.status_code, stale.content) == (401, b"")


def test_a_part_that_is_only_read_leads_to_the_sign_in(world: World, client: Client) -> None:
    response = client.get(comment_path(), headers=HTMX)
    assert response["HX-Redirect"].startswith(SIGN_IN)


def test_a_script_may_take_the_present_token_after_signing_in_anew(world: World) -> None:
    """The cookie is what session.js reads; it is accepted in the field in place of the page's older token."""
    client = strict()
    sign_in(client)
    opened = form_with(client.get(comment_path()).content.decode(), "body")
    sign_in_anew(client)
    assert not settings.CSRF_COOKIE_HTTPONLY
    said = {**opened.data, "body": TYPED, "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    assert client.post(comment_path(), said, headers=HTMX).status_code == 200
