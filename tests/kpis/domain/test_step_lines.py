"""Steps as people write them."""

from __future__ import annotations

import pytest

from kpis.domain.step_lines import StepRefused, steps_in, written_steps

TEXT = """rename Umsatz EUR to sales
read sales with decimal , grouping . accounting
read share with grouping space percent
read day as %d.%m.%Y
keep rows where country == DE
derive per_head = sales / heads * 100
derive plain = sales / heads
unpivot keeping country, city into month and sales"""


def test_every_kind_of_step_is_stored_with_its_parts() -> None:
    assert steps_in(TEXT) == [
        {"do": "rename", "column": "Umsatz EUR", "to": "sales"},
        {"do": "parse", "column": "sales", "decimal": ",", "grouping": ".", "accounting": True},
        {"do": "parse", "column": "share", "grouping": " ", "percent": True},
        {"do": "parse", "column": "day", "date_format": "%d.%m.%Y"},
        {"do": "filter", "where": [["country", "==", "DE"]]},
        {"do": "derive", "to": "per_head", "numerator": "sales", "denominator": "heads", "factor": 100},
        {"do": "derive", "to": "plain", "numerator": "sales", "denominator": "heads"},
        {"do": "unpivot", "keep": ["country", "city"], "name": "month", "value": "sales"},
    ]


def test_what_is_stored_is_written_as_it_was() -> None:
    assert written_steps(steps_in(TEXT)) == TEXT


@pytest.mark.parametrize(
    "line", ["drop everything", "rename sales", "read sales with comma", "keep rows where sales", "derive x = 1 +2"]
)
def test_a_line_that_is_no_step_is_named(line: str) -> None:
    with pytest.raises(StepRefused) as refused:
        steps_in(f"\n{line}")
    assert (refused.value.line, refused.value.text) == (2, line)
