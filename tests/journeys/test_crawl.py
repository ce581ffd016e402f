"""Every link as every role: no error, no dead end; every kind of page looked at in a browser on a phone.

In the suite a few addresses of each kind are opened, and each kind is looked at once. With `--thorough` a role opens
as many as there are, and looks at each kind itself, wide and on a phone, light and dark, with its contrasts.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import Resolver404, resolve
from playwright.sync_api import Browser

from kpiplatform.accounts.models import User
from tests.journeys.conftest import SIGN_IN, Site, Visitor
from tests.journeys.processes import eventually
from tests.journeys.test_accessibility import findings
from tests.unwatched import unwatched_templates

pytestmark = pytest.mark.django_db

# So many addresses with one name are opened per role, and so many for each set of choices: in the suite one, by the
# first role that may.
OF_A_KIND = 1
THOROUGH_OF_A_KIND, THOROUGH_OF_CHOICES = 400, 12
NEVER = {"account_logout"}
HTML = "text/html"
TAG = r"""<(?:a|form|div|section|iframe|button|tr|li|input)\b(?:[^>"']|"[^"]*"|'[^']*')*>"""
LEADS = r'\s(?:href|hx-get|src)="([^"]+)"'


def links_and_parts(text: str) -> tuple[list[str], set[str]]:
    """Return where a page leads, and what it calls its parts. (A parser in Python takes longer than the page.)"""
    tags = re.findall(TAG, text)
    hrefs = [unescape(found) for tag in tags for found in re.findall(LEADS, tag)]
    return hrefs, {unescape(found) for found in re.findall(r'\sid="([^"]+)"', text)}


@dataclass
class Crawled:
    """What one role found: the faults, and an address of each kind of page."""

    faults: list[str] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    opened: int = 0


def kind_of(path: str) -> tuple[str, ...]:
    """Return the name of an address with the names of its choices."""
    parts = urlsplit(path)
    match = resolve(parts.path)
    return (match.view_name, *sorted({name for name, _ in parse_qsl(parts.query)}))


def crawl(client: Client, *, of_a_kind: int, of_choices: int, chosen: Counter[tuple[str, ...]]) -> Crawled:
    """Open what can be reached from the first page, a few addresses of each kind; `chosen` counts those of choices."""
    found, waiting, seen, of_kind = Crawled(), deque([("/", "/")]), {"/"}, Counter[tuple[str, ...]]()
    while waiting:
        path, from_page = waiting.popleft()
        response = client.get(path)
        found.opened += 1
        if response.status_code in {301, 302, 303}:
            targets = [response["Location"]]
        elif response.status_code != 200:
            found.faults.append(f"{response.status_code} {path} (linked from {from_page})")
            continue
        else:
            targets = read(response, path, found)
        for target in targets:
            there = urldefrag(urljoin(path, target)).url
            if urlsplit(there).scheme or urlsplit(there).netloc or there in seen or there.startswith("/static/"):
                continue
            seen.add(there)
            try:
                kind = kind_of(there)
            except Resolver404:
                found.faults.append(f"leads nowhere: {there} (on {path})")
                continue
            counted, most = (of_kind, of_a_kind) if len(kind) == 1 else (chosen, of_choices)
            if kind[0] not in NEVER and counted[kind] < most:
                counted[kind] += 1
                waiting.append((there, path))
    return found


def read(response: HttpResponse, path: str, found: Crawled) -> list[str]:
    """Return where a page leads, and note it as an example of its kind."""
    if not response["Content-Type"].startswith(HTML):
        return []
    text = response.content.decode()
    hrefs, ids = links_and_parts(text)
    parts = [href[1:] for href in hrefs if href.startswith("#") and len(href) > 1]
    found.faults += [f"no such part: #{part} on {path}" for part in parts if part not in ids]
    # A mail in its frame is no page of ours; where scripts are forbidden, a browser answers no question either.
    if "<html" in text and "sandbox" not in response.get("Content-Security-Policy", ""):
        found.kinds.setdefault(kind_of(path)[0], path)
    return [href for href in hrefs if not href.startswith(("#", "mailto:"))]


@pytest.fixture(scope="module")
def thorough(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--thorough"))


@pytest.fixture(scope="module")
def crawled(site: Site, thorough: bool) -> dict[str, Crawled]:
    """What every role of the sample finds."""
    of_a_kind, of_choices = (THOROUGH_OF_A_KIND, THOROUGH_OF_CHOICES) if thorough else (OF_A_KIND, 1)
    chosen = Counter[tuple[str, ...]]()
    eventually(lambda: any(site.mailbox.glob("*.eml")), "a message in the mailbox")
    results = {}
    with override_settings(KPI_MAILBOX_DIR=str(site.mailbox)), unwatched_templates():
        for role, email in SIGN_IN.items():
            client = Client(headers={"host": "localhost"})
            client.force_login(User.objects.get(email=email))
            results[role] = crawl(
                client,
                of_a_kind=of_a_kind,
                of_choices=of_choices,
                chosen=Counter() if thorough else chosen,
            )
    return results


def test_no_link_leads_to_an_error_or_nowhere_for_any_role(crawled: dict[str, Crawled]) -> None:
    assert {role: one.faults for role, one in crawled.items() if one.faults} == {}


def test_every_role_reaches_the_pages_of_its_week(crawled: dict[str, Crawled]) -> None:
    reached = {role: set(one.kinds) for role, one in crawled.items()}
    assert all(one.opened > 20 for one in crawled.values())
    for role in ("executive", "manager", "owner", "admin", "auditor"):
        assert {"scorecard", "kpi"} <= reached[role], role
    assert "configuration" in reached["admin"]
    assert all("configuration" not in reached[role] for role in reached.keys() - {"admin"})


def sights(crawled: dict[str, Crawled], *, of_every_role: bool) -> Iterator[tuple[str, str, str]]:
    """Return role, name and path: each kind of page once, with the first role that reaches it or with each."""
    shown: set[str] = set()
    for role, one in crawled.items():
        for name, path in sorted(one.kinds.items()):
            if name not in shown or of_every_role:
                shown.add(name)
                yield role, name, path


def looked_at(visitor: Visitor, path: str, *, width: int, scheme: str, contrast: bool) -> list[str]:
    """Open a page and return what is wrong with it."""
    page = visitor.page
    visitor.faults.clear()
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"{visitor.site.url}{path}", wait_until="load")
    wide = page.evaluate("document.documentElement.scrollWidth")
    found = findings(page, contrast=contrast) + visitor.faults + ([f"{wide} px wide"] if wide > width else [])
    return [f"{width} px, {scheme}: {one}" for one in found]


def test_every_kind_of_page_breaks_no_rule_says_nothing_to_the_console_and_fits_a_phone(
    crawled: dict[str, Crawled], site: Site, browser: Browser, thorough: bool
) -> None:
    faults: dict[str, list[str]] = {}
    seats: dict[str, Visitor] = {}
    # Contrast is the slowest rule by far; the tokens are held to it by a test of their own.
    looks = [(390, "dark", thorough), (1440, "light", True), (390, "light", True), (1440, "dark", True)]
    for role, name, path in sights(crawled, of_every_role=thorough):
        if role not in seats:
            context = browser.new_context(reduced_motion="reduce")
            context.set_default_timeout(30_000)
            seats[role] = Visitor(page=context.new_page(), site=site)
            seats[role].sign_in(role)
        for width, scheme, contrast in looks if thorough else looks[:1]:
            if found := looked_at(seats[role], path, width=width, scheme=scheme, contrast=contrast):
                faults.setdefault(f"{name} {path} as {role}", []).extend(found)
    for visitor in seats.values():
        visitor.page.context.close()
    assert faults == {}
