"""What a KPI can be bounds what is computed for it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kpis.models import Measurement
from kpis.services.deriving import derive_owed
from tests.factories import NOW
from tests.kpis.test_deriving import W45, W46, W47, an_input, calculate, derived, say, values_of

pytestmark = pytest.mark.django_db


def test_what_a_kpi_can_not_be_is_no_value_of_it_by_the_definition_of_the_period():
    """Typed or pulled it would be refused; judged, 120 percent of all flights would be better than any other value."""
    part, whole = an_input("PART"), an_input("WHOLE")
    share = derived("[PART] ÷ [WHOLE] × 100", maximum=Decimal(100))
    say(part, {W45: "90", W46: "120", W47: "100"})
    say(whole, dict.fromkeys((W45, W46, W47), "100"))
    derive_owed(now=NOW)
    assert values_of(share) == {W45: 90, W46: None, W47: 100}
    assert Measurement.objects.get(kpi=share, period_start=W46).reason == "not_possible"
    calculate(share, "[PART] ÷ [WHOLE] × 100", since=W46, maximum=None)
    derive_owed(now=NOW)
    assert values_of(share) == {W45: 90, W46: 120, W47: 100}
    calculate(share, "[PART] ÷ [WHOLE] × 100", since=W47, maximum=Decimal(95))
    derive_owed(now=NOW)
    assert values_of(share) == {W45: 90, W46: 120, W47: None}
