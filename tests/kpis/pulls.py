"""What the tests of pulls share: a folder with a file, a source, and KPIs that it feeds."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from kpis.models import DataSource, Kpi, Measurement, Pull, SourceMapping
from kpis.services.pulling import run_pull
from tests.factories import a_kpi, a_person

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)  # a Sunday: the week from 16 November is open
TODAY = NOW.date()
ON_TIME = {
    "numerator": {"agg": "count", "where": [["minutes", "<=", 15]]},
    "denominator": {"agg": "count", "column": "minutes"},
    "factor": 100,
}


def lines(*, since: str = "2026-11-09", until: str = "2026-11-22", a_day: int = 4, minutes: object = 10) -> list[str]:
    """The same number of flights on each day of `[since, until)`."""
    first, last = date.fromisoformat(since), date.fromisoformat(until)
    days = [first + timedelta(offset) for offset in range((last - first).days)]
    return [f"{day},JFK,{minutes}" for day in days for _ in range(a_day)]


def write(folder: Path, rows: list[str], *, header: str = "day,airport,minutes") -> None:
    (folder / "flights.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def a_source(**fields: Any) -> DataSource:
    defaults = {
        "code": "flights",
        "name": "Flights",
        "kind": "csv_file",
        "config": {"path": "flights.csv", "date_column": "day"},
        "pull_at": time(6, 10),
    }
    fields = {**defaults, **fields}
    if "owner" not in fields:
        fields["owner"] = a_person("Amara Singh")
    return DataSource.objects.create(**fields)


def a_mapped_kpi(source: DataSource, spec: dict[str, Any] | None = None, **fields: Any) -> Kpi:
    kpi = a_kpi(entry=Kpi.Entry.SOURCE, **fields)
    SourceMapping.objects.create(source=source, kpi=kpi, spec=spec or {"value": {"agg": "count"}})
    return kpi


def pull(source: DataSource, *, now: datetime = NOW, slot: datetime | None = None) -> Pull:
    return run_pull(source_id=source.pk, slot=slot or now, now=now)


def values(kpi: Kpi) -> dict[str, tuple[Decimal | None, str]]:
    """Period start → value and state."""
    rows = Measurement.objects.filter(kpi=kpi).order_by("period_start")
    return {row.period_start.isoformat(): (row.value, row.state) for row in rows}
