"""By when a source should have brought its values."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from kpis.domain.freshness import by_day, record, slots_between
from kpis.domain.schedule import Schedule

NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def test_a_slot_is_met_missed_or_still_in_time() -> None:
    slots = [at(f"2026-11-{day} 06:00") for day in (19, 20, 21, 22)]
    applied = [at("2026-11-19 06:30"), at("2026-11-20 09:00")]
    kept = record(slots, applied, within=timedelta(hours=2), now=at("2026-11-22 07:00"))
    assert [one.is_met for one in kept] == [True, False, False, None]
    assert [one.at for one in kept] == [*applied, None, None]


def test_a_day_of_many_slots_is_missed_if_one_of_them_was() -> None:
    hourly = Schedule(repeats="hourly", at=time(0), hours_apart=12)
    slots = slots_between(hourly, since=at("2026-10-31 00:00"), until=at("2026-11-01 23:00"), zone=NEW_YORK)
    assert [f"{slot:%d %H}" for slot in slots] == ["31 00", "31 12", "01 00", "01 12"]
    applied = [at("2026-10-31 12:30"), at("2026-11-01 00:30"), at("2026-11-01 12:30")]
    kept = record(slots, applied, within=timedelta(hours=1), now=at("2026-11-01 23:00"))
    assert [(day.day, one.is_met) for day, one in by_day(kept, NEW_YORK)] == [(31, False), (1, True)]
