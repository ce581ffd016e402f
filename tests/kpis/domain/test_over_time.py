"""Longer periods from shorter ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.domain.aggregation import Aggregate, Value, aggregate
from kpis.domain.over_time import Part, Span, frequencies_from, spans
from kpis.domain.periods import Calendar, Period, next_period, parse_key, period_of

PLAIN = Calendar()
JULY = Calendar(fiscal_year_start_month=7)
WEEKS_445 = Calendar(pattern="445", year_end_rule="last", year_end_weekday=5, year_end_month=12)
LONG_AFTER = date(2100, 1, 1)


def by(method: str, factor: int = 1):
    def combine(parts: Sequence[Part]) -> Aggregate:
        return aggregate([part.value for part in parts], method, Decimal(factor))

    return combine


def part(key: str, value: str | None, *, of: str = "", calendar: Calendar = PLAIN) -> Part:
    """A part with a plain value, or with a numerator and the denominator it is of."""
    period = parse_key(key, calendar)
    if value is None:
        return Part(period=period, value=None)
    if of:
        ratio = Decimal(value) / Decimal(of)
        return Part(period=period, value=Value(value=ratio, numerator=Decimal(value), denominator=Decimal(of)))
    return Part(period=period, value=Value(value=Decimal(value)))


def seen(
    parts: Sequence[Part],
    frequency: str,
    method: str,
    *,
    calendar: Calendar = PLAIN,
    rolling: int = 3,
    today: date = LONG_AFTER,
    factor: int = 1,
    breaks: Sequence[date] = (),
) -> dict[str, Span]:
    found = spans(
        parts,
        frequency=frequency,
        calendar=calendar,
        method=method,
        combine=by(method, factor),
        rolling=rolling,
        today=today,
        breaks=breaks,
    )
    return {span.period.key: span for span in found}


def test_a_quarter_of_a_ratio_is_the_ratio_of_its_sums_and_no_mean_of_percentages() -> None:
    parts = [part("2026-01", "2", of="4"), part("2026-02", "2", of="100")]
    total = seen(parts, "quarter", "ratio_of_sums", factor=100)["2026-Q1"].total
    assert round(total.value, 3) == Decimal("3.846")
    assert (total.present, total.due) == (2, 2)


def test_a_week_is_counted_in_the_month_of_its_last_day() -> None:
    weeks = [part("2026-W05", "1"), part("2026-W09", "10"), part("2026-W10", "100")]  # they end 1 Feb, 1 Mar, 8 Mar
    months = seen(weeks, "month", "sum")
    assert {key: span.total.value for key, span in months.items()} == {"2026-02": 1, "2026-03": 110}


def test_a_missing_period_is_due_and_leaves_the_sum_incomplete() -> None:
    quarter = seen([part("2026-01", "5"), part("2026-02", None), part("2026-03", "7")], "quarter", "sum")["2026-Q1"]
    assert (quarter.total.value, quarter.total.present, quarter.total.due) == (12, 2, 3)
    assert not quarter.total.complete


def test_the_year_to_date_starts_with_the_fiscal_year() -> None:
    months = [part(f"2026-{number:02d}", str(number)) for number in range(5, 10)]
    found = seen(months, "month", "sum", calendar=JULY)
    assert [span.to_date.value for span in found.values()] == [5, 11, 7, 15, 24]


def test_a_week_that_ends_in_the_new_fiscal_year_opens_its_year_to_date() -> None:
    weeks = [part("2025-W52", "1"), part("2026-W01", "10"), part("2026-W02", "100")]  # W01 ends on 4 January 2026
    assert [span.to_date.value for span in seen(weeks, "week", "sum").values()] == [1, 10, 110]


def test_a_rolling_value_is_made_of_the_last_periods_of_the_same_length() -> None:
    months = [part(f"2026-{number:02d}", str(number)) for number in range(1, 5)]
    sums = [span.rolling for span in seen(months, "month", "sum", rolling=3).values()]
    assert [total and total.value for total in sums] == [None, None, 6, 9]
    means = [span.rolling for span in seen(months, "month", "average", rolling=2).values()]
    assert [total and total.value for total in means] == [None, Decimal("1.5"), Decimal("2.5"), Decimal("3.5")]


def test_week_53_compares_with_nothing_and_the_week_after_it_by_number() -> None:
    first = period_of(date(2025, 12, 29), "week", PLAIN)
    weeks, period = [], first
    while period.start < date(2027, 1, 18):
        weeks.append(part(period.key, str(len(weeks))))
        period = next_period(period, PLAIN)
    found = seen(weeks, "week", "average")
    assert found["2026-W53"].last_year.why_none == "no_such_period"
    assert found["2027-W01"].last_year.other.key == "2026-W01"
    assert found["2027-W01"].last_year.change == 53
    assert found["2027-W01"].previous.other.key == "2026-W53"


@pytest.mark.parametrize(
    ("method", "today", "why"),
    [
        ("sum", date(2026, 8, 20), "incomplete"),
        ("average", date(2026, 8, 20), ""),
        ("sum", date(2026, 10, 1), ""),
    ],
)
def test_what_is_added_up_is_compared_only_as_a_whole(method: str, today: date, why: str) -> None:
    months = [part(f"2026-{number:02d}", "2") for number in range(4, 10)]
    assert seen(months, "quarter", method, today=today)["2026-Q3"].previous.why_none == why


def test_periods_of_different_definitions_are_not_compared() -> None:
    months = [part(f"2026-{number:02d}", str(number)) for number in range(1, 8)]
    found = seen(months, "quarter", "average", breaks=[date(2026, 5, 1)])
    assert found["2026-Q2"].mixes_definitions
    assert found["2026-Q2"].previous.why_none == "other_definition"
    assert not found["2026-Q1"].mixes_definitions
    mixed = {key: span.year_mixes_definitions for key, span in found.items()}
    assert (mixed["2026-Q1"], mixed["2026-Q2"], mixed["2026-Q3"]) == (False, True, True)
    assert seen(months, "month", "average", breaks=[date(2026, 5, 1)])["2026-06"].previous.change == 1


def test_percentiles_and_the_like_have_no_longer_period() -> None:
    total = seen([part("2026-01", "5")], "quarter", "none")["2026-Q1"].total
    assert (total.value, total.reason) == (None, "no_rollup")


def test_what_does_not_roll_up_still_has_its_own_periods() -> None:
    months = seen([part("2026-01", "5"), part("2026-02", "9")], "month", "none")
    assert months["2026-02"].total.value == 9
    assert months["2026-02"].previous.change == 4
    assert months["2026-02"].to_date.reason == "no_rollup"


def test_without_values_there_is_nothing() -> None:
    assert (
        spans([], frequency="year", calendar=PLAIN, method="sum", combine=by("sum"), rolling=3, today=LONG_AFTER) == []
    )
    assert [str(one) for one in frequencies_from("quarter")] == ["quarter", "half_year", "year"]


@given(
    first=st.dates(date(2000, 1, 1), date(2099, 1, 1)),
    values=st.lists(st.one_of(st.none(), st.integers(-1000, 1000)), min_size=1, max_size=80),
    own=st.sampled_from(["day", "week", "month"]),
    frequency=st.sampled_from(["month", "quarter", "half_year", "year"]),
    calendar=st.sampled_from([PLAIN, JULY, WEEKS_445]),
)
def test_every_value_is_counted_in_exactly_one_period(
    first: date, values: list[int | None], own: str, frequency: str, calendar: Calendar
) -> None:
    parts, period = [], period_of(first, own, calendar)
    for value in values:
        parts.append(Part(period=period, value=None if value is None else Value(value=Decimal(value))))
        period = next_period(period, calendar)
    found = spans(
        parts,
        frequency=frequency,
        calendar=calendar,
        method="sum",
        combine=by("sum"),
        rolling=2,
        today=LONG_AFTER,
    )
    assert sum(span.total.due for span in found) == len(values)
    assert sum((span.total.value or Decimal(0) for span in found), Decimal(0)) == sum(v or 0 for v in values)
    assert all(_touch(one.period, after.period) for one, after in pairwise(found))
    for span in found:
        naive = [p for p in parts if span.period.start <= p.period.last_day < span.period.end]
        assert span.total == by("sum")(naive)


def _touch(one: Period, after: Period) -> bool:
    return one.end == after.start and one.last_day + timedelta(days=1) == after.start
