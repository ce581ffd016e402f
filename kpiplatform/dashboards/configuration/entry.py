"""Who comes in, and what the pages of configuration share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import wraps

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from objectives.queries import may_configure


def admins_only[**P](view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """Answer 404 to everybody who may not configure: for them these pages don't exist."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request = args[0]
        assert isinstance(request, HttpRequest)
        if not may_configure(request.user, today=today()):
            raise Http404
        return view(*args, **kwargs)

    return guarded


def today() -> date:
    """Return the day on which the person who asks lives."""
    return timezone.localdate()


def posted(request: HttpRequest) -> dict[str, str] | None:
    """Return what was sent, None for a page that is only read."""
    return request.POST if request.method == "POST" else None
