"""The owner's page as a person uses it: real keys in a real browser against the real server."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from kpiplatform.accounts.models import User
from kpis.domain.periods import Calendar, Period, period_of, previous_period
from kpis.models import Kpi, Measurement
from kpis.readings import Origin, Reading
from kpis.services.entry import enter_measurement
from kpis.services.recording import record_measurements
from objectives.models import Role
from tests.factories import a_kpi, a_person, a_role, limits

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium once for this file."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = os.environ.get("KPI_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    assert executable, "These tests need Chromium: install it, for example with `apt-get install chromium`."
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's loop runs in this thread, Django does not use it
        started = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield started
        started.close()


@dataclass
class Desk:
    """Rosa at her page: three KPIs typed by hand, ten closed weeks and the open one."""

    page: Page
    rosa: User
    ana: User
    kpis: list[Kpi]
    weeks: list[Period]

    def field(self, kpi: Kpi, week: Period) -> Locator:
        return self.page.locator(f"#value-{kpi.code}-{week.start}")

    def cell(self, kpi: Kpi, week: Period) -> Locator:
        return self.page.locator(f"#cell-{kpi.code}-{week.start}")

    def type(self, kpi: Kpi, week: Period, text: str, key: str = "Enter") -> None:
        self.field(kpi, week).focus()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)
        self.page.keyboard.press(key)


def enter(kpi: Kpi, week: Period, value: int, user: User, seq: int = 0) -> None:
    now = timezone.now()
    enter_measurement(kpi=kpi, period=week, expected_seq=seq, value=Decimal(value), user=user, now=now)


@pytest.fixture
def desk(browser: Browser, live_server: LiveServer) -> Iterator[Desk]:
    rosa, ana = a_person("Rosa Delgado"), a_person("Ana Kovač")
    for person in (rosa, ana):
        a_role(person, Role.OWNER)
    weeks = [period_of(timezone.now().date(), "week", Calendar())]
    for _ in range(10):
        weeks.insert(0, previous_period(weeks[0], Calendar()))
    kpis, readings = [], []
    for code, name in (("EWR", "Crews at Newark"), ("JFK", "Crews at Kennedy"), ("LGA", "Crews at LaGuardia")):
        kpi = a_kpi(name, code=code, owner=rosa, deputy=ana, minimum=0, maximum=1000, decimals=0)
        limits(kpi, goal=6, red_flag=4)
        for number, week in enumerate(weeks[:-1]):
            value = Decimal(6 + number % 2)
            readings.append(Reading(kpi_id=kpi.pk, period_start=week.start, period_end=week.end, value=value))
        kpis.append(kpi)
    origin = Origin(kind="manual", user_id=rosa.pk)
    record_measurements(readings=readings, origin=origin, now=timezone.now() - timedelta(days=1))
    client = Client()
    client.force_login(rosa)
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], base_url=live_server.url)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    page = context.new_page()
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/my/")
    yield Desk(page=page, rosa=rosa, ana=ana, kpis=kpis, weeks=weeks)
    context.close()


def test_values_are_typed_down_the_column_and_cell_row_and_to_do_list_follow_without_reload(desk: Desk) -> None:
    newark, kennedy, _ = desk.kpis
    latest = desk.weeks[-2]
    desk.page.evaluate("window.still = 'here'")
    desk.type(newark, latest, "3")
    expect(desk.field(kennedy, latest)).to_be_focused()
    expect(desk.cell(newark, latest)).to_have_class(re.compile("cell--saved"))
    expect(desk.cell(newark, latest).locator(".band--off")).to_be_visible()
    expect(desk.page.locator("#todo")).to_contain_text("Reds to explain 1")
    expect(desk.page.locator("#lede")).to_contain_text("one red waits for an explanation")
    expect(desk.page.locator("#notices")).to_contain_text("on track before, off track now")
    assert desk.page.evaluate("window.still") == "here"
    assert Measurement.objects.get(kpi=newark, period_start=latest.start).value == 3


def test_what_is_refused_stays_and_escape_brings_the_stored_value_back(desk: Desk) -> None:
    newark, latest = desk.kpis[0], desk.weeks[-2]
    desk.type(newark, latest, "8500", key="Tab")
    expect(desk.cell(newark, latest)).to_have_class(re.compile("cell--invalid"))
    expect(desk.page.locator("#state-EWR")).to_have_text("8500 is not between 0 and 1000. Not saved.")
    expect(desk.page.get_by_role("status").filter(has_text="1 not saved")).to_be_visible()
    desk.field(newark, latest).focus()
    desk.page.keyboard.press("Escape")
    expect(desk.field(newark, latest)).to_have_value("7")
    expect(desk.cell(newark, latest)).not_to_have_class(re.compile("cell--invalid"))


def test_a_conflict_is_shown_in_the_cell_and_one_of_the_two_is_chosen(desk: Desk) -> None:
    newark, kennedy, _ = desk.kpis
    latest = desk.weeks[-2]
    for kpi in (newark, kennedy):
        enter(kpi, latest, 4, desk.ana, seq=1)
        desk.type(kpi, latest, "5")
        expect(desk.cell(kpi, latest).get_by_role("alert")).to_contain_text("Ana Kovač changed this to 4")
        button = "Keep 5" if kpi == newark else "Take 4"
        desk.cell(kpi, latest).get_by_role("button", name=button).click()
        expect(desk.field(kpi, latest)).to_have_value(button[-1])
        expect(desk.cell(kpi, latest).get_by_role("alert")).to_have_count(0)
    values = Measurement.objects.filter(period_start=latest.start, kpi__in=(newark, kennedy)).order_by("kpi_id")
    assert [int(row.value) for row in values] == [5, 4]


def test_an_older_value_asks_for_its_reason_where_it_stands(desk: Desk) -> None:
    newark, older = desk.kpis[0], desk.weeks[-4]
    desk.type(newark, older, "5")
    expect(desk.cell(newark, older).get_by_label("Reason")).to_be_focused()
    desk.page.keyboard.type("Counted again")
    desk.page.keyboard.press("Enter")
    expect(desk.cell(newark, older)).to_have_class(re.compile("cell--saved"))
    expect(desk.field(newark, older)).to_be_focused()


def test_a_saved_change_is_undone_by_a_button_and_the_focus_returns_to_the_cell(desk: Desk) -> None:
    newark, latest = desk.kpis[0], desk.weeks[-2]
    desk.type(newark, latest, "5")
    desk.page.locator("#state-EWR").get_by_role("button", name="Undo").click()
    expect(desk.field(newark, latest)).to_have_value("7")
    expect(desk.field(newark, latest)).to_be_focused()
    expect(desk.page.locator("#state-EWR")).to_contain_text("taken back")


def test_a_block_from_a_spreadsheet_is_saved_as_one_but_for_what_cannot_be(desk: Desk) -> None:
    newark, kennedy, lga = desk.kpis
    latest, opened = desk.weeks[-2:]
    desk.page.evaluate("navigator.clipboard.writeText('5\\t6\\n4\\tsix\\n3\\t900\\n')")
    desk.field(newark, latest).focus()
    desk.page.keyboard.press("ControlOrMeta+v")
    preview = desk.page.get_by_role("dialog")
    expect(preview).to_contain_text("4 values will be saved. 2 wait in their cells for you.")
    expect(preview).to_contain_text("“six” is not a number.")
    expect(preview.get_by_role("button", name="Put it into the grid")).to_be_focused()
    desk.page.keyboard.press("Enter")
    expect(preview).to_be_hidden()
    for kpi, week, state in (
        (newark, latest, "saved"),
        (newark, opened, "saved"),
        (kennedy, latest, "saved"),
        (kennedy, opened, "invalid"),
        (lga, latest, "saved"),
        (lga, opened, "asking"),
    ):
        expect(desk.cell(kpi, week)).to_have_class(re.compile(f"cell--{state}"))
    expect(desk.page.locator("#notices")).to_contain_text("4 values saved.")
    desk.cell(lga, opened).get_by_role("button", name="Save 900").click()
    expect(desk.cell(lga, opened)).to_have_class(re.compile("cell--saved"))


def test_what_was_saved_last_is_taken_back_by_the_keyboard(desk: Desk) -> None:
    newark, kennedy, _ = desk.kpis
    latest = desk.weeks[-2]
    desk.page.evaluate("navigator.clipboard.writeText('5\\n4\\n')")
    desk.field(newark, latest).focus()
    desk.page.keyboard.press("ControlOrMeta+v")
    desk.page.get_by_role("button", name="Save 2 values").click()
    expect(desk.cell(kennedy, latest)).to_have_class(re.compile("cell--saved"))
    expect(desk.field(newark, latest)).to_be_focused()
    desk.page.keyboard.press("ControlOrMeta+z")
    expect(desk.field(newark, latest)).to_have_value("7")
    expect(desk.field(kennedy, latest)).to_have_value("7")


def test_without_a_connection_what_was_typed_stays_and_is_saved_when_it_is_back(desk: Desk) -> None:
    newark, kennedy, lga = desk.kpis
    latest = desk.weeks[-2]
    desk.page.context.set_offline(True)
    desk.type(newark, latest, "3")
    expect(desk.cell(newark, latest)).to_have_class(re.compile("cell--kept"))
    desk.page.evaluate("navigator.clipboard.writeText('4\\n5\\n')")
    desk.page.keyboard.press("ControlOrMeta+v")
    expect(desk.cell(lga, latest).locator("input")).to_have_value("5")
    desk.page.keyboard.press("Enter")
    status = desk.page.get_by_role("status").filter(has_text="3 not saved yet, sent when the server answers")
    expect(status).to_be_visible()
    expect(desk.page.locator("#notices")).to_contain_text("The server can’t be reached.")
    assert desk.page.evaluate("!dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    desk.page.context.set_offline(False)
    for kpi in (newark, kennedy, lga):
        expect(desk.cell(kpi, latest)).to_have_class(re.compile("cell--saved"))
    assert [
        int(row.value or 0) for row in Measurement.objects.filter(period_start=latest.start).order_by("kpi_id")
    ] == [3, 4, 5]
    expect(desk.page.locator("#notices")).not_to_contain_text("The server can’t be reached.", timeout=15_000)
    desk.page.context.clear_cookies(name="sessionid")
    desk.type(newark, latest, "6")
    expect(desk.page.locator("#notices")).to_contain_text("You were signed out.")
    expect(desk.page.locator("#notices")).not_to_contain_text("The server can’t be reached.")


def test_what_was_typed_and_not_saved_outlives_the_page_and_overwrites_nothing(desk: Desk) -> None:
    newark, kennedy, lga = desk.kpis
    latest = desk.weeks[-2]
    desk.page.route("**/my/*/**", lambda route: route.abort())
    desk.page.route("**/my/values/**", lambda route: route.abort())
    for kpi, text in ((newark, "3"), (kennedy, "4"), (lga, "seven")):
        desk.type(kpi, latest, text)
        expect(desk.cell(kpi, latest)).to_have_class(re.compile("cell--kept"))
    enter(kennedy, latest, 9, desk.ana, seq=1)
    desk.page.on("dialog", lambda dialog: dialog.accept())
    desk.page.unroute_all()
    desk.page.reload()
    expect(desk.field(newark, latest)).to_have_value("3")
    expect(desk.field(lga, latest)).to_have_value("seven")
    expect(desk.field(kennedy, latest)).to_have_value("9")
    expect(desk.page.locator("#notices")).to_contain_text("you typed 4 before, and the value has changed since")
    expect(desk.page.locator("#notices")).to_contain_text("not saved yet: 2.")
    desk.field(lga, latest).focus()
    desk.page.keyboard.press("Escape")
    desk.field(newark, latest).focus()
    desk.page.keyboard.press("Enter")
    expect(desk.cell(newark, latest)).to_have_class(re.compile("cell--saved"))
    desk.page.reload()
    expect(desk.field(newark, latest)).to_have_value("3")
    assert not desk.page.evaluate('Object.keys(sessionStorage).filter((key) => key.startsWith("typed-")).length')
    values = dict(Measurement.objects.filter(period_start=latest.start).values_list("kpi__code", "value"))
    assert (values["EWR"], values["JFK"]) == (3, 9)


@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1440, "light")])
def test_the_page_breaks_no_accessibility_rule_whatever_state_its_cells_are_in(
    desk: Desk, width: int, theme: str
) -> None:
    newark, kennedy, lga = desk.kpis
    latest = desk.weeks[-2]
    User.objects.filter(pk=desk.rosa.pk).update(theme=theme)
    desk.page.set_viewport_size({"width": width, "height": 900})
    desk.page.reload()
    enter(lga, latest, 4, desk.ana, seq=1)
    for kpi, text, state in ((newark, "six", "invalid"), (kennedy, "900", "asking"), (lga, "5", "conflict")):
        desk.type(kpi, latest, text)
        expect(desk.cell(kpi, latest)).to_have_class(re.compile(f"cell--{state}"))
    found = Axe().run(desk.page, options={"preload": False, "resultTypes": ["violations"]}).response["violations"]
    assert [f"{one['id']}: {one['nodes'][0]['html']}" for one in found] == []
    assert desk.page.evaluate("document.documentElement.scrollWidth") == width
