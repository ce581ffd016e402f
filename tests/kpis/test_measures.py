"""Figures of a source that feed many KPIs."""

from __future__ import annotations

import json

from kpis.sources.mapping import parse_mapping
from kpis.sources.measures import Measure, Part

ON_TIME = Measure(
    name="On time",
    numerator=Part(agg="count", where=[["delay", "<=", 15]]),
    denominator=Part(agg="count"),
    factor="100",
    where=[["delay", "not_null"]],
    group_by="origin",
)


def test_each_group_gets_a_mapping_of_its_own() -> None:
    assert ON_TIME.mapping("JFK") == {
        "where": [["delay", "not_null"]],
        "group": {"origin": "JFK"},
        "numerator": {"agg": "count", "where": [["delay", "<=", 15]]},
        "denominator": {"agg": "count"},
        "factor": 100,
    }
    parse_mapping(ON_TIME.mapping("JFK"))


def test_without_groups_one_kpi_takes_all_rows() -> None:
    seats = Measure(name="Seats", numerator=Part(agg="sum", column="seats"))
    assert seats.mapping() == {"where": [], "value": {"agg": "sum", "column": "seats"}}
    assert seats.columns == {"seats"}
    assert ON_TIME.columns == {"delay", "origin"}


def test_it_is_stored_as_plain_data_and_read_as_the_same() -> None:
    assert Measure.stored(json.loads(json.dumps(ON_TIME.to_store()))) == ON_TIME
