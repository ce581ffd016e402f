"""Parts of templates that are drawn once, or by Python: what stands on every page is paid for on every page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from django import template
from django.conf import settings
from django.template.base import Node, NodeList, Parser, Token
from django.template.context import Context
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

register = template.Library()


class _Fixed(Node):
    """Markup in which only the language varies, and the addresses with the site."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist
        self.drawn: dict[tuple[str | None, str], SafeString] = {}

    def render(self, context: Context) -> SafeString:
        key = (get_language(), settings.ROOT_URLCONF)
        if key not in self.drawn:
            self.drawn[key] = self.nodelist.render(context.new())
        return self.drawn[key]


@register.tag
def fixed(parser: Parser, token: Token) -> _Fixed:
    """Draw what stands inside once per language and process.

    Nothing of the page reaches it: every variable is empty inside, so nothing of one reader can be shown to another.
    """
    nodelist = parser.parse(("endfixed",))
    parser.delete_first_token()
    return _Fixed(nodelist)


@register.simple_tag
def options(choices: Iterable[tuple[Any, Any]], chosen: Any) -> SafeString:
    """Draw the options of a select, of value and label; the one whose value reads like `chosen` is selected."""
    wanted = str(chosen)
    return mark_safe("".join([_option(str(value), str(label), wanted) for value, label in choices]))


def _option(value: str, label: str, wanted: str) -> str:
    selected = " selected" if value == wanted else ""
    return f'<option value="{escape(value)}"{selected}>{escape(label)}</option>'
