"""Sources: scheduled, pulled on demand, held pulls decided."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import seen
from kpiplatform.audit.models import AuditEntry
from kpis.domain.sentences import Sentence
from kpis.models import DataSource, Measurement, MeasurementRevision, Pull, SourceAgreement
from kpis.services.sources import SET_BY_PEOPLE
from kpis.tasks import pull_source
from objectives.models import Role
from tests.factories import a_person, a_role
from tests.kpis.pulls import NOW, a_mapped_kpi, a_source, lines, pull, values, write
from tests.kpis.test_rules import a_rule

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.KPI_SOURCES_DIR = tmp_path
    return tmp_path


@pytest.fixture
def admin(client: Client) -> User:
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    return admin


def address(name: str, *args: Any) -> str:
    return reverse(f"configuration:{name}", args=["flights", *args])


def a_schedule(source: DataSource, **said: Any) -> dict[str, Any]:
    form = {"name": source.name, "is_enabled": "on", "pull_at": "05:30", "look_back_days": "3", "repeats": "daily"}
    form |= {"hours_apart": "12", "weekdays": ["1", "5"], "day_of_month": "1"}
    return form | {"owner": source.owner_id, "seen": seen(source, SET_BY_PEOPLE)} | said


def test_a_schedule_is_saved_with_its_author_and_a_pull_meanwhile_is_no_conflict(client: Client, admin: User) -> None:
    source = a_source()
    form = a_schedule(source)
    DataSource.objects.update(last_applied_at=NOW, cursor=NOW.date())
    assert client.post(address("source"), form).status_code == 303
    source.refresh_from_db()
    assert (source.pull_at, source.look_back_days, source.cursor) == (time(5, 30), 3, NOW.date())
    entries = AuditEntry.objects.filter(table="kpis_datasource").order_by("-id")
    assert entries[0].actor == admin.pk
    assert entries.count() == 2  # made, and set: the pull is nobody's setting
    refused = client.post(address("source"), form | {"pull_at": "04:00"})
    assert refused.status_code == 422
    assert "Changed by Grace Lindholm" in refused.content.decode()
    assert 'value="04:00"' in refused.content.decode()
    assert DataSource.objects.get().pull_at == time(5, 30)


def test_a_file_that_is_sent_in_has_no_schedule_to_set(client: Client, admin: User) -> None:
    source = a_source(config={"origin": "upload", "date_column": "day"})
    page = client.get(address("source")).content.decode()
    assert 'name="may_be_empty"' in page
    assert 'name="repeats"' not in page
    said = {"name": "Bags", "owner": source.owner_id, "seen": seen(source, SET_BY_PEOPLE), "look_back_days": "3"}
    assert client.post(address("source"), said).status_code == 303
    source.refresh_from_db()
    assert (source.name, source.pull_at, source.look_back_days) == ("Bags", time(6, 10), 14)


def test_no_time_is_agreed_for_files_that_people_send(client: Client, admin: User) -> None:
    source = a_source()
    assert "fresh_within_minutes" in client.get(address("agreement")).content.decode()
    DataSource.objects.update(config={"origin": "upload", "date_column": "day"})
    assert "fresh_within_minutes" not in client.get(address("agreement")).content.decode()
    assert "Fresh within" not in client.get(address("source")).content.decode()
    said = {"rows_visible_to": "readers", "row_columns": "", "fresh_within_minutes": "60"}
    assert client.post(address("agreement"), said).status_code == 303
    agreed = SourceAgreement.objects.get(source=source)
    assert (agreed.fresh_within_minutes, agreed.rows_visible_to) == (None, "readers")


def test_the_next_file_is_sent_on_the_page_of_the_source_also_by_its_owner(client: Client, folder: Path) -> None:
    owner = a_person("Amara Singh")
    a_role(owner, Role.OWNER)
    source = a_source(owner=owner, config={"origin": "upload", "date_column": "day"})
    a_mapped_kpi(source)
    client.force_login(owner)
    text = client.get(address("source")).content.decode()
    assert 'name="sent"' in text
    assert "Pull now" not in text
    file = SimpleUploadedFile("november.csv", "\n".join(["day,airport,minutes", *lines()]).encode())
    assert client.post(address("pull_now"), {"sends": "1", "sent": file}).status_code == 303
    asked = Pull.objects.get()
    assert pull(source, now=timezone.now(), slot=asked.slot).state == "applied"
    assert "november.csv was sent in last." in client.get(address("source")).content.decode()
    for said in ({}, {"sent": SimpleUploadedFile("empty.csv", b"")}):
        refused = client.post(address("pull_now"), {"sends": "1", **said})
        assert refused.status_code == 422
        assert 'id="file-sent_error"' in refused.content.decode()
    assert Pull.objects.count() == 1


def test_a_pull_is_asked_for_once_and_watched_until_it_ends(
    client: Client,
    admin: User,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    write(folder, lines())
    rung: list[tuple[int, str]] = []
    monkeypatch.setattr(pull_source, "delay", lambda *said: rung.append(said))
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            text = client.post(address("pull_now"), headers={"HX-Request": "true"}).content.decode()
    asked = Pull.objects.get()
    assert rung == [(source.pk, asked.slot.isoformat())] * 2
    assert "every 2s" in text
    a_rule(source, "range", columns=["minutes"], high=60)
    for _ in range(2):
        text = client.get(address("pulls"), headers={"HX-Request": "true"}).content.decode()
        assert 'id="rules"' not in text  # nothing is known of them yet, and somebody may stand there
    pull(source, now=timezone.now(), slot=asked.slot)
    text = client.get(address("pulls"), headers={"HX-Request": "true"}).content.decode()
    assert "applied" in text
    assert "every 2s" not in text
    assert 'id="rules" hx-swap-oob="true"' in text
    assert "not asked yet" not in text
    assert client.get(address("source")).content.decode().count('id="rules"') == 1
    assert client.get(address("pulls")).content.decode().count('id="rules"') == 1
    shown = client.get(address("pull", asked.pk)).content.decode()
    assert kpi.name in shown


def test_earlier_days_are_read_again_with_a_reason_that_stands_beside_what_it_changes(
    client: Client, admin: User, folder: Path
) -> None:
    source = a_source(look_back_days=1)
    kpi = a_mapped_kpi(source)
    write(folder, lines())
    pull(source, now=timezone.now())
    write(folder, [*lines(), "2026-11-10,JFK,1"])
    assert client.post(address("pull_again"), {"since": str(timezone.localdate()), "reason": ""}).status_code == 422
    said = {"since": "2026-11-11", "reason": "late bookings"}
    for _ in range(2):
        text = client.post(address("pull_again"), said, headers={"HX-Request": "true"}).content.decode()
    assert '<details class="disclosed" id="again"><summary>' in text
    asked = Pull.objects.get(asked_by=admin)
    pull(source, now=timezone.now(), slot=asked.slot)
    revised = MeasurementRevision.objects.get(pull=asked)
    assert (revised.kpi, str(revised.period_start), revised.note) == (kpi, "2026-11-09", "late bookings")
    told = "Grace Lindholm asked for the days since 9 Nov 2026: late bookings"
    assert told in client.get(address("pull_history")).content.decode()
    assert told in client.get(address("pull", asked.pk)).content.decode()


def test_a_pull_that_failed_is_not_promised_again_for_a_source_that_is_off(client: Client, admin: User) -> None:
    source = a_source()
    Pull.objects.create(source=source, slot=NOW, started_at=NOW, next_attempt_at=NOW, state="waiting")
    assert "tried again at 08:00" in client.get(address("source")).content.decode()
    DataSource.objects.update(is_enabled=False)
    assert "tried again once the source is switched on" in client.get(address("source")).content.decode()


def test_pulls_stand_in_the_order_in_which_they_ran(client: Client, admin: User) -> None:
    source = a_source()
    at = {hour: NOW.replace(hour=hour) for hour in (6, 7, 9)}
    asked = Pull.objects.create(source=source, slot=at[7], started_at=at[7], state="applied")
    caught_up = Pull.objects.create(source=source, slot=at[6], started_at=at[9], state="applied")
    for name in ("source", "pull_history"):
        text = client.get(address(name)).content.decode()
        assert text.index(address("pull", caught_up.pk)) < text.index(address("pull", asked.pk))
    earlier = client.get(address("pull_history"), {"before": at[9].isoformat()}).content.decode()
    assert address("pull", caught_up.pk) not in earlier
    assert address("pull", asked.pk) in earlier


@pytest.mark.parametrize("kept", [{"is_snapshot": True}, {"config": {"origin": "upload", "date_column": "day"}}])
def test_a_source_without_days_of_its_own_is_not_asked_for_some(client: Client, admin: User, kept: Any) -> None:
    a_source(**kept)
    assert client.get(address("pull_again")).status_code == 404
    assert "Read earlier days again" not in client.get(address("source")).content.decode()


def held(folder: Path) -> Pull:
    source = a_source()
    a_mapped_kpi(source)
    write(folder, lines(until="2026-11-16"))
    pull(source, now=NOW.replace(day=17))
    write(folder, lines(until="2026-11-16") + lines(since="2026-11-16", until="2026-11-22", a_day=1))
    suspect = pull(source)
    assert suspect.state == Pull.State.SUSPECT
    return suspect


@pytest.mark.parametrize(("decision", "state"), [("apply", "applied"), ("discard", "failed")])
def test_a_held_pull_is_decided_once_with_a_reason(
    client: Client, admin: User, folder: Path, decision: str, state: str
) -> None:
    suspect = held(folder)
    kept = values(suspect.source.mappings.get().kpi)
    path = address("pull", suspect.pk)
    assert "What it would change" in client.get(path).content.decode()
    assert client.post(path, {"decision": decision, "reason": ""}).status_code == 422
    assert values(suspect.source.mappings.get().kpi) == kept
    assert client.post(path, {"decision": decision, "reason": "the strike was real"}).status_code == 303
    suspect.refresh_from_db()
    assert suspect.state == state
    assert (values(suspect.source.mappings.get().kpi) != kept) == (decision == "apply")
    again = client.post(path, {"decision": decision, "reason": "once more"})
    assert again.status_code == 422
    assert "decided already" in again.content.decode()
    assert Measurement.objects.exists()


def test_the_list_says_when_each_is_pulled_and_what_is_wrong(client: Client, admin: User) -> None:
    a_source(code="off", name="Old feed", is_enabled=False)
    a_source(consecutive_failures=3, last_error=Sentence("The file is gone."))
    text = client.get(reverse("configuration:sources")).content.decode()
    assert "every day at 06:10, looks back 14 days" in text
    assert "switched off" in text
    assert "3 failed attempts in a row" in text
    assert "The file is gone." in text
