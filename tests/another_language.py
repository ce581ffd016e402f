"""A language in which no letter is an English one: what stays readable was never given to the translators."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import translation
from django.utils.translation import trans_real

CONTEXT = trans_real.CONTEXT_SEPARATOR
# Names that are put in, tags and entities stay as they are.
KEPT = re.compile(r"(%\(\w+\)[a-z]|%%|%[a-z]|\{\w*\}|<[^>]*>|&#?\w+;)")
WIDE = {code: code + 0xFEE0 for code in [*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1)]}


def wide(text: str) -> str:
    """Return the text with each letter twice as wide, and no longer an English one."""
    parts = KEPT.split(text)
    return "".join(part if index % 2 else part.translate(WIDE) for index, part in enumerate(parts))


def left_english(text: str) -> list[str]:
    """Return the words of a text that nobody translated."""
    return re.findall(r"[A-Za-z]{2,}", text)


class Catalogue:
    """Translates everything, as far as the functions of Django ask for it."""

    def gettext(self, message: str) -> str:
        return wide(message.rpartition(CONTEXT)[2])

    def ngettext(self, one: str, many: str, number: int) -> str:
        return self.gettext(one if number == 1 else many)

    def to_language(self) -> str:
        return "xx"


@contextmanager
def another_language() -> Iterator[None]:
    """Read and write in that language, also in requests that are answered meanwhile."""
    english = trans_real.translation("en")
    trans_real._translations["en"] = Catalogue()
    translation.activate("en")
    try:
        yield
    finally:
        trans_real._translations["en"] = english
        translation.deactivate()
