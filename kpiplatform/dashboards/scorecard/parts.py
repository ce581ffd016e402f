"""Long scorecards in parts: what is said above the table is about all rows, only some are shown and graded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from kpiplatform.dashboards.scorecard.rows import Row
from kpis.grades import grades_of

ROWS_AT_ONCE = 200
NAMED_AT_ONCE = 20  # of a list beside the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The rows shown, and the KPI below which the next part begins, "" at the end."""

    rows: Sequence[Row]
    after: str
    is_first: bool


def part_of(rows: Sequence[Row], *, after: str) -> Part:
    """Return the rows below the KPI `after`; one that is not among them, by an old address, starts from the top."""
    places = [place for place, row in enumerate(rows, start=1) if str(row.kpi.pk) == after] if after else []
    first = places[0] if places else 0
    shown = rows[first : first + ROWS_AT_ONCE]
    is_last = first + ROWS_AT_ONCE >= len(rows)
    return Part(rows=shown, after="" if is_last else str(shown[-1].kpi.pk), is_first=first == 0)


def give_grades(rows: Iterable[Row], *, today: date, known_at: datetime | None) -> None:
    """Give the rows the grades of confidence in the values that they show, in one query."""
    shown = {row.kpi.pk: row for row in rows}
    starts = {kpi_id: row.standing.period_start for kpi_id, row in shown.items()}
    for kpi_id, grade in grades_of(starts, today=today, known_at=known_at).items():
        shown[kpi_id].grade = grade
