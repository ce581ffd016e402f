"""The one place that decides whether a request gets a page or a part of it. Knows no app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

REDIRECTS = {301, 302, 303, 307, 308}
DECIDING_HEADERS = ("HX-Request", "HX-Boosted", "HX-History-Restore-Request")


def wants_partial(request: HttpRequest) -> bool:
    """Return whether htmx asks for a part: not when it stands in for the browser's own navigation."""
    htmx = request.htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, partial: str, status: int = 200
) -> HttpResponse:
    """Render `template`, or its partial alone for htmx; `status` is 422 for a refused form.

    A partial is never stored: the browser's Back would show it in place of the page.
    """
    wanted = wants_partial(request)
    response = render(request, f"{template}#{partial}" if wanted else template, context, status=status)
    patch_vary_headers(response, DECIDING_HEADERS)
    if wanted:
        response["Cache-Control"] = "no-store"
    return response


def changed(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    partial: str,
    fact: str,
    message: str = "",
    to: str = "",
) -> HttpResponse:
    """Answer a write: htmx gets the changed partial and `fact` as an event, others are sent (303) to the page.

    `fact` is in the past tense, like "measurement-recorded". `message` says it to the person. `to` is the page to go
    to when it isn't the one that was posted to.
    """
    if wants_partial(request):
        response = page(request, template, context, partial=partial)
        return trigger_client_event(response, fact, {"message": message} if message else {})
    if message:
        messages.success(request, message)
    response = HttpResponseRedirect(to or request.get_full_path())
    response.status_code = 303
    return response


class ClientRedirectMiddleware:
    """Turn a redirect to the sign-in page inside a swap into a redirect of the whole page.

    After signing in the person is back on the page that held the swap. Stands below HtmxMiddleware.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.htmx or response.status_code not in REDIRECTS:
            return response
        sign_in = resolve_url(settings.LOGIN_URL)
        if urlsplit(response["Location"]).path != sign_in:
            return response
        back = request.htmx.current_url_abs_path or "/"
        return HttpResponseClientRedirect(f"{sign_in}?{urlencode({'next': back})}")
