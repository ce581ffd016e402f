"""Connecting a database that nobody has seen, through the forms of the pages alone."""

from __future__ import annotations

import html
import re
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.models import SourceSetup
from kpis.models import DataSource, Kpi, KpiVersion, Measurement, PeriodLock, Pull, SourceMapping
from kpis.services.pulling import run_pull
from objectives.models import Role
from tests.another_language import another_language, left_english
from tests.configuration.connecting import form_of, send
from tests.factories import a_kpi, a_person, a_role, an_objective, the_calendar, the_company

pytestmark = pytest.mark.django_db
PRODUCTS = ("Bread", "Rolls", "Cake", "Coffee", "Tea")
QUERY = "SELECT day, product, revenue, returned FROM sales WHERE day >= :since AND day < :until"


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """The folder of the sources, with a shop's database: two sales a day of each product, one in four returned."""
    settings.KPI_SOURCES_DIR = str(tmp_path)
    with sqlite3.connect(tmp_path / "shop.sqlite3") as shop:
        shop.execute("CREATE TABLE sales (day TEXT, product TEXT, revenue NUMERIC, returned INTEGER)")
        first = timezone.now().date() - timedelta(days=100)
        shop.executemany(
            "INSERT INTO sales VALUES (?, ?, ?, ?)",
            [
                (str(first + timedelta(days=day)), product, 10 + place, int((2 * day + sale) % 4 == 0))
                for day in range(100)
                for place, product in enumerate(PRODUCTS)
                for sale in range(2)
            ],
        )
    shop.close()
    return tmp_path


@pytest.fixture
def admin(client: Client) -> Client:
    the_calendar()
    person = a_person("Grace Lindholm")
    a_role(person, Role.ADMIN)
    client.force_login(person)
    return client


def connected(client: Client) -> DataSource:
    """Connect the shop: two figures by product, ten KPIs."""
    to = send(client, reverse("configuration:new_source"), name="Shop", kind="sql_query")
    to = send(client, to, database="shop.sqlite3", query=QUERY)
    assert "Bread" in client.get(to).content.decode()
    figures = send(client, to)
    common = {
        "objective": str(an_objective("Sell fresh").pk),
        "unit": str(the_company().pk),
        "owner": str(a_person("Rosa Delgado").pk),
        "frequency": "month",
    }
    to = send(client, figures, name="Revenue", kind="value", agg="sum", column="revenue", group_by="product")
    send(client, to, **common, measure_unit="€")
    to = send(
        client, figures, name="Returned", kind="ratio", agg="count", only="returned == 1", by_agg="count",
        factor="100", group_by="product",
    )  # fmt: skip
    to = send(client, to, **common, measure_unit="%", goal="20", red_flag="30")
    page = client.get(to).content.decode()
    assert "Returned, Bread" in page
    assert "25.0" in page
    assert "goal 20.0 or less, red flag above 30.0" in page
    assert page.count('aria-label="At risk"') >= page.count(">25.0<") > 5
    User.objects.filter(name="Grace Lindholm").update(locale="de")
    assert "25,0" in client.get(to).content.decode()  # written for whoever reads it, not for whoever tried it
    User.objects.filter(name="Grace Lindholm").update(locale="en")
    assert not Kpi.objects.exists()
    assert send(client, to) == reverse("configuration:source", args=["shop"])
    return DataSource.objects.get(code="shop")


@pytest.mark.django_db(transaction=True)
def test_an_unknown_database_becomes_ten_kpis_through_the_pages_alone(admin: Client, folder: Path) -> None:
    source = connected(admin)
    assert Kpi.objects.filter(status="active", mapping__source=source).count() == 10
    now, asked = timezone.now(), Pull.objects.get()  # nobody has to ask for the first one
    assert (asked.state, asked.asked_by) == ("waiting", source.owner)
    pull = run_pull(source_id=source.pk, slot=asked.slot, now=now)
    assert (pull.state, pull.error) == ("applied", None)
    kpi = Kpi.objects.get(name="Revenue, Cake")
    month = (now.date().replace(day=1) - timedelta(days=1)).replace(day=1)
    days = (now.date().replace(day=1) - month).days
    assert Measurement.objects.get(kpi=kpi, period_start=month).value == 2 * 12 * days
    page = admin.get(reverse("kpi", args=[kpi.code])).content.decode()
    assert f"{2 * 12 * days:,}.0" in page
    returned = Kpi.objects.get(name="Returned, Tea")
    assert (returned.polarity, returned.time_aggregation) == ("lower_is_better", "ratio_of_sums")
    assert returned.review_by == returned.active_from + timedelta(days=365)


