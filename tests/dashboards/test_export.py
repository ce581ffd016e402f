"""Everything that a person may see, as files."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections
from django.urls import reverse
from openpyxl import load_workbook

from kpiplatform.dashboards.export import files
from kpiplatform.dashboards.export.seen import Seen
from kpiplatform.dashboards.export.tables import TABLES
from kpis.models import Annotation, Commentary, Holiday, Kpi, KpiVersion, PeriodLock, Pull
from kpis.readings import Origin, Reading
from kpis.services.defining import sheet_of
from kpis.services.recording import record_measurements
from objectives.models import CausalLink, ObjectiveWeight, Role
from reviews.models import Decision, Forum
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, an_objective, limits, the_company
from tests.kpis.pulls import a_mapped_kpi, a_source

pytestmark = pytest.mark.django_db
WEEK = {"period_start": date(2026, 11, 9), "period_end": date(2026, 11, 16)}


@pytest.fixture
def owner():
    person = a_person(email="ana@example.com")
    a_role(person, Role.OWNER)
    return person


def record(kpi: Kpi, *values: str) -> None:
    for value in values:
        reading = Reading(kpi_id=kpi.pk, value=Decimal(value), **WEEK)
        record_measurements(readings=[reading], origin=Origin(kind="manual", user_id=kpi.owner_id), now=NOW)


def exported(client: Any, kind: str, *tables: str) -> bytes:
    response = client.get(reverse("export:file"), {"kind": kind, "tables": tables})
    assert response.status_code == 200
    assert "attachment" in response["Content-Disposition"]
    return b"".join(response.streaming_content)


def csv_rows(content: bytes, name: str) -> list[dict[str, str]]:
    text = zipfile.ZipFile(io.BytesIO(content)).read(f"{name}.csv").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_every_table_can_be_taken_as_csv_with_every_revision(client, owner):
    kpi = a_kpi(code="OTP", owner=owner)
    limits(kpi)
    record(kpi, "60", "81.5")
    client.force_login(owner)
    content = exported(client, "csv", *(table.name for table in TABLES))
    assert {name.removesuffix(".csv") for name in zipfile.ZipFile(io.BytesIO(content)).namelist()} == {
        table.name for table in TABLES
    }
    assert [(row["seq"], row["value"], row["recorded_by"]) for row in csv_rows(content, "revisions")] == [
        ("1", "60", "ana@example.com"),
        ("2", "81.5", "ana@example.com"),
    ]
    assert [(row["kpi"], row["period_start"], row["value"]) for row in csv_rows(content, "measurements")] == [
        ("OTP", "2026-11-09", "81.5")
    ]
    assert [row["band"] for row in csv_rows(content, "evaluations")] == ["on_track"]
    assert csv_rows(content, "kpis")[0]["owner"] == "ana@example.com"


def test_nobody_takes_along_what_they_may_not_see_nor_its_code(client, owner):
    a_kpi(code="OURS", owner=owner)
    theirs = a_kpi(code="THEIRS", owner=a_person("Daniel Reyes"))
    record(theirs, "1")
    forum = Forum.objects.create(
        code="ops", name="Operations", unit=the_company(), tier="operational", chair=owner, rule="weekly", weekday=0,
        anchor=NOW.date(), starts_at="09:00",
    )  # fmt: skip
    Decision.objects.create(forum=forum, title="Buy a belt", owner=owner, due_on=NOW.date(), kpi=theirs)
    client.force_login(owner)
    content = exported(client, "jsonl", *(table.name for table in TABLES)).decode()
    lines = [json.loads(line) for line in content.splitlines()]
    assert [line["code"] for line in lines if line["table"] == "kpis"] == ["OURS"]
    assert [(line["title"], line["kpi"]) for line in lines if line["table"] == "decisions"] == [("Buy a belt", None)]
    assert "THEIRS" not in content


def test_a_formula_names_only_kpis_that_one_may_see_wherever_it_stands(client, owner):
    a_kpi(code="OURS", owner=owner)
    a_kpi(code="THEIRS", owner=a_person("Daniel Reyes"))
    formula = "[OURS] ÷ [THEIRS] × 100"
    rate = a_kpi(code="RATE", owner=owner, entry="derived", formula=formula)
    KpiVersion.objects.create(
        kpi=rate,
        version=1,
        definition={"formula": formula},
        effective_from=NOW.date(),
        recorded_at=NOW,
        recorded_by=owner,
    )
    client.force_login(owner)
    content = exported(client, "csv", "kpis", "kpi_versions")
    formulas = {row["code"]: row["formula"] for row in csv_rows(content, "kpis")}
    assert formulas == {"OURS": "", "RATE": "[OURS] ÷ […] × 100"}
    (version,) = csv_rows(content, "kpi_versions")
    assert "THEIRS" not in version["definition"]
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    client.force_login(admin)
    assert {row["code"]: row["formula"] for row in csv_rows(exported(client, "csv", "kpis"), "kpis")}["RATE"] == formula


def test_what_people_said_about_values_is_taken_along(client, owner):
    kpi = a_kpi(code="OTP", owner=owner)
    Annotation.objects.create(kpi=kpi, text="Strike", author=owner, created_at=NOW, **WEEK)
    said = {"kind": "explanation", "cause": "Störung", "action": "zwei Züge mehr", "recovery_on": date(2026, 12, 1)}
    Commentary.objects.create(kpi=kpi, period_start=WEEK["period_start"], author=owner, created_at=NOW, **said)
    client.force_login(owner)
    content = exported(client, "csv", "annotations", "commentary")
    assert [(row["kpi"], row["text"]) for row in csv_rows(content, "annotations")] == [("OTP", "Strike")]
    (row,) = csv_rows(content, "commentary")
    assert (row["cause"], row["recovery_on"], row["author"]) == ("Störung", "2026-12-01", "ana@example.com")


def test_admins_take_retired_kpis_along(client, owner):
    a_kpi(code="OLD", owner=owner, status=Kpi.Status.RETIRED)
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    for person, codes in ((owner, []), (admin, ["OLD"])):
        client.force_login(person)
        assert [row["code"] for row in csv_rows(exported(client, "csv", "kpis"), "kpis")] == codes


def test_versions_name_what_they_refer_to_by_code(client, owner):
    guard, hidden = (
        a_kpi(code="GUARD", owner=owner),
        a_kpi(code="LOST", owner=a_person("Bea"), unit=a_unit("Elsewhere")),
    )
    kpi = a_kpi(code="OURS", owner=owner, guard=guard, part_of=hidden)
    KpiVersion.objects.create(
        kpi=kpi, version=1, effective_from=NOW.date(), definition=sheet_of(kpi), recorded_at=NOW, recorded_by=owner
    )
    client.force_login(owner)
    (version,) = csv_rows(exported(client, "csv", "kpi_versions"), "kpi_versions")
    said = json.loads(version["definition"])
    refers = {"objective": kpi.objective.code, "unit": kpi.unit.code, "calendar": kpi.calendar.name, "guard": "GUARD"}
    assert {name: said[name] for name in refers} == refers
    assert said["part_of"] is None
    assert not [name for name in said if name.endswith("_id")]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_becomes_a_formula(client, owner, start):
    a_kpi(f"{start}cmd|'/c calc'!A0", code="EVIL", owner=owner)
    client.force_login(owner)
    name = csv_rows(exported(client, "csv", "kpis"), "kpis")[0]["name"]
    assert name.startswith("'")
    book = load_workbook(io.BytesIO(exported(client, "xlsx", "kpis")))
    cells = [cell for row in book["kpis"].iter_rows() for cell in row]
    assert any("calc" in str(cell.value) for cell in cells)
    assert all(cell.data_type != "f" for cell in cells)


def test_a_workbook_has_numbers_as_numbers_and_days_as_days(client, owner):
    kpi = a_kpi(code="OTP", owner=owner)
    record(kpi, "81.5")
    client.force_login(owner)
    sheet = load_workbook(io.BytesIO(exported(client, "xlsx", "measurements")))["measurements"]
    heads, row = ([cell.value for cell in row] for row in sheet.iter_rows())
    said = dict(zip(heads, row, strict=True))
    assert said["value"] == 81.5
    assert said["period_start"].date() == date(2026, 11, 9)


def test_a_workbook_that_would_be_too_large_is_refused_with_what_to_do(client, owner, monkeypatch):
    monkeypatch.setattr(files, "XLSX_ROWS_AT_MOST", 1)
    a_kpi(owner=owner)
    a_kpi(owner=owner)
    client.force_login(owner)
    response = client.get(reverse("export:file"), {"kind": "xlsx", "tables": ["kpis"]})
    assert response.status_code == 422
    assert "take CSV or JSON lines" in response.content.decode()


def test_nothing_chosen_is_said_beside_the_field(client, owner):
    client.force_login(owner)
    response = client.get(reverse("export:file"), {"kind": "csv"})
    assert response.status_code == 422
    assert "Choose at least one table." in response.content.decode()


def test_rows_are_read_chunk_by_chunk_through_a_cursor_of_the_database(owner, monkeypatch):
    kpis = next(table for table in TABLES if table.name == "kpis")
    database, opened = connections["default"], []
    chunked = database.chunked_cursor
    monkeypatch.setattr(database, "chunked_cursor", lambda: opened.append(chunked()) or opened[-1])
    a_kpi(owner=owner)
    assert len(list(kpis.read(Seen(user=owner, today=NOW.date(), now=NOW)))) == 1
    assert [cursor.name is not None for cursor in opened] == [True]


def test_what_values_rest_on_is_taken_along_by_whoever_may_open_it(client, owner):
    kpi = a_mapped_kpi(a_source(code="FEED", owner=owner), code="FED", owner=owner)
    objective, other = kpi.objective, an_objective("Far away")
    CausalLink.objects.create(source=objective, target=other, rationale="Practice")
    ObjectiveWeight.objects.create(
        objective=objective, weight=2, effective_from=date(2026, 1, 1), recorded_at=NOW, recorded_by=owner
    )
    Holiday.objects.create(calendar=kpi.calendar, day=date(2026, 12, 25), name="Christmas")
    PeriodLock.objects.create(
        calendar=kpi.calendar, locked_until=date(2026, 11, 1), reason="Closed", locked_by=owner, locked_at=NOW
    )
    Pull.objects.create(source=kpi.mapping.source, slot=NOW, state="applied", rows_read=7)
    names = ("objective_weights", "causal_links", "calendars", "holidays", "locks", "sources", "mappings", "pulls")
    reads_all = a_person("Grace Lindholm")
    a_role(reads_all, Role.ADMIN)
    client.force_login(reads_all)
    content = exported(client, "csv", *names)
    assert {name: len(csv_rows(content, name)) for name in names} == dict.fromkeys(names, 1)
    assert [(row["source"], row["kpi"]) for row in csv_rows(content, "mappings")] == [("FEED", "FED")]
    assert [(row["calendar"], row["ends_before"]) for row in csv_rows(content, "locks")] == [("Standard", "2026-11-01")]
    assert b'"code":"FEED"' in exported(client, "jsonl", "sources")
    assert load_workbook(io.BytesIO(exported(client, "xlsx", *names)))["sources"]["A2"].value == "FEED"
    stranger = a_person("Noah Fields")
    a_role(stranger, Role.MEMBER, a_unit("elsewhere", "Elsewhere"))
    client.force_login(stranger)
    content = exported(client, "csv", *names)
    assert [name for name in names if csv_rows(content, name)] == ["calendars", "holidays", "locks"]
