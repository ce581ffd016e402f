"""What the frame of every page needs: the organisation's name and the main navigation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def chrome(request: HttpRequest) -> dict[str, Any]:
    """Return the context of the page frame."""
    return {}
