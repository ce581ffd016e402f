"""The audit trail as administrators and auditors read it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from kpiplatform.audit.actor import acting
from kpiplatform.audit.models import AuditEntry
from kpiplatform.dashboards.navigation import navigation
from kpis.models import Kpi
from objectives.models import Role
from tests.factories import a_kpi, a_person, a_role, a_unit, limits

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client):
    person = a_person("Grace Lindholm")
    a_role(person, Role.ADMIN)
    client.force_login(person)
    return person


def rows(client, **query):
    return client.get(reverse("audit"), query).context["rows"]


def changed(kpi: Kpi, by=None, **values) -> AuditEntry:
    """Change a KPI as somebody, or as the system."""
    if by is None:
        Kpi.objects.filter(pk=kpi.pk).update(**values)
    else:
        with acting(by.pk):
            Kpi.objects.filter(pk=kpi.pk).update(**values)
    return AuditEntry.objects.latest("pk")


def test_an_entry_says_who_changed_what_and_each_column_before_and_after(client, admin):
    changed(a_kpi("Bags"), admin, name="Bags on time", decimals=2)
    row = rows(client)[0]
    assert (row.who, row.did, row.what, row.thing) == ("Grace Lindholm", "changed", "KPI", "Bags on time")
    assert {(one.column, one.was, one.now) for one in row.changes} == {
        ("name", "Bags", "Bags on time"),
        ("decimals", "1", "2"),
    }


def test_only_what_is_written_into_the_trail_is_offered_to_narrow_it(client, admin):
    tables = dict(client.get(reverse("audit")).context["tables"])
    assert (tables["kpis_kpi"], tables["api_apitoken"], tables["kpis_periodlock"]) == (
        "KPI",
        "API token",
        "Period lock",
    )
    assert not tables.keys() & {"kpis_measurement", "alerts_delivery", "audit_auditentry"}


def test_what_concerns_a_kpi_is_called_after_it_and_the_system_is_named_as_such(client, admin):
    limits(a_kpi("Bags"))
    row = next(row for row in rows(client) if row.table == "kpis_target")
    assert (row.who, row.did, row.thing) == ("the system", "added", "Bags")


def test_it_is_narrowed_by_table_thing_person_and_day(client, admin):
    kpi, other = a_kpi("Bags"), a_kpi("Belts")
    first = changed(kpi, admin, decimals=2)
    second = changed(other, None, decimals=3)
    today = timezone.localdate()
    yesterday, tomorrow = today - timedelta(days=2), today + timedelta(days=2)
    of_kpis = {"table": "kpis_kpi"}
    assert next(row.pk for row in rows(client, **of_kpis, row=str(kpi.pk))) == first.pk
    assert {row.pk for row in rows(client, **of_kpis, who=str(admin.pk))} == {first.pk}
    assert second.pk in {row.pk for row in rows(client, **of_kpis, who="0")}
    assert first.pk not in {row.pk for row in rows(client, **of_kpis, who="0")}
    assert rows(client, to=str(yesterday)) == rows(client, **{"from": str(tomorrow)}) == []
    assert len(rows(client, who="x", to="never", before="1e9")) > 0


def test_older_entries_follow_on_pages_of_their_own(client, admin, monkeypatch):
    monkeypatch.setattr("kpiplatform.dashboards.audit_trail.views.ON_A_PAGE", 2)
    kpi = a_kpi("Bags")
    made = [changed(kpi, admin, decimals=number).pk for number in (2, 3, 4)]
    response = client.get(reverse("audit"), {"table": "kpis_kpi"})
    assert [row.pk for row in response.context["rows"]] == made[:0:-1]
    older = client.get(f"{reverse('audit')}?{response.context['older']}").context["rows"]
    assert older[0].pk == made[0]


def test_the_chain_is_verified_on_request_and_a_break_is_named(client, admin):
    entry = changed(a_kpi("Bags"), admin, decimals=2)
    assert client.get(reverse("audit")).context["verdict"] is None
    assert "The chain holds: each of the" in client.get(reverse("audit"), {"verify": "1"}).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditentry DISABLE TRIGGER append_only")
        cursor.execute("UPDATE audit_auditentry SET actor = 0 WHERE id = %s", [entry.pk])
        cursor.execute("ALTER TABLE audit_auditentry ENABLE TRIGGER append_only")
    verdict = client.get(reverse("audit"), {"verify": "1"}).context["verdict"]
    assert (verdict["holds"], verdict["words"].partition(":")[0]) == (False, f"The chain is broken at entry {entry.pk}")


def test_nothing_that_opens_a_door_is_shown(client, admin):
    after = {"name": "Feed", "api_token": "very-private", "password_hint": "dog"}
    entry = AuditEntry(at=timezone.now(), table="x", row="1", action="INSERT", after=after, previous_hash=b"", hash=b"")
    entry.save()
    shown = client.get(reverse("audit")).content.decode() + client.get(reverse("audit_file")).content.decode()
    assert "very-private" not in shown
    assert "dog" not in shown
    assert "not shown" in shown


def test_an_auditor_of_a_unit_reads_what_concerns_its_kpis_and_one_of_everything_reads_all(client):
    ours, theirs = a_unit("lga"), a_unit("jfk")
    changed(a_kpi("Our bags", unit=ours), None, decimals=2)
    limits(Kpi.objects.get(name="Our bags"))
    changed(a_kpi("Their bags", unit=theirs), None, decimals=2)
    auditor = a_person("Victor Amadi")
    a_role(auditor, Role.AUDITOR, ours)
    client.force_login(auditor)
    assert {row.thing for row in rows(client)} == {"Our bags"}
    assert {row.table for row in rows(client)} >= {"kpis_kpi", "kpis_target", "kpis_thresholdset"}
    assert "Their bags" not in client.get(reverse("audit_file")).content.decode()
    a_role(auditor, Role.AUDITOR)
    client.force_login(auditor)
    assert {"Our bags", "Their bags", "LaGuardia"} <= {row.thing for row in rows(client)}


@pytest.mark.parametrize("role", [Role.MEMBER, Role.MANAGER, Role.OWNER, Role.EXECUTIVE])
def test_for_others_there_is_no_audit_trail(client, role):
    person = a_person()
    a_role(person, role)
    client.force_login(person)
    assert client.get(reverse("audit")).status_code == client.get(reverse("audit_file")).status_code == 404


def test_auditors_find_it_in_the_navigation_and_administrators_in_the_configuration(client, admin):
    auditor = a_person("Victor Amadi")
    a_role(auditor, Role.AUDITOR)
    today = timezone.localdate()
    listed = {
        person: [str(entry["label"]) for entry in navigation(person, "/", today=today, counts={})]
        for person in (admin, auditor)
    }
    assert "Audit trail" in listed[auditor]
    assert "Audit trail" not in listed[admin]
    assert reverse("audit") in client.get(reverse("configuration")).content.decode()


def test_the_file_holds_both_sides_and_no_text_that_a_spreadsheet_computes(client, admin):
    entry = changed(a_kpi("Bags"), admin, name="=1+1")
    lines = list(csv.DictReader(io.StringIO(client.get(reverse("audit_file")).content.decode("utf-8-sig"))))
    assert lines[0]["entry"] == str(entry.pk)
    assert (lines[0]["who"], lines[0]["thing"], lines[0]["action"]) == ("Grace Lindholm", "'=1+1", "update")
    assert '"name":"Bags"' in lines[0]["before"]


def test_the_number_of_queries_does_not_grow_with_the_entries(client, admin):
    counts = []
    for number in (1, 6):
        for index in range(number):
            limits(a_kpi(f"KPI {index}"))
        rows(client)
        with CaptureQueriesContext(connection) as captured:
            rows(client)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 14


def test_what_is_taken_along_is_noted_with_its_choice_and_size_but_not_its_content(client, admin):
    kpi = a_kpi("Bags", code="BAGS")
    file = client.get(reverse("export:file"), {"kind": "csv", "tables": ["kpis", "targets"]})
    list(file.streaming_content)
    client.get(reverse("kpi_table", args=["BAGS"]))
    client.head(reverse("kpi_table", args=["BAGS"]))
    whole, one = reversed([row for row in rows(client) if row.table == "dashboards_takenfile"])
    assert (whole.who, whole.what, whole.did) == ("Grace Lindholm", "Exported file", "added")
    assert whole.thing.startswith("kpis-")
    told = {change.column: change.now for change in whole.changes}
    assert told["rows"] == "1"
    assert told["selection"] == '{"kind":["csv"],"tables":["kpis","targets"]}'
    assert one.thing == "BAGS.csv"
    assert next(change.now for change in one.changes if change.column == "kpi id") == str(kpi.pk)
    assert "Bags" not in str(whole.changes)
