"""The demo's mailbox: reading the files that its mail server keeps, one per message."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\.eml", re.ASCII)
SHOWN = 100
HEADERS = ("From", "To", "Date", "Subject", "Message-ID", "In-Reply-To", "Auto-Submitted")
CID = re.compile(r"""cid:([^"'\s>)]+)""")
# Links of a mail open beside it: the frame itself may go nowhere.
LINKS_OPEN_BESIDE = '<base target="_blank">'


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One line of the mailbox."""

    name: str
    subject: str
    sender: str
    recipient: str
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message: its headers, its plain text, and its HTML with the pictures inside."""

    name: str
    subject: str
    headers: list[tuple[str, str]]
    text: str
    html: str


def newest(folder: Path, *, before: str = "") -> list[Envelope]:
    """Return the newest messages, at most a hundred, that arrived before the one called `before`."""
    try:
        names = sorted((path.name for path in folder.iterdir() if NAME.fullmatch(path.name)), reverse=True)
    except FileNotFoundError:
        return []
    wanted = [name for name in names if not before or name < before][:SHOWN]
    return [_envelope(folder / name) for name in wanted]


def letter(folder: Path, name: str) -> Letter:
    """Return the message called `name`. Raises FileNotFoundError for any other name."""
    if not NAME.fullmatch(name):
        raise FileNotFoundError(name)
    message = message_from_bytes((folder / name).read_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    return Letter(
        name=name,
        subject=str(message["Subject"] or ""),
        headers=[(header, str(message[header])) for header in HEADERS if message[header]],
        text=text.get_content() if text is not None else "",
        html=_self_contained(html.get_content(), message) if html is not None else "",
    )


def _envelope(path: Path) -> Envelope:
    with path.open("rb") as file:
        headers = BytesHeaderParser(policy=default).parse(file)
    date = headers["Date"]
    return Envelope(
        name=path.name,
        subject=str(headers["Subject"] or ""),
        sender=str(headers["From"] or ""),
        recipient=str(headers["To"] or ""),
        sent_at=date.datetime if date is not None else None,
    )


def _self_contained(html: str, message: EmailMessage) -> str:
    """Put the attached pictures into the page, so that it needs nothing from anywhere."""
    pictures = {
        part["Content-ID"].strip("<>"): part
        for part in message.walk()
        if part["Content-ID"] and part.get_content_maintype() == "image"
    }

    def inlined(match: re.Match[str]) -> str:
        part = pictures.get(match[1])
        if part is None:
            return match[0]
        return f"data:{part.get_content_type()};base64,{base64.b64encode(part.get_content()).decode()}"

    return CID.sub(inlined, html).replace("<head>", f"<head>{LINKS_OPEN_BESIDE}", 1)
