"""What each line of a list would become or change, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from kpiplatform.dashboards.kpi_list.columns import BY_NAME, CHOICES, LIMITS, LIMITS_OF_RANGE
from kpiplatform.dashboards.kpi_list.lines import Change, Line
from kpis.dates import day
from kpis.domain.figures import number, with_unit

SAID = ("frequency", "polarity", "time_aggregation")
LONGEST = 120  # of a text that is changed


def shown(lines: Sequence[Line], *, activate: bool, locale: str) -> list[dict[str, Any]]:
    """Return the lines as the page shows them."""
    return [_shown(line, activate=activate, locale=locale) for line in lines]


def _shown(line: Line, *, activate: bool, locale: str) -> dict[str, Any]:
    words = [str(CHOICES[name](_of(line, name)).label) for name in SAID if _of(line, name)]
    return {
        "number": line.number,
        "name": line.name,
        "code": line.code,
        "objective": line.new_objective or line.objective,
        "unit": line.unit,
        "how": ", ".join(words),
        "target": _target(line, locale),
        "red_flag": _red_flag(line, locale),
        "owner": line.owner.name if line.owner else "",
        "refused": line.refused,
        "notes": line.notes,
        "becomes": _becomes(line, activate=activate),
        "changes": [_change(one, line, locale) for one in line.changes],
    }


def _of(line: Line, name: str) -> Any:
    """Return what the KPI will be: what the line says, else what it is."""
    return line.values.get(name, getattr(line.kpi, name, None))


def _target(line: Line, locale: str) -> str:
    ends = [_number(line.limits[name], line, locale) for name in ("goal_low", "goal_high") if name in line.limits]
    return " – ".join(ends) if ends else _limit(line, "target", locale)


def _red_flag(line: Line, locale: str) -> str:
    ends = [_number(line.limits[name], line, locale) for name in ("red_low", "red_high") if name in line.limits]
    return " – ".join(ends) if ends else _limit(line, "red_flag", locale)


def _limit(line: Line, name: str, locale: str) -> str:
    return _number(line.limits[name], line, locale) if name in line.limits else ""


def _number(limit: Decimal, line: Line, locale: str) -> str:
    """Return a limit with every digit it has: nothing of it is rounded away before it is made."""
    places = max(_of(line, "decimals") or 0, -int(limit.normalize().as_tuple().exponent))
    return with_unit(number(limit, places, locale=locale), _of(line, "measure_unit"))


def _change(change: Change, line: Line, locale: str) -> dict[str, str]:
    return {
        "label": str(BY_NAME[change.column].label),
        "old": _value(change.column, change.old, line, locale),
        "new": _value(change.column, change.new, line, locale),
    }


def _value(column: str, value: Any, line: Line, locale: str) -> str:
    match value:
        case None | "":
            return _("nothing")
        case Decimal() if column in (*LIMITS, *LIMITS_OF_RANGE):
            return _number(value, line, locale)
        case Decimal():
            return number(value, max(0, -int(value.normalize().as_tuple().exponent)), locale=locale)
        case date():
            return day(value)
        case _ if column in CHOICES:
            return str(CHOICES[column](value).label)
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _becomes(line: Line, *, activate: bool) -> str:
    if line.kpi is not None:
        return _("It changes:") if line.changes else _("It stays as it is.")
    if not activate:
        says = _("A new KPI, as a draft.")
    elif line.is_complete:
        says = _("A new KPI, active.")
    else:
        says = _("A new KPI, as a draft: it has no target yet.")
    if line.new_objective:
        says = f"{says} {_('The objective is new too.')}"
    return says
