"""System checks of the KPIs: what the settings alone can't show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from kpis.services.credentials import refuse_without_keys


@register(Tags.database)
def credentials_can_be_read(databases: Sequence[str] | None = None, **kwargs: Any) -> Sequence[CheckMessage]:
    """An installation whose keys are gone would fail at the next pull; it says so before it starts."""
    if not databases:
        return []
    try:
        refuse_without_keys()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="kpis.E001")]
    return []
