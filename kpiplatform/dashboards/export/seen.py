"""A table of an export: its columns, and of its rows those that the person may see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import batched, compress
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, QuerySet, Subquery

from initiatives.queries import initiatives_visible_to
from kpiplatform.accounts.models import User
from kpiplatform.dashboards.calculation.explanation import HIDDEN
from kpis.calculations import parsed_or_none
from kpis.domain.formula.printing import written
from kpis.grades import grades_then
from kpis.models import Kpi, PeriodCalendar
from kpis.queries import kpis_configured_by, kpis_visible_to
from objectives.models import Objective, Unit
from objectives.queries import may_configure, objectives_visible_to, organisation

CHUNK = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Who exports, on which day their roles are asked for, and when."""

    user: User
    today: date
    now: datetime

    def kpis(self) -> QuerySet[Kpi]:
        """Admins take retired KPIs along: their history is part of everything."""
        if may_configure(self.user, today=self.today):
            return kpis_configured_by(self.user, today=self.today)
        return kpis_visible_to(self.user, today=self.today)

    def code_of(self, rows: QuerySet[Any], key: str) -> Subquery:
        """Return the code of the thing that a row refers to, nothing where the person may not see it."""
        return Subquery(rows.filter(pk=OuterRef(key)).order_by().values("code")[:1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the export; `columns` says for each head by which path it is filled, or how it is computed.

    `graded_by` are the paths of the value that is graded: itself, its KPI, its period, and when it ended if it did.
    `formulas` are columns with a formula, or with a definition that has one: it names no KPI that the person may not
    see, and no thing by its key in the database.
    """

    name: str
    label: Any
    columns: Mapping[str, str | Callable[[Seen], Subquery]]
    rows: Callable[[Seen], QuerySet[Any]]
    graded_by: tuple[str, ...] = ()
    formulas: tuple[str, ...] = ()

    def heads(self) -> list[str]:
        return [*self.columns, *(["confidence"] if self.graded_by else [])]

    def read(self, seen: Seen) -> Iterator[tuple[Any, ...]]:
        """Yield the rows with a cursor of the database: never more than a chunk is in memory."""
        rows = self._rows(seen, *self.graded_by)
        if self.formulas:
            rows = _hiding(rows, [self.heads().index(name) for name in self.formulas], seen)
        return _graded(rows, len(self.graded_by), seen) if self.graded_by else rows

    def _rows(self, seen: Seen, *more: str) -> Iterator[tuple[Any, ...]]:
        computed, names = {}, []
        for number, column in enumerate(self.columns.values()):
            if isinstance(column, str):
                names.append(column)
            else:
                name = f"computed_{number}"
                computed[name] = column(seen)
                names.append(name)
        rows = self.rows(seen).annotate(**computed).values_list(*names, *more)
        return rows.iterator(chunk_size=CHUNK)


def _graded(rows: Iterator[tuple[Any, ...]], by: int, seen: Seen) -> Iterator[tuple[Any, ...]]:
    """Yield rows that end with the grade of a value in place of what names it: its KPI, period, and when it ended."""
    zone = ZoneInfo(organisation().time_zone)
    for chunk in batched(rows, CHUNK):
        named = [(*row[1 - by :], None)[:3] for row in chunk]
        has_value = [row[-by] is not None for row in chunk]
        grades = grades_then(set(compress(named, has_value)), now=seen.now, zone=zone)
        for row, name, there in zip(chunk, named, has_value, strict=True):
            yield (*row[:-by], grades.get(name, "") if there else "")


def _hiding(rows: Iterator[tuple[Any, ...]], places: Sequence[int], seen: Seen) -> Iterator[tuple[Any, ...]]:
    """Yield rows whose formulas and definitions name only KPIs that one may see, and whatever they refer to by code."""
    codes_of = dict(seen.kpis().values_list("pk", "code"))
    codes = set(codes_of.values())
    names = {
        "objective": dict(Objective.objects.values_list("pk", "code")),
        "unit": dict(Unit.objects.values_list("pk", "code")),
        "calendar": dict(PeriodCalendar.objects.values_list("pk", "name")),
        "part_of": codes_of,
        "guard": codes_of,
    }

    def shown(cell: Any) -> Any:
        if isinstance(cell, dict):
            plain = {name: value for name, value in cell.items() if name.removesuffix("_id") not in names}
            named = {name: of.get(cell[f"{name}_id"]) for name, of in names.items() if f"{name}_id" in cell}
            return plain | {"formula": shown(cell.get("formula", ""))} | named
        tree = parsed_or_none(cell) if cell else None
        return cell if tree is None else written(tree, lambda code: code if code in codes else HIDDEN)

    for row in rows:
        yield tuple(shown(cell) if place in places else cell for place, cell in enumerate(row))


def same(*names: str, **others: Any) -> dict[str, Any]:
    return {name: name for name in names} | others


def of_kpis(model: Any, *order: str) -> Callable[[Seen], QuerySet[Any]]:
    return lambda seen: model.objects.filter(kpi__in=seen.kpis()).order_by("kpi_id", *order)


def kpi_code(seen: Seen) -> Subquery:
    return seen.code_of(seen.kpis(), "kpi_id")


def initiative_code(seen: Seen) -> Subquery:
    return seen.code_of(initiatives_visible_to(seen.user, today=seen.today), "initiative_id")


def objective_code(seen: Seen) -> Subquery:
    return seen.code_of(objectives_visible_to(seen.user, today=seen.today), "objective_id")
