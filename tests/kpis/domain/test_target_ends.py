"""Until when a target holds, and what has to be written so that it does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from kpis.domain.limits import TargetRow, in_force
from kpis.domain.target_ends import ends, last_day, next_target

JAN, JUL, OCT, NEXT = date(2026, 1, 1), date(2026, 7, 1), date(2026, 10, 1), date(2027, 1, 1)
DAY = timedelta(days=1)


def row(start: date, value: int | None, recorded: int = 1) -> TargetRow:
    said = None if value is None else Decimal(value)
    return TargetRow(effective_from=start, recorded_at=datetime(2026, 1, recorded, tzinfo=UTC), value=said)


def test_a_target_that_has_ended_is_in_force_no_more_until_another_begins():
    rows = [row(JAN, 80), row(JUL, None), row(OCT, 85)]
    found = [in_force(rows, day) for day in (JUL - DAY, JUL, OCT)]
    assert [one and one.value for one in found] == [80, None, 85]


@pytest.mark.parametrize(
    ("rows", "last"),
    [
        ([row(JAN, 80)], None),
        ([row(JAN, 80), row(JUL, None)], JUL - DAY),
        ([row(JAN, 80), row(JUL, 80), row(OCT, None)], OCT - DAY),
        ([row(JAN, 80), row(JUL, 85), row(OCT, None)], None),
        ([row(JAN, 80), row(JUL, None), row(JUL, 80, recorded=2)], None),
        ([row(JAN, None)], None),
    ],
)
def test_the_last_day_of_a_target_is_the_one_before_nothing_is_wanted(rows, last):
    assert last_day(rows, JAN) == last


@pytest.mark.parametrize(
    ("present", "until"),
    [
        ([], OCT),
        ([row(JUL, None)], OCT),
        ([row(NEXT, None)], OCT),
        ([row(OCT + DAY, None)], OCT),
        ([row(JUL, None)], None),
        ([row(JUL, 80)], OCT),
        ([row(NEXT, 90)], OCT),
        ([row(NEXT, 90)], NEXT - DAY),
        ([row(JUL, None), row(NEXT, 90)], None),
    ],
)
def test_after_its_ends_are_written_a_target_holds_exactly_until_its_last_day(present, until):
    rows, wanted = [row(JAN, 70), *present], row(JAN, 80, recorded=3)
    written = ends(rows, wanted, until)
    after = [*rows, wanted, *written]
    following = next_target(rows, wanted)
    for day in (JAN, JUL, OCT, OCT + DAY, NEXT - DAY, NEXT):
        found = in_force(after, day)
        if following is not None and day >= following:
            assert found == row(NEXT, 90)
        else:
            assert (found and found.value) == (80 if until is None or day <= until else None)
    assert ends(after, wanted, until) == ()
