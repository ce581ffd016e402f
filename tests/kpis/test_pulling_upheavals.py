"""Files of another unit, of rows called otherwise, or of half the days: held before they overturn what stands."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kpis.models import DataSource, Kpi, Pull, StagedReading
from kpis.services.judging import judge
from kpis.services.pulling import apply_held_pull
from kpis.services.uploads import take_upload
from tests.factories import a_person
from tests.kpis.pulls import NOW, a_mapped_kpi, a_source, lines, pull, values

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
MINUTES = {"agg": "sum", "column": "minutes"}


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.KPI_SOURCES_DIR = tmp_path
    return tmp_path


@pytest.fixture
def source() -> DataSource:
    return a_source(config={"origin": "upload", "date_column": "day"})


@pytest.fixture
def kpi(source: DataSource) -> Kpi:
    return a_mapped_kpi(source, {"value": MINUTES, "group": {"airport": "JFK"}})


def sent(source: DataSource, rows: list[str], *, day: int = 0) -> Pull:
    content = "\n".join(["day,airport,minutes", *rows])
    now = NOW + day * DAY
    asked = take_upload(source=source, name="flights.csv", pieces=[content.encode()], by=source.owner, now=now)
    assert asked is not None
    return pull(source, slot=asked.slot, now=now)


def four_weeks(**said: Any) -> list[str]:
    return lines(since="2026-10-19", until="2026-11-16", **said)


def test_a_file_of_another_unit_is_held_and_counts_when_somebody_says_so(source: DataSource, kpi: Kpi) -> None:
    assert sent(source, four_weeks()).state == "applied"
    before = values(kpi)
    held = sent(source, four_weeks(minutes=10_000), day=1)
    assert (held.state, values(kpi)) == ("suspect", before)
    assert str(held.error) == (
        f"4 values that stand would be a hundred times larger or smaller, of “{kpi.name}” among others: is it another"
        " unit? Nothing was applied; someone has to decide."
    )
    assert (held.values_new, held.values_revised, StagedReading.objects.filter(pull=held).count()) == (0, 0, 4)
    apply_held_pull(pull_id=held.pk, by=a_person("Ines"), reason="in cents now", now=NOW + 2 * DAY)
    assert {value for value, _state in values(kpi).values()} == {Decimal(280_000)}


def test_rows_that_are_called_otherwise_do_not_turn_what_stands_into_zeros(source: DataSource, kpi: Kpi) -> None:
    sent(source, four_weeks())
    before = values(kpi)
    held = sent(source, [row.replace("JFK", "Kennedy") for row in four_weeks()], day=1)
    assert (held.state, values(kpi)) == ("suspect", before)
    assert str(held.error).startswith(f"4 values that stand would become 0, of “{kpi.name}” among others: are the rows")


def test_some_corrections_and_a_value_that_fell_to_nothing_count_at_once(source: DataSource, kpi: Kpi) -> None:
    sent(source, four_weeks())
    first_week = lines(since="2026-10-19", until="2026-10-26", minutes=0)
    done = sent(source, [*first_week, *lines(since="2026-10-26", until="2026-11-16", minutes=13)], day=1)
    assert (done.state, done.values_revised) == ("applied", 4)


def test_new_values_of_another_unit_are_held_although_nothing_stood_there(source: DataSource) -> None:
    kpis = [
        a_mapped_kpi(source, {"value": {**MINUTES, "where": [["airport", "==", "JFK"]]}}, code=f"M{n}") for n in "123"
    ]
    sent(source, four_weeks())
    judge(kpi_ids=[kpi.pk for kpi in kpis], now=NOW)
    held = sent(source, lines(since="2026-11-16", until="2026-11-23", minutes=10_000), day=1)
    assert held.state == "suspect"
    assert "3 of 3 KPIs would leap to a hundred times more or less than their last value" in str(held.error)


def test_a_single_value_is_held_where_its_kpi_never_was_of_that_magnitude(source: DataSource, kpi: Kpi) -> None:
    sent(source, lines(since="2026-10-05", until="2026-11-16"))
    judge(kpi_ids=[kpi.pk], now=NOW)
    held = sent(source, lines(since="2026-11-16", until="2026-11-23", minutes=10_000), day=1)
    assert held.state == "suspect"
    assert str(held.error).startswith(f"“{kpi.name}” would leap to a hundred times more or less than any of its last")
    assert sent(source, lines(since="2026-11-16", until="2026-11-23", minutes=400), day=2).state == "applied"


def test_so_are_one_or_two_values_that_stand_until_somebody_says_that_they_are_right(
    source: DataSource, kpi: Kpi
) -> None:
    sent(source, lines(since="2026-09-14", until="2026-11-16"))
    judge(kpi_ids=[kpi.pk], now=NOW)
    two_weeks = lines(since="2026-11-02", until="2026-11-16", minutes=10_000)
    held = sent(source, two_weeks, day=1)
    assert (held.state, values(kpi)["2026-11-09"][0]) == ("suspect", 280)
    assert "would leap to a hundred times more or less than any of its last values" in str(held.error)
    apply_held_pull(pull_id=held.pk, by=a_person("Ines"), reason="in cents now", now=NOW + 2 * DAY)
    judge(kpi_ids=[kpi.pk], now=NOW + 2 * DAY)
    following = lines(since="2026-11-16", until="2026-11-23", minutes=11_000)
    assert sent(source, [*two_weeks, *following], day=3).state == "applied"


def test_half_a_file_does_not_replace_whole_periods_but_a_longer_part_replaces_a_shorter_one(
    source: DataSource, kpi: Kpi
) -> None:
    until = {part: lines(since="2026-10-19", until=f"2026-11-{part}") for part in ("12", "14", "16")}
    assert sent(source, until["12"]).state == "applied"  # three days of the week from 9 November
    assert sent(source, until["14"], day=1).state == "applied"
    assert sent(source, until["16"], day=2).state == "applied"
    assert values(kpi)["2026-11-09"] == (Decimal(280), "reported")
    held = sent(source, until["12"], day=3)
    assert (held.state, values(kpi)["2026-11-09"]) == ("suspect", (Decimal(280), "reported"))
    assert str(held.error).startswith(
        "The rows end on 11 Nov 2026, so 1 value of a whole period that stands would be of a part only."
    )


def test_a_file_that_begins_in_the_middle_does_not_replace_a_whole_period(source: DataSource, kpi: Kpi) -> None:
    sent(source, four_weeks())
    held = sent(source, lines(since="2026-10-22", until="2026-11-16"), day=1)
    assert (held.state, values(kpi)["2026-10-19"][0]) == ("suspect", 280)
    assert "The rows begin on" in str(held.error)
