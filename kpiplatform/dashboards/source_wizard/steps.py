"""The steps of connecting a source, and how far one is."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from kpiplatform.dashboards.models import SourceSetup
from kpis.models import DataSource


def steps_of(source: DataSource | None, setup: SourceSetup | None, current: str) -> list[dict[str, Any]]:
    """Return the steps; those that can be opened have an address."""
    looked = bool(setup and setup.look.get("columns"))
    assigned = bool(setup and any(entry.get("assigned") for entry in setup.measures))
    steps = [
        ("begin", _("Source"), source is not None, None),
        ("access", _("Access"), looked, "configuration:source_access"),
        (
            "reading",
            _("Rows"),
            looked and bool(source and source.config.get("date_column")),
            "configuration:source_reading",
        ),
        ("figures", _("Figures"), assigned, "configuration:source_figures"),
        ("values", _("Values"), bool(setup and setup.tried), "configuration:source_values"),
        ("schedule", _("Schedule"), False, "configuration:source"),
    ]
    reached = True
    found = []
    for key, title, is_done, name in steps:
        opens = reached and name is not None and source is not None
        found.append(
            {
                "title": title,
                "url": reverse(name, args=[source.code]) if opens and source is not None and name else "",
                "is_current": key == current,
                "is_done": is_done and key != current,
            }
        )
        reached = reached and is_done
    return found
