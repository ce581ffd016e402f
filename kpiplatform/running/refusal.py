"""One sentence for the person instead of a traceback."""

from __future__ import annotations


class Refusal(Exception):
    """Nothing can be started, and the message says why and what to do."""
