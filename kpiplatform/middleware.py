"""What every request carries along: who acts (for the audit trail) and the person's time zone."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from kpiplatform.audit.actor import acting

GetResponse = Callable[[HttpRequest], HttpResponse]


class ActorMiddleware:
    """Name the signed-in person to the audit trail for the length of a writing request."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD", "OPTIONS"} or not request.user.is_authenticated:
            return self.get_response(request)
        with acting(request.user.pk):
            return self.get_response(request)


class NulMiddleware:
    """Answer an address with the character NUL like one that leads nowhere: no text of the database has it.

    Programs are told so in their own form.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        has_nul = "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", "")
        if has_nul and not request.path_info.startswith("/api/v1/"):
            raise Http404
        return self.get_response(request)


class TimeZoneMiddleware:
    """Show times in the zone the person chose."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and request.user.time_zone:
            with timezone.override(zoneinfo.ZoneInfo(request.user.time_zone)):
                return self.get_response(request)
        return self.get_response(request)
