"""Objectives as they stood at the end of a past period, or as they were known on a past day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import cast

from django.db.models import Q

from kpis.as_known import states_as_known
from kpis.models import Kpi, KpiWeight
from objectives.domain.rollup import Child, Method, RollUp, roll_up
from objectives.models import ManualScore, Objective, ObjectiveWeight

ONE = Decimal(1)


def objectives_as_known(*, objective_ids: Iterable[int], before: date, known_at: datetime | None) -> dict[int, RollUp]:
    """Return the roll-up of each objective over all KPIs below it, with values, limits and weights of that time.

    A constant number of queries.
    """
    objectives = {row.pk: row for row in Objective.objects.filter(status=Objective.Status.ACTIVE)}
    below: dict[int | None, list[int]] = defaultdict(list)
    for row in objectives.values():
        below[row.parent_id].append(row.pk)
    wanted = _with_descendants([pk for pk in objective_ids if pk in objectives], below)
    kpis = list(
        Kpi.objects.filter(objective_id__in=wanted, status=Kpi.Status.ACTIVE).exclude(polarity=Kpi.Polarity.UNSCORED)
    )
    states = states_as_known(kpis=kpis, before=before, known_at=known_at)
    known = Q() if known_at is None else Q(recorded_at__lt=known_at)
    kpi_weights = _in_force(KpiWeight.objects.filter(known, kpi__in=kpis, effective_from__lte=before), "kpi_id")
    weights = _in_force(
        ObjectiveWeight.objects.filter(known, objective_id__in=wanted, effective_from__lte=before), "objective_id"
    )
    manual_rows = ManualScore.objects.filter(known, objective_id__in=wanted, effective_from__lte=before)
    manual = {row.objective_id: row.score for row in manual_rows.order_by("effective_from", "recorded_at")}
    children: dict[int, list[Child]] = defaultdict(list)
    for kpi in kpis:
        last = states[kpi.pk][0].last if kpi.pk in states else None
        children[kpi.objective_id].append(
            Child(
                key=f"kpi:{kpi.pk}",
                name=kpi.name,
                score=last.score if last else None,
                weight=kpi_weights.get(kpi.pk, ONE),
                band=last.band if last else "",
            )
        )
    return _rolled(wanted, objectives, children, weights, manual)


def _rolled(
    leaves_first: list[int],
    objectives: Mapping[int, Objective],
    children: dict[int, list[Child]],
    weights: Mapping[int, Decimal],
    manual: Mapping[int, Decimal],
) -> dict[int, RollUp]:
    done: dict[int, RollUp] = {}
    for pk in leaves_first:
        objective = objectives[pk]
        done[pk] = roll_up(
            children[pk], cast("Method", objective.roll_up_method), objective.minimum_coverage, manual.get(pk)
        )
        if objective.parent_id is not None and objective.parent_id in objectives:
            children[objective.parent_id].append(
                Child(
                    key=f"objective:{pk}",
                    name=objective.name,
                    score=done[pk].score if done[pk].band else None,
                    weight=weights.get(pk, ONE),
                    band=done[pk].band,
                )
            )
    return done


def _with_descendants(roots: list[int], below: Mapping[int | None, list[int]]) -> list[int]:
    """Return the objectives and all below them, children before parents, each once."""
    found: list[int] = []
    steps = list(dict.fromkeys(roots))
    while steps:
        pk = steps.pop(0)
        if pk in found:
            found.remove(pk)  # it lies below another root: its place is further down
        found.append(pk)
        steps.extend(below[pk])
    return found[::-1]


def _in_force(rows: object, key: str) -> dict[int, Decimal]:
    ordered = rows.order_by("effective_from", "recorded_at")  # type: ignore[attr-defined]
    return dict(ordered.values_list(key, "weight"))
