"""Is the number there."""

from datetime import date

import pytest

from kpis.domain.health import days_late, default_grace_days, health_of

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("latest_end", "oldest_due", "failing", "health"),
    [
        (date(2026, 11, 16), None, False, "fresh"),
        (date(2026, 11, 16), date(2026, 11, 23), False, "fresh"),
        (date(2026, 11, 16), date(2026, 11, 22), False, "fresh"),
        (date(2026, 11, 9), date(2026, 11, 21), False, "late"),
        (date(2026, 11, 9), date(2026, 11, 15), False, "late"),
        (date(2026, 11, 9), date(2026, 11, 14), False, "stale"),
        (None, None, False, "never"),
        (None, date(2026, 1, 1), False, "never"),
        (date(2026, 11, 16), None, True, "source_error"),
        (None, date(2026, 1, 1), True, "source_error"),
    ],
)
def test_health_goes_by_the_oldest_value_still_missing(latest_end, oldest_due, failing, health):
    assert health_of(latest_end, oldest_due, TODAY, 7, failing) == health


@pytest.mark.parametrize(
    ("oldest_due", "days"),
    [(None, 0), (date(2026, 11, 30), 0), (TODAY, 0), (date(2026, 11, 21), 1), (date(2026, 10, 22), 31)],
)
def test_days_late_count_from_the_day_after_the_due_date(oldest_due, days):
    assert days_late(oldest_due, TODAY) == days


def test_by_default_one_further_period_passes_before_late_is_stale():
    frequencies = ("day", "week", "month", "quarter", "half_year", "year")
    assert [default_grace_days(frequency) for frequency in frequencies] == [1, 7, 31, 92, 184, 366]
