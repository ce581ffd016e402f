"""Held pulls that wait while something else happens: another pull, another mapping, another source of a KPI."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kpis.models import DataSource, Pull, SourceMapping, StagedReading
from kpis.services.pulling import apply_held_pull
from tests.kpis.pulls import NOW, a_mapped_kpi, a_source, lines, pull, values, write
from tests.kpis.test_pulling_badly import a_held_pull, again

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.KPI_SOURCES_DIR = tmp_path
    return tmp_path


def test_a_held_pull_brings_nothing_for_a_kpi_that_another_source_feeds_meanwhile(folder: Path) -> None:
    source = a_source()
    moved, stays = a_mapped_kpi(source), a_mapped_kpi(source)
    write(folder, lines())
    pull(source)
    write(folder, lines(a_day=1, until="2026-11-23"))
    held = pull(source, now=NOW + DAY)
    assert held.state == "suspect"
    SourceMapping.objects.filter(kpi=moved).update(source=a_source(code="other", name="Other"))
    before = values(moved)
    done = apply_held_pull(pull_id=held.pk, by=source.owner, reason="right", now=NOW + DAY)
    assert (done.values_revised, values(moved)) == (2, before)
    assert values(stays)["2026-11-16"] == (Decimal(7), "reported")


def test_what_is_held_of_other_days_waits_on_when_a_later_pull_is_applied(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    held = a_held_pull(folder, source)
    Pull.objects.filter(pk=held.pk).update(since=date(2026, 9, 7))
    old = {"kpi": kpi, "period_start": date(2026, 9, 7), "period_end": date(2026, 9, 14), "state": "reported"}
    StagedReading.objects.create(pull=held, value=5, **old)
    write(folder, lines(until="2026-11-24"))
    later = pull(source, now=NOW + 2 * DAY)
    assert later.state == "applied"
    held.refresh_from_db()
    assert (held.state, held.staged.get().value) == ("suspect", 5)  # newer rows of its other weeks count
    stands = values(kpi)
    apply_held_pull(pull_id=held.pk, by=source.owner, reason="right", now=NOW + 2 * DAY)
    assert values(kpi) == stands | {"2026-09-07": (Decimal(5), "reported")}
    assert again(source).cursor == (NOW + 2 * DAY).date()


def test_a_mapping_that_changed_while_a_pull_was_held_is_still_read_from_its_first_day(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    held = a_held_pull(folder, source)
    assert held.since is not None
    DataSource.objects.update(cursor=None)
    apply_held_pull(pull_id=held.pk, by=source.owner, reason="right", now=NOW + DAY)
    assert again(source).cursor is None