def test_the_last_button_pressed_twice_makes_each_kpi_once(admin: Client, folder: Path) -> None:
    source = connected(admin)
    admin.post(reverse("configuration:source_values", args=[source.code]))
    assert Kpi.objects.count() == SourceMapping.objects.count() == 10
    assert Pull.objects.count() == 1


def test_a_source_that_cannot_be_read_says_why_and_keeps_what_was_typed(admin: Client, folder: Path) -> None:
    to = send(admin, reverse("configuration:new_source"), name="Shop", kind="sql_query")
    assert send(admin, to, database="no-such.sqlite3", query=QUERY) == to
    text = admin.get(to).content.decode()
    assert "no-such.sqlite3" in text.split("message--error", 1)[1][:200]
    assert 'value="no-such.sqlite3"' in text
    assert "FROM sales" in text
    with another_language():
        said = admin.get(to).content.decode().split("message--error", 1)[1].split("</p>")[0].split(">", 1)[1]
    assert set(left_english(said)) == {"no", "such", "sqlite"}


def test_whoever_has_never_seen_the_database_is_shown_its_tables_and_gets_a_query(admin: Client, folder: Path) -> None:
    to = send(admin, reverse("configuration:new_source"), name="Shop", kind="sql_query")
    assert send(admin, to, database="shop.sqlite3", tables="1") == to
    held = SourceSetup.objects.get().look["tables"]
    assert [(one["name"], len(one["columns"])) for one in held] == [("sales", 4)]
    assert send(admin, to, find="nothing like it") == to  # by Enter: no button is named
    assert SourceSetup.objects.get().look["tables"] == []
    assert "No table that this user may read is called so." in admin.get(to).content.decode()
    assert send(admin, to, find="SAL", tables="1") == to
    page = admin.post(to, form_of(admin, to) | {"use": "0"}).content.decode()
    query = re.search(r"<textarea[^>]* autofocus[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert query is not None
    asked = html.unescape(query[1]).strip()
    listed = '"day", "product", "revenue", "returned"'
    assert asked == f'SELECT {listed}\nFROM "sales"\nWHERE "day" >= :since AND "day" < :until'
    assert not DataSource.objects.get().config.get("query")  # a query that is only looked at is not saved
    assert send(admin, to, query=asked) == reverse("configuration:source_reading", args=["shop"])


def test_a_choice_that_is_left_empty_is_the_one_that_stood_there_first(admin: Client, folder: Path) -> None:
    to = send(admin, reverse("configuration:new_source"), name="Shop", kind="sql_query")
    assert send(admin, to, engine="", database="shop.sqlite3", query="", tables="1") == to
    assert "engine" not in DataSource.objects.get().config


def test_a_choice_shows_its_fields_with_what_was_typed_and_complains_about_none(admin: Client, folder: Path) -> None:
    to = send(admin, reverse("configuration:new_source"), name="Shop", kind="sql_query")
    response = admin.post(to, form_of(admin, to) | {"engine": "postgresql", "query": "SELECT 1 AS day", "again": "1"})
    text = response.content.decode()
    assert response.status_code == 200
    assert 'name="host"' in text
    assert "SELECT 1 AS day" in text
    assert "required." not in text


@pytest.mark.parametrize(
    ("query", "leads_to", "said"),
    [
        (f"{QUERY} AND 1 = 0", "source_reading", "It gave no row, so nothing can be seen of what its columns hold."),
        ("SELECT 1; SELECT 2 -- :since :until", "source_access", "You can only execute one statement at a time"),
    ],
)
def test_a_query_without_rows_or_with_two_statements_says_so(
    admin: Client, folder: Path, query: str, leads_to: str, said: str
) -> None:
    to = send(admin, reverse("configuration:new_source"), name="Shop", kind="sql_query")
    to = send(admin, to, database="shop.sqlite3", query=query)
    assert to == reverse(f"configuration:{leads_to}", args=["shop"])
    text = admin.get(to).content.decode()
    assert said in text
    if leads_to == "source_reading":
        assert '<option value="revenue">' in text


def test_a_rule_over_a_column_that_the_rows_do_not_have_is_refused_before_it_ends_every_pull(
    admin: Client, folder: Path
) -> None:
    to = send(admin, reverse("configuration:new_source"), name="Shop", kind="sql_query")
    send(admin, to, database="shop.sqlite3", query=QUERY)
    page = reverse("configuration:new_rule", args=["shop", "range"])
    response = admin.post(page, {"columns": "revenu", "low": "0", "severity": "refuse", "seen": ""})
    assert response.status_code == 422
    assert "The rows have no column revenu. They have: day, product, revenue, returned." in response.content.decode()
    assert '<option value="returned">' in response.content.decode()  # of no figure's first column, and yet offered
    assert admin.post(page, {"columns": "revenue", "low": "0", "severity": "refuse", "seen": ""}).status_code == 303


@pytest.mark.django_db(transaction=True)
def test_a_source_without_history_is_connected_through_the_pages_alone(admin: Client, folder: Path) -> None:
    to = send(admin, reverse("configuration:new_source"), name="Shop", kind="sql_query")
    counted = "SELECT product, count(*) AS open FROM sales WHERE returned = 1 GROUP BY 1"
    reading = send(admin, to, database="shop.sqlite3", query=counted)
    refused = admin.post(reading, form_of(admin, reading) | {"date_column": ""})
    assert (refused.status_code, "say below that the source has no history" in refused.content.decode()) == (422, True)
    figures = send(admin, reading, date_column="", is_snapshot="on")
    to = send(admin, figures, name="Returned", kind="value", agg="sum", column="open", where="product == Tea")
    chosen = {"objective": an_objective("Sell fresh"), "unit": the_company(), "owner": a_person("Rosa Delgado")}
    to = send(admin, to, **{name: str(one.pk) for name, one in chosen.items()}, frequency="day")
    assert '<b class="num">50' in admin.get(to).content.decode()
    send(admin, to)
    source = DataSource.objects.get()
    assert (source.is_snapshot, source.is_enabled, source.config.get("date_column", "")) == (True, True, "")


@pytest.mark.django_db(transaction=True)
def test_a_kpi_that_a_further_figure_takes_leaves_the_one_before_and_stays_with_it(admin: Client, folder: Path) -> None:
    source = connected(admin)
    bread = Kpi.objects.get(name="Revenue, Bread")
    figures = reverse("configuration:source_figures", args=["shop"])
    to = send(admin, figures, name="Sold", kind="value", agg="sum", column="revenue", where="product == Bread")
    values = send(admin, to, **{"to-0": str(bread.pk)})
    assert admin.get(values).content.decode().count("Revenue, Bread") == 2  # its values, and that they change
    for _press in range(2):
        today = str(timezone.localdate())
        send(admin, values, effective_from=today, reason="all of it", breaks_series="on")
        spec = SourceMapping.objects.get(kpi=bread, source=source).spec
        assert spec["where"] == [["product", "==", "Bread"]]
        assert "group" not in spec


def test_a_secret_among_the_headers_that_are_shown_is_refused(admin: Client) -> None:
    to = send(admin, reverse("configuration:new_source"), name="Shop", kind="http_json")
    response = admin.post(to, form_of(admin, to) | {"url": "https://example.org", "headers": "authorization: Bearer t"})
    assert response.status_code == 422
    assert "“authorization” is a secret: say it where the source signs in" in response.content.decode()
    assert "headers" not in DataSource.objects.get().config


def test_a_port_left_empty_is_the_usual_one(admin: Client, folder: Path) -> None:
    to = send(admin, reverse("configuration:new_source"), name="Shop", kind="sql_query")
    server = {
        "engine": "postgresql",
        "host": "10.2.3.4",
        "port": "",
        "database": "erp",
        "user": "reader",
        "tls": "none",
    }
    assert send(admin, to, **server, password="shop-key", tables="1") == to
    assert "10.2.3.4" in admin.get(to).content.decode().split("message--error", 1)[1].split("</p>")[0]


def test_a_database_that_does_not_open_says_so_where_its_tables_are_asked_for(admin: Client, folder: Path) -> None:
    to = send(admin, reverse("configuration:new_source"), name="Shop", kind="sql_query")
    assert send(admin, to, database="no-such.sqlite3", tables="1") == to
    assert "no-such.sqlite3" in admin.get(to).content.decode().split("message--error", 1)[1][:200]


def test_a_further_figure_takes_over_what_new_kpis_have_in_common(admin: Client, folder: Path) -> None:
    source = connected(admin)
    setup = SourceSetup.objects.get(source=source)
    ratio = setup.measures[1]["measure"]
    setup.measures = [*setup.measures, {"measure": ratio | {"name": "Kept"}, "groups": setup.measures[1]["groups"]}]
    setup.save()
    page = reverse("configuration:source_figure", args=["shop", 2])
    common = setup.measures[1]["common"]
    said = form_of(admin, page)
    assert [said[name] for name in ("objective", "unit", "owner")] == [
        str(common[name]) for name in ("objective", "unit", "owner")
    ]
    assert (said["measure_unit"], said["goal"]) == ("%", "")


@pytest.mark.django_db(transaction=True)
def test_values_that_would_meet_a_locked_period_are_marked_before_anything_is_connected(
    admin: Client, folder: Path
) -> None:
    source = connected(admin)
    page = reverse("configuration:source_values", args=[source.code])
    admin.post(page, {"again": "1"})
    assert "locked, stays as it is" not in admin.get(page).content.decode()
    by = User.objects.get(name="Grace Lindholm")
    now = timezone.now()
    setup = SourceSetup.objects.get(source=source)
    kpi = Kpi.objects.get(name="Revenue, Cake")
    setup.measures[0]["assigned"] = [{"group": "Cake", "kpi": kpi.pk}]
    setup.save()
    until = now.date().replace(day=1)
    PeriodLock.objects.create(calendar=kpi.calendar, locked_until=until, locked_by=by, locked_at=now)
    admin.post(page, {"again": "1"})
    shown = admin.get(page).content.decode().split("Revenue, Cake", 1)[1].split("</tr>")[0]
    assert shown.count("locked, stays as it is") == shown.count("nowrap") - 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"agg": "sum", "column": ""}, "Choose the column"),
        ({"where": "produkt == Bread"}, "There is no column “produkt”"),
        ({"where": "product"}, "compares nothing"),
        ({"kind": "ratio", "by_agg": ""}, "Say what it is divided by."),
    ],
)
def test_a_figure_that_makes_no_sense_is_refused_with_a_sentence(admin: Client, said: dict[str, str], why: str) -> None:
    source = DataSource.objects.create(
        code="shop", name="Shop", kind="sql_query", owner=a_person(), pull_at="06:00", config={}
    )
    SourceSetup.objects.create(source=source, author=source.owner, look={"columns": ["day", "product", "revenue"]})
    path = reverse("configuration:source_figures", args=["shop"])
    typed = {"name": "Sales", "kind": "value", "agg": "count", "factor": "1"} | said
    response = admin.post(path, typed)
    assert response.status_code == 422
    assert why in response.content.decode()


