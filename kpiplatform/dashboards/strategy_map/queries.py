"""Reading the strategy as far as one person sees it, in a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Prefetch

from initiatives.domain.status import OPEN
from initiatives.models import Milestone
from initiatives.queries import initiatives_visible_to
from kpiplatform.accounts.models import User
from kpis.grades import grades_of
from kpis.models import Kpi
from kpis.queries import kpis_visible_to
from objectives.models import CausalLink, Objective, Perspective
from objectives.queries import may_configure, objectives_visible_to

KPIS_ON_A_CARD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """The map to one reader. `on_map` are the objectives that no visible objective stands above."""

    perspectives: list[Perspective]
    on_map: list[Objective]
    below: dict[int, list[Objective]]
    kpis: dict[int, list[Any]]
    links: list[CausalLink]
    hidden: int
    initiatives: list[Any]
    grades: dict[int, str]
    selected: Objective | None
    may_configure: bool
    locale: str


def strategy(user: User, *, selected: str, is_list: bool, today: date) -> Strategy:
    """Return the strategy of `user`; selected is the objective of that code, or else the one that stands worst."""
    objectives = list(
        objectives_visible_to(user, today=today)
        .filter(plan__is_active=True)
        .select_related("perspective", "state", "owner")
        .order_by("perspective__position", "position", "code")
    )
    seen = {row.pk for row in objectives}
    below: dict[int, list[Objective]] = defaultdict(list)
    for row in objectives:
        if row.parent_id in seen:
            below[row.parent_id].append(row)
    on_map = [row for row in objectives if row.parent_id not in seen]
    chosen = next((row for row in objectives if row.code == selected), None) or _worst(on_map)
    kpis: dict[int, list[Any]] = defaultdict(list)
    # Objectives below others are named only.
    shown = {row.pk for row in on_map} | ({chosen.pk} if chosen else set())
    visible = kpis_visible_to(user, today=today).filter(objective__in=shown, status=Kpi.Status.ACTIVE)
    for kpi in visible.select_related("state").order_by("-tier", "position", "code"):
        kpis[kpi.objective_id].append(kpi)
    active = Objective.objects.filter(plan__is_active=True, status=Objective.Status.ACTIVE)
    return Strategy(
        perspectives=list(Perspective.objects.filter(plan__is_active=True)),
        on_map=on_map,
        below=below,
        kpis=kpis,
        links=list(
            CausalLink.objects.filter(source__in=seen, target__in=seen)
            .select_related("source__state", "target__state")
            .order_by("pk")
        ),
        hidden=active.count() - len(objectives),
        initiatives=_initiatives(user, chosen, today) if chosen else [],
        grades=_grades(on_map, chosen, kpis, most=None if is_list else KPIS_ON_A_CARD, today=today),
        selected=chosen,
        may_configure=may_configure(user, today=today),
        locale=user.locale,
    )


def _worst(objectives: list[Objective]) -> Objective | None:
    scored = [row for row in objectives if hasattr(row, "state") and row.state.score is not None]
    return min(scored, key=lambda row: row.state.score, default=objectives[0] if objectives else None)


def _grades(
    on_map: list[Objective], chosen: Objective | None, kpis: dict[int, list[Any]], *, most: int | None, today: date
) -> dict[int, str]:
    """Return the grade of confidence in each value that is shown: on the cards, and of the selected objective."""
    shown = [kpi for row in on_map for kpi in kpis[row.pk][:most]] + (kpis[chosen.pk] if chosen else [])
    return grades_of({kpi.pk: kpi.state.period_start for kpi in shown if hasattr(kpi, "state")}, today=today)


def _initiatives(user: User, objective: Objective, today: date) -> list[Any]:
    steps = Milestone.objects.filter(done_on__isnull=True).order_by("due_on")
    return list(
        initiatives_visible_to(user, today=today)
        .filter(objective=objective, status__in=OPEN)
        .select_related("owner")
        .prefetch_related(Prefetch("milestones", steps, to_attr="open_steps"))
    )
