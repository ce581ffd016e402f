"""What an export holds: each table with its columns, and of its rows those that the person may see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import batched, compress
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from alerts.queries import incidents_visible_to
from initiatives.models import ExpectedImpact, Milestone
from initiatives.queries import initiatives_visible_to
from kpiplatform.accounts.models import User
from kpiplatform.dashboards.calculation.explanation import HIDDEN
from kpis.calculations import parsed_or_none
from kpis.domain.formula.printing import written
from kpis.grades import grades_then
from kpis.models import (
    Annotation,
    Commentary,
    Evaluation,
    Kpi,
    KpiOwnership,
    KpiVersion,
    KpiWeight,
    Measurement,
    MeasurementRevision,
    Target,
    ThresholdSet,
)
from kpis.queries import kpis_configured_by, kpis_visible_to
from kpis.services.defining import SHEET
from objectives.queries import may_configure, objectives_visible_to, organisation, units_visible_to
from reviews.queries import actions_visible_to, decisions_visible_to, reviews_visible_to

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
    see.
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
    """Yield rows whose formulas name only KPIs that the person may see."""
    codes = set(seen.kpis().values_list("code", flat=True))

    def shown(cell: Any) -> Any:
        if isinstance(cell, dict):
            return cell | {"formula": shown(cell.get("formula", ""))}
        tree = parsed_or_none(cell) if cell else None
        return cell if tree is None else written(tree, lambda code: code if code in codes else HIDDEN)

    for row in rows:
        yield tuple(shown(cell) if place in places else cell for place, cell in enumerate(row))


def _same(*names: str, **others: Any) -> dict[str, Any]:
    return {name: name for name in names} | others


def _of_kpis(model: Any, *order: str) -> Callable[[Seen], QuerySet[Any]]:
    return lambda seen: model.objects.filter(kpi__in=seen.kpis()).order_by("kpi_id", *order)


def _revisions(seen: Seen) -> QuerySet[Any]:
    """Each with the moment at which the next one took its place."""
    after = MeasurementRevision.objects.filter(
        kpi=OuterRef("kpi"), period_start=OuterRef("period_start"), seq=OuterRef("seq") + 1
    )
    rows = _of_kpis(MeasurementRevision, "period_start", "seq")(seen)
    return rows.annotate(ended_at=Subquery(after.values("recorded_at")[:1]))


def _kpi_code(seen: Seen) -> Subquery:
    return seen.code_of(seen.kpis(), "kpi_id")


def _initiative_code(seen: Seen) -> Subquery:
    return seen.code_of(initiatives_visible_to(seen.user, today=seen.today), "initiative_id")


def _objective_code(seen: Seen) -> Subquery:
    return seen.code_of(objectives_visible_to(seen.user, today=seen.today), "objective_id")


PRESENT = ("value", "kpi_id", "period_start")
VALUE = ("period_start", "period_end", "value", "numerator", "denominator", "state", "reason")
LIMITS = ("goal", "red_flag", "goal_low", "goal_high", "red_low", "red_high")
LAST_CHANGE = {"recorded_at": "recorded_at", "recorded_by": "recorded_by__email"}

TABLES = (
    Table(
        name="units",
        label=_("Units"),
        columns=_same("code", "name", "path", "is_active", parent="parent__code"),
        rows=lambda seen: units_visible_to(seen.user, today=seen.today).order_by("path"),
    ),
    Table(
        name="objectives",
        label=_("Objectives with their roll-up"),
        columns=_same(
            "code", "name", "description", "roll_up_method", "minimum_coverage", "status",
            plan="plan__code", perspective="perspective__code", theme="theme__code", unit="unit__code",
            owner="owner__email", score="state__score", band="state__band", average="state__average",
            worst_score="state__worst_score", coverage="state__coverage",
            parent=lambda seen: seen.code_of(objectives_visible_to(seen.user, today=seen.today), "parent_id"),
        ),
        rows=lambda seen: objectives_visible_to(seen.user, today=seen.today).order_by("code"),
    ),
    Table(
        name="kpis",
        label=_("KPIs with their definition"),
        columns=_same(
            "code", *(name for name in SHEET if not name.endswith("_id")), "status", "version",
            objective="objective__code", unit="unit__code", calendar="calendar__name", owner="owner__email",
            deputy="deputy__email", steward="steward__email", guard=lambda seen: seen.code_of(seen.kpis(), "guard_id"),
            part_of=lambda seen: seen.code_of(seen.kpis(), "part_of_id"),
        ),
        rows=lambda seen: seen.kpis().order_by("code"),
        formulas=("formula",),
    ),
    Table(
        name="kpi_versions",
        label=_("Versions of definitions"),
        columns={"kpi": "kpi__code"}
        | _same("version", "effective_from", "breaks_series", "reason", "definition") | LAST_CHANGE,
        rows=_of_kpis(KpiVersion, "version"),
        formulas=("definition",),
    ),
    Table(
        name="kpi_owners",
        label=_("Owners over time"),
        columns={"kpi": "kpi__code", "owner": "owner__email"} | _same("effective_from", "reason") | LAST_CHANGE,
        rows=_of_kpis(KpiOwnership, "effective_from", "recorded_at"),
    ),
    Table(
        name="kpi_weights",
        label=_("Weights of KPIs over time"),
        columns={"kpi": "kpi__code"} | _same("weight", "effective_from") | LAST_CHANGE,
        rows=_of_kpis(KpiWeight, "effective_from", "recorded_at"),
    ),
    Table(
        name="targets",
        label=_("Targets"),
        columns={"kpi": "kpi__code"} | _same("effective_from", "value", "low", "high", "reason") | LAST_CHANGE,
        rows=_of_kpis(Target, "effective_from", "recorded_at"),
    ),
    Table(
        name="thresholds",
        label=_("Thresholds"),
        columns={"kpi": "kpi__code"} | _same("effective_from", "mode", *LIMITS, "scores", "reason") | LAST_CHANGE,
        rows=_of_kpis(ThresholdSet, "effective_from", "recorded_at"),
    ),
    Table(
        name="measurements",
        label=_("Measurements as known now"),
        columns={"kpi": "kpi__code"} | _same(*VALUE, "seq", "recorded_at"),
        rows=_of_kpis(Measurement, "period_start"),
        graded_by=PRESENT,
    ),
    Table(
        name="revisions",
        label=_("Every revision of every value"),
        columns={"kpi": "kpi__code"}
        | _same(*VALUE, "seq", "kind", "note", source="pull__source__code") | LAST_CHANGE,
        rows=_revisions,
        graded_by=(*PRESENT, "ended_at"),
    ),
    Table(
        name="evaluations",
        label=_("Judgements with the limits used"),
        columns={"kpi": "kpi__code"}
        | _same(
            "period_start", "period_end", "value", "goal", "red_flag", "goal_high", "red_high", "score", "band",
            "no_band_reason", "is_provisional", "evaluated_at",
        ),
        rows=_of_kpis(Evaluation, "period_start"),
        graded_by=PRESENT,
    ),
    Table(
        name="annotations",
        label=_("Marks on charts"),
        columns={"kpi": "kpi__code", "author": "author__email"}
        | _same("period_start", "period_end", "text", "created_at"),
        rows=_of_kpis(Annotation, "period_start", "pk"),
    ),
    Table(
        name="commentary",
        label=_("Comments and explanations"),
        columns={"kpi": "kpi__code"}
        | _same(
            "kind", "period_start", "body", "cause", "action", "recovery_on", "created_at", author="author__email",
            answers="parent__created_at",
        ),
        rows=_of_kpis(Commentary, "created_at", "pk"),
    ),
    Table(
        name="incidents",
        label=_("Incidents"),
        columns={"kpi": _kpi_code}
        | _same(
            "worst_band", "opened_at", "closed_at", "acknowledged_at", "explanation_due_on",
            from_band="opened_by__from_band", to_band="opened_by__to_band", period_start="opened_by__period_start",
            acknowledged_by="acknowledged_by__email",
        ),
        rows=lambda seen: incidents_visible_to(seen.user, today=seen.today).order_by("opened_at", "pk"),
    ),
    Table(
        name="initiatives",
        label=_("Initiatives"),
        columns=_same(
            "code", "name", "purpose", "status", "starts_on", "ends_on", "first_ends_on", "budget", "spent", "currency",
            "created_at", objective=_objective_code, unit="unit__code", owner="owner__email",
        ),
        rows=lambda seen: initiatives_visible_to(seen.user, today=seen.today).order_by("code"),
    ),
    Table(
        name="milestones",
        label=_("Milestones"),
        columns={"initiative": "initiative__code", "owner": "owner__email"}
        | _same("name", "planned_on", "due_on", "done_on"),
        rows=lambda seen: Milestone.objects.filter(
            initiative__in=initiatives_visible_to(seen.user, today=seen.today)
        ).order_by("initiative_id", "due_on"),
    ),
    Table(
        name="expected_impacts",
        label=_("Promised effects of initiatives"),
        columns={"initiative": "initiative__code", "kpi": "kpi__code"}
        | _same("change", "starts_on", "full_effect_on", "confidence", "rationale", "registered_at"),
        rows=lambda seen: ExpectedImpact.objects.filter(
            initiative__in=initiatives_visible_to(seen.user, today=seen.today), kpi__in=seen.kpis()
        ).order_by("initiative_id", "kpi_id"),
    ),
    Table(
        name="reviews",
        label=_("Reviews"),
        columns={"forum": "forum__name"} | _same("held_on", "state", "opened_at", "closed_at", "minutes"),
        rows=lambda seen: reviews_visible_to(seen.user, today=seen.today).order_by("forum_id", "held_on"),
    ),
    Table(
        name="decisions",
        label=_("Decisions"),
        columns={"forum": "forum__name", "owner": "owner__email", "kpi": _kpi_code, "objective": _objective_code,
                 "initiative": _initiative_code}
        | _same("title", "detail", "state", "due_on", "taken_on", "outcome"),
        rows=lambda seen: decisions_visible_to(seen.user, today=seen.today).order_by("due_on", "pk"),
    ),
    Table(
        name="actions",
        label=_("Actions"),
        columns={"forum": "review__forum__name", "review": "review__held_on", "owner": "owner__email",
                 "kpi": _kpi_code, "initiative": _initiative_code}
        | _same("text", "due_on", "done_on"),
        rows=lambda seen: actions_visible_to(seen.user, today=seen.today).order_by("due_on", "pk"),
    ),
)  # fmt: skip
