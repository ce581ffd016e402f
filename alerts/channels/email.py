"""Email by SMTP: one transaction per recipient, and what the server said to it."""

from __future__ import annotations

import smtplib
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import Enum
from types import TracebackType
from typing import Self

from django.core.exceptions import ImproperlyConfigured
from django.core.mail import mailers
from django.core.mail.backends.smtp import EmailBackend

from alerts.mails import Mail

SIGN_IN_CODES = {530, 534, 535, 538}
CLOSING = 421


class Outcome(Enum):
    """What became of one hand-over."""

    ACCEPTED = "accepted"
    REFUSED = "refused for good"
    LATER = "to be tried again"
    UNANSWERED = "handed over, no answer: perhaps accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The outcome and the server's own words."""

    outcome: Outcome
    reply: str


class SignInRefused(Exception):
    """The server doesn't let us in: no mail can be sent until someone corrects the settings."""


class Unreachable(Exception):
    """The server can't be spoken to now; nothing was handed over."""


class EmailChannel:
    """A connection to the mail server of the settings, opened when first needed and kept for the next mail."""

    def __init__(self) -> None:
        backend = mailers["default"]
        if not isinstance(backend, EmailBackend):
            raise ImproperlyConfigured("Alerts are sent by SMTP: MAILERS['default'] must use the smtp backend.")
        self._backend = backend

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether a mail can be handed over at once."""
        return self._backend.connection is not None

    def open(self) -> None:
        """Connect and sign in. Raises SignInRefused or Unreachable."""
        try:
            self._backend.open()
            self._backend.connection.ehlo_or_helo_if_needed()
        except smtplib.SMTPAuthenticationError as error:
            self.close()
            raise SignInRefused(_words(error.smtp_code, error.smtp_error)) from error
        except smtplib.SMTPNotSupportedError as error:
            # No STARTTLS or no sign-in there: a matter of the settings, not of the moment.
            self.close()
            raise SignInRefused(str(error)) from error
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    def hand_over(self, message: EmailMessage, *, sender: str, recipient: str, seconds: float) -> Answer:
        """Give one message for one recipient to the server, within about `seconds`, and return its answer.

        Raises SignInRefused if the server asks for a sign-in only now, Unreachable if it went away before the
        message was handed over.
        """
        smtp = self._backend.connection
        until = time.monotonic() + seconds
        try:
            recipient = self._backend.prep_address(recipient)
        except ValueError as error:
            return Answer(outcome=Outcome.REFUSED, reply=str(error))
        try:
            self._within(until)
            code, words = smtp.mail(self._backend.prep_address(sender))
            if code // 100 != 2:
                # The sender is ours: what is wrong with it is no fault of the recipient, and all mails share it.
                answer = self._declined(code, words, Outcome.LATER)
                self.close()
                raise Unreachable(answer.reply)
            self._within(until)
            code, words = smtp.rcpt(recipient)
            if code // 100 != 2:
                return self._declined(code, words, Outcome.REFUSED)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        try:
            self._within(until)
            code, words = smtp.data(message.as_bytes(policy=SMTP))
        except smtplib.SMTPDataError as error:
            return self._declined(error.smtp_code, error.smtp_error, Outcome.REFUSED)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            return Answer(outcome=Outcome.UNANSWERED, reply=f"{type(error).__name__}: {error}")
        if code // 100 != 2:
            return self._declined(code, words, Outcome.REFUSED)
        return Answer(outcome=Outcome.ACCEPTED, reply=_words(code, words))

    def close(self) -> None:
        """End the connection; a server that is gone already is not waited for."""
        if self._backend.connection is not None and self._backend.connection.sock is not None:
            self._backend.connection.sock.settimeout(2)
        with suppress(OSError, smtplib.SMTPException):
            self._backend.close()
        self._backend.connection = None

    def _within(self, until: float) -> None:
        """Let the next step of the dialogue take no longer than what is left."""
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the server took too long")
        self._backend.connection.sock.settimeout(min(left, self._backend.timeout or left))

    def _declined(self, code: int, words: bytes | str, for_good: Outcome) -> Answer:
        reply = _words(code, words)
        if code in SIGN_IN_CODES:
            self.close()
            raise SignInRefused(reply)
        if code == CLOSING:
            self.close()
            raise Unreachable(reply)
        try:
            self._backend.connection.rset()
        except (OSError, smtplib.SMTPException):
            self.close()
        return Answer(outcome=for_good if code >= 500 else Outcome.LATER, reply=reply)


def build_message(
    mail: Mail, *, sender: str, recipient: Address, message_id: str, thread: str = "", at: datetime
) -> EmailMessage:
    """Return the mail with its headers; `thread` is the id of the mail it follows up."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id
    if thread:
        message["In-Reply-To"] = thread
        message["References"] = thread
    message["Auto-Submitted"] = "auto-generated"
    # Quoted-printable passes servers that know no 8-bit text.
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    html = message.get_payload()[-1]
    for picture in mail.pictures:
        html.add_related(picture.png, "image", "png", cid=f"<{picture.cid}>", disposition="inline")
    return message


def _words(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(text.split())}"
