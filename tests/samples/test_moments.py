"""Days and moments as the sample's files write them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from kpiplatform.demo.moments import Moments

NEW_YORK = ZoneInfo("America/New_York")
# A Sunday, 03:00 in New York.
LOADED = Moments(now=datetime(2026, 11, 22, 8, 0, tzinfo=UTC), zone=NEW_YORK, weeks=678)


@pytest.mark.parametrize(
    ("written", "day"),
    [
        (date(2013, 2, 8), date(2026, 2, 6)),
        (datetime(2013, 11, 19, 9, 24), date(2026, 11, 17)),  # noqa: DTZ001  a time of day on the organisation's clock
        ("start", date(2025, 12, 30)),
        ("exactly 2013-01-31", date(2013, 1, 31)),
        ("-3w thu", date(2026, 10, 29)),
        ("+1w thu", date(2026, 11, 26)),
        ("0w mon 06:10", date(2026, 11, 16)),
        ("-12w", date(2026, 8, 24)),
        ("-4d", date(2026, 11, 18)),
        ("0m", date(2026, 11, 1)),
        ("-11m", date(2025, 12, 1)),
    ],
)
def test_a_day_is_found_as_it_is_written(written: date | datetime | str, day: date) -> None:
    assert LOADED.day(written) == day


def test_a_time_of_day_is_on_the_clock_of_the_organisation() -> None:
    assert LOADED.moment("0w mon 06:10") == datetime(2026, 11, 16, 11, 10, tzinfo=UTC)
    assert LOADED.moment("-3w thu") == datetime(2026, 10, 29, 13, 0, tzinfo=UTC)


def test_the_day_is_that_of_the_organisation_not_of_greenwich() -> None:
    late = Moments(now=datetime(2026, 11, 23, 3, 0, tzinfo=UTC), zone=NEW_YORK, weeks=678)
    assert late.today == date(2026, 11, 22)


def test_texts_name_the_moved_day_and_week() -> None:
    written = "The front of {day:2013-10-07} in {week:2013-10-07}, plan {year}."
    assert LOADED.text(written) == "The front of 5 Oct in W41, plan FY26."


def test_limits_hold_for_the_period_in_which_the_data_begins() -> None:
    assert LOADED.effective("start") < date(2025, 12, 1)


def test_what_is_no_day_is_refused() -> None:
    with pytest.raises(ValueError, match="“next thursday” is no day"):
        LOADED.day("next thursday")
