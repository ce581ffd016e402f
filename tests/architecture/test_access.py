"""Every address: who may open it, and what everyone else is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponseNotFound
from django.test import Client
from django.urls import reverse

from alerts.models import Incident
from kpis.models import Annotation, Commentary, MeasurementRevision
from tests.architecture.addresses import BY_ROLE, OF_EVERYONE, OF_THINGS, addresses, any_path
from tests.architecture.addresses.of_kpis import changed
from tests.architecture.people_and_things import KEYS, OPENS, ROLES, World

# Open to people who have not signed in, each for a reason.
OPEN_TO_ALL = {
    "healthz": "asked by load balancers",
    "account_login": "the way in",
    "account_logout": "leads to the way in",
    "account_signup": "says that sign-up is closed",
    "account_inactive": "says that an account is closed",
    "account_reset_password": "for people who forgot theirs",
    "account_reset_password_done": "for people who forgot theirs",
    "account_reset_password_from_key": "for people who forgot theirs",
    "account_reset_password_from_key_done": "for people who forgot theirs",
    "account_confirm_email": "opened from a mail",
    "account_email_verification_sent": "says that a mail was sent",
    "account_confirm_login_code": "part of the way in; leads to its start",
    "api:openapi": "describes the interface, the same in every installation",
    "api:kpis": "programs come with a token, and get nothing without",
    "api:kpi": "programs come with a token, and get nothing without",
    "api:measurements": "programs come with a token, and get nothing without",
    "api:push": "programs come with a token, and get nothing without",
    "api:scorecard": "programs come with a token, and get nothing without",
    "api:unknown": "programs are told that there is no such address",
    "reviews:calendar": "calendar programs can't sign in: its address holds a person's own secret",
}
NAMES = sorted({name for name, _ in addresses()})


@pytest.fixture(autouse=True)
def no_page_around_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here only the status counts, thousands of times; the page itself is looked at with all others."""

    def not_found(request: HttpRequest, exception: Exception) -> HttpResponseNotFound:
        return HttpResponseNotFound()

    monkeypatch.setattr("kpiplatform.urls.handler404", not_found, raising=False)


def test_every_address_has_a_name_and_a_line_in_these_tables() -> None:
    assert not [str(one.pattern) for name, one in addresses() if name.endswith("None")]
    assert set(NAMES) == OF_THINGS.keys() | OF_EVERYONE.keys() | BY_ROLE.keys()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OPEN_TO_ALL])
def test_whoever_has_not_signed_in_is_led_to_the_sign_in(world: World, client: Client, name: str) -> None:
    path = any_path(name)
    for response in (client.get(path), client.post(path)):
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", sorted(OPEN_TO_ALL))
def test_what_is_open_to_all_shows_nothing_of_the_organisation(world: World, client: Client, name: str) -> None:
    text = client.get(any_path(name), follow=True).content.decode()
    assert not re.search("OURS|THEIRS|COMPANY|@example.com", text)


@pytest.mark.parametrize("name", sorted(OF_THINGS))
def test_a_thing_that_is_not_ones_own_does_not_exist(world: World, client: Client, name: str) -> None:
    address = OF_THINGS[name]
    got, wanted = {}, {}
    for role in ROLES:
        world.seat(client, role)
        for key in KEYS:
            got[role, key] = client.get(reverse(name, args=address.args(world, key))).status_code
            wanted[role, key] = address.answer(role, key)
    world.seat(client, "admin")
    got["admin", "NONE"] = client.get(reverse(name, args=address.args(world, "NONE"))).status_code
    wanted["admin", "NONE"] = 405 if 405 in wanted.values() else 404
    assert got == wanted


@pytest.mark.parametrize("name", sorted(name for name in OF_THINGS if OF_THINGS[name].post))
@pytest.mark.parametrize("role", ROLES)
def test_a_thing_is_written_on_only_by_those_who_may(world: World, client: Client, name: str, role: str) -> None:
    address = OF_THINGS[name]
    world.seat(client, role)
    for key in KEYS:
        before = address.written()
        response = client.post(reverse(name, args=address.args(world, key)), address.said(world, key))
        wanted = (address.post_answer or address.answer)(role, key)
        assert response.status_code == (address.posted if wanted == 200 else wanted), key
        assert (address.written() > before) == (wanted == 200), key


