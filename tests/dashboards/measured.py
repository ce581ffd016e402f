"""KPIs with values, for the tests of the KPI page. Today is Sunday, 22 November 2026: W46 is the latest closed week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.kpi_page import presenter, queries
from kpiplatform.dashboards.kpi_page.choice import Choice
from kpiplatform.dashboards.kpi_page.facts import Facts
from kpis.models import Kpi
from kpis.readings import Origin, Reading
from kpis.services.recording import record_measurements
from tests.factories import NOW, a_kpi, a_role, limits

W44, W45, W46, W47 = (date(2026, 10, 26), date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 16))
WEEK = timedelta(days=7)


def weeks_to(last: date, count: int) -> list[date]:
    """Return the first days of `count` weeks, the latest of which is `last`."""
    return [last - WEEK * back for back in range(count - 1, -1, -1)]


def a_week(kpi: Kpi, start: date, value: str | None, **fields: Any) -> Reading:
    return Reading(
        kpi_id=kpi.pk,
        period_start=start,
        period_end=start + WEEK,
        value=None if value is None else Decimal(value),
        **fields,
    )


def a_ratio(kpi: Kpi, start: date, numerator: int, denominator: int, **fields: Any) -> Reading:
    value = kpi.ratio_factor * Decimal(numerator) / denominator
    parts = {"numerator": Decimal(numerator), "denominator": Decimal(denominator)}
    return a_week(kpi, start, str(value), **parts, **fields)


def record(kpi: Kpi, readings: Sequence[Reading], *, now: datetime = NOW, note: str = "") -> None:
    origin = Origin(kind="correction" if note else "manual", note=note, user_id=kpi.owner_id)
    record_measurements(readings=readings, origin=origin, now=now)


def measured(
    values: Mapping[date, str], *, goal: str | int | None = 80, red_flag: str | int = 72, **fields: Any
) -> Kpi:
    """Return a weekly KPI in per cent, fed by a source, with these values by week; without goal it has no limits."""
    kpi = a_kpi(**{"name": "On-time departures", "code": "OTD", "entry": Kpi.Entry.SOURCE, **fields})
    a_role(kpi.owner, "owner")
    if goal is not None:
        limits(kpi, goal=goal, red_flag=red_flag)
    record(kpi, [a_week(kpi, start, value) for start, value in values.items()])
    return kpi


def facts_of(
    kpi: Kpi, user: User | None = None, *, now: datetime = NOW, all_revisions: bool = False, graded: int | None = 0
) -> Facts:
    """Return the facts of the page for `user`, by default the owner."""
    return queries.kpi_facts(
        user=user or kpi.owner,
        code=kpi.code,
        now=now,
        today=now.date(),
        all_revisions=all_revisions,
        graded=graded,
    )


def page_of(
    kpi: Kpi, user: User | None = None, *, now: datetime = NOW, graded: int | None = 0, **choice: Any
) -> dict[str, Any]:
    """Return what the template of the page prints, with the grades of so many of the newest values."""
    choose = Choice(**choice)
    return presenter.kpi_page(facts_of(kpi, user, now=now, all_revisions=choose.all_revisions, graded=graded), choose)
