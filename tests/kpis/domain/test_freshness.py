"""By when a source should have brought its values."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from kpis.domain.freshness import next_slot, record

NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("after", "slot"),
    [
        ("2026-11-22 06:09", "2026-11-22 06:10"),
        ("2026-11-22 06:10", "2026-11-23 06:10"),
        ("2026-10-31 06:11", "2026-11-01 06:10"),  # the clock goes back in between: 25 hours
        ("2026-03-07 06:11", "2026-03-08 06:10"),
    ],
)
def test_the_next_slot_is_the_next_time_the_clock_comes_round(after: str, slot: str) -> None:
    assert next_slot(time(6, 10), after=at(after), zone=NEW_YORK) == at(slot)


def test_a_slot_is_met_missed_or_still_in_time() -> None:
    slots = [at(f"2026-11-{day} 06:00") for day in (19, 20, 21, 22)]
    applied = [at("2026-11-19 06:30"), at("2026-11-20 09:00")]
    kept = record(slots, applied, within=timedelta(hours=2), now=at("2026-11-22 07:00"))
    assert [one.is_met for one in kept] == [True, False, False, None]
    assert [one.at for one in kept] == [*applied, None, None]