@pytest.mark.parametrize("role", ROLES)
def test_what_belongs_to_nobody_in_particular_opens_for_the_roles_it_is_for(
    world: World, client: Client, role: str
) -> None:
    wanted = OF_EVERYONE | {name: answers[role] for name, answers in BY_ROLE.items()}
    got = {}
    for name in wanted:
        world.seat(client, role)
        got[name] = client.get(any_path(name)).status_code
    assert got == wanted


def written() -> int:
    return Annotation.objects.count() + Commentary.objects.count() + MeasurementRevision.objects.count()


@pytest.mark.parametrize("role", ROLES)
def test_lists_show_ones_own_kpis_only(world: World, client: Client, role: str) -> None:
    world.seat(client, role)
    tiers = {"COMPANY": "strategic", "OURS": "operational", "THEIRS": "operational"}
    for tier in ("strategic", "operational"):
        text = client.get(reverse("scorecard"), {"tier": tier}).content.decode()
        shown = {code for code in KEYS if reverse("kpi", args=[code]) in text}
        assert shown == {code for code in OPENS[role] if tiers[code] == tier}
    text = client.get(reverse("my:kpis")).content.decode()
    owned = {code for code in KEYS if world.kpis[code].owner_id == world.people[role].pk}
    assert {code for code in KEYS if f"{code}@" in text} == owned


def test_a_grid_sent_whole_takes_no_value_for_a_kpi_of_others(world: World, client: Client) -> None:
    world.seat(client, "owner")
    before = written()
    week = world.week.start
    response = client.post(reverse("my:block"), {f"THEIRS@{week}@1": "99", f"OURS@{week}@1": "61"})
    assert response.status_code == 303
    assert written() == before + 1
    assert MeasurementRevision.objects.latest("pk").kpi == world.kpis["OURS"]


@pytest.mark.parametrize("role", ROLES)
def test_an_alert_is_acknowledged_only_by_those_who_answer_for_the_kpi(world: World, client: Client, role: str) -> None:
    world.seat(client, role)
    for code in KEYS:
        incident = Incident.objects.get(kpi=world.kpis[code])
        response = client.post(reverse("alerts:acknowledge", args=[incident.pk]))
        incident.refresh_from_db()
        assert response.status_code == (303 if changed(role, code) == 200 else 404), code
        assert (incident.acknowledged_by == world.people[role]) == (changed(role, code) == 200), code
    assert client.post(reverse("alerts:acknowledge", args=[0])).status_code == 404


def test_the_mailbox_of_the_demo_shows_its_messages_and_no_other_file(
    world: World, client: Client, settings: Any, tmp_path: Path
) -> None:
    world.seat(client, "member")
    folder = tmp_path / "mailbox"
    folder.mkdir()
    settings.KPI_MAILBOX_DIR = str(folder)
    (folder / "1.eml").write_bytes(b"Subject: Off track\r\nContent-Type: text/html\r\n\r\n<p>Off track</p>")
    (tmp_path / "secret.eml").write_bytes(b"Subject: secret\r\n\r\nsecret")
    for name in ("alerts:mailbox", "alerts:mailbox_message", "alerts:mailbox_html"):
        assert client.get(any_path(name)).status_code == 200
    for name in ("2.eml", "..%2Fsecret.eml", "%2e%2e%2fsecret.eml", "secret"):
        assert client.get(f"/mailbox/{name}/").status_code == 404


@pytest.mark.parametrize("role", ["owner", "manager", "member", "executive", "admin"])
def test_a_role_that_ended_opens_nothing_any_more(world: World, client: Client, role: str) -> None:
    person = world.people[role]
    person.roles.update(valid_until="2020-01-01")
    client.force_login(person)
    left = {code for code in KEYS if client.get(reverse("kpi", args=[code])).status_code == 200}
    assert left == ({"OURS"} if role == "owner" else set())
    assert client.post(reverse("kpis:comment", args=["OURS"]), {"body": "Still here"}).status_code in {403, 404}
