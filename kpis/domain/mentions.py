"""Whom a text names: “@” followed by somebody's name or email address."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Nameable:
    """A person who can be named."""

    pk: int
    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The text with addresses replaced by names, and the ids of those it names."""

    text: str
    named: frozenset[int]


def names_somebody(text: str) -> bool:
    """Return whether looking for names is worth it."""
    return "@" in text


def read_mentions(text: str, people: Iterable[Nameable]) -> Read:
    """Return whom `text` names. A name that two people share names neither: their address tells them apart."""
    by_call: dict[str, list[Nameable]] = defaultdict(list)
    for person in people:
        by_call[person.email.casefold()].append(person)
        by_call[person.name.casefold()].append(person)
    calls = {call: found[0] for call, found in by_call.items() if call and len(found) == 1}
    lengths = sorted({len(call) for call in calls}, reverse=True)
    parts, named, start, at = [], set(), 0, text.find("@")
    while at >= 0:
        found = None if at and text[at - 1].isalnum() else _called(text, at + 1, calls, lengths)
        if found is not None:
            person, end = found
            parts += [text[start:at], f"@{person.name}"]
            named.add(person.pk)
            start = end
        at = text.find("@", max(at + 1, start))
    return Read(text="".join(parts) + text[start:], named=frozenset(named))


def _called(text: str, at: int, calls: Mapping[str, Nameable], lengths: list[int]) -> tuple[Nameable, int] | None:
    """The person whose name or address stands at a place, the longest first, and where it ends."""
    for length in lengths:
        person = calls.get(text[at : at + length].casefold())
        if person is not None and not text[at + length : at + length + 1].isalnum():
            return person, at + length
    return None
