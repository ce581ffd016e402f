"""What every request carries along: who acts (for the audit trail) and the person's time zone."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
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


class TimeZoneMiddleware:
    """Show times in the zone the person chose."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and request.user.time_zone:
            with timezone.override(zoneinfo.ZoneInfo(request.user.time_zone)):
                return self.get_response(request)
        return self.get_response(request)
