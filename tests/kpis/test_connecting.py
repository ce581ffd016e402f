"""Feeding KPIs from a source: what had its values in another way changes by a version of its definition."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kpiplatform.audit.editing import seen
from kpis.models import Kpi, KpiVersion, Measurement, SourceMapping
from kpis.readings import Origin, Reading
from kpis.services.connecting import Change, Feed, fed_otherwise, feed
from kpis.services.defining import SHEET, define
from kpis.services.recording import record_measurements
from kpis.services.refusal import Refused
from kpis.sources.base import SourceError
from tests.factories import a_kpi
from tests.kpis.pulls import NOW, TODAY, a_source, lines, pull, values, write

pytestmark = pytest.mark.django_db
COUNTED = {"value": {"agg": "count"}}
MONDAY = date(2026, 11, 9)
CHANGE = Change(effective_from=MONDAY, reason="counted by the feed", breaks_series=True)


def fed(kpi: Kpi, spec: dict[str, Any] = COUNTED, change: Change = CHANGE, **source: Any) -> int:
    row = source.get("source") or a_source()
    return feed(source=row, feeds=[Feed(kpi=kpi, spec=spec)], change=change, by=row.owner, now=NOW)


def by_hand(kpi: Kpi, start: date, value: int) -> None:
    week = Reading(kpi_id=kpi.pk, period_start=start, period_end=start + timedelta(days=7), value=Decimal(value))
    record_measurements(readings=[week], origin=Origin(kind="manual", user_id=kpi.owner_id), now=NOW)


def test_a_kpi_entered_by_hand_gets_a_version_and_keeps_its_earlier_values(settings: Any, tmp_path: Path) -> None:
    settings.KPI_SOURCES_DIR = tmp_path
    write(tmp_path, lines(since="2026-11-02"))
    kpi = a_kpi(entry="manual")
    by_hand(kpi, date(2026, 11, 2), 70)
    assert fed(kpi) == 1
    version = KpiVersion.objects.get(kpi=kpi)
    told = (version.effective_from, version.reason, version.breaks_series, version.definition["entry"])
    assert told == (MONDAY, "counted by the feed", True, "source")
    assert pull(kpi.mapping.source).state == "applied"
    assert {start: value for start, (value, _) in values(kpi).items()} == {
        "2026-11-02": 70,
        "2026-11-09": 28,
        "2026-11-16": 24,
    }


def test_another_mapping_is_a_version_too_and_the_same_one_is_none() -> None:
    kpi, source = a_kpi(entry="source"), a_source()
    assert fed(kpi, source=source) == 1
    assert not KpiVersion.objects.exists()  # it waited for its source
    delayed = COUNTED | {"where": [["minutes", ">", 15]]}
    assert fed_otherwise([Feed(kpi=kpi, spec=COUNTED)]) == []
    assert fed_otherwise([Feed(kpi=kpi, spec=delayed)]) == [kpi]
    assert [fed(kpi, delayed, source=source) for _ in range(2)] == [1, 0]
    assert KpiVersion.objects.get(kpi=kpi).definition["entry"] == "source"
    assert SourceMapping.objects.get(kpi=kpi).since == MONDAY


def test_without_a_reason_nothing_changes() -> None:
    kpi = a_kpi(entry="manual")
    with pytest.raises(Refused, match="for a reason"):
        fed(kpi, change=Change(effective_from=TODAY, reason="", breaks_series=False))
    kpi.refresh_from_db()
    assert kpi.entry == "manual"
    assert not SourceMapping.objects.exists()


def test_a_definition_that_says_by_hand_ends_what_the_source_feeds() -> None:
    kpi = a_kpi(entry="source")
    fed(kpi)
    said = {"effective_from": TODAY, "reason": "the feed ends", "breaks_series": False, "by": kpi.owner, "now": NOW}
    define(kpi=kpi, seen=seen(kpi, SHEET), values={"name": "Arrivals"}, **said)
    assert SourceMapping.objects.exists()
    define(kpi=kpi, seen=seen(kpi, SHEET), values={"entry": "manual"}, **said)
    assert not SourceMapping.objects.exists()


def test_rows_behind_a_value_from_before_the_source_are_not_claimed() -> None:
    from kpis.domain.periods import period_of
    from kpis.queries import calendar_of
    from kpis.services.drilling import rows_behind

    kpi = a_kpi(entry="manual")
    fed(kpi)
    period = period_of(date(2026, 11, 2), kpi.frequency, calendar_of(kpi.calendar))
    with pytest.raises(SourceError, match="only since 9 Nov 2026"):
        rows_behind(kpi=Kpi.objects.get(), period=period, part="", after=0, limit=9, today=TODAY)
    assert not Measurement.objects.exists()
