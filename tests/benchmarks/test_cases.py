"""Every case runs on a small load, and none takes the time of a product that did not do its work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client

from benchmarks.cases import CASES, chosen_cases
from benchmarks.cases.evaluating import evaluate_latest, evaluate_touched, rejudge_history
from benchmarks.cases.importing import import_values
from benchmarks.cases.pages import Page, _get, scorecard, the_kpi_page
from benchmarks.cases.ticking import weekly_tick
from benchmarks.database import SUFFIX
from benchmarks.load import Load, build_definitions, build_values
from benchmarks.measuring import CheckFailed, Rounds
from benchmarks.progress import Progress
from kpis.models import KpiState
from kpis.readings import Recorded
from kpis.services.judging import judge
from kpis.services.pulling import run_pull
from tests.template_database import migrated_template

CHECKOUT = Path(__file__).resolve().parent.parent.parent
SIZE = 50


@pytest.mark.django_db
def test_a_run_measures_every_case_in_a_database_of_its_own(tmp_path: Path):
    command = [sys.executable, "-m", "benchmarks", "--size", str(SIZE), "--repeat", "1", "--results", str(tmp_path)]
    command += ["--template", migrated_template()]
    done = subprocess.run(command, cwd=CHECKOUT, env=os.environ, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    (saved,) = tmp_path.glob("*.json")
    results = json.loads(saved.read_text())["results"]
    assert len(results) == 19
    assert all(result["product"] and min(result["product"]) > 0 for result in results)
    assert all(result["case"] in done.stdout for result in results)
    for case in CASES:
        assert f"  {case.name}\n" in done.stderr
    assert not database_exists(urlsplit(os.environ["DATABASE_URL"]).path.lstrip("/") + SUFFIX)


def test_an_unknown_case_is_refused_with_the_names_of_the_known_ones():
    with pytest.raises(ValueError, match="There is no case pages; there are import, import-celery, scorecard-50"):
        chosen_cases(["pages"])


# --- on a load in the tests' own database ----------------------------------------------------------


@pytest.fixture
def load(transactional_db: None) -> Load:
    small = build_definitions(size=SIZE, now=datetime.now(UTC))
    build_values(small, Progress(1))
    return small


def measure(case: Callable, load: Load) -> None:
    list(case(load, Rounds(1, Progress(1))))


def database_exists(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname = %s", [name])
        return cursor.fetchone() != (0,)


@pytest.mark.parametrize("case", [evaluate_latest, evaluate_touched])
def test_a_judgement_that_is_not_stored_is_not_timed(case: Callable, load: Load):
    with (
        mock.patch("benchmarks.cases.evaluating.judge", side_effect=lambda *, kpi_ids, now: len(kpi_ids)),
        pytest.raises(CheckFailed, match="evaluations"),
    ):
        measure(case, load)


def test_a_second_evaluation_that_writes_is_not_timed(load: Load):
    def twice(*, kpi_ids: list[int], now: datetime) -> int:
        judged = judge(kpi_ids=kpi_ids, now=now)
        if not judged:
            KpiState.objects.update(recorded_at=now)
        return judged

    with (
        mock.patch("benchmarks.cases.evaluating.judge", side_effect=twice),
        pytest.raises(CheckFailed, match="row versions"),
    ):
        measure(evaluate_latest, load)


def test_a_history_that_keeps_its_old_bands_is_not_timed(load: Load):
    with (
        mock.patch("benchmarks.cases.evaluating.rejudge", side_effect=lambda *, kpi_ids, since, now: len(kpi_ids)),
        pytest.raises(CheckFailed, match="evaluations"),
    ):
        measure(rejudge_history, load)


def test_a_tick_without_crossings_is_not_timed(load: Load):
    with mock.patch("alerts.services.note_judgements"), pytest.raises(CheckFailed, match="crossings"):
        measure(weekly_tick, load)


def test_a_page_without_its_rows_is_not_timed(load: Load):
    pages: list[Page] = [scorecard(load, SIZE, "unit", reach=1.0), the_kpi_page(load)]
    for page in pages:
        with pytest.raises(CheckFailed):
            page.check("<h1>Nothing here</h1>")


def test_a_page_that_is_not_found_is_not_timed(load: Load):
    client = Client(headers={"host": "localhost"})
    client.force_login(load.person("unit"))
    with pytest.raises(CheckFailed, match="status of /kpis/NONE/"):
        _get(client, "/kpis/NONE/")


def test_an_import_that_records_nothing_is_not_timed(load: Load):
    def nothing(*, readings: list, **_: object) -> Recorded:
        return Recorded(new=len(readings), revised=0, unchanged=0, kpi_ids=())

    with (
        mock.patch("benchmarks.cases.importing.record_measurements", side_effect=nothing),
        pytest.raises(CheckFailed, match="measurements"),
    ):
        measure(import_values, load)


def test_a_pull_that_is_not_applied_is_not_timed(load: Load):
    with (
        mock.patch("kpis.services.pulling.end_well"),
        pytest.raises(CheckFailed, match="state of the pull"),
    ):
        measure(import_values, load)


def test_an_import_that_writes_the_same_again_is_not_timed_as_unchanged(load: Load):
    def rewriting(**given: object) -> object:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE kpis_measurement SET value = value")
        return run_pull(**given)  # type: ignore[arg-type]

    with (
        mock.patch("benchmarks.cases.importing.run_pull", side_effect=rewriting),
        pytest.raises(CheckFailed, match="row versions"),
    ):
        measure(import_values, load)
