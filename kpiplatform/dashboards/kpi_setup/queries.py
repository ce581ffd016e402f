"""Every KPI as administrators list them: where it belongs, in what state it is, and what it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, QuerySet, Subquery

from kpis.models import Kpi, KpiWeight, Target, ThresholdSet
from objectives.models import Objective

MANY = 8  # more KPIs than this on one objective, and nobody looks at them all


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the list is narrowed to."""

    words: str = ""
    status: str = ""
    lacks: str = ""
    entry: str = ""

    @classmethod
    def from_query(cls, query: Any) -> Filters:
        def known(name: str, allowed: tuple[str, ...]) -> str:
            value = query.get(name, "")
            return value if value in allowed else ""

        return cls(
            words=query.get("q", "").strip()[:80],
            status=known("status", tuple(Kpi.Status.values)),
            lacks=known("lacks", ("thresholds", "target", "owner", "initiative")),
            entry=known("entry", tuple(Kpi.Entry.values)),
        )

    @property
    def any(self) -> bool:
        return bool(self.words or self.status or self.lacks or self.entry)


def kpis_to_configure(filters: Filters) -> QuerySet[Kpi]:
    """Return the KPIs that pass the filters, with what their rows need."""
    kpis = Kpi.objects.select_related("owner", "unit").annotate(
        has_target=Exists(Target.objects.filter(kpi=OuterRef("pk"))),
        stands_alone=Exists(
            ThresholdSet.objects.filter(kpi=OuterRef("pk"), mode=ThresholdSet.Mode.ABSOLUTE).exclude(
                goal=None, goal_low=None
            )
        ),
        has_thresholds=Exists(ThresholdSet.objects.filter(kpi=OuterRef("pk"))),
    )
    if filters.words:
        kpis = kpis.filter(name__icontains=filters.words) | kpis.filter(code__icontains=filters.words)
    if filters.status:
        kpis = kpis.filter(status=filters.status)
    if filters.entry:
        kpis = kpis.filter(entry=filters.entry)
    judged = kpis.exclude(polarity=Kpi.Polarity.UNSCORED).exclude(status=Kpi.Status.RETIRED)
    match filters.lacks:
        case "thresholds":
            kpis = judged.filter(has_thresholds=False)
        case "target":
            kpis = judged.filter(has_target=False, stands_alone=False)
        case "owner":
            kpis = kpis.filter(owner__is_active=False)
        case "initiative":
            kpis = judged.filter(impacts__isnull=True)
    return kpis.order_by("position", "code")


def by_objective(filters: Filters) -> list[Objective]:
    """Return the objectives that have KPIs passing the filters, each with them as `listed`; empty ones unfiltered."""
    objectives = (
        Objective.objects.select_related("perspective", "owner")
        .prefetch_related(Prefetch("kpis", queryset=kpis_to_configure(filters), to_attr="listed"))
        .order_by("perspective__position", "position", "code")
    )
    return [
        objective
        for objective in objectives
        if objective.listed or (not filters.any and objective.status == Objective.Status.ACTIVE)
    ]


def weight_of(kpi: Kpi, *, today: date) -> Any:
    """Return the weight of the KPI in its objective on a day."""
    rows = KpiWeight.objects.filter(kpi=kpi, effective_from__lte=today).order_by("-effective_from", "-recorded_at")
    return rows.values_list("weight", flat=True).first()


def siblings(objective: Objective, *, today: date, known_at: datetime | None = None) -> list[tuple[Kpi, Any]]:
    """Return the active, judged KPIs of an objective with their weights, as known at a moment (None: now)."""
    weights = KpiWeight.objects.filter(kpi=OuterRef("pk"), effective_from__lte=today)
    if known_at is not None:
        weights = weights.filter(recorded_at__lt=known_at)
    latest = weights.order_by("-effective_from", "-recorded_at").values("weight")[:1]
    kpis = objective.kpis.filter(status=Kpi.Status.ACTIVE).exclude(polarity=Kpi.Polarity.UNSCORED)
    return [(kpi, kpi.weight_now) for kpi in kpis.annotate(weight_now=Subquery(latest)).order_by("position", "code")]
