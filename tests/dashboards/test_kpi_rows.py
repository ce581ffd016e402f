"""From a value to the source rows behind it, and how far it can be trusted."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from kpiplatform.dashboards.models import TakenFile
from kpis.dates import short_label
from kpis.domain.periods import period_of
from kpis.models import Kpi, Measurement, SourceAgreement
from kpis.queries import calendar_of
from kpis.services import reaching
from kpis.services.judging import judge_owed
from objectives.models import Role
from tests.factories import a_person, a_role, a_unit
from tests.kpis.pulls import NOW, ON_TIME, a_mapped_kpi, a_source, lines, pull, write
from tests.kpis.test_rules import a_rule

pytestmark = pytest.mark.django_db
MONDAY = date(2026, 11, 9)
SPEC = ON_TIME | {"where": [["airport", "==", "JFK"]]}


@pytest.fixture
def kpi(settings: Any, tmp_path: Path) -> Kpi:
    """A ratio over one airport, pulled from a file that holds another one as well."""
    settings.KPI_SOURCES_DIR = tmp_path
    source = a_source()
    kpi = a_mapped_kpi(
        source,
        SPEC,
        unit=a_unit(),
        active_from=date(2026, 1, 5),
        numerator_label="on time",
        denominator_label="flights",
    )
    write(tmp_path, [*lines(until="2026-11-16"), "2026-11-10,JFK,90", "2026-11-10,EWR,5", "2026-11-11,JFK,"])
    pull(source)
    return kpi


def address(kpi: Kpi, name: str = "kpi_rows", start: date = MONDAY) -> str:
    return reverse(name, args=[kpi.code, start])


def signed_in(client: Client, person: Any) -> Client:
    client.force_login(person)
    return client


def read(client: Client, path: str, **query: str) -> str:
    response = client.get(path, query)
    assert response.status_code == 200
    return response.content.decode()


def test_the_rows_of_numerator_and_denominator_stand_apart_and_give_the_value(client: Client, kpi: Kpi) -> None:
    page = read(signed_in(client, kpi.owner), address(kpi))
    assert "On time <span" in page
    assert ">28</span>" in page
    assert ">29</span>" in page
    assert "EWR" not in page
    assert '<th class="num">minutes</th>' in page
    assert "<td>JFK</td>" in page
    assert "The source gives the same value now" in page
    rows = read(client, address(kpi, "kpi_rows_file"), part="denominator").lstrip("\ufeff").splitlines()
    assert rows[0] == "line,day,airport,minutes"
    assert len(rows) == 1 + 29
    assert "30,2026-11-10,JFK,90" in rows
    assert len(read(client, address(kpi, "kpi_rows_file"), part="numerator").splitlines()) == 1 + 28


def test_rows_are_shown_with_the_columns_that_name_them_and_those_that_are_agreed(
    client: Client, kpi: Kpi, tmp_path: Path
) -> None:
    source = kpi.mapping.source
    source.config |= {"unique_by": ["day", "flight"]}
    source.save()
    (tmp_path / "flights.csv").write_text("day,airport,minutes,flight,gate\n2026-11-10,JFK,5,B6 17,22\n")
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    page = read(signed_in(client, admin), address(kpi))
    assert "B6 17" in page
    assert ">22<" not in page
    assert reverse("configuration:agreement", args=[source.code]) in page
    SourceAgreement.objects.create(source=source, row_columns=["gate"])
    page = read(signed_in(client, kpi.owner), address(kpi))
    assert ">22<" in page
    assert reverse("configuration:agreement", args=[source.code]) not in page


def test_a_source_that_gives_another_value_now_says_so(client: Client, kpi: Kpi, tmp_path: Path) -> None:
    write(tmp_path, [*lines(until="2026-11-16"), "2026-11-10,JFK,90", "2026-11-10,JFK,91"])
    page = read(signed_in(client, kpi.owner), address(kpi))
    assert "The source now gives 93.3\u202f%, from the rows below" in page
    assert "Recorded: 96.6\u202f%" in page
    assert Measurement.objects.get(kpi=kpi, period_start=MONDAY).value == Decimal("96.55172414")


def test_rows_are_paged_and_filtered_by_the_rules(client: Client, kpi: Kpi, tmp_path: Path) -> None:
    write(tmp_path, [f"2026-11-10,JFK,{minutes}" for minutes in range(130)])
    a_rule(kpi.mapping.source, "range", high=119)
    SourceAgreement.objects.create(source=kpi.mapping.source, row_columns=["day"])
    page = read(signed_in(client, kpi.owner), address(kpi), part="denominator")
    assert ">120</span>" in page
    assert "after=100" in page
    page = read(client, address(kpi), part="denominator", after="100")
    assert page.count('<tr><td class="num">') == 20
    assert "Next rows" not in page
    assert read(client, address(kpi), after="9" * 30)


def test_no_row_is_lost_between_pages_where_a_line_became_many(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.KPI_SOURCES_DIR = tmp_path
    heads = [str(MONDAY + timedelta(days)) for days in range(7)]
    rows = [",".join(["JFK", *["1"] * len(heads)])] * 20
    (tmp_path / "flights.csv").write_text("\n".join([",".join(["airport", *heads]), *rows]))
    steps = [{"do": "unpivot", "keep": ["airport"], "name": "day", "value": "minutes"}]
    source = a_source(config={"path": "flights.csv", "date_column": "day", "steps": steps})
    kpi = a_mapped_kpi(source, {"value": {"agg": "sum", "column": "minutes"}}, unit=a_unit())
    first = read(signed_in(client, kpi.owner), address(kpi))
    following = read(client, address(kpi), after="100")
    shown = [page.count('<tr><td class="num">') for page in (first, following)]
    assert (shown, "Next rows" in following) == ([100, 40], False)


def test_a_source_that_cannot_be_read_is_told_and_the_value_stays(client: Client, kpi: Kpi, tmp_path: Path) -> None:
    (tmp_path / "flights.csv").unlink()
    page = read(signed_in(client, kpi.owner), address(kpi))
    assert "The rows could not be read from Flights." in page
    assert "Recorded: 96.6\u202f%" in page
    instead_of_a_file = client.get(address(kpi, "kpi_rows_file"))
    assert instead_of_a_file.status_code == 424
    assert "The rows could not be read from Flights." in instead_of_a_file.content.decode()
    assert not TakenFile.objects.exists()
    source = kpi.mapping.source
    source.is_snapshot = True
    source.save()
    assert "its rows of that time cannot be read again" in read(client, address(kpi))


def test_the_rows_of_a_snapshot_are_those_of_now_as_long_as_its_period_goes_on(
    client: Client, settings: Any, tmp_path: Path
) -> None:
    settings.KPI_SOURCES_DIR = tmp_path
    (tmp_path / "flights.csv").write_text("airport,minutes\nJFK,10\nLGA,1\n")
    source = a_source(is_snapshot=True, config={"path": "flights.csv"})
    kpi = a_mapped_kpi(
        source, {"value": {"agg": "sum", "column": "minutes"}}, unit=a_unit(), frequency="day", active_from=MONDAY
    )
    today = timezone.localdate()
    assert pull(source, now=timezone.now()).state == "applied"
    page = read(signed_in(client, kpi.owner), address(kpi, start=today))
    assert "The source gives the same value now, from the rows below." in page
    assert page.count('<tr><td class="num">') == 2
    linked = reverse("kpi_rows", args=[kpi.code, today])
    assert linked in read(client, reverse("kpi", args=[kpi.code]))
    before = read(client, address(kpi, start=today - timedelta(days=1)))
    assert "its rows of that time cannot be read again" in before


def test_a_page_waits_for_a_source_less_long_than_a_pull_and_says_what_helps(
    client: Client, kpi: Kpi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaching, "SECONDS_OF_A_PAGE", 0.01)
    page = read(signed_in(client, kpi.owner), address(kpi))
    assert "took longer than 0.01 s and was stopped. A page does not wait longer than that" in page
    assert "A file without the days that nobody needs any more is read quicker. The recorded value stays" in page
    assert "Recorded: 96.6\u202f%" in page
    write(tmp_path, lines(until="2026-11-23"))
    assert pull(kpi.mapping.source, now=NOW + timedelta(days=1)).state == "applied"


@pytest.mark.parametrize("start", [date(2026, 11, 10), date(2099, 11, 9)])
def test_a_day_on_which_no_period_starts_or_one_to_come_has_no_rows(client: Client, kpi: Kpi, start: date) -> None:
    assert signed_in(client, kpi.owner).get(address(kpi, start=start)).status_code == 404


@pytest.mark.parametrize(
    ("readers", "reading"),
    [
        ("source", {"admin", "source"}),
        ("owners", {"admin", "source", "owner", "deputy", "manager"}),
        ("readers", {"admin", "source", "owner", "deputy", "manager", "member", "auditor"}),
    ],
)
def test_the_rows_are_read_by_those_agreed(client: Client, kpi: Kpi, readers: str, reading: set[str]) -> None:
    source = kpi.mapping.source
    SourceAgreement.objects.create(source=source, rows_visible_to=readers)
    deputy = a_person("Deputy")
    Kpi.objects.update(deputy=deputy)
    people = {"owner": kpi.owner, "deputy": deputy, "source": source.owner, "stranger": a_person("Stranger")}
    a_role(source.owner, Role.MEMBER, kpi.unit)  # who sees the KPI at all
    for role in (Role.ADMIN, Role.MANAGER, Role.MEMBER, Role.AUDITOR):
        people[role] = a_person(role)
        a_role(people[role], role, kpi.unit)
    got = {name for name, one in people.items() if signed_in(client, one).get(address(kpi)).status_code == 200}
    assert got == reading


def test_the_page_of_the_kpi_grades_its_values_and_leads_to_the_rows(client: Client, kpi: Kpi) -> None:
    page = read(signed_in(client, kpi.owner), reverse("kpi", args=[kpi.code]))
    assert "Data confidence <b>D</b>" in page or "Data confidence <b>C</b>" in page
    assert "the source had none when it came in" in page
    assert address(kpi) in page
    reader = a_person("Reader")
    a_role(reader, Role.MEMBER, kpi.unit)
    page = read(signed_in(client, reader), reverse("kpi", args=[kpi.code]))
    assert "Data confidence" in page
    assert address(kpi) not in page


def test_each_graded_value_leads_to_its_own_points(client: Client, kpi: Kpi) -> None:
    page = read(signed_in(client, kpi.owner), reverse("kpi", args=[kpi.code]), view="table")
    links = re.findall(r'<a class="trusted" href="\?view=table&amp;confidence=([0-9-]+)#trust">', page)
    assert links
    assert "<details open><summary>Data confidence" not in page
    page = read(client, reverse("kpi", args=[kpi.code]), confidence=links[-1])
    name = short_label(period_of(date.fromisoformat(links[-1]), kpi.frequency, calendar_of(kpi.calendar)))
    assert f"<details open><summary>Data confidence of {name} <b>" in page
    assert "How it came in" in page
    assert f'rows/{links[-1]}/">Source rows behind it' in page
    page = read(client, reverse("kpi", args=[kpi.code]), confidence="none")
    assert "<details><summary>Data confidence <b>" in page


def test_the_scorecard_grades_each_row_and_names_a_source_that_is_behind(client: Client, kpi: Kpi) -> None:
    source = kpi.mapping.source
    source.behind_from = NOW
    source.save()
    judge_owed(now=NOW)
    page = read(signed_in(client, kpi.owner), reverse("scorecard"), tier="operational")
    assert 'aria-label="Data confidence ' in page
    assert "Flights is behind what was agreed." in page
    page = read(client, reverse("kpi", args=[kpi.code]))
    assert "The source is behind since 22 Nov 2026" in page
