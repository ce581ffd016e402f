"""Sentences that are said later, to whoever reads them, in their language.

What happens at night is told in the morning, and to several people. So what is kept of it is the text
that translators know and what is put into it, never the words. `kpis.words` makes words of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from kpis.domain import figures

# Names and cells of strangers may be of any length.
LONGEST_PART = 300
# No other kind of place: a text may come from a process that is not trusted.
PLACE = re.compile(r"%\((?P<name>\w+)\)s|%%")

type Part = str | int | Decimal | date | Sentence


def gettext_noop(text: str) -> str:
    """Mark a text for translation; whoever says it translates it. The process that reads sources knows no Django."""
    return text


def ngettext_noop(one: str, many: str) -> tuple[str, str]:
    """Mark a text for one and for many, of which the part `count` decides."""
    return one, many


@dataclass(frozen=True, slots=True)
class Sentence:
    """A marked text and the parts by the names they have in it; without parts the text stands as it is.

    Numbers and days are parts of their own type, so that they are written as the reader writes them. A
    number that only names something, like a line or a port, is a text.
    """

    text: str | tuple[str, str]
    parts: Mapping[str, Part] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say it in English, for logs."""
        return self.said()

    def said(
        self,
        *,
        gettext: Callable[[str], str] = gettext_noop,
        ngettext: Callable[[str, str, int], str] = lambda one, many, count: one if count == 1 else many,
        day: Callable[[date], str] = figures.day,
        locale: str = "en",
    ) -> str:
        """Say it with the translations and ways of writing that are given."""

        def written(part: Part) -> str:
            match part:
                case str():
                    return part
                case int():
                    return figures.number(Decimal(part), 0, locale=locale)
                case Decimal():
                    return figures.plain(part, locale=locale)
                case date():
                    return day(part)
                case Sentence():
                    return part.said(gettext=gettext, ngettext=ngettext, day=day, locale=locale)

        def put_in(place: re.Match[str]) -> str:
            name = place["name"]
            return "%" if name is None else written(self.parts[name]) if name in self.parts else place[0]

        text = gettext(self.text) if isinstance(self.text, str) else ngettext(*self.text, self._count)
        return PLACE.sub(put_in, text) if self.parts else text

    @property
    def _count(self) -> int:
        count = self.parts["count"]
        assert isinstance(count, int)
        return count

    def to_store(self) -> dict[str, Any]:
        """Return it as plain data."""
        said: dict[str, Any] = {"says": self.text}
        return said | {"with": {name: _stored(part) for name, part in self.parts.items()}} if self.parts else said

    @classmethod
    def stored(cls, data: Mapping[str, Any]) -> Sentence:
        """Return a sentence from what `to_store` gave."""
        parts = {name: _part(stored) for name, stored in data.get("with", {}).items()}
        if isinstance(text := data["says"], str):
            return cls(text, parts)
        one, many = text
        return cls((str(one), str(many)), parts)


def joined(parts: Sequence[str | Sentence], *, by: str = " ") -> Sentence:
    """Return parts that follow each other as one sentence."""
    named = {str(place): part for place, part in enumerate(parts)}
    return Sentence(by.join(f"%({name})s" for name in named), named)


def _stored(part: Part) -> Any:
    match part:
        case str():
            return part if len(part) <= LONGEST_PART else f"{part[:LONGEST_PART]}…"
        case int():
            return part
        case Decimal():
            return {"number": str(part)}
        case date():
            return {"day": part.isoformat()}
        case Sentence():
            return part.to_store()


def _part(stored: Any) -> Part:
    if not isinstance(stored, dict):
        return stored
    if "number" in stored:
        return Decimal(stored["number"])
    return date.fromisoformat(stored["day"]) if "day" in stored else Sentence.stored(stored)