def chosen(kpi: Kpi, agg: str = "count") -> SourceSetup:
    """Let the shop be about to feed a KPI."""
    person = a_person()
    source = DataSource.objects.create(
        code="shop", name="shop", kind="csv_file", owner=person, pull_at="06:00", config={}
    )
    measure = {
        "name": kpi.name, "numerator": {"agg": agg, "column": "", "where": []}, "denominator": None,
        "factor": "1", "where": [], "group_by": "",
    }  # fmt: skip
    assigned = [{"group": None, "kpi": kpi.pk}]
    measures = [{"measure": measure, "groups": [], "assigned": assigned}]
    nothing = {"rows": 0, "refused": 0, "refusals": [], "kpis": [], "begins_on": None, "ends_on": None}
    return SourceSetup.objects.create(source=source, author=person, measures=measures, tried=nothing)


def test_a_kpi_that_was_entered_by_hand_asks_from_when_and_why(admin: Client) -> None:
    kpi = a_kpi("Visitors", entry="manual")
    chosen(kpi)
    path = reverse("configuration:source_values", args=["shop"])
    page = admin.get(path).content.decode()
    assert "1 KPI has its values in another way so far" in page
    said = form_of(admin, path) | {"effective_from": "2026-11-02", "breaks_series": "on"}
    refused = admin.post(path, said)
    assert refused.status_code == 422
    assert 'id="connect-reason_error"' in refused.content.decode()
    assert 'value="2026-11-02"' in refused.content.decode()
    for _ in range(2):
        assert admin.post(path, said | {"reason": "counted at the door"}).status_code == 303
    version = KpiVersion.objects.get(kpi=kpi)
    assert (version.reason, version.breaks_series, str(version.effective_from)) == (
        "counted at the door",
        True,
        "2026-11-02",
    )
    assert "in another way so far" not in admin.get(path).content.decode()


def test_a_kpi_of_another_source_is_not_taken_from_it(admin: Client) -> None:
    fed = a_kpi("Visitors", entry="source")
    person = chosen(fed).author
    other = DataSource.objects.create(
        code="other", name="other", kind="csv_file", owner=person, pull_at="06:00", config={}
    )
    SourceMapping.objects.create(kpi=fed, source=other, spec={"value": {"agg": "sum", "column": "visitors"}})
    said = {"effective_from": "2026-11-02", "reason": "the door counts better"}
    response = admin.post(reverse("configuration:source_values", args=["shop"]), said)
    assert response.status_code == 422
    assert "comes from “other” already" in response.content.decode()
    assert fed.mapping.source.code == "other"
