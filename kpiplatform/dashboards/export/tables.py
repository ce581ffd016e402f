"""What an export holds."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from alerts.queries import incidents_visible_to
from initiatives.models import ExpectedImpact, Milestone
from initiatives.queries import initiatives_visible_to
from kpiplatform.dashboards.export.seen import (
    Seen,
    Table,
    initiative_code,
    kpi_code,
    objective_code,
    of_kpis,
    same,
)
from kpis.models import (
    Annotation,
    Commentary,
    Evaluation,
    Holiday,
    KpiOwnership,
    KpiVersion,
    KpiWeight,
    Measurement,
    MeasurementRevision,
    PeriodCalendar,
    PeriodLock,
    Pull,
    SourceMapping,
    Target,
    ThresholdSet,
)
from kpis.queries import sources_visible_to
from kpis.services.defining import SHEET
from objectives.models import CausalLink, ManualScore, ObjectiveWeight
from objectives.queries import objectives_visible_to, units_visible_to
from reviews.queries import actions_visible_to, decisions_visible_to, reviews_visible_to


def _of_objectives(model: Any) -> Any:
    def rows(seen: Seen) -> QuerySet[Any]:
        visible = objectives_visible_to(seen.user, today=seen.today)
        return model.objects.filter(objective__in=visible).order_by("objective_id", "effective_from", "recorded_at")

    return rows


def _links(seen: Seen) -> QuerySet[CausalLink]:
    visible = objectives_visible_to(seen.user, today=seen.today)
    return CausalLink.objects.filter(source__in=visible, target__in=visible).order_by("source__code", "target__code")


def _locks(seen: Seen) -> QuerySet[PeriodLock]:
    units = units_visible_to(seen.user, today=seen.today)
    return PeriodLock.objects.filter(Q(unit=None) | Q(unit__in=units)).order_by("locked_at", "pk")


def _mappings(seen: Seen) -> QuerySet[SourceMapping]:
    sources = sources_visible_to(seen.user, today=seen.today)
    return SourceMapping.objects.filter(source__in=sources, kpi__in=seen.kpis()).order_by("source_id", "kpi_id")


def _pulls(seen: Seen) -> QuerySet[Pull]:
    return Pull.objects.filter(source__in=sources_visible_to(seen.user, today=seen.today)).order_by("source_id", "slot")


def _revisions(seen: Seen) -> QuerySet[Any]:
    """Each with the moment at which the next one took its place."""
    after = MeasurementRevision.objects.filter(
        kpi=OuterRef("kpi"), period_start=OuterRef("period_start"), seq=OuterRef("seq") + 1
    )
    rows = of_kpis(MeasurementRevision, "period_start", "seq")(seen)
    return rows.annotate(ended_at=Subquery(after.values("recorded_at")[:1]))


PRESENT = ("value", "kpi_id", "period_start")
VALUE = ("period_start", "period_end", "value", "numerator", "denominator", "state", "reason")
LIMITS = ("goal", "red_flag", "goal_low", "goal_high", "red_low", "red_high")
LAST_CHANGE = {"recorded_at": "recorded_at", "recorded_by": "recorded_by__email"}

TABLES = (
    Table(
        name="units",
        label=_("Units"),
        columns=same("code", "name", "path", "is_active", parent="parent__code"),
        rows=lambda seen: units_visible_to(seen.user, today=seen.today).order_by("path"),
    ),
    Table(
        name="objectives",
        label=_("Objectives with their roll-up"),
        columns=same(
            "code", "name", "description", "roll_up_method", "minimum_coverage", "status",
            plan="plan__code", perspective="perspective__code", theme="theme__code", unit="unit__code",
            owner="owner__email", score="state__score", band="state__band", average="state__average",
            worst_score="state__worst_score", coverage="state__coverage",
            parent=lambda seen: seen.code_of(objectives_visible_to(seen.user, today=seen.today), "parent_id"),
        ),
        rows=lambda seen: objectives_visible_to(seen.user, today=seen.today).order_by("code"),
    ),
    Table(
        name="objective_weights",
        label=_("Weights of objectives over time"),
        columns={"objective": "objective__code"} | same("weight", "effective_from") | LAST_CHANGE,
        rows=_of_objectives(ObjectiveWeight),
    ),
    Table(
        name="manual_scores",
        label=_("Scores by judgement"),
        columns={"objective": "objective__code"} | same("score", "confidence", "note", "effective_from") | LAST_CHANGE,
        rows=_of_objectives(ManualScore),
    ),
    Table(
        name="causal_links",
        label=_("Links between objectives"),
        columns={"source": "source__code", "target": "target__code"}
        | same("sign", "lag_from_days", "lag_to_days", "rationale", "evidence"),
        rows=_links,
    ),
    Table(
        name="kpis",
        label=_("KPIs with their definition"),
        columns=same(
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
        | same("version", "effective_from", "breaks_series", "reason", "definition") | LAST_CHANGE,
        rows=of_kpis(KpiVersion, "version"),
        formulas=("definition",),
    ),
    Table(
        name="kpi_owners",
        label=_("Owners over time"),
        columns={"kpi": "kpi__code", "owner": "owner__email"} | same("effective_from", "reason") | LAST_CHANGE,
        rows=of_kpis(KpiOwnership, "effective_from", "recorded_at"),
    ),
    Table(
        name="kpi_weights",
        label=_("Weights of KPIs over time"),
        columns={"kpi": "kpi__code"} | same("weight", "effective_from") | LAST_CHANGE,
        rows=of_kpis(KpiWeight, "effective_from", "recorded_at"),
    ),
    Table(
        name="targets",
        label=_("Targets"),
        columns={"kpi": "kpi__code"} | same("effective_from", "value", "low", "high", "reason") | LAST_CHANGE,
        rows=of_kpis(Target, "effective_from", "recorded_at"),
    ),
    Table(
        name="thresholds",
        label=_("Thresholds"),
        columns={"kpi": "kpi__code"} | same("effective_from", "mode", *LIMITS, "scores", "reason") | LAST_CHANGE,
        rows=of_kpis(ThresholdSet, "effective_from", "recorded_at"),
    ),
    Table(
        name="measurements",
        label=_("Measurements as known now"),
        columns={"kpi": "kpi__code"} | same(*VALUE, "seq", "recorded_at"),
        rows=of_kpis(Measurement, "period_start"),
        graded_by=PRESENT,
    ),
    Table(
        name="revisions",
        label=_("Every revision of every value"),
        columns={"kpi": "kpi__code"}
        | same(*VALUE, "seq", "kind", "note", source="pull__source__code") | LAST_CHANGE,
        rows=_revisions,
        graded_by=(*PRESENT, "ended_at"),
    ),
    Table(
        name="evaluations",
        label=_("Judgements with the limits used"),
        columns={"kpi": "kpi__code"}
        | same(
            "period_start", "period_end", "value", "goal", "red_flag", "goal_high", "red_high", "score", "band",
            "no_band_reason", "is_provisional", "evaluated_at",
        ),
        rows=of_kpis(Evaluation, "period_start"),
        graded_by=PRESENT,
    ),
    Table(
        name="annotations",
        label=_("Marks on charts"),
        columns={"kpi": "kpi__code", "author": "author__email"}
        | same("period_start", "period_end", "text", "created_at"),
        rows=of_kpis(Annotation, "period_start", "pk"),
    ),
    Table(
        name="commentary",
        label=_("Comments and explanations"),
        columns={"kpi": "kpi__code"}
        | same(
            "kind", "period_start", "body", "cause", "action", "recovery_on", "created_at", author="author__email",
            answers="parent__created_at",
        ),
        rows=of_kpis(Commentary, "created_at", "pk"),
    ),
    Table(
        name="incidents",
        label=_("Incidents"),
        columns={"kpi": kpi_code}
        | same(
            "worst_band", "opened_at", "closed_at", "acknowledged_at", "explanation_due_on",
            from_band="opened_by__from_band", to_band="opened_by__to_band", period_start="opened_by__period_start",
            acknowledged_by="acknowledged_by__email",
        ),
        rows=lambda seen: incidents_visible_to(seen.user, today=seen.today).order_by("opened_at", "pk"),
    ),
    Table(
        name="initiatives",
        label=_("Initiatives"),
        columns=same(
            "code", "name", "purpose", "status", "starts_on", "ends_on", "first_ends_on", "budget", "spent", "currency",
            "created_at", objective=objective_code, unit="unit__code", owner="owner__email",
        ),
        rows=lambda seen: initiatives_visible_to(seen.user, today=seen.today).order_by("code"),
    ),
    Table(
        name="milestones",
        label=_("Milestones"),
        columns={"initiative": "initiative__code", "owner": "owner__email"}
        | same("name", "planned_on", "due_on", "done_on"),
        rows=lambda seen: Milestone.objects.filter(
            initiative__in=initiatives_visible_to(seen.user, today=seen.today)
        ).order_by("initiative_id", "due_on"),
    ),
    Table(
        name="expected_impacts",
        label=_("Promised effects of initiatives"),
        columns={"initiative": "initiative__code", "kpi": "kpi__code"}
        | same("change", "starts_on", "full_effect_on", "confidence", "rationale", "registered_at"),
        rows=lambda seen: ExpectedImpact.objects.filter(
            initiative__in=initiatives_visible_to(seen.user, today=seen.today), kpi__in=seen.kpis()
        ).order_by("initiative_id", "kpi_id"),
    ),
    Table(
        name="reviews",
        label=_("Reviews"),
        columns={"forum": "forum__name"} | same("held_on", "state", "opened_at", "closed_at", "minutes"),
        rows=lambda seen: reviews_visible_to(seen.user, today=seen.today).order_by("forum_id", "held_on"),
    ),
    Table(
        name="decisions",
        label=_("Decisions"),
        columns={"forum": "forum__name", "owner": "owner__email", "kpi": kpi_code, "objective": objective_code,
                 "initiative": initiative_code}
        | same("title", "detail", "state", "due_on", "taken_on", "outcome"),
        rows=lambda seen: decisions_visible_to(seen.user, today=seen.today).order_by("due_on", "pk"),
    ),
    Table(
        name="actions",
        label=_("Actions"),
        columns={"forum": "review__forum__name", "review": "review__held_on", "owner": "owner__email",
                 "kpi": kpi_code, "initiative": initiative_code}
        | same("text", "due_on", "done_on"),
        rows=lambda seen: actions_visible_to(seen.user, today=seen.today).order_by("due_on", "pk"),
    ),
    Table(
        name="calendars",
        label=_("Calendars"),
        columns=same(
            "name", "is_default", "fiscal_year_start_month", "label_rule", "week_start", "pattern", "year_end_rule",
            "year_end_weekday", "year_end_month", "working_weekdays",
        ),
        rows=lambda seen: PeriodCalendar.objects.order_by("name"),
    ),
    Table(
        name="holidays",
        label=_("Holidays"),
        columns={"calendar": "calendar__name"} | same("day", "name"),
        rows=lambda seen: Holiday.objects.order_by("calendar_id", "day"),
    ),
    Table(
        name="locks",
        label=_("Locks of periods"),
        columns={"calendar": "calendar__name", "unit": "unit__code", "ends_before": "locked_until"}
        | same("reason", "locked_at", locked_by="locked_by__email"),
        rows=_locks,
    ),
    Table(
        name="sources",
        label=_("Sources"),
        columns=same(
            "code", "name", "kind", "repeats", "pull_at", "is_snapshot", "look_back_days", "may_be_empty", "is_enabled",
            "cursor", "usual_rows", "last_applied_at", owner="owner__email",
        ),
        rows=lambda seen: sources_visible_to(seen.user, today=seen.today).order_by("code"),
    ),
    Table(
        name="mappings",
        label=_("What sources feed"),
        columns={"source": "source__code", "kpi": "kpi__code"} | same("since", "spec"),
        rows=_mappings,
    ),
    Table(
        name="pulls",
        label=_("Pulls of sources"),
        columns={"source": "source__code"}
        | same(
            "slot", "state", "attempts", "started_at", "finished_at", "since", "until", "rows_read", "rows_kept",
            "rows_refused", "values_new", "values_revised", "values_unchanged", asked_by="asked_by__email",
        ),
        rows=_pulls,
    ),
)  # fmt: skip
