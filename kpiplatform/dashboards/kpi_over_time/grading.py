"""The grades of confidence in what is made of several values: longer periods, to date, rolling, and units below."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from kpiplatform.dashboards.kpi_over_time.choice import ROLLING, TO_DATE
from kpiplatform.dashboards.kpi_page.facts import Facts
from kpis.domain.over_time import Part, Span
from kpis.domain.periods import fiscal_year_start
from kpis.evidence import Key
from kpis.grades import grades_together

TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grades:
    """Grades by what is graded, "" for what has no value."""

    found: Mapping[Hashable, str] = field(default_factory=dict)

    def of(self, span: Span, what: str = TOTAL) -> str:
        """Return the grade of a longer period, or of the year to date or of what rolls to its end."""
        return self.found.get((span.period.start, what), "")

    def of_unit(self, kpi_id: int) -> str:
        """Return the grade of the KPI of a unit below in the period whose units are shown."""
        return self.found.get(kpi_id, "")

    def of_units(self, kpi_ids: Iterable[int]) -> str:
        """Return the grade of units together: that of the weakest."""
        return max((self.of_unit(kpi_id) for kpi_id in kpi_ids), default="")


def graded(
    facts: Facts,
    parts: Sequence[Part],
    found: Sequence[Span],
    shown: Iterable[Span],
    of_units: Mapping[int, Sequence[date]],
    *,
    rolls: int,
) -> Grades:
    """Return the grades of the spans that are shown, of all that were found, and of units by their values' first days.

    However many they are, the evidence is read at once.
    """
    starts = [span.period.start for span in found]
    there = [part.period for part in parts if part.value is not None and part.value.value is not None]
    last_days = [period.last_day for period in there]

    def within(start: date, end: date) -> list[Key]:
        inside = there[bisect_left(last_days, start) : bisect_left(last_days, end)]
        return [(facts.kpi.pk, period.start) for period in inside]

    made_of: dict[Hashable, list[Key]] = {
        kpi_id: [(kpi_id, start) for start in starts] for kpi_id, starts in of_units.items()
    }
    for span in shown:
        period = span.period
        begins = {TOTAL: period.start, TO_DATE: fiscal_year_start(period.last_day, facts.calendar)}
        if span.rolling:
            begins[ROLLING] = starts[bisect_left(starts, period.start) - rolls + 1]
        made_of |= {(period.start, what): within(start, period.end) for what, start in begins.items()}
    return Grades(found=grades_together(made_of, today=facts.today, known_at=facts.known.at))
