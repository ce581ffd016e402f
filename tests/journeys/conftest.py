"""The whole platform at work: sample organisation, web, worker, broker, mail server, and a browser."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from pytest_django import DjangoDbBlocker

from kpiplatform.accounts.models import User
from kpiplatform.demo.loading import load_sample_organisation
from kpiplatform.demo.sign_ins import SAMPLE_PASSWORD, sign_ins
from kpis.domain.periods import Calendar, Period, period_of, previous_period
from kpis.models import Kpi, PeriodCalendar
from kpis.readings import Origin, Reading
from kpis.services.recording import record_measurements
from objectives.models import Objective, Unit
from tests.factories import a_kpi, limits
from tests.journeys.processes import Broker, Process, Worker, environment, free_port, short_folder, web_server

SIGN_IN = dict(sign_ins())
expect.set_options(timeout=20_000)  # on a machine that does other things as well
WEEKS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The running platform."""

    url: str
    mailbox: Path
    week: Period
    earlier: Period
    kpis: dict[str, Kpi]


def weeks_before(now: datetime) -> list[Period]:
    """The latest weeks that are over, oldest first."""
    week, weeks = period_of(now.date(), "week", Calendar()), []
    for _ in range(WEEKS):
        week = previous_period(week, Calendar())
        weeks.append(week)
    return weeks[::-1]


def a_kpi_to_type(code: str, name: str, *, weeks: list[Period]) -> Kpi:
    """A strategic KPI of the sample's KPI owner that was on track each week; the value of the latest one is due."""
    owner = User.objects.get(email=SIGN_IN["owner"])
    kpi = a_kpi(
        name,
        code=code,
        tier=Kpi.Tier.STRATEGIC,
        owner=owner,
        objective=Objective.objects.order_by("position").first(),
        unit=Unit.objects.get(parent=None),
        # A calendar of its own: the books of the sample's months are closed.
        calendar=PeriodCalendar.objects.get_or_create(name="Ramp")[0],
        active_from=weeks[0].start,
        minimum=0,
        maximum=100,
    )
    first = timezone.now() - timedelta(days=7 * WEEKS)
    limits(kpi, goal=80, red_flag=72, recorded_at=first)
    for number, week in enumerate(weeks[:-1]):
        reading = Reading(
            kpi_id=kpi.pk, period_start=week.start, period_end=week.end, value=Decimal((82, 90)[number % 2])
        )
        said_at = first + timedelta(days=7 * (number + 1), hours=1)
        record_measurements(readings=[reading], origin=Origin(kind="manual", user_id=owner.pk), now=said_at)
    return kpi


@pytest.fixture(scope="package")
def site(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Site]:
    """Everything started once; the tables are emptied at the end. Tests that use it only read them: `django_db`."""
    with django_db_blocker.unblock(), short_folder() as folder, pytest.MonkeyPatch.context() as patch:
        assert connection.settings_dict["NAME"].startswith("test_"), "The tables would be emptied afterwards."
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's loop runs in this thread, Django does not use it
        try:
            yield from _running(folder)
        finally:
            call_command("flush", verbosity=0, interactive=False)


def _running(folder: Path) -> Iterator[Site]:
    mailbox, sources = folder / "mailbox", folder / "sources"
    (folder / "static").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listening, _platform(folder, listening) as (broker, settings):
        weeks = weeks_before(timezone.now())
        with override_settings(KPI_SOURCES_DIR=str(sources)), broker.in_use():
            load_sample_organisation(now=timezone.now())
            kpis = {
                code: a_kpi_to_type(code, name, weeks=weeks)
                for code, name in (("RAMP-WALKS", "Ramp safety walks"), ("GATE-CHECKS", "Gate checks done"))
            }
        with web_server(folder, settings, listening):
            yield Site(url=settings["BASE_URL"], mailbox=mailbox, week=weeks[-1], earlier=weeks[-3], kpis=kpis)


@contextmanager
def _platform(folder: Path, listening: socket.socket) -> Iterator[tuple[Broker, dict[str, str]]]:
    """Start all but the web server, which waits for its data; what was started dies with the block."""
    broker, smtp_port = Broker(folder), free_port()
    settings = environment(
        broker=broker,
        smtp_port=smtp_port,
        BASE_URL=f"http://127.0.0.1:{listening.getsockname()[1]}",
        KPI_HOME=str(folder),
        KPI_MAILBOX_DIR=str(folder / "mailbox"),
        KPI_SOURCES_DIR=str(folder / "sources"),
    )
    sink_command = [sys.executable, "-m", "kpiplatform.mailbox_sink", "--port", str(smtp_port)]
    sink = Process([*sink_command, str(folder / "mailbox")], settings, folder / "mail.log")
    worker = Worker.of(folder, settings)
    try:
        broker.start()
        sink.start()
        worker.start()
        yield broker, settings
    finally:
        for process in (worker, sink, broker):
            process.kill()


@pytest.fixture(scope="package")
def browser(site: Site) -> Iterator[Browser]:
    """One Chromium for all tests of this folder."""
    named = os.environ.get("KPI_CHROMIUM", "")
    executable = named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert executable, "These tests need Chromium: install it, for example with `apt-get install chromium`."
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield started
        started.close()


@dataclass
class Visitor:
    """A person with a browser of their own. `faults` collects what the console complains about."""

    page: Page
    site: Site
    navigations: int = 0
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self._refuse_elsewhere(request.url))
        self.page.on("framenavigated", lambda frame: self._count(frame == self.page.main_frame))

    def _note(self, message: ConsoleMessage) -> None:
        # A refused form is answered with 422, which the console takes for a fault.
        if message.type == "error" and "status of 422" not in message.text:
            self.faults.append(message.text)

    def _refuse_elsewhere(self, url: str) -> None:
        if not url.startswith((self.site.url, "data:", "blob:")):
            self.faults.append(f"asked another host: {url}")

    def _count(self, whole_page: bool) -> None:
        self.navigations += whole_page

    def open(self, path: str) -> None:
        self.page.goto(f"{self.site.url}{path}")

    def sign_in(self, role: str) -> None:
        """Sign in by the form, with the keyboard."""
        self.open("/accounts/login/")
        self.page.get_by_label("Email address").focus()
        self.page.keyboard.type(SIGN_IN[role])
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(SAMPLE_PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "/accounts/" not in url)


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Visitor]]:
    """Return a function that gives a visitor, signed in if a role is named; the console of each must stay silent."""
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def begin(role: str = "", **options: object) -> Visitor:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, **options)
        context.set_default_timeout(30_000)
        contexts.append(context)
        visitor = Visitor(page=context.new_page(), site=site)
        visitors.append(visitor)
        if role:
            visitor.sign_in(role)
        return visitor

    yield begin
    for context in contexts:
        context.close()
    assert [visitor.faults for visitor in visitors if visitor.faults] == []
