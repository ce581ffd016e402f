"""What every rendered page keeps to: one title, one h1, a main landmark, and nothing inline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.architecture.addresses import AREAS
from tests.architecture.people_and_things import World, closed_weeks


@dataclass
class Seen(HTMLParser):
    """The parts of a page that have rules."""

    titles: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    landmarks: int = 0
    ids: list[str] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)
    unnamed_language: bool = False
    _inside: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self._inside = tag
        if tag == "html":
            self.unnamed_language = not attributes.get("lang")
        if tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append(int(tag[1]))
        self.landmarks += tag == "main"
        if "id" in attributes:
            self.ids.append(attributes["id"] or "")
        if tag == "style" or (tag == "script" and "src" not in attributes and attributes.get("type") != DATA):
            self.inline.append(self.get_starttag_text() or tag)
        for name, value in attributes.items():
            if name == "style" or name.startswith(("on", "hx-on")) or (value or "").strip().startswith("javascript:"):
                self.inline.append(f"<{tag} {name}={value!r}>")

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.titles.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


DATA = "application/json"


def pages(world: World) -> Iterator[tuple[str, str]]:
    """Return the name and the path of every page, with the choices that change what it is made of."""
    week, start = closed_weeks(world.moment, 3)[0], world.week.start
    kpi = reverse("kpi", args=["OURS"])
    yield "scorecard, operational", reverse("scorecard") + "?tier=operational"
    yield "scorecard, past week", f"{reverse('scorecard')}?tier=operational&week={week.key}"
    yield "scorecard, empty", reverse("scorecard") + "?theme=none-such"
    yield "my KPIs", reverse("my:kpis")
    yield "cell", reverse("my:cell", args=["OURS", start])
    yield "KPI", kpi
    yield "KPI, natural limits", f"{kpi}?view=xmr"
    yield "KPI, as a table", f"{kpi}?view=table"
    yield "note", reverse("kpis:annotate", args=["OURS"])
    yield "comment", reverse("kpis:comment", args=["OURS"])
    yield "explanation", reverse("kpis:comment", args=["OURS"]) + "?kind=explanation"
    yield "correction", reverse("kpis:correct", args=["OURS", start])
    yield "mailbox", reverse("alerts:mailbox")
    yield "message", reverse("alerts:mailbox_message", args=["1.eml"])
    yield "not found", reverse("kpi", args=["NONE"])
    for name in ("logout", "change_password", "reauthenticate", "reset_password", "signup", "email", "inactive"):
        yield name, reverse(f"account_{name}")


ANONYMOUS = ("login", "reset_password", "reset_password_done", "signup", "inactive", "reset_password_from_key_done")


def rules_broken(text: str) -> list[str]:
    seen = Seen()
    seen.feed(text)
    broken = [f"inline: {one}" for one in seen.inline]
    if len(seen.titles) != 1 or not seen.titles[0].split("·")[0].strip():
        broken.append(f"titles: {seen.titles}")
    if seen.headings.count(1) != 1:
        broken.append(f"{seen.headings.count(1)} h1")
    if any(deeper - higher > 1 for higher, deeper in zip(seen.headings, seen.headings[1:], strict=False)):
        broken.append(f"a heading skips a level: {seen.headings}")
    if seen.landmarks != 1:
        broken.append(f"{seen.landmarks} main")
    if seen.unnamed_language:
        broken.append("no language")
    doubled = {one for one in seen.ids if seen.ids.count(one) > 1}
    return broken + [f"id twice: {one}" for one in sorted(doubled)]


@pytest.fixture
def mailbox(settings: Any, tmp_path: Path) -> None:
    settings.KPI_MAILBOX_DIR = str(tmp_path)
    (tmp_path / "1.eml").write_bytes(
        b"From: kpi@example.com\r\nTo: ana@example.com\r\nSubject: Off track\r\n"
        b"Date: Sun, 22 Nov 2026 08:00:00 +0000\r\n"
        b"Content-Type: text/html\r\n\r\n<h1>Off track</h1>"
    )


def test_every_page_keeps_the_rules(world: World, client: Client, mailbox: None) -> None:
    world.seat(client, "owner")
    broken = {name: rules_broken(client.get(path, follow=True).content.decode()) for name, path in pages(world)}
    assert {name: rules for name, rules in broken.items() if rules} == {}


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.__name__.rpartition(".")[2])
def test_every_page_of_an_area_keeps_them(world: World, client: Client, area: ModuleType) -> None:
    broken = {}
    for name, role, path in getattr(area, "pages", lambda world: ())(world):
        world.seat(client, role)
        response = client.get(path)
        assert response.status_code == 200, name
        broken[name] = rules_broken(response.content.decode())
    assert {name: rules for name, rules in broken.items() if rules} == {}


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.__name__.rpartition(".")[2])
def test_every_refused_form_of_an_area_keeps_them_and_says_why(world: World, client: Client, area: ModuleType) -> None:
    for name, role, path, said in getattr(area, "refused", lambda world: ())(world):
        world.seat(client, role)
        response = client.post(path, said)
        assert response.status_code == 422, name
        assert "error-summary" in response.content.decode(), name
        assert rules_broken(response.content.decode()) == [], name


def test_pages_for_people_who_have_not_signed_in_keep_them_too(world: World, client: Client) -> None:
    paths = {name: reverse(f"account_{name}") for name in ANONYMOUS}
    broken = {name: rules_broken(client.get(path, follow=True).content.decode()) for name, path in paths.items()}
    assert {name: rules for name, rules in broken.items() if rules} == {}


def test_refused_forms_keep_them_too(world: World, client: Client) -> None:
    world.seat(client, "owner")
    paths = {
        reverse("my:cell", args=["OURS", world.week.start]): {"value": "abc", "seq": "1"},
        reverse("kpis:correct", args=["OURS", world.week.start]): {"value": "", "seq": "1"},
        reverse("kpis:annotate", args=["OURS"]): {"day": "", "text": ""},
        reverse("kpis:comment", args=["OURS"]): {"body": ""},
        reverse("my:block"): {f"OURS@{world.week.start}@1": "abc"},
    }
    for path, said in paths.items():
        response = client.post(path, said)
        assert response.status_code == 422, path
        assert rules_broken(response.content.decode()) == [], path


def test_every_page_says_what_a_browser_may_load(world: World, client: Client, mailbox: None) -> None:
    world.seat(client, "owner")
    for name, path in pages(world):
        policy = client.get(path, follow=True)["Content-Security-Policy"]
        assert "default-src 'none'" in policy, name
        assert "unsafe" not in policy, name


def test_only_the_frame_of_a_mail_may_style_itself_and_it_runs_nothing(
    world: World, client: Client, mailbox: None
) -> None:
    world.seat(client, "owner")
    policy = client.get(reverse("alerts:mailbox_html", args=["1.eml"]))["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "script-src" not in policy


def test_the_rules_find_what_breaks_them() -> None:
    page = '<html><title></title><h1>A</h1><h1>B</h1><p onclick="x()" style="color:red" id="a"><i id="a"></i><h4>'
    page += "<script>run()</script><style></style><a href='javascript:x()'>"
    assert len(rules_broken(page)) == 11
