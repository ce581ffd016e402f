"""Every KPI as administrators list them: where it belongs, in what state it is, and what it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery

from kpiplatform.dashboards.search.matching import asked, fitting
from kpiplatform.paging import Slice, slice_of
from kpis.models import Kpi, KpiWeight, ThresholdSet
from kpis.queries import targets_that_hold
from objectives.models import Objective

BY_OBJECTIVE = ("objective__perspective__position", "objective__position", "objective__code")
AT_ONCE = 100
NAMED_AT_ONCE = 20
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
    def query(self) -> dict[str, str]:
        """What is asked for, by parameter of the address."""
        said = {"q": self.words, "status": self.status, "lacks": self.lacks, "entry": self.entry}
        return {name: word for name, word in said.items() if word}

    @property
    def any(self) -> bool:
        return bool(self.query)


def named(typed: str, *, among: QuerySet[Kpi]) -> list[tuple[str, str]]:
    """Return code and words of the KPIs that fit what is typed, best first; none before anything is."""
    wanted = asked(typed)
    if not wanted.words:
        return []
    found = fitting(among, wanted, name="name", also=("code",)).values_list("code", "name", "unit__name")
    return [(code, f"{name} · {unit}") for code, name, unit in found[:NAMED_AT_ONCE]]


def kpis_to_configure(filters: Filters, *, today: date) -> QuerySet[Kpi]:
    """Return the KPIs that pass the filters, with what their rows need."""
    kpis = Kpi.objects.select_related("owner", "unit").annotate(
        has_target=Exists(targets_that_hold(today).filter(kpi=OuterRef("pk"))),
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
    return kpis


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some KPIs of the list in the order of their objectives, and what is said about these."""

    kpis: Slice[Kpi]
    total: int
    on_objective: dict[int, int]
    unmeasured: list[Objective]


def part_of_list(filters: Filters, *, after: str, today: date) -> Part:
    """Return the part of the list that begins below the KPI `after`; unfiltered, it ends with unmeasured objectives."""
    found = kpis_to_configure(filters, today=today)
    order = (*BY_OBJECTIVE, "position", "code")
    kpis = slice_of(found.select_related("objective__perspective"), order=order, after=after, size=AT_ONCE)
    shown = Objective.objects.filter(pk__in={kpi.objective_id for kpi in kpis.rows})
    unmeasured = Objective.objects.filter(kpis=None, status=Objective.Status.ACTIVE).select_related("perspective")
    is_end = not kpis.after and not filters.any
    return Part(
        kpis=kpis,
        total=found.count(),
        on_objective=dict(shown.annotate(n=Count("kpis")).values_list("pk", "n")),
        unmeasured=list(unmeasured.order_by("perspective__position", "position", "code")) if is_end else [],
    )


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
