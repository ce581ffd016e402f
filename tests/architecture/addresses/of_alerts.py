"""The pages of alerts, and the mailbox of the demo."""

from __future__ import annotations

OF_EVERYONE = {
    "alerts:acknowledge": 405,
    "alerts:mailbox": 404,
    "alerts:mailbox_message": 404,
    "alerts:mailbox_html": 404,
}
ARGUMENTS = {
    "alerts:acknowledge": ["1"],
    "alerts:mailbox_message": ["1.eml"],
    "alerts:mailbox_html": ["1.eml"],
}
