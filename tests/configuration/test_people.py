"""People: invited, given roles, handed over and let go; somebody can always configure."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kpiplatform.accounts.models import Invitation, User
from kpiplatform.accounts.services import deliver_invitations, edit_person, invite, send_invitation
from kpiplatform.accounts.services.people import PARTICULARS
from kpiplatform.audit.editing import ChangedMeanwhile, seen
from kpiplatform.dashboards import tasks
from kpis.models import Kpi, KpiOwnership
from objectives.models import Role
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, an_objective, the_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client) -> User:
    admin = a_person("Grace Lindholm", email="grace@example.com")
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    return admin


def address(name: str, *args: Any) -> str:
    return reverse(f"configuration:{name}", args=args)


def invited(client: Client, **said: Any) -> Any:
    form = {"name": "Ana Kovač", "email": "Ana@Example.com", "role": "member", "unit": the_company().pk}
    return client.post(address("invite"), form | {"time_zone": "Europe/Paris"} | said)


def test_an_invited_person_chooses_a_password_by_the_link_and_signs_in(
    client: Client, admin: User, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.send_invitations, "delay", tasks.send_invitations)
    with django_capture_on_commit_callbacks(execute=True):
        response = invited(client)
    ana = User.objects.get(email="ana@example.com")
    assert response.status_code == 303
    assert response["Location"] == address("person", ana.pk)
    assert [(role.role, role.unit.code) for role in ana.roles.all()] == [("member", "company")]
    (message,) = mail.outbox
    assert message.to == ["Ana Kovač <ana@example.com>"]
    assert "Harbor Airports" in message.subject
    link = next(word for word in str(message.body).split() if "/password/reset/key/" in word)
    assert link in message.alternatives[0].content
    assert re.search(r"until \d+ \w+ \d{4}, \d\d:\d\d CES?T", str(message.body))  # by the clock of the invited person

    visitor = Client()
    form = visitor.get("/" + link.split("/", 3)[3], follow=True)
    password = {"password1": "quay-lantern-42", "password2": "quay-lantern-42"}
    assert visitor.post(form.request["PATH_INFO"], password).status_code == 302
    assert Client().get("/" + link.split("/", 3)[3]).context["token_fail"]
    signed_in = visitor.post(reverse("account_login"), {"login": "ana@example.com", "password": "quay-lantern-42"})
    assert signed_in["Location"] == reverse("home")


def test_an_invitation_that_the_mail_server_refuses_is_shown_and_can_be_sent_again(
    client: Client, admin: User, settings: Any
) -> None:
    ana = invite(email="ana@example.com", name="Ana Kovač", time_zone="UTC", by=admin, now=NOW)
    settings.MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": 1, "timeout": 2},
        }
    }
    assert deliver_invitations(now=NOW, organisation="Harbor Airports") == 0
    invitation = Invitation.objects.get()
    assert invitation.state == Invitation.State.OWED
    assert invitation.next_attempt_at is not None
    assert invitation.next_attempt_at > NOW
    Invitation.objects.update(attempts=5, next_attempt_at=NOW)
    deliver_invitations(now=NOW, organisation="Harbor Airports")
    assert "does not answer" in client.get(address("person", ana.pk)).content.decode()
    assert "could not be sent" in client.get(address("people")).content.decode()
    assert client.post(address("invite_again", ana.pk)).status_code == 303
    assert sorted(Invitation.objects.values_list("state", flat=True)) == ["failed", "owed"]


def test_an_owed_invitation_is_owed_once_and_sent_once(admin: User) -> None:
    ana = invite(email="ana@example.com", name="Ana Kovač", time_zone="UTC", by=admin, now=NOW)
    send_invitation(person=ana, by=admin, now=NOW)
    assert deliver_invitations(now=NOW, organisation="Harbor Airports") == 1
    assert deliver_invitations(now=NOW, organisation="Harbor Airports") == 0
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"email": "grace@example.com"}, "Grace Lindholm has this address already"),
        ({"role": "auditor"}, "An auditor&#x27;s role ends on a day"),
        ({"valid_until": "2020-01-01"}, "The last day lies in the past"),
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused(
    client: Client, admin: User, said: dict[str, str], sentence: str
) -> None:
    response = invited(client, **said)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert User.objects.count() == 1


def test_a_person_leaves_only_when_nothing_is_left_and_their_sessions_end(client: Client, admin: User) -> None:
    rosa, ana = a_person("Rosa Delgado"), a_person("Ana Kovač")
    kpi = a_kpi(owner=rosa, objective=an_objective(owner=rosa))
    elsewhere = Client()
    elsewhere.force_login(rosa)
    refused = client.post(address("leave", rosa.pk))
    assert refused.status_code == 422
    assert "answers for 2 things" in refused.content.decode()
    handed = client.post(address("give", rosa.pk), {"kind": "kpi", "pk": kpi.pk, "to": ana.pk})
    assert handed.status_code == 303
    assert Kpi.objects.get().owner == ana
    assert KpiOwnership.objects.get().recorded_by == admin
    assert client.post(address("give", rosa.pk), {"kind": "all", "to": ana.pk}).status_code == 303
    assert client.post(address("leave", rosa.pk)).status_code == 303
    rosa.refresh_from_db()
    assert not rosa.is_active
    assert not [one for one in Session.objects.all() if one.get_decoded().get("_auth_user_id") == str(rosa.pk)]
    assert elsewhere.get(reverse("my:kpis")).status_code == 302
    assert client.post(address("come_back", rosa.pk)).status_code == 303
    assert User.objects.get(pk=rosa.pk).is_active


def test_what_was_handed_over_already_stays_with_its_new_owner(client: Client, admin: User) -> None:
    rosa, ana, peter = a_person("Rosa Delgado"), a_person("Ana Kovač"), a_person("Peter Haas")
    kpi = a_kpi(owner=rosa)
    client.post(address("give", rosa.pk), {"kind": "kpi", "pk": kpi.pk, "to": ana.pk})
    client.post(address("give", rosa.pk), {"kind": "kpi", "pk": kpi.pk, "to": peter.pk})
    assert Kpi.objects.get().owner == ana


def test_the_last_administrator_is_neither_closed_nor_stripped(client: Client, admin: User) -> None:
    role = admin.roles.get()
    refused = client.post(address("drop_role", admin.pk, role.pk))
    assert refused.status_code == 422
    assert "last administrator" in refused.content.decode()
    other = a_person("Peter Haas", is_superuser=True)
    client.force_login(other)
    assert client.post(address("drop_role", admin.pk, role.pk)).status_code == 303
    assert client.post(address("drop_role", other.pk, 0)).status_code == 422
    closed = client.post(address("leave", other.pk))
    assert "your own account" in closed.content.decode()
    assert User.objects.get(pk=other.pk).is_superuser


def test_an_administrator_until_a_day_is_no_successor(client: Client, admin: User) -> None:
    a_role(a_person("Peter Haas"), Role.ADMIN, valid_until="2099-12-31")
    assert client.post(address("drop_role", admin.pk, admin.roles.get().pk)).status_code == 422


def test_two_administrators_who_edit_one_person_see_each_other_but_a_sign_in_is_no_conflict(admin: User) -> None:
    ana = a_person("Ana Kovač", email="ana@example.com")
    token = seen(ana, PARTICULARS)
    User.objects.filter(pk=ana.pk).update(last_login=NOW)
    edit_person(person=ana, seen=token, name="Ana Novak", email="ana@example.com", time_zone="UTC")
    with pytest.raises(ChangedMeanwhile):
        edit_person(person=ana, seen=token, name="Ana K.", email="ana@example.com", time_zone="UTC")
    assert User.objects.get(pk=ana.pk).name == "Ana Novak"


def test_the_list_asks_as_many_queries_for_many_people_as_for_few(client: Client, admin: User) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address("people")).status_code == 200
        return len(captured)

    def more(count: int) -> None:
        for number in range(count):
            person = a_person(f"Person {number}")
            a_role(person, Role.MEMBER)
            a_kpi(owner=person)

    more(2)
    asked()
    few = asked()
    a_unit()
    more(6)
    assert asked() == few
