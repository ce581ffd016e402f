"""What rows may not do to many values at once unless somebody says that it is right."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kpis.domain.upheaval import Overturned, is_another_magnitude, why_another_unit, why_unlike, why_upheaval

D = Decimal


@pytest.mark.parametrize(
    ("one", "other", "is_so"),
    [
        ("1", "100", True),
        ("100", "1", True),
        ("-5", "500", True),
        ("1", "99.99", False),
        ("0", "500", False),
        ("0", "0", False),
    ],
)
def test_another_magnitude_is_a_hundred_times_either_way_and_never_of_nothing(one, other, is_so):
    assert is_another_magnitude(D(one), D(other)) is is_so


def overturned(kpi_id: int, *, emptied: int = 0, scaled: int = 0) -> Overturned:
    return Overturned(kpi_id=kpi_id, name=f"KPI {kpi_id}", emptied=emptied, scaled=scaled)


@pytest.mark.parametrize(
    ("found", "brought", "said"),
    [
        ([overturned(1, emptied=3)], {1: 6}, 1),  # half of what there is
        ([overturned(1, emptied=3)], {1: 7}, 0),
        ([overturned(1, emptied=2)], {1: 2}, 0),  # too few to tell
        ([overturned(1, emptied=4)], {1: 4, 2: 90}, 1),  # all of one among many
        ([overturned(n, scaled=1) for n in (1, 2, 3)], {1: 2, 2: 2, 3: 2}, 1),  # a bit of each
        ([overturned(1, emptied=4, scaled=4)], {1: 8}, 2),
    ],
)
def test_it_counts_where_it_is_half_of_all_or_half_of_one_kpi_and_at_least_three(found, brought, said):
    assert len(why_upheaval(found, brought)) == said


def test_the_kpi_that_is_hit_as_a_whole_is_named():
    found = [overturned(1, emptied=5), overturned(2, emptied=4)]
    (why,) = why_upheaval(found, {1: 100, 2: 4})
    assert str(why).startswith("9 values that stand would become 0, of “KPI 2” among others")


def test_new_values_leap_where_half_of_at_least_three_kpis_do():
    calm, leap = ("calm", D(10), D(12)), ("leap", D(10), D(10_000))
    assert why_another_unit([leap, leap]) is None
    assert why_another_unit([leap, leap, leap, calm, calm, calm, calm]) is None
    why = why_another_unit([leap, leap, leap, calm])
    assert str(why).startswith("3 of 4 KPIs would leap to a hundred times more or less than their last value, “leap”")


@pytest.mark.parametrize(
    ("values", "following", "is_unlike"),
    [
        (["70", "72", "71", "69", "70", "73"], "7300", True),
        (["70", "72", "71", "69", "70", "73"], "0.69", True),
        (["-70", "-72", "-71", "-69", "-70", "-73"], "7300", True),
        (["70", "72", "71", "69", "70", "73"], "7299", False),
        (["70", "72", "71", "69", "70"], "70000", False),  # too few to tell
        (["70", "72", "0", "71", "69", "70", "73"], "7300", True),  # a zero is of no magnitude
        (["1", "1000", "1", "1", "1", "1"], "150", False),  # it leaps at times
        (["1", "100000", "1", "1", "1", "1"], "300", False),  # between what it was
        (["70", "72", "71", "69", "70", "73"], "0", False),
    ],
)
def test_one_value_is_unlike_only_where_its_kpi_never_was_of_that_magnitude(values, following, is_unlike):
    assert (why_unlike("Bags", [D(value) for value in values], D(following)) is not None) is is_unlike
