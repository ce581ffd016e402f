"""Many KPIs of one source are computed together."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from kpis.sources.computing import compute_readings
from kpis.sources.mapping import MappedKpi, parse_mapping
from tests.kpis.test_mapping import ALL, MONDAY, STANDARD, rows_of


@pytest.mark.parametrize("at_once", [1_000_000, 7])
def test_kpis_computed_together_have_the_values_they_have_alone(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kpis.sources.blocks.ROWS_AT_ONCE", at_once)
    random = np.random.default_rng(7)
    places = [f"P{n}" for n in range(12)]
    frame = {
        "day": [MONDAY + timedelta(int(n)) for n in sorted(random.integers(-30, 13, 300))],
        "place": [places[n] for n in random.integers(0, 12, 300)],
        "x": [None if n == 9 else float(n) / 8 for n in random.integers(0, 10, 300)],
    }
    share = {"numerator": {"agg": "count", "where": [["x", "<", 0.5]]}, "denominator": {"agg": "count", "column": "x"}}
    of_all = [
        {"value": {"agg": "sum", "column": "x"}},
        {"where": [["x", ">", 0.25]], "value": {"agg": "mean", "column": "x"}},
        {"value": {"agg": "nunique", "column": "place"}},
    ]
    figures = [share, {"value": {"agg": "mean", "column": "x"}}, {"value": {"agg": "sum", "column": "x"}}]
    asked = [{"where": [["place", "==", place]], **figure} for figure in figures for place in [*places, "nowhere"]]
    narrow = [{"where": [["place", "==", place], ["x", "not_null"]], **figures[1]} for place in places]
    specs = [*of_all, *asked, *narrow]
    kpis = [
        MappedKpi(
            kpi_id=n,
            code=f"K{n}",
            frequency="week" if n % 5 else "month",
            calendar=STANDARD,
            mapping=parse_mapping(spec),
            ratio_factor=Decimal(100),
            maximum=Decimal(60),
        )
        for n, spec in enumerate(specs)
    ]
    rows = rows_of(frame, specs)
    left_out = {0: np.arange(len(rows)) % 3 == 0, 5: np.arange(len(rows)) % 2 == 0}
    together = compute_readings(rows, kpis, ALL, left_out=left_out)
    alone = [compute_readings(rows, [kpi], ALL, left_out=left_out) for kpi in kpis]
    assert together.readings == [reading for one in alone for reading in one.readings]
    assert together.refusals == [refusal for one in alone for refusal in one.refusals]
    assert len(together.readings) > 200
    assert together.refusals
