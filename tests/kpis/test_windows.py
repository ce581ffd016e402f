"""Which days a pull reads: those since the last one, and back to the start of what may have changed."""

from __future__ import annotations

from datetime import date

import pytest

from kpis.domain.periods import Calendar
from kpis.sources.base import Window, window_for

STANDARD = Calendar()
UNTIL = date(2026, 11, 22)  # a Sunday: the week from 16 November is open


@pytest.mark.parametrize(
    ("cursor", "look_back", "frequencies", "since"),
    [
        (None, 14, ["day"], None),
        (date(2026, 11, 22), 0, ["day"], date(2026, 11, 21)),
        (date(2026, 11, 20), 0, ["day"], date(2026, 11, 20)),
        (date(2026, 11, 22), 3, ["day", "week"], date(2026, 11, 16)),
        (date(2026, 11, 22), 14, ["day", "week"], date(2026, 11, 2)),
        (date(2026, 11, 22), 14, ["week", "month"], date(2026, 11, 1)),
        (date(2026, 11, 10), 14, ["week", "month"], date(2026, 10, 1)),
        (date(2026, 11, 10), 14, ["quarter", "day"], date(2026, 10, 1)),
    ],
)
def test_the_window_reaches_back_to_the_start_of_every_period_that_may_have_changed(
    cursor: date | None, look_back: int, frequencies: list[str], since: date | None
) -> None:
    grids = {(frequency, STANDARD) for frequency in frequencies}
    window = window_for(cursor=cursor, look_back_days=look_back, until=UNTIL, grids=grids)
    assert window == Window(since=since, until=UNTIL)


@pytest.mark.parametrize(
    ("frequencies", "since"),
    [
        (["month"], date(2026, 9, 1)),
        (["week", "quarter"], date(2026, 4, 1)),
        (["week"], date(2026, 11, 2)),
    ],
)
def test_of_reports_the_last_two_months_or_longer_periods_are_read_as_well(frequencies: list[str], since: date) -> None:
    grids = {(frequency, STANDARD) for frequency in frequencies}
    window = window_for(cursor=date(2026, 11, 22), look_back_days=14, until=UNTIL, grids=grids, reports=True)
    assert window == Window(since=since, until=UNTIL)


@pytest.mark.parametrize(
    ("cursor", "asked", "since"),
    [
        (date(2026, 11, 20), date(2026, 10, 5), date(2026, 10, 5)),
        (date(2026, 11, 2), date(2026, 11, 20), date(2026, 11, 1)),  # nothing between is skipped
        (None, date(2026, 11, 20), None),
    ],
)
def test_days_that_are_asked_for_are_read_on_top_of_those_that_are_due(
    cursor: date | None, asked: date, since: date | None
) -> None:
    grids = {("day", STANDARD)}
    window = window_for(cursor=cursor, look_back_days=1, until=UNTIL, grids=grids, asked_since=asked)
    assert window == Window(since=since, until=UNTIL)
