"""Values of derived KPIs that time alone changes."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from kpis.models import Kpi
from kpis.services.deriving import derive_owed
from kpis.services.formulas import owe_from
from tests.kpis.test_deriving import an_input, calculate, derived, say, values_of

pytestmark = pytest.mark.django_db
W45, NOVEMBER = date(2026, 11, 2), date(2026, 11, 1)


def at(day: int) -> datetime:
    return datetime(2026, 11, day, 9, tzinfo=UTC)


@pytest.mark.parametrize(("missing", "later"), [("zero", [57, "28.5", 19]), ("ignore", [57, 57, 57])])
def test_a_week_that_is_over_without_a_value_counts_as_zero_from_then_on(missing: str, later: list[object]):
    walks = an_input("WALKS")
    derived("[WALKS]", since=NOVEMBER, code="MONTHLY", frequency="month")
    monthly = calculate(Kpi.objects.get(code="MONTHLY"), "[WALKS]", since=NOVEMBER, missing=missing)
    say(walks, {date(2026, 10, 26): "57"}, now=at(2))  # the week ends on 1 November
    found = []
    for day in (3, 9, 16):
        derive_owed(now=at(day))
        assert derive_owed(now=at(day)) == 0
        found.append(values_of(monthly)[NOVEMBER])
    assert [str(value.normalize()) for value in found if value] == [str(value) for value in later]
    owe_from(monthly, NOVEMBER)
    assert derive_owed(now=at(16)) == 0
