"""A browser and a site made of templates: the real base template, style sheets, scripts and policy, no server."""

from __future__ import annotations

import mimetypes
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.template import Context, engines
from django.test import RequestFactory, override_settings
from django.urls import include, path
from django.utils.csp import build_policy
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from kpiplatform.dashboards.navigation import items_of

HOST = "https://kpi.test"  # never asked: every request is answered here; https, because only there is a clipboard


class Addresses:
    """The names the page frame links to."""

    urlpatterns = [
        path("", HttpResponse, name="home"),
        path("theme/", HttpResponse, name="theme"),
        path("search/", HttpResponse, name="search"),
        path("tokens/", include(([path("", HttpResponse, name="tokens")], "api"))),
        path("export/", include(([path("", HttpResponse, name="page")], "export"))),
        path("accounts/", include("allauth.account.urls")),
    ]


@dataclass
class Answer:
    """What a posted form gets back."""

    body: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Site:
    """Pages by path, and what posted forms are answered with. `faults` collects what the console complains about."""

    context: BrowserContext
    pages: dict[str, str] = field(default_factory=dict)
    answer: Callable[[str, dict[str, str]], Answer] = lambda path, data: Answer("")
    posted: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def open(self, source: str, *, width: int = 1200, theme: str = "", **context: object) -> Page:
        """Open a page made from a template's source; unknown or inline resources show up in `faults`."""
        self.pages["/"] = rendered(source, theme=theme, **context)
        page = self.context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.route("**/*", self._serve)
        page.goto(f"{HOST}/")
        return page

    def _serve(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        if not route.request.url.startswith(HOST):
            self.faults.append(f"asked another host: {route.request.url}")
            route.abort()
        elif route.request.method == "POST":
            data = {name: values[0] for name, values in parse_qs(route.request.post_data or "", True).items()}
            self.posted.append((address.path, data))
            answer = self.answer(address.path, data)
            route.fulfill(status=answer.status, headers=answer.headers, content_type="text/html", body=answer.body)
        elif address.path.startswith("/static/"):
            found = finders.find(address.path.removeprefix("/static/"))
            if found:
                route.fulfill(body=Path(found).read_bytes(), content_type=mimetypes.guess_type(found)[0])
            else:
                route.fulfill(status=404)
        else:
            policy = build_policy(settings.SECURE_CSP)
            headers = {"Content-Security-Policy": policy}
            known = address.path in self.pages
            body = self.pages.get(address.path, "")
            route.fulfill(status=200 if known else 404, body=body, content_type="text/html", headers=headers)


def rendered(source: str, *, theme: str = "", **context: object) -> str:
    """Render a template's source with what the page frame expects."""
    user = SimpleNamespace(
        name="Ines Okafor", initials="IO", email="ines@example.org", theme=theme, is_authenticated=True
    )
    request = RequestFactory().get("/")
    request.user = user
    frame = {
        "request": request,
        "user": user,
        "csrf_token": "x",
        "organisation": "Harbor Airports",
        "nav": items_of(
            [
                {"label": "Scorecard", "url": "/", "current": True, "count": 0},
                {"label": "My KPIs", "url": "/mine/", "current": False, "count": 5},
            ]
        ),
    }
    with override_settings(ROOT_URLCONF=Addresses):
        return engines["django"].engine.from_string(source).render(Context({**frame, **context}))


def violations(page: Page) -> list[str]:
    """Run axe-core; without its preload, which asks for style sheets at addresses that do not exist."""
    found = Axe().run(page, options={"preload": False, "resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium once per file; it ends before another file may use the database."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = os.environ.get("KPI_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    assert executable, "These tests need Chromium: install it, for example with `apt-get install chromium`."
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def site(browser: Browser) -> Iterator[Site]:
    """A fresh site in a fresh browser context; it fails the test if the console complained."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    made = Site(context)
    yield made
    context.close()
    assert made.faults == []
