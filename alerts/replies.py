"""What became of a mail about an alert, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _

from alerts.services.claiming import PERHAPS, SIGN_IN_REFUSED
from alerts.services.superseding import BY
from alerts.services.writing import NO_ADDRESS, UNWRITTEN
from kpiplatform.accounts import replies

MARKS = (PERHAPS, SIGN_IN_REFUSED, NO_ADDRESS, UNWRITTEN)


def reply_in_words(reply: str) -> str:
    """Return why a mail was not sent, or what the server said about it."""
    if reply.startswith(BY):
        return _("a newer mail took its place")
    return replies.reply_in_words(reply, marks=MARKS)
