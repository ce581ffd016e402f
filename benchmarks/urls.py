"""The addresses of the installation and one more: the cheapest page that passes the same middleware."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from kpiplatform.urls import urlpatterns as addresses


def hello(request: HttpRequest) -> HttpResponse:
    """Greet the signed-in person."""
    return HttpResponse(f"Hello {request.user.name}")


urlpatterns = [path("benchmarks/hello/", hello), *addresses]
