"""Lines that a source gave and that are refused: all are counted by their reason, of each reason the first are named.

A file may have a million cells that cannot be read. What is kept of them takes no more memory than of a thousand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from kpis.domain.sentences import Sentence, ngettext_noop
from kpis.sources.base import Reason, Refusal

NAMED_AT_MOST = 100
MORE = ngettext_noop(
    "%(count)s more line like line %(line)s: %(why)s", "%(count)s more lines like line %(line)s: %(why)s"
)


def text_of(why: Sentence) -> str:
    """Return the marked text of a sentence: what it says of any cell."""
    return why.text if isinstance(why.text, str) else why.text[0]


def reason_of(why: Sentence) -> Reason:
    """Return what a line is refused for, whatever stands in it: the column, if it is about one, and the marked text."""
    inner = why.parts.get("why")
    if "column" in why.parts and isinstance(inner, Sentence):
        return str(why.parts["column"]), text_of(inner)
    return "", text_of(why)


class Refusals:
    """What was refused so far: how many lines for which reason, and the first ones of each."""

    def __init__(self) -> None:
        self.counts: Counter[Reason] = Counter()
        self._named: dict[Reason, list[Refusal]] = {}

    @property
    def total(self) -> int:
        return self.counts.total()

    def has_room(self, reason: Reason) -> bool:
        """Return whether another line that is refused for this is to be named."""
        return len(self._named.get(reason, ())) < NAMED_AT_MOST

    def add(self, counts: Mapping[Reason, int], named: Iterable[Refusal]) -> None:
        """Add lines, of which those are named that there is room for."""
        self.counts.update(counts)
        for refusal in named:
            reason = reason_of(refusal.why)
            if self.has_room(reason):
                self._named.setdefault(reason, []).append(refusal)

    def named(self) -> list[Refusal]:
        """Return the lines that are named, in their order."""
        return sorted((one for some in self._named.values() for one in some), key=lambda one: one.line)

    def told(self) -> list[Refusal]:
        """Return how many more lines there are of which reason, then those that are named."""
        return [*self._others(), *self.named()]

    def _others(self) -> Iterator[Refusal]:
        for reason, named in self._named.items():
            others = self.counts[reason] - len(named)
            if others > 0:
                first = min(named, key=lambda one: one.line)
                yield Refusal(0, Sentence(MORE, {"count": others, "line": str(first.line), "why": first.why}))
