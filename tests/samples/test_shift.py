"""By how much the sample's dates are moved."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from kpiplatform.demo.shift import FIRST_DAY, LAST_DAY, moved, season_true_move, weeks_to_move

ANY_DAY = st.dates(min_value=date(2014, 6, 1), max_value=date(2099, 12, 31))


def test_in_november_2026_the_data_is_that_of_2026() -> None:
    assert weeks_to_move(date(2026, 11, 22)) == 678
    assert moved(FIRST_DAY, 678) == date(2025, 12, 30)
    assert moved(LAST_DAY, 678) == date(2026, 12, 29)


def test_seasons_are_true_from_april_to_the_middle_of_december() -> None:
    day = date(2027, 4, 2)
    while day <= date(2027, 12, 14):
        assert weeks_to_move(day) == season_true_move(2027)
        day += timedelta(days=1)


def test_a_season_true_move_ends_at_a_years_end() -> None:
    for year in range(2015, 2100):
        assert abs(moved(LAST_DAY, season_true_move(year)) - date(year, 12, 31)) <= timedelta(days=3)


@given(ANY_DAY)
@example(date(2027, 1, 1))
@example(date(2027, 2, 14))
@example(date(2028, 2, 29))
def test_there_are_always_13_weeks_behind_and_two_ahead(today: date) -> None:
    weeks = weeks_to_move(today)
    assert today >= moved(FIRST_DAY, weeks) + timedelta(weeks=13)
    assert today <= moved(LAST_DAY, weeks) - timedelta(weeks=2)


@given(ANY_DAY)
def test_no_move_that_keeps_both_distances_is_nearer_to_the_seasons(today: date) -> None:
    def off_season(weeks: int) -> int:
        return min(abs(weeks - season_true_move(year)) for year in range(today.year - 2, today.year + 3))

    def keeps_both(weeks: int) -> bool:
        return moved(FIRST_DAY, weeks) + timedelta(weeks=13) <= today <= moved(LAST_DAY, weeks) - timedelta(weeks=2)

    chosen = weeks_to_move(today)
    assert off_season(chosen) == min(off_season(w) for w in range(chosen - 60, chosen + 60) if keeps_both(w))
