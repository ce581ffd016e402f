"""Weekly KPIs with values, and KPIs computed from them, without waiting for anything. Today is 22 November 2026."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from kpis.models import Kpi, KpiVersion
from kpis.readings import Origin, Reading
from kpis.services.recording import record_measurements
from tests.factories import NOW, a_kpi

WEEK, DAY = timedelta(weeks=1), timedelta(days=1)
MONDAY = date(2026, 11, 9)
SINCE = MONDAY - 20 * WEEK


def an_input(code: str, *, kind: str = "api", weeks: int = 1, **fields: Any) -> Kpi:
    kpi = a_kpi(code=code, active_from=SINCE, **fields)
    for week in range(weeks):
        say(kpi, MONDAY - week * WEEK, 80, kind=kind)
    return kpi


def say(kpi: Kpi, start: date, value: int, *, kind: str = "api", at: datetime = NOW, note: str = "") -> None:
    reading = Reading(kpi_id=kpi.pk, period_start=start, period_end=start + WEEK, value=Decimal(value))
    origin = Origin(kind=kind, user_id=None if kind == "derived" else kpi.owner_id, note=note)
    record_measurements(readings=[reading], origin=origin, now=at)


def computed(formula: str, *, code: str = "SHARE", **fields: Any) -> Kpi:
    """A derived KPI with one value, computed by the first version of its definition."""
    kpi = a_kpi("Share", code=code, entry="derived", formula=formula, active_from=SINCE, **fields)
    sheet = {"entry": "derived", "formula": formula, "frequency": kpi.frequency}
    KpiVersion.objects.create(
        kpi=kpi, version=1, effective_from=SINCE, definition=sheet, recorded_at=NOW - 30 * DAY, recorded_by=kpi.owner
    )
    say(kpi, MONDAY, 50, kind="derived", note="1")
    return kpi
