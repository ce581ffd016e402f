"""Importing the latest 100 weeks of every KPI from CSV files into empty tables, once and again."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from django.db import connection, transaction
from django.test import override_settings

from benchmarks.cases.celery_workers import nothing_is_owed
from benchmarks.judging_in_sql import CHECKSUM, JUDGED
from benchmarks.load import PERIODS, VALUE, Load, truncate_values
from benchmarks.measuring import Result, Rounds, Stopwatch, check, row_versions
from benchmarks.worker import QUEUE, wait_until, working
from kpis.domain.parsing import to_storage
from kpis.models import DataSource, Kpi, Pull, SourceMapping
from kpis.readings import Origin, Reading
from kpis.services.judging import judge_owed
from kpis.services.pulling import run_pull
from kpis.services.recording import record_measurements
from kpis.tasks import pull_source

WEEKS = 100
KPIS_PER_FILE = 1000
COPIED = "COPY to a temporary table + sorted upsert"
PROCESSES = 2  # of the worker, as an installation has them unless it says otherwise

ROWS = f"""
SELECT k.id AS kpi_id, k.code AS kpi, %(first)s::date + 7 * w.n AS week, {VALUE} AS value
FROM kpis_kpi k, generate_series({PERIODS - WEEKS}, {PERIODS - 1}) AS w(n) WHERE k.id BETWEEN %(since)s AND %(to)s
"""
SUM = "SELECT count(*), sum(value), sum(value * (period_start - DATE '2000-01-01') * kpi_id) FROM {table}"
UPSERT = """
INSERT INTO kpis_measurement AS m (kpi_id, period_start, period_end, value, state, reason, seq, recorded_at)
SELECT kpi_id, period_start, period_start + 7, value, 'reported', '', 1, %s FROM raw ORDER BY kpi_id, period_start
ON CONFLICT (kpi_id, period_start) DO UPDATE SET value = excluded.value, recorded_at = excluded.recorded_at
"""


@dataclass(frozen=True, slots=True)
class File:
    """One source with its file: as the product reads it, and the bare values as COPY reads them."""

    source: DataSource
    raw: Path
    readings: list[Reading]


def import_values(load: Load, rounds: Rounds) -> Iterator[Result]:
    """Compare three ways of importing the same values with COPY and a sorted upsert."""
    with _files_to_import(load, rounds) as work:
        limit, recorded, imported = rounds.alternate("import", work.raw, work.record, work.first)
        work.first()
        (again,) = rounds.alternate("import again", work.again)
    rows = f"{load.size * WEEKS:,} rows"
    yield Result(case=f"import {rows} of CSV, file by file", versus=COPIED, reach=3.0, product=imported, limit=limit)
    yield Result(case="import: the measurement step alone", versus=COPIED, reach=1.7, product=recorded, limit=limit)
    yield Result(case="import again, nothing changed", versus="its own first import", reach=0.5, product=again,
                 limit=imported, note="no row written")  # fmt: skip


def import_by_workers(load: Load, rounds: Rounds) -> Iterator[Result]:
    """Compare the import as an installation does it, by a worker with two processes, with the same."""
    with _files_to_import(load, rounds) as work, working(PROCESSES, {"KPI_SOURCES_DIR": str(work.folder)}):
        work.by_workers()  # each process loads the code at its first task
        limit, imported = rounds.alternate("import by a worker", work.raw, work.by_workers)
    case = f"import {load.size * WEEKS:,} rows of CSV by a worker with {PROCESSES} processes"
    yield Result(case=case, versus=COPIED, reach=3.0, product=imported, limit=limit)


@contextmanager
def _files_to_import(load: Load, rounds: Rounds) -> Iterator[_Import]:
    with tempfile.TemporaryDirectory(prefix="kpi-bench-") as folder, override_settings(KPI_SOURCES_DIR=folder):
        try:
            rounds.progress.say("import: files")
            files = _files(load, Path(folder))
            gc.freeze()  # a million readings at hand are the benchmark's: no worker holds them while it records others
            yield _Import(load, files, expected=_expected(load), folder=Path(folder))
        finally:
            gc.unfreeze()
            truncate_values()
            DataSource.objects.all().delete()


@dataclass(frozen=True, slots=True)
class _Import:
    load: Load
    files: list[File]
    expected: tuple[object, ...]
    folder: Path

    def raw(self) -> float:
        """Load what COPY reads; the best that the tables allow."""
        truncate_values()
        watch = Stopwatch()
        for file in self.files:
            with watch, transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "CREATE TEMP TABLE raw (kpi_id bigint, period_start date, value numeric(28,8)) ON COMMIT DROP"
                )
                with cursor.copy("COPY raw FROM STDIN (FORMAT csv)") as copy, file.raw.open("rb") as content:
                    while block := content.read(1 << 16):
                        copy.write(block)
                cursor.execute(UPSERT, [self.load.now])
        self._check_measurements()
        return watch.seconds

    def record(self) -> float:
        """Record readings that are at hand, without judging them."""
        truncate_values()
        watch = Stopwatch()
        origin = Origin(kind="upload", user_id=self.load.person("area").pk)
        for file in self.files:
            with watch:
                recorded = record_measurements(readings=file.readings, origin=origin, now=self.load.now, judge=False)
            check(recorded.new, len(file.readings), "new values")
        self._check_measurements()
        self._check_revisions()
        return watch.seconds

    def by_workers(self) -> float:
        """Ask for all files at once, with empty tables, and wait until the last value is judged."""
        truncate_values()
        DataSource.objects.update(cursor=None, usual_rows=0)
        applied = Pull.objects.filter(state=Pull.State.APPLIED)
        watch = Stopwatch()
        with watch:
            for file in self.files:
                pull_source.apply_async((file.source.pk, self.load.now.isoformat()), queue=QUEUE)
            wait_until(lambda: applied.count() == len(self.files) and nothing_is_owed())
        self._check_all()
        return watch.seconds

    def first(self) -> float:
        """Pull every file into empty tables and judge what came."""
        truncate_values()
        seconds = self._pull(self.load.now, new=True)
        self._check_all()
        return seconds

    def _check_all(self) -> None:
        self._check_measurements()
        self._check_revisions()
        with connection.cursor() as cursor:
            period = {"ids": list(self.load.kpi_ids), "since": self.load.first}
            cursor.execute(CHECKSUM.format(table="kpis_evaluation"), period)
            found = cursor.fetchone()
            cursor.execute(CHECKSUM.format(table=f"({JUDGED}) AS judged"), period)
            check(found, cursor.fetchone(), "evaluations")

    def again(self) -> float:
        """Pull the same files again; nothing may be written but that it was pulled."""
        before = row_versions()
        latest = Pull.objects.order_by("-slot").values_list("slot", flat=True)[0]
        seconds = self._pull(latest + timedelta(minutes=1), new=False)
        check(row_versions(), before, "row versions")
        return seconds

    def _pull(self, slot: datetime, *, new: bool) -> float:
        DataSource.objects.update(cursor=None, usual_rows=0)
        watch = Stopwatch()
        for file in self.files:
            with watch:
                pull = run_pull(source_id=file.source.pk, slot=slot, now=slot)
            check((pull.state, pull.error), ("applied", None), "state of the pull")
            counts = (pull.values_new, pull.values_revised, pull.values_unchanged)
            rows = len(file.readings)
            check(counts, (rows, 0, 0) if new else (0, 0, rows), "values new, revised, unchanged")
        with watch:
            judged = judge_owed(now=slot)
        check(judged, self.load.size if new else 0, "KPIs judged")
        return watch.seconds

    def _check_measurements(self) -> None:
        check(_fetchone(SUM.format(table="kpis_measurement")), self.expected, "measurements")

    def _check_revisions(self) -> None:
        check(_fetchone(SUM.format(table="kpis_measurementrevision")), self.expected, "revisions")


def _files(load: Load, folder: Path) -> list[File]:
    return [
        _file(load, folder, number, range(start, min(start + KPIS_PER_FILE, load.size + 1)))
        for number, start in enumerate(range(1, load.size + 1, KPIS_PER_FILE))
    ]


def _file(load: Load, folder: Path, number: int, kpi_ids: range) -> File:
    """Write one file as a source brings it, and the same rows as COPY takes them."""
    rows = ROWS, {"first": load.first, "since": kpi_ids[0], "to": kpi_ids[-1]}
    name, raw = f"values-{number}.csv", folder / f"raw-{number}.csv"
    with connection.cursor() as cursor:
        cursor.execute(*rows)
        values = cursor.fetchall()
    with (folder / name).open("w", encoding="utf-8") as file:
        file.write("kpi,week,value\n")
        file.writelines(f"{code},{week},{value}\n" for _, code, week, value in values)
    with raw.open("w", encoding="utf-8") as file:
        file.writelines(f"{kpi_id},{week},{value}\n" for kpi_id, _, week, value in values)
    source = DataSource.objects.create(
        code=f"values-{number}",
        name=f"Values {number}",
        kind=DataSource.Kind.CSV_FILE,
        config={"path": name, "date_column": "week"},
        owner=load.person("area"),
        pull_at=time(0, 0),
    )
    codes = Kpi.objects.filter(pk__in=kpi_ids).values_list("pk", "code")
    SourceMapping.objects.bulk_create(
        SourceMapping(
            source=source,
            kpi_id=pk,
            spec={"where": [["kpi", "==", code]], "value": {"agg": "sum", "column": "value"}},
        )
        for pk, code in codes
    )
    return File(source, raw, [_reading(kpi_id, week, value) for kpi_id, _, week, value in values])


def _reading(kpi_id: int, week: date, value: Decimal) -> Reading:
    """Return a reading as one computed from a source is."""
    return Reading(kpi_id=kpi_id, period_start=week, period_end=week + timedelta(days=7), value=to_storage(value))


def _expected(load: Load) -> tuple[object, ...]:
    table = f"(SELECT kpi_id, week AS period_start, value FROM ({ROWS}) AS rows) AS rows"
    return _fetchone(SUM.format(table=table), {"first": load.first, "since": 1, "to": load.size})


def _fetchone(statement: str, parameters: dict[str, object] | None = None) -> tuple[object, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()
