"""The strategy as administrators see it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from kpis.dates import day
from kpis.domain.figures import number
from kpis.models import Kpi
from objectives.models import CausalLink, ManualScore, Objective, ObjectiveWeight, StrategyPlan


def active_plan() -> StrategyPlan | None:
    """Return the plan that is followed now."""
    return StrategyPlan.objects.filter(is_active=True).first()


def strategy(plan: StrategyPlan | None, *, retired: bool, locale: str) -> dict[str, Any]:
    """Return the plan with its perspectives and what lies in each, its themes and its links."""
    if plan is None:
        return {"plan": None}
    status = Objective.Status.RETIRED if retired else Objective.Status.ACTIVE
    rows = objectives_of(plan).filter(status=status)
    inside: dict[int, list[Objective]] = {}
    for row in rows:
        inside.setdefault(row.perspective_id, []).append(row)
    return {
        "plan": plan,
        "dates": _("%(start)s to %(end)s") % {"start": day(plan.starts_on), "end": day(plan.ends_on)},
        "lanes": [(lane, inside.get(lane.pk, [])) for lane in plan.perspectives.all()],
        "themes": plan.themes.annotate(count=Count("objectives", filter=Q(objectives__status="active"))),
        "links": [_link(link) for link in links_of(plan)],
        "retired": retired,
        "others": Objective.objects.filter(plan=plan).exclude(status=status).count(),
        "count": len(rows),
    }


def objectives_of(plan: StrategyPlan) -> Any:
    """Return the objectives of a plan with how many KPIs count for each."""
    counted = Count("kpis", filter=Q(kpis__status=Kpi.Status.ACTIVE))
    related = ("owner", "unit", "theme", "parent", "perspective")
    return Objective.objects.filter(plan=plan).select_related(*related).annotate(kpi_count=counted)


def links_of(plan: StrategyPlan) -> Any:
    """Return the links between the objectives of a plan."""
    links = CausalLink.objects.filter(source__plan=plan).select_related("source", "target")
    return links.order_by("source__perspective__position", "source__position", "target__position")


def _link(link: CausalLink) -> dict[str, Any]:
    return {
        "row": link,
        "lag": lag_in_words(link),
        "sign": _("the same way") if link.sign > 0 else _("the other way"),
        "evidence": link.get_evidence_display(),
    }


def lag_in_words(link: CausalLink) -> str:
    """Like “after 30 to 90 days”."""
    if link.lag_to_days == 0:
        return _("at once")
    return _("after %(first)d to %(last)d days") % {"first": link.lag_from_days, "last": link.lag_to_days}


def weight_of(objective: Objective, *, today: date) -> Decimal | None:
    """Return the weight of the objective in its parent on a day."""
    rows = ObjectiveWeight.objects.filter(objective=objective, effective_from__lte=today)
    return rows.order_by("-effective_from", "-recorded_at").values_list("weight", flat=True).first()


def about(objective: Objective, *, locale: str) -> dict[str, Any]:
    """Return what stands beside the form of an objective."""
    weights = ObjectiveWeight.objects.filter(objective=objective).select_related("recorded_by")
    return {
        "kpis": objective.kpis.exclude(status=Kpi.Status.RETIRED).order_by("position", "code"),
        "children": objective.children.filter(status=Objective.Status.ACTIVE),
        "links": [
            _link(link)
            for link in CausalLink.objects.filter(Q(source=objective) | Q(target=objective)).select_related(
                "source", "target"
            )
        ],
        "weights": [
            {
                "from": day(row.effective_from),
                "weight": number(row.weight, 0 if row.weight == int(row.weight) else 1, locale=locale),
                "who": row.recorded_by.name,
            }
            for row in weights.order_by("-effective_from", "-recorded_at")
        ],
    }


def judgements(objective: Objective, *, locale: str) -> list[dict[str, str]]:
    """Return the scores given by hand, the latest first."""
    rows = ManualScore.objects.filter(objective=objective).select_related("recorded_by")
    return [
        {
            "from": day(row.effective_from),
            "score": number(row.score, 1, locale=locale),
            "confidence": f"{row.confidence} %",
            "note": row.note,
            "who": row.recorded_by.name,
        }
        for row in rows.order_by("-effective_from", "-recorded_at")
    ]
