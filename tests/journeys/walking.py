"""A person who knows no address but the first: follows links by their words, and sends the forms that pages show."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from django.http import HttpResponse
from django.test import Client
from django.urls import resolve

Attributes = dict[str, str]
IS_TYPED = {"input", "textarea", "select"}


@dataclass
class Element:
    """A link or a button: its words and attributes."""

    attributes: Attributes
    words: str = ""

    @property
    def names(self) -> str:
        """What it is called: by its label, or else by its words."""
        return self.attributes.get("aria-label") or " ".join(self.words.split())


@dataclass
class Form:
    """A form: its attributes, what its fields hold, and its buttons."""

    attributes: Attributes
    data: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[Element] = field(default_factory=list)


class Page(HTMLParser):
    """The links and forms of a page as a browser without scripts has them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[Element] = []
        self.forms: dict[str, Form] = {}
        self.inside, self.select, self.element = "", "", Element({})
        self.textarea: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        its = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = its.get("id") or f"form {len(self.forms)}"
            self.forms[self.inside] = Form(its)
        elif tag == "a" and "href" in its:
            self.element = Element(its)
            self.links.append(self.element)
        elif tag == "option" and self.select:
            self._choose(its)
        elif form := self.forms.get(its.get("form") or self.inside):
            self._part(tag, its, form)

    def _part(self, tag: str, its: Attributes, form: Form) -> None:
        if tag == "button" and "disabled" not in its:
            self.element = Element(its)
            form.buttons.append(self.element)
        elif tag not in IS_TYPED or "disabled" in its or not its.get("name"):
            return
        elif tag == "select":
            self.select = its["name"]
        elif its.get("type") not in {"checkbox", "radio"} or "checked" in its:
            values = form.data.setdefault(its["name"], [])
            values.append(its.get("value", "on" if its.get("type") == "checkbox" else ""))
            self.textarea = values if tag == "textarea" else None

    def _choose(self, its: Attributes) -> None:
        chosen = self.forms[self.inside].data
        if "selected" in its or self.select not in chosen:
            chosen[self.select] = [its.get("value", "")]

    def handle_data(self, data: str) -> None:
        self.element.words += data
        if self.textarea is not None:
            self.textarea[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = ""
        elif tag == "select":
            self.select = ""
        elif tag == "textarea":
            self.textarea = None
        elif tag in {"a", "button"}:
            self.element = Element({})


class Walker:
    """Somebody at work. Each step must lead to a page; a step that finds no link or form says where it was."""

    def __init__(self, client: Client) -> None:
        self.client, self.path, self.text = client, "/", ""
        self._arrive(client.get("/", follow=True))

    @property
    def page(self) -> Page:
        return Page(self.text)

    @property
    def name(self) -> str:
        """The name of the address at which the person stands."""
        return resolve(urlsplit(self.path).path).view_name

    def says(self, words: str) -> bool:
        """Return whether the page says something, in whatever markup."""
        return words in " ".join(re.sub(r"<[^>]*>", " ", self.text).split())

    def follow(self, words: str) -> Walker:
        """Follow the first link that is called so."""
        return self._go([link for link in self.page.links if words in link.names], words)

    def open_first(self, name: str) -> Walker:
        """Follow the first link that leads to an address of that name."""
        return self._go([link for link in self.page.links if self._leads_to(link) == name], name)

    def may(self, button: str) -> bool:
        """Return whether the page shows a form with such a button."""
        return any(button in one.names for form in self.page.forms.values() for one in form.buttons)

    def send(self, button: str, **typed: Any) -> Walker:
        """Fill in the first form with such a button, over what it shows, and press it."""
        found = [(form, one) for form in self.page.forms.values() for one in form.buttons if button in one.names]
        assert found, f"no button “{button}” on {self.path}"
        form, pressed = found[0]
        assert typed.keys() <= form.data.keys(), f"{typed.keys() - form.data.keys()} not in the form on {self.path}"
        data = {name: value for name, value in form.data.items() if value != [""]} | typed
        if name := pressed.attributes.get("name"):
            data[name] = pressed.attributes.get("value", "")
        to = urljoin(self.path, pressed.attributes.get("formaction") or form.attributes.get("action") or self.path)
        if form.attributes.get("method", "get").lower() == "get":
            return self._arrive(self.client.get(f"{to.partition('?')[0]}?{urlencode(data, doseq=True)}", follow=True))
        answer = self.client.post(to, data, follow=True)
        assert answer.redirect_chain, f"“{button}” on {self.path} was refused: {_refusal(answer)}"
        return self._arrive(answer)

    def _go(self, links: list[Element], words: str) -> Walker:
        assert links, f"no link “{words}” on {self.path}"
        return self._arrive(self.client.get(urljoin(self.path, links[0].attributes["href"]), follow=True))

    def _leads_to(self, link: Element) -> str:
        address = urlsplit(urljoin(self.path, link.attributes["href"]))
        return "" if address.scheme or link.attributes["href"].startswith("#") else resolve(address.path).view_name

    def _arrive(self, answer: Any) -> Walker:
        request = answer.request
        self.path = request["PATH_INFO"] + (f"?{request['QUERY_STRING']}" if request["QUERY_STRING"] else "")
        self.text = answer.content.decode()
        assert answer.status_code == 200, f"{answer.status_code} at {self.path}"
        return self


def _refusal(answer: HttpResponse) -> str:
    summary = answer.content.decode().partition("error-summary")[2][:600]
    return f"{answer.status_code} {' '.join(re.sub(r'<[^>]*>', ' ', summary).split())}"
