"""Addresses for programs, and of the pages about them."""

from __future__ import annotations

from django.urls import include, path

from kpiplatform.api.v1.app import patterns
from kpiplatform.api.views import pages, tokens

app_name = "api"
urlpatterns = [
    path("", pages.documentation, name="documentation"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/named/", tokens.named_kpis, name="named"),
    path("tokens/<int:pk>/revoke/", tokens.revoke, name="revoke"),
    path("v1/openapi.json", pages.openapi, name="openapi"),
    path("v1/", include(patterns())),
    path("v1/<path:rest>", pages.unknown, name="unknown"),
]
