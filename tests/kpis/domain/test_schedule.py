"""When a source is pulled: the rules of its schedule on the clock of the organisation."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.domain.schedule import HOURS_APART, Schedule, latest_slot, next_slot, next_slots

BERLIN = ZoneInfo("Europe/Berlin")


def a_schedule(**parts: Any) -> Schedule:
    return Schedule(**{"repeats": "daily", "at": time(6, 10), **parts})


@pytest.mark.parametrize(
    ("zone", "now", "slot"),
    [
        ("UTC", "2026-11-22T06:10:00+00:00", "2026-11-22T06:10:00+00:00"),
        ("UTC", "2026-11-22T06:09:59+00:00", "2026-11-21T06:10:00+00:00"),
        ("America/New_York", "2026-11-22T08:00:00+00:00", "2026-11-21T11:10:00+00:00"),
        ("America/New_York", "2026-07-22T10:30:00+00:00", "2026-07-22T10:10:00+00:00"),
        ("Pacific/Auckland", "2026-07-21T18:30:00+00:00", "2026-07-21T18:10:00+00:00"),
    ],
)
def test_the_slot_is_the_last_moment_the_clock_of_the_organisation_showed_the_time(
    zone: str, now: str, slot: str
) -> None:
    found = latest_slot(a_schedule(), now=datetime.fromisoformat(now), zone=ZoneInfo(zone))
    assert found == datetime.fromisoformat(slot)


@pytest.mark.parametrize(
    ("rule", "slots"),
    [
        ({}, ["22 06:10", "23 06:10", "24 06:10"]),
        ({"repeats": "hourly", "hours_apart": 8}, ["22 06:10", "22 14:10", "22 22:10"]),
        ({"repeats": "hourly", "hours_apart": 4}, ["22 02:10", "22 06:10", "22 10:10"]),
        ({"repeats": "weekdays"}, ["23 06:10", "24 06:10", "25 06:10"]),
        ({"repeats": "weekdays", "weekdays": frozenset({2, 7})}, ["22 06:10", "24 06:10", "29 06:10"]),
        ({"repeats": "monthly", "day_of_month": 31}, ["30 06:10", "31 06:10", "31 06:10"]),
    ],
)
def test_each_rule_has_its_slots_from_a_sunday_on(rule: dict[str, Any], slots: list[str]) -> None:
    sunday = datetime(2026, 11, 22, 0, 0, tzinfo=BERLIN)
    found = next_slots(a_schedule(**rule), after=sunday, zone=BERLIN, count=3)
    assert [f"{slot:%d %H:%M}" for slot in found] == slots


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
    zone = ZoneInfo("America/New_York")
    moment, expected = (datetime.fromisoformat(text).replace(tzinfo=zone) for text in (after, slot))
    assert next_slot(a_schedule(), after=moment, zone=zone) == expected


def test_february_ends_a_month_of_31_days() -> None:
    found = next_slots(
        a_schedule(repeats="monthly", day_of_month=31), after=datetime(2027, 2, 1, tzinfo=UTC), zone=UTC, count=2
    )
    assert [slot.date().isoformat() for slot in found] == ["2027-02-28", "2027-03-31"]


def test_an_hour_that_the_clock_skips_is_no_second_slot() -> None:
    hourly = a_schedule(repeats="hourly", hours_apart=1, at=time(0, 30))
    spring = next_slots(hourly, after=datetime(2027, 3, 28, 1, 0, tzinfo=BERLIN), zone=BERLIN, count=3)
    assert [slot.astimezone(UTC).strftime("%H:%M") for slot in spring] == ["00:30", "01:30", "02:30"]


@pytest.mark.parametrize(
    "rule", [{"hours_apart": 5}, {"weekdays": frozenset()}, {"weekdays": frozenset({8})}, {"day_of_month": 32}]
)
def test_a_rule_that_cannot_be_followed_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^The (hours|weekdays|day) "):
        a_schedule(**rule)


@settings(max_examples=50, deadline=None)
@given(
    rule=st.builds(
        a_schedule,
        repeats=st.sampled_from(["daily", "hourly", "weekdays", "monthly"]),
        at=st.builds(time, st.integers(0, 23), st.integers(0, 59)),
        hours_apart=st.sampled_from(HOURS_APART),
        weekdays=st.frozensets(st.integers(1, 7), min_size=1),
        day_of_month=st.integers(1, 31),
    ),
    minutes=st.integers(0, 2 * 366 * 24 * 60),
)
def test_no_slot_lies_between_the_latest_one_and_the_next(rule: Schedule, minutes: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    latest, following = latest_slot(rule, now=now, zone=BERLIN), next_slot(rule, after=now, zone=BERLIN)
    assert latest <= now < following
    assert next_slot(rule, after=latest, zone=BERLIN) == following
    assert latest_slot(rule, now=latest, zone=BERLIN) == latest
