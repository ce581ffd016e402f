"""What was typed outlives the session it was typed in. Knows no app.

A form that is sent after the session ended, or with the token of an earlier one, is answered by what was typed and a
button that sends it again. That page carries a fresh token, and yet opens nothing to other sites:

- It answers only where the browser names our own address as the `Origin`. No page can forge that header, so what
  comes back was sent by one of our pages; a foreign, missing or "null" origin gets the plain refusal.
- Nothing is written and nothing is sent by itself: a person has to press the button, and sees what it will send.
- No other site can put the page into a frame to catch that press (X-Frame-Options, frame-ancestors), nor read it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.views import csrf

SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
TOKEN = "csrfmiddlewaretoken"
SECRET = re.compile(r"pass(word|phrase|wd)|secret|credential|api_?key", re.IGNORECASE)
NOT_TYPED = {"seen", "looked_at", "seq", "sure", "next", "token", "row"}  # sent again, but nobody typed them
MOST_CHARACTERS = 1_000_000  # more than anybody types


class SignedInMiddleware(LoginRequiredMiddleware):
    """Let in only who has signed in; whoever sends a form after that ended gets back what was typed."""

    def handle_no_permission(self, request: HttpRequest, view_func: Callable[..., HttpResponse]) -> HttpResponse:
        return _instead(request) or super().handle_no_permission(request, view_func)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose token isn't the present one: signing in again, in any tab, has made a new one."""
    get_token(request)  # sets the cookie where there was none, so that sending again can work
    return _instead(request) or csrf.csrf_failure(request, reason=reason)


def _instead(request: HttpRequest) -> HttpResponse | None:
    """Return the answer that keeps what was typed, or None where the plain refusal stands."""
    if request.method in SAFE_METHODS or _is_way_in(request):
        return None
    signed_out = not request.user.is_authenticated
    if request.htmx and signed_out:
        return HttpResponse(status=401, headers={"Cache-Control": "no-store"})  # session.js says it, the page stays
    if request.htmx or request.content_type not in FORMS or not _is_from_here(request):
        return None
    sent = [(name, value) for name, values in request.POST.lists() for value in values if _is_kept(name)]
    if sum(len(name) + len(value) for name, value in sent) > MOST_CHARACTERS:
        return None
    shown = [(_in_words(name), value) for name, value in sent if value and name not in NOT_TYPED]
    context: dict[str, Any] = {
        "signed_out": signed_out,
        "action": request.get_full_path(),
        "sent": sent,
        "shown": shown,
        "has_numbers": any(value.isdecimal() for _, value in shown),
        "left_out": [_in_words(name) for name in request.POST if SECRET.search(name)],
        "files": [(name, _in_words(name), file.name) for name, file in request.FILES.items()],
    }
    response = render(request, "kept.html", context, status=401 if signed_out else 403)
    response["Cache-Control"] = "no-store"
    return response


def _is_way_in(request: HttpRequest) -> bool:
    """Return whether the address is one of signing in, which answers for itself."""
    return request.resolver_match is None or request.resolver_match.route.startswith("accounts/")


def _is_from_here(request: HttpRequest) -> bool:
    here = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Origin") in {here, settings.BASE_URL}


def _is_kept(name: str) -> bool:
    return name != TOKEN and not SECRET.search(name)


def _in_words(name: str) -> str:
    words = " ".join(re.split(r"[_@]+", name)).strip()
    return words[:1].upper() + words[1:]
