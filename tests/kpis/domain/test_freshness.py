"""By when a source should have brought its values."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from kpis.domain.freshness import record

NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def test_a_slot_is_met_missed_or_still_in_time() -> None:
    slots = [at(f"2026-11-{day} 06:00") for day in (19, 20, 21, 22)]
    applied = [at("2026-11-19 06:30"), at("2026-11-20 09:00")]
    kept = record(slots, applied, within=timedelta(hours=2), now=at("2026-11-22 07:00"))
    assert [one.is_met for one in kept] == [True, False, False, None]
    assert [one.at for one in kept] == [*applied, None, None]
