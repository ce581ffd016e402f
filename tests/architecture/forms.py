"""The forms of a rendered page, and what a browser would send of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

from django.test import Client
from django.urls import resolve

from tests.architecture.addresses import AREAS
from tests.architecture.people_and_things import World


@dataclass
class Form:
    """A form: where it posts to and what its fields hold. `data` is what would be sent."""

    action: str
    data: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, value: str) -> None:
        self.data.setdefault(name, []).append(value)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.form: Form | None = None
        self.select, self.first, self.is_chosen, self.is_multiple = "", None, False, False
        self.textarea: str | None = None
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        its = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.form = Form(its.get("action", ""))
            if its.get("method", "").lower() == "post":
                self.forms.append(self.form)
        elif self.form is None or "disabled" in its:
            return
        elif tag == "input" and its.get("name") and its.get("type") not in {"submit", "file", "search"}:
            if its.get("type") in {"checkbox", "radio"} and "checked" not in its:
                return
            self.form.add(its["name"], its.get("value", "on" if its.get("type") == "checkbox" else ""))
        elif tag == "textarea":
            self.textarea, self.text = its.get("name", ""), ""
        elif tag == "select":
            self.select, self.first, self.is_chosen = its.get("name", ""), None, False
            self.is_multiple = "multiple" in its
        elif tag == "option" and self.select:
            self.first = self.first if self.first is not None else its.get("value", "")
            if "selected" in its:
                self.is_chosen = True
                self.form.add(self.select, its.get("value", ""))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        elif self.form is None:
            return
        elif tag == "textarea" and self.textarea:
            self.form.add(self.textarea, self.text.removeprefix("\n"))
            self.textarea = None
        elif tag == "select" and self.select:
            if not self.is_chosen and not self.is_multiple and self.first is not None:
                self.form.add(self.select, self.first)
            self.select = ""


def forms_of(text: str) -> list[Form]:
    """Return the forms of a page that post, in order."""
    reader = _Reader()
    reader.feed(text)
    return reader.forms


def form_with(text: str, name: str) -> Form:
    """Return the first form that has a field of that name."""
    return next(form for form in forms_of(text) if name in form.data)


@dataclass(frozen=True, slots=True)
class Shown:
    """A form that somebody of a role was shown, and the name of the address that it posts to."""

    name: str
    role: str
    path: str
    data: dict[str, list[str]]


def shown_forms(world: World) -> list[Shown]:
    """Return the forms of every page that the areas name."""
    client, found = Client(), []
    for area in AREAS:
        for _, role, page in getattr(area, "pages", lambda world: ())(world):
            world.seat(client, role)
            for form in forms_of(client.get(page).content.decode()):
                path = form.action or page
                found.append(Shown(resolve(urlsplit(path).path).view_name, role, path, form.data))
    return found
