"""Who opens a source: administrators every one, and owners their own."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from kpiplatform.dashboards.configuration.entry import today
from kpis.models import DataSource
from kpis.queries import sources_managed_by, sources_visible_to
from objectives.queries import may_configure


def source_to_read(request: HttpRequest, code: str) -> DataSource:
    """Return the source for those who may see it; for everybody else it doesn't exist."""
    return get_object_or_404(_with_agreement(sources_visible_to(request.user, today=today())), code=code)


def source_to_manage(request: HttpRequest, code: str) -> DataSource:
    """Return the source for those who may change it; for everybody else it doesn't exist."""
    return get_object_or_404(_with_agreement(sources_managed_by(request.user, today=today())), code=code)


def source_for(request: HttpRequest, code: str) -> DataSource:
    """Return the source for reading, or for changing where something was posted."""
    return source_to_manage(request, code) if request.method == "POST" else source_to_read(request, code)


def frame_of(request: HttpRequest, source: DataSource) -> dict[str, Any]:
    """Return what every page about a source needs: whether the way back leads to the configuration, what one may."""
    manages = sources_managed_by(request.user, today=today()).filter(pk=source.pk).exists()
    return {
        "source": source,
        "may_manage": manages,
        "outside_configuration": not may_configure(request.user, today=today()),
    }


def _with_agreement(rows: Any) -> Any:
    return rows.select_related("owner", "agreement")
