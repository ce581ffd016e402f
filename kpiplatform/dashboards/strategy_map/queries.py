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
from kpiplatform.dashboards.as_known import DAY, NOW, AsKnown
from kpis.grades import grades_of
from kpis.objectives_as_known import stand_as_known
from kpis.queries import kpis_visible_to, objective_of, of_objectives, there_at
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
    known: AsKnown


def strategy(user: User, *, selected: str, is_list: bool, today: date, known: AsKnown = NOW) -> Strategy:
    """Return the strategy of `user`; selected is the objective of that code, or else the one that stands worst.

    As known on a past day objectives and KPIs stand as they stood, and what has no history is left out.
    """
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
    if known.on is not None and known.at is not None:
        then = {"before": known.on + DAY, "known_at": known.at, "on": known.on}
        stand_as_known(objectives=objectives, kpis=[], **then)
    chosen = next((row for row in objectives if row.code == selected), None) or _worst(on_map)
    kpis: dict[int, list[Any]] = defaultdict(list)
    # Objectives below others are named only.
    shown = {row.pk for row in on_map} | ({chosen.pk} if chosen else set())
    visible = of_objectives(kpis_visible_to(user, today=today, known_at=known.at), shown, known.at)
    rows = list(there_at(visible, known.at).select_related("state").order_by("-tier", "position", "code"))
    if known.on is not None and known.at is not None:
        stand_as_known(objectives=[], kpis=rows, **then)
    for kpi in rows:
        kpis[objective_of(kpi)].append(kpi)
    active = Objective.objects.filter(plan__is_active=True, status=Objective.Status.ACTIVE)
    return Strategy(
        perspectives=list(Perspective.objects.filter(plan__is_active=True)),
        on_map=on_map,
        below=below,
        kpis=kpis,
        links=_links(objectives),
        hidden=active.count() - len(objectives),
        initiatives=_initiatives(user, chosen, today) if chosen and not known.on else [],
        grades=_grades(on_map, chosen, kpis, most=None if is_list else KPIS_ON_A_CARD, today=today, known=known),
        selected=chosen,
        may_configure=may_configure(user, today=today) and not known.on,
        locale=user.locale,
        known=known,
    )


def _links(objectives: list[Objective]) -> list[CausalLink]:
    """Return the links between the objectives, with these at their ends."""
    by_pk = {row.pk: row for row in objectives}
    links = list(CausalLink.objects.filter(source__in=by_pk, target__in=by_pk).order_by("pk"))
    for link in links:
        link.source, link.target = by_pk[link.source_id], by_pk[link.target_id]
    return links


def _worst(objectives: list[Objective]) -> Objective | None:
    scored = [row for row in objectives if hasattr(row, "state") and row.state.score is not None]
    return min(scored, key=lambda row: row.state.score, default=objectives[0] if objectives else None)


def _grades(
    on_map: list[Objective],
    chosen: Objective | None,
    kpis: dict[int, list[Any]],
    *,
    most: int | None,
    today: date,
    known: AsKnown,
) -> dict[int, str]:
    """Return the grade of confidence in each value that is shown: on the cards, and of the selected objective."""
    shown = [kpi for row in on_map for kpi in kpis[row.pk][:most]] + (kpis[chosen.pk] if chosen else [])
    latest = {kpi.pk: kpi.state.period_start for kpi in shown if hasattr(kpi, "state")}
    return grades_of(latest, today=known.on or today, known_at=known.at)


def _initiatives(user: User, objective: Objective, today: date) -> list[Any]:
    steps = Milestone.objects.filter(done_on__isnull=True).order_by("due_on")
    return list(
        initiatives_visible_to(user, today=today)
        .filter(objective=objective, status__in=OPEN)
        .select_related("owner")
        .prefetch_related(Prefetch("milestones", steps, to_attr="open_steps"))
    )
