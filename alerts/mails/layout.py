"""A written mail, and how its two bodies are laid out."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string

from kpis.domain.figures import NARROW_SPACE

LINE = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads the mail: times are in their zone, numbers in their locale."""

    name: str
    locale: str
    time_zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that the HTML body shows by its content id."""

    cid: str
    png: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail as it will be sent, but for its address and its headers."""

    subject: str
    text: str
    html: str
    pictures: tuple[Picture, ...] = ()


def lay_out(template: str, *, subject: str, context: dict[str, Any], pictures: tuple[Picture, ...] = ()) -> Mail:
    """Render `template`.txt and `template`.html with the same words."""
    subject = " ".join(subject.split())
    context = context | {"subject": subject}
    # Terminals and old clients draw a box for the narrow space.
    text = render_to_string(f"{template}.txt", context).replace(NARROW_SPACE, " ")
    html = render_to_string(f"{template}.html", context).replace(NARROW_SPACE, "\u00a0")
    return Mail(subject=subject, text=text.strip() + "\n", html=html, pictures=pictures)


def wrapped(sentences: list[str], indent: str = "  ") -> str:
    """Return the sentences as one paragraph for a plain-text body; a number is not torn from its unit."""
    paragraph = " ".join(sentences)
    return textwrap.fill(paragraph, LINE, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
