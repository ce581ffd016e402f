"""Django system checks of the installation: what single settings can't see. Run by `manage.py check --deploy`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.http.request import validate_host

LOCAL = {"localhost", "127.0.0.1", "[::1]", "testserver"}
# Read outside of the settings: by the start on one machine and by the tests.
OUTSIDE_SETTINGS = {"KPI_POSTGRES_BIN", "KPI_VALKEY_BIN", "KPI_SERVER_USER", "KPI_CHROMIUM"}


@register(Tags.security)
def public_hosts_need_a_secret(**kwargs: Any) -> Sequence[CheckMessage]:
    """A demo that others can reach must not use the secret that everyone can read in the source."""
    public = sorted(set(settings.ALLOWED_HOSTS) - LOCAL)
    if public and settings.SECRET_KEY == settings.DEFAULT_SECRET:
        hint = "Set SECRET_KEY, or use python3 run.py demo, which makes one."
        return [Error(f"{public[0]} is served with the secret of the source code.", hint=hint, id="kpiplatform.E001")]
    return []


@register(Tags.urls)
def base_url_is_served(**kwargs: Any) -> Sequence[CheckMessage]:
    """Links in mails lead to BASE_URL: its host must be one that answers."""
    host = urlsplit(settings.BASE_URL).hostname or ""
    if validate_host(f"[{host}]" if ":" in host else host, settings.ALLOWED_HOSTS):
        return []
    hint = "Add it to ALLOWED_HOSTS, or correct BASE_URL."
    return [Error(f"BASE_URL leads to {host}, which ALLOWED_HOSTS refuses.", hint=hint, id="kpiplatform.E002")]


@register(Tags.security, deploy=True)
def people_sign_in_encrypted(**kwargs: Any) -> Sequence[CheckMessage]:
    """Sign-in over plain HTTP shows passwords and sessions to the network."""
    if not settings.HTTPS:
        hint = "Put a proxy with a certificate in front, then set BASE_URL=https://… and KPI_BEHIND_PROXY=1."
        return [Warning("BASE_URL is not https.", hint=hint, id="kpiplatform.W001")]
    if not settings.BEHIND_PROXY:
        hint = "The web server speaks plain HTTP: set KPI_BEHIND_PROXY=1 if the proxy sets X-Forwarded-Proto itself."
        return [Warning("BASE_URL is https, but no proxy is trusted to say so.", hint=hint, id="kpiplatform.W002")]
    return []


@register()
def settings_are_spelled_right(**kwargs: Any) -> Sequence[CheckMessage]:
    """A setting with a typing error would silently keep its default."""
    known = OUTSIDE_SETTINGS | settings.SETTING_NAMES | {f"{name}_FILE" for name in settings.SETTING_NAMES}
    return [
        Warning(f"{name} is set, but no such setting exists.", hint="README.md lists them.", id="kpiplatform.W003")
        for name in sorted(os.environ)
        if name.startswith("KPI_") and name not in known
    ]
