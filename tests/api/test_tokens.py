"""Keys for programs: what they open, until when, and that nobody reads them again."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from kpiplatform.api.models import ApiToken, ApiTokenKey
from kpiplatform.api.services.tokens import revoke_token
from kpiplatform.audit.models import AuditEntry
from objectives.models import Role
from tests.api.programs import Program, a_program
from tests.factories import a_kpi, a_person, a_role, a_unit

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    person = a_person()
    a_role(person, Role.OWNER)
    return person


def asked(**fields: Any) -> dict[str, Any]:
    last_day = timezone.localdate() + timedelta(days=30)
    return {"form": str(uuid.uuid4()), "name": "Nightly load", "may_read": "on", "last_day": str(last_day)} | fields


def made(client: Client, said: dict[str, Any]) -> str:
    text = client.post(reverse("api:tokens"), said).content.decode()
    return text.partition('value="kpi_')[2].partition('"')[0]


def test_a_token_is_made_shown_once_and_opens_what_its_person_may(client, owner):
    kpi = a_kpi(code="OTP", owner=owner)
    client.force_login(owner)
    response = client.post(reverse("api:tokens"), asked())
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    secret = "kpi_" + response.content.decode().partition('value="kpi_')[2].partition('"')[0]
    assert [one["code"] for one in Program(secret=secret).get("kpis").json()["items"]] == [kpi.code]
    again = client.get(reverse("api:tokens")).content.decode()
    assert "Nightly load" in again
    assert secret not in again


def test_kpis_of_a_token_are_named_by_code_and_suggested_among_those_that_one_may_open(client, owner):
    a_kpi("On time", code="OTP", owner=owner)
    a_kpi("Bags late", code="BAGS", owner=owner)
    hidden = a_kpi("Bags lost", code="LOST", unit=a_unit("Elsewhere"), owner=a_person("Bea"))
    client.force_login(owner)
    page = client.get(reverse("api:tokens")).content.decode()
    assert "Bags late" not in page  # thousands of KPIs are no choice
    assert 'hx-target="#kpis-named" hx-swap="innerHTML"' in page  # the form replaces itself
    html = client.get(reverse("api:named"), {"kpis": "OTP, bag"}).content.decode()
    assert 'value="OTP, BAGS"' in html
    assert hidden.code not in html
    for code in ("NONE", hidden.code):
        refused = client.post(reverse("api:tokens"), asked(kpis=f"OTP, {code}"))
        assert refused.status_code == 422
        assert f"You can open no KPI with the code {code}." in refused.content.decode()
        assert f'value="OTP, {code}"' in refused.content.decode()
    assert made(client, asked(kpis=" otp,BAGS , "))
    assert {kpi.code for kpi in ApiToken.objects.get().kpis.all()} == {"OTP", "BAGS"}


def test_a_form_sent_twice_makes_one_token_and_says_that_its_secret_was_shown(client, owner):
    client.force_login(owner)
    said = asked()
    assert made(client, said)
    response = client.post(reverse("api:tokens"), said)
    assert "was made already" in response.content.decode()
    assert ApiToken.objects.count() == 1


def test_no_table_holds_the_secret_and_the_audit_trail_has_neither_it_nor_its_fingerprint(owner):
    program = a_program(owner)
    revoke_token(token=program.token, by=owner, now=timezone.now())
    entries = AuditEntry.objects.filter(table="api_apitoken").order_by("id")
    assert [entry.action for entry in entries] == ["INSERT", "UPDATE"]
    key = ApiTokenKey.objects.get()
    said = str(list(AuditEntry.objects.values_list("before", "after")))
    assert program.secret[11:] not in said + str(list(ApiToken.objects.values()))
    assert bytes(key.digest).hex() not in said
    assert program.secret.encode() not in bytes(key.digest)


def test_a_token_that_is_wrong_over_revoked_or_of_somebody_who_left_opens_nothing(owner):
    a_kpi(owner=owner)
    now = timezone.now()
    over = a_program(owner, now=now - timedelta(days=40))
    revoked, left = a_program(owner), a_program(a_person("Bea Brandt", is_active=False))
    revoke_token(token=revoked.token, by=owner, now=now)
    for program in (Program(), Program(secret="kpi_guess"), Program(secret="Basic x"), over, revoked, left):
        response = program.get("kpis")
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == "Bearer"
        assert response["Content-Type"] == "application/problem+json"


def test_a_token_does_only_what_its_scopes_say(owner):
    a_kpi(code="OTP", owner=owner)
    reader, pusher = a_program(owner, may_ingest=False), a_program(owner, may_read=False)
    assert reader.get("kpis").status_code == 200
    assert reader.push({"kpi": "OTP", "period": "2026-W46", "value": 1}).status_code == 403
    assert pusher.get("kpis").status_code == 403
    assert pusher.push({"kpi": "OTP", "period": "2026-W46", "value": 1}).json()["new"] == 1


def test_a_token_limited_to_units_or_kpis_opens_only_those(owner):
    lga = a_unit("lga", "LaGuardia")
    inside = a_kpi(code="INSIDE", owner=owner, unit=a_unit("lga-ramp", "Ramp", parent=lga))
    named = a_kpi(code="NAMED", owner=owner)
    a_kpi(code="OTHER", owner=owner)
    program = a_program(owner, units=[lga], kpis=[named])
    assert [one["code"] for one in program.get("kpis").json()["items"]] == ["INSIDE", "NAMED"]
    pushed = program.push(*({"kpi": code, "period": "2026-W46", "value": 1} for code in ("INSIDE", "NAMED", "OTHER")))
    assert [one["status"] for one in pushed.json()["results"]] == ["new", "new", "refused"]
    assert inside.revisions.get().kind == "api"


def test_a_token_stops_opening_what_its_person_may_no_longer_see(owner):
    manager = a_person("Sofia Marin")
    role = a_role(manager, Role.MANAGER)
    a_kpi(code="OTP", owner=owner)
    program = a_program(manager)
    assert program.get("kpis/OTP").status_code == 200
    role.delete()
    assert program.get("kpis/OTP").status_code == 404


def test_whoever_asks_too_often_is_told_how_long_to_wait(owner, settings):
    settings.API_REQUESTS_PER_MINUTE = 2
    program = a_program(owner)
    ApiTokenKey.objects.update(minute=timezone.now().replace(second=0, microsecond=0), requests=2)
    response = program.get("kpis")
    if response.status_code == 200:  # the minute turned between the two lines
        response = [program.get("kpis") for _ in range(2)][-1]
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 60


def test_only_its_person_and_admins_see_and_revoke_a_token(client, owner):
    program, stranger, admin = a_program(owner), a_person("Noah Fields"), a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    for person, status in ((stranger, 404), (admin, 303)):
        client.force_login(person)
        shown = program.token.hint in client.get(reverse("api:tokens")).content.decode()
        assert shown == (status == 303)
        assert client.post(reverse("api:revoke", args=[program.token.pk])).status_code == status
    program.token.refresh_from_db()
    assert program.token.revoked_by == admin


def test_an_auditor_is_not_offered_to_push(client):
    auditor = a_person("Victor Amadi")
    a_role(auditor, Role.AUDITOR)
    client.force_login(auditor)
    assert "may_ingest" not in client.get(reverse("api:tokens")).content.decode()
    assert made(client, asked(may_ingest="on"))
    assert ApiToken.objects.get().may_ingest is False


def test_no_token_outlives_a_year(client, owner):
    client.force_login(owner)
    late = asked(last_day=str(timezone.localdate() + timedelta(days=366)))
    assert client.post(reverse("api:tokens"), late).status_code == 422
    assert (
        client.post(reverse("api:tokens"), asked(last_day=str(timezone.localdate() + timedelta(days=365)))).status_code
        == 201
    )
    with pytest.raises(IntegrityError, match="token_ends_within_a_year"), transaction.atomic():
        a_program(owner, days=367)


def test_an_audited_change_names_who_made_the_token(client, owner):
    client.force_login(owner)
    made(client, asked())
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor FROM audit_auditentry WHERE \"table\" = 'api_apitoken'")
        assert cursor.fetchall() == [(owner.pk,)]
