"""What each line of a list would become, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from kpiplatform.dashboards.kpi_list.columns import CHOICES
from kpiplatform.dashboards.kpi_list.lines import Line
from kpis.domain.figures import number, with_unit

SAID = ("frequency", "polarity", "time_aggregation")


def shown(lines: Sequence[Line], *, activate: bool, locale: str) -> list[dict[str, Any]]:
    """Return the lines as the page shows them."""
    return [_shown(line, activate=activate, locale=locale) for line in lines]


def _shown(line: Line, *, activate: bool, locale: str) -> dict[str, Any]:
    words = [str(CHOICES[name](line.values[name]).label) for name in SAID if line.values.get(name)]
    return {
        "number": line.number,
        "name": line.name,
        "code": line.code,
        "objective": line.new_objective or line.objective,
        "unit": line.unit,
        "how": ", ".join(words),
        "target": _number(line, "target", locale),
        "red_flag": _number(line, "red_flag", locale),
        "owner": line.owner.name if line.owner else "",
        "refused": line.refused,
        "notes": line.notes,
        "becomes": _becomes(line, activate=activate),
    }


def _number(line: Line, name: str, locale: str) -> str:
    """Return a limit with every digit it has: nothing of it is rounded away before it is made."""
    limit = getattr(line, name)
    if limit is None:
        return ""
    places = max(line.values.get("decimals", 0), -int(limit.normalize().as_tuple().exponent))
    return with_unit(number(limit, places, locale=locale), line.values["measure_unit"])


def _becomes(line: Line, *, activate: bool) -> str:
    if not activate:
        says = _("A new KPI, as a draft.")
    elif line.is_complete:
        says = _("A new KPI, active.")
    else:
        says = _("A new KPI, as a draft: it has no target yet.")
    if line.new_objective:
        says = f"{says} {_('The objective is new too.')}"
    return says
