"""Where the reader's language is another one, no page keeps a word of English that the product itself says."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from django.apps import apps
from django.test import Client
from django.urls import resolve

from tests.another_language import another_language, left_english
from tests.architecture.addresses import AREAS
from tests.architecture.people_and_things import World

SPOKEN = {"title", "aria-label", "alt"}
# Keys of the keyboard, the unit of a difference of percentages, names of settings.
# For programmers, beside addresses and fields that are English as well; what a source says when it can't be read; and
# the audit trail, which calls tables and columns as the database does.
ENGLISH_ONLY = {"api:documentation", "kpi_rows", "audit"}
SAME_EVERYWHERE = {"Ctrl", "Enter", "Esc", "pts", "SHA", "Path", "Date", "column"}


class _Reader(HTMLParser):
    """Collects what a page says."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.is_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.is_code = tag in {"script", "style", "code"}
        self.said += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self.is_code = False

    def handle_data(self, data: str) -> None:
        if not self.is_code:
            self.said.append(data)


def said_by(page: str) -> list[str]:
    reader = _Reader()
    reader.feed(page)
    return reader.said


def typed_by_people() -> set[str]:
    """Return every word that stands in the database."""
    rows: list[Any] = [row for model in apps.get_models() for row in model._base_manager.values_list()]
    return set(left_english(repr(rows)))


def test_no_page_keeps_an_english_word_of_its_own(world: World) -> None:
    client, pages, left = Client(), {}, {}
    for area in AREAS:
        for _, role, page in getattr(area, "pages", lambda world: ())(world):
            pages.setdefault(resolve(urlsplit(page).path).view_name, (role, page))
    names = typed_by_people() | SAME_EVERYWHERE | set(left_english(" ".join(available_timezones())))
    with another_language():
        for name, (role, page) in pages.items():
            if name in ENGLISH_ONLY:
                continue
            client.force_login(world.people[role])
            for text in said_by(client.get(page).content.decode()):
                # Capitals are initials of people, codes and marks.
                if words := {word for word in left_english(text) if not word.isupper()} - names:
                    left.setdefault(page, set()).update(words)
    assert {page: sorted(words) for page, words in left.items()} == {}
