"""Where the reader's language is another one, no page keeps a word of English that the product itself says."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from django.apps import apps
from django.test import Client
from django.urls import resolve

from kpis.domain.sentences import Sentence
from kpis.words import in_words
from tests.another_language import another_language, left_english
from tests.architecture.addresses import AREAS
from tests.architecture.addresses.of_configuration import NO_NUMBER, NOT_THERE, TOO_FEW, TOO_LATE
from tests.architecture.people_and_things import World

SPOKEN = {"title", "aria-label", "alt"}
# Keys of the keyboard, the unit of a difference of percentages, names of settings.
# For programmers, beside addresses and fields that are English as well; and the audit trail, which calls tables and
# columns as the database does.
ENGLISH_ONLY = {"api:documentation", "audit"}
SAME_EVERYWHERE = {"Ctrl", "Enter", "Esc", "pts", "SHA", "Path", "Date", "column"}
# What was kept when it happened, and is said in the language of who reads of it.
KEPT_SENTENCES = {
    "configuration:source": [NOT_THERE],
    "configuration:source_access": [NOT_THERE],
    "configuration:source_reading": [NOT_THERE],
    "configuration:source_values": [NOT_THERE],
    "configuration:pull": [TOO_FEW, NO_NUMBER, TOO_LATE.says],
    "kpi_rows": [NOT_THERE],
    "scorecard": [NOT_THERE],
}


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
    """Return every word that stands in the database, but for those of sentences that are made into words."""
    rows: list[Any] = [row for model in apps.get_models() for row in model._base_manager.values_list()]
    return set(left_english(repr(_put_in(rows))))


def _put_in(stored: Any) -> Any:
    """Return what is stored with only the parts of each sentence."""
    match stored:
        case Sentence():
            return _put_in(stored.to_store())
        case {"says": _, **rest}:
            return _put_in(rest.get("with", {}))
        case dict():
            return {name: _put_in(value) for name, value in stored.items()}
        case list() | tuple():
            return [_put_in(value) for value in stored]
    return stored


def test_no_page_keeps_an_english_word_of_its_own(world: World) -> None:
    client, pages, left, said = Client(), {}, {}, {}
    for area in AREAS:
        for _, role, page in getattr(area, "pages", lambda world: ())(world):
            pages.setdefault(resolve(urlsplit(page).path).view_name, (role, page))
    names = typed_by_people() | SAME_EVERYWHERE | set(left_english(" ".join(available_timezones())))
    with another_language():
        for name, (role, page) in pages.items():
            if name in ENGLISH_ONLY:
                continue
            world.seat(client, role)
            said[name] = said_by(client.get(page).content.decode())
            for text in said[name]:
                # Capitals are initials of people, codes and marks.
                if words := {word for word in left_english(text) if not word.isupper()} - names:
                    left.setdefault(page, set()).update(words)
        unsaid = {
            name: sentence
            for name, sentences in KEPT_SENTENCES.items()
            for sentence in sentences
            if in_words(sentence, locale="en") not in " ".join(said[name])
        }
    assert {page: sorted(words) for page, words in left.items()} == {}
    assert unsaid == {}
