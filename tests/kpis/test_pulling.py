"""One pull: window, values, repetition, and what happens when the source is not as usual."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kpis.models import (
    DataSource,
    Kpi,
    KpiState,
    Measurement,
    MeasurementRevision,
    PeriodLock,
    Pull,
    SourceMapping,
    StagedReading,
)
from kpis.services.pulling import apply_held_pull, discard_held_pull, due_pulls, request_pull, run_pull
from kpis.signals import measurements_recorded, pull_ended_badly
from objectives.models import Organisation
from tests.factories import a_kpi, a_person, the_calendar, the_company

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)  # a Sunday: the week from 16 November is open
SLOT = datetime(2026, 11, 22, 6, 10, tzinfo=UTC)
HEADER = "day,airport,minutes"
ON_TIME = {
    "numerator": {"agg": "count", "where": [["minutes", "<=", 15]]},
    "denominator": {"agg": "count", "column": "minutes"},
    "factor": 100,
}


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.KPI_SOURCES_DIR = tmp_path
    return tmp_path


def lines(*, since: str = "2026-11-09", days: int = 13, a_day: int = 4, minutes: int = 10) -> list[str]:
    first = date.fromisoformat(since)
    return [f"{first + timedelta(days=day)},JFK,{minutes}" for day in range(days) for _ in range(a_day)]


def write(folder: Path, rows: list[str], *, header: str = HEADER) -> None:
    (folder / "flights.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def a_source(**fields: Any) -> DataSource:
    fields = {
        "code": "flights",
        "name": "Flights",
        "kind": "csv_file",
        "config": {"path": "flights.csv", "date_column": "day"},
        "pull_at": time(6, 10),
        **fields,
    }
    fields.setdefault("owner", a_person("Amara Singh"))
    return DataSource.objects.create(**fields)


def a_mapped_kpi(source: DataSource, spec: dict[str, Any] | None = None, **fields: Any) -> Kpi:
    kpi = a_kpi(entry="source", **fields)
    SourceMapping.objects.create(source=source, kpi=kpi, spec=spec or {"value": {"agg": "count"}})
    return kpi


def pull(source: DataSource, *, now: datetime = NOW, slot: datetime | None = None) -> Pull:
    return run_pull(source_id=source.pk, slot=slot or now, now=now)


def values(kpi: Kpi) -> dict[str, tuple[Decimal | None, str]]:
    return {
        m.period_start.isoformat(): (m.value, m.state)
        for m in Measurement.objects.filter(kpi=kpi).order_by("period_start")
    }


def test_a_first_pull_takes_everything_before_today(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source, ON_TIME)
    write(folder, [*lines(days=20), "2026-11-09,EWR,90", "2026-11-09,EWR,90"])
    done = pull(source)
    assert (done.state, done.error, done.since, done.until) == ("applied", "", None, date(2026, 11, 22))
    assert values(kpi) == {
        "2026-11-09": (Decimal("93.33333333"), "reported"),
        "2026-11-16": (Decimal(100), "provisional"),
    }
    measured = Measurement.objects.get(kpi=kpi, period_start="2026-11-09")
    assert (measured.numerator, measured.denominator) == (28, 30)
    assert (done.rows_read, done.rows_kept, done.rows_refused) == (54, 54, 0)
    assert (done.values_new, done.values_revised, done.values_unchanged) == (2, 0, 0)
    source.refresh_from_db()
    assert (source.cursor, source.usual_rows, source.consecutive_failures) == (date(2026, 11, 22), 4, 0)
    assert source.last_applied_at == NOW
    revision = MeasurementRevision.objects.filter(kpi=kpi).first()
    assert (revision.kind, revision.pull_id, revision.recorded_by_id) == ("pull", done.pk, None)
    assert KpiState.objects.get(kpi=kpi).dirty_from == date(2026, 11, 9)
