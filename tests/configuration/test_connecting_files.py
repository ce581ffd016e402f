"""Connecting text files and workbooks as people make them, through the forms of the pages alone."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import Workbook

from kpiplatform.dashboards.models import SourceSetup
from kpis.models import DataSource, SourceMapping
from kpis.services.pulling import run_pull
from objectives.models import Role
from tests.another_language import another_language, left_english
from tests.configuration.connecting import form_of, send
from tests.factories import a_kpi, a_person, a_role, an_objective, the_calendar, the_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.KPI_SOURCES_DIR = str(tmp_path)
    return tmp_path


@pytest.fixture
def admin(client: Client) -> Client:
    the_calendar()
    person = a_person("Grace Lindholm")
    a_role(person, Role.ADMIN)
    client.force_login(person)
    return client


def test_how_a_text_file_is_written_is_found_out_said_and_can_be_changed(admin: Client, folder: Path) -> None:
    lines = ["Tag;Filiale;Umsatz;Kunden;Anteil", "21.11.2026;Köln;1.234,50;7;5,5 %", "22.11.2026;Köln;7,25;12;7 %"]
    (folder / "till.csv").write_bytes("\n".join(lines).encode("cp1252"))
    to = send(admin, reverse("configuration:new_source"), name="Till", kind="csv_file")
    to = send(admin, to, path="till.csv")
    assert to == reverse("configuration:source_reading", args=["till"])
    page = admin.get(to).content.decode()
    assert "written in cp1252 with semicolons between its columns" in page
    assert "1.234,50" in page
    said = form_of(admin, to)
    assert (said["date_column"], said["date_format"]) == ("Tag", "%d.%m.%Y")
    assert (said["decimal"], said["grouping"], said.get("percent"), said.get("accounting")) == (",", ".", "on", None)
    source = DataSource.objects.get()
    assert (source.config["encoding"], source.config["delimiter"]) == ("cp1252", ";")
    access = reverse("configuration:source_access", args=["till"])
    send(admin, access, delimiter="|", encoding="utf-8")
    source.refresh_from_db()
    assert (source.config.get("encoding", "utf-8"), source.config["delimiter"]) == ("utf-8", "|")


def a_report(folder: Path) -> None:
    """A workbook as people make it: a cover, a title, months across, a total, and words where a number is missing."""
    book = Workbook()
    book.active.append(["Report of the shop"])
    sheet = book.create_sheet("Actuals")
    sheet.append(["Actuals 2026, in thousands"])
    sheet.append([])
    sheet.append(["Site", "Figure", "Jän 2026", "Feb 2026", "Mär 2026"])
    for site in ("Köln", "München"):
        sheet.append([site, "Sales", 12.5, 13, 14])
        sheet.append([site, "Guests", 120, 130, "k.A."])
    sheet.append(["Total", None, 145, 156, 28])
    book.save(folder / "report.xlsx")


def test_a_report_with_a_cover_a_title_and_months_across_becomes_days_and_values(admin: Client, folder: Path) -> None:
    a_report(folder)
    to = send(admin, reverse("configuration:new_source"), name="Report", kind="xlsx_file")
    to = send(admin, to, path="report.xlsx")
    said = "The sheet “Actuals” is read, with the names of its columns in row 3."
    assert said in admin.get(to).content.decode()
    steps = "keep rows where Site != Total\nunpivot keeping Site, Figure into month and value"
    assert send(admin, to, steps=steps, again="1") == to  # the column of the day is made by the steps
    form = form_of(admin, to)
    assert (form["date_column"], form["date_format"]) == ("month", "%b %Y")
    assert send(admin, to, date_format="%Y-%m-%d") == to
    page = admin.get(to).content.decode()
    assert "The days in month are not written so. They seem to be written %b %Y." in page
    assert "Jän 2026&#x27; is not a day" in page
    assert send(admin, to, date_format="%b %Y") == reverse("configuration:source_figures", args=["report"])


def test_choices_show_their_fields_before_anything_is_wrong(admin: Client) -> None:
    to = send(admin, reverse("configuration:new_source"), name="Till", kind="csv_file")
    typed = form_of(admin, to) | {"origin": "upload", "encoding": "cp1252", "again": "1"}
    response = admin.post(to, typed)
    text = response.content.decode()
    assert (response.status_code, "error-summary" in text) == (200, False)
    assert ('name="sent"' in text, 'value="cp1252"' in text) == (True, True)
    assert DataSource.objects.get().config == {}


def test_a_source_that_feeds_kpis_is_read_as_it_was(admin: Client, folder: Path) -> None:
    (folder / "till.csv").write_text("day;sold\n2026-11-21;5\n2026-11-22;6\n")
    send(admin, reverse("configuration:new_source"), name="Till", kind="csv_file")
    source = DataSource.objects.get()
    SourceMapping.objects.create(source=source, kpi=a_kpi(), spec={"value": {"agg": "count"}})
    send(admin, reverse("configuration:source_access", args=["till"]), path="till.csv")
    source.refresh_from_db()
    assert source.config == {"path": "till.csv"}


def test_lines_that_do_not_fit_the_header_are_named_although_none_does(admin: Client, folder: Path) -> None:
    (folder / "till.csv").write_text("day\n2026-11-21,5\n2026-11-22,6\n")
    to = send(admin, reverse("configuration:new_source"), name="Till", kind="csv_file")
    page = admin.get(send(admin, to, path="till.csv", encoding="latin-1")).content.decode()
    assert "The line has 2 fields, the header has 1." in page


def test_a_file_that_is_not_taken_is_refused_in_the_language_of_who_sends_it(admin: Client) -> None:
    to = send(admin, reverse("configuration:new_source"), name="Till", kind="csv_file")
    form = form_of(admin, f"{to}?origin=upload") | {"origin": "upload", "sent": BytesIO()}
    with another_language():
        page = admin.post(to, form)
    assert page.status_code == 422
    said = re.findall(r'class="field__error"[^>]*>([^<]*)<', page.content.decode())
    assert said
    assert [left_english(one) for one in said] == [[]] * len(said)


def test_all_refused_lines_are_counted_although_the_first_are_named(admin: Client, folder: Path) -> None:
    today = timezone.localdate()
    lines = [f"{today - timedelta(1 + row % 5)};{'?' if row % 6 == 0 else 1}" for row in range(900)]
    (folder / "till.csv").write_text("\n".join(["day;sold", *lines]))
    to = send(admin, reverse("configuration:new_source"), name="Till", kind="csv_file")
    figures = reverse("configuration:source_figures", args=["till"])
    send(admin, send(admin, to, path="till.csv"), date_column="day")
    figure = send(admin, figures, name="Sold", kind="value", agg="sum", column="sold")
    said = {"objective": str(an_objective("Sell fresh").pk), "unit": str(the_company().pk), "frequency": "day"}
    send(admin, figure, owner=str(a_person("Rosa Delgado").pk), **said)
    tried = SourceSetup.objects.get().tried
    assert (tried["rows"], tried["refused"]) == (900, 150)


def test_rows_of_a_group_that_came_later_are_named_until_a_kpi_takes_them(admin: Client, folder: Path) -> None:
    def written(*sites: str) -> None:
        lines = [f"2026-11-{day:02d};{site};1" for day in range(1, 21) for site in sites]
        (folder / "till.csv").write_text("\n".join(["day;site;sold", *lines]))

    written("Bonn", "Kiel", "left out")
    to = send(admin, reverse("configuration:new_source"), name="Till", kind="csv_file")
    to = send(admin, send(admin, to, path="till.csv"))
    figure = send(admin, to, name="Sold", kind="value", agg="sum", column="sold", group_by="site")
    common = {
        "objective": str(an_objective("Sell fresh").pk), "unit": str(the_company().pk), "frequency": "day",
        "owner": str(a_person("Rosa Delgado").pk),
    }  # fmt: skip
    groups = [row["group"].value for row in admin.get(figure).context["form"].rows]
    send(admin, send(admin, figure, **common, **{f"to-{groups.index('left out')}": ""}))
    source, now = DataSource.objects.get(), timezone.now()
    page = reverse("configuration:source", args=["till"])
    run_pull(source_id=source.pk, slot=now, now=now)
    assert "No KPI takes" not in admin.get(page).content.decode()
    written("Bonn", "Kiel", "left out", "Ulm", "Trier")
    later = now + timedelta(hours=1)
    pull = run_pull(source_id=source.pk, slot=later, now=later)
    assert pull.unfed == {"site": ["Trier", "Ulm", "left out"]}
    said = "No KPI takes the rows in which site is Trier, Ulm."
    assert said in admin.get(page).content.decode()
    assert said in admin.get(reverse("configuration:pull", args=["till", pull.pk])).content.decode()
    again = admin.post(figure, form_of(admin, figure) | {"groups": "1", "measure_unit": "pieces"})
    assert [row["group"].value for row in again.context["form"].rows][3:] == ["Ulm", "Trier"]
    assert 'value="pieces"' in again.content.decode()
    assert said not in admin.get(page).content.decode()
