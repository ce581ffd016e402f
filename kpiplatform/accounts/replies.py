"""Why a mail did not go out: the last word of the mail server as it came, our own words before or in place of it.

What is ours is kept as the text that translators know, and is said in the language of who reads it.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext


def reply_in_words(reply: str, *, marks: Sequence[str]) -> str:
    """Return a reply in the reader's language: the marks it begins with, then what the server said, or our reason."""
    for mark in marks:
        if reply.startswith(mark):
            return gettext(mark) + reply_in_words(reply.removeprefix(mark), marks=marks)
    return gettext(reply) if reply else ""
