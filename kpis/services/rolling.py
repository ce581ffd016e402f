"""Rolling KPI scores up to objectives, and objectives up to their parents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import cast

from django.db import connection

from objectives.domain.rollup import Child, Method, RollUp, roll_up
from objectives.models import ManualScore, Objective, ObjectiveState

ONE = Decimal(1)

# Whatever a strategy holds, only the branch that was touched is read; UNION ends a circle of parents, too.
BRANCH = """
WITH RECURSIVE branch AS (
    SELECT id, parent_id FROM objectives_objective WHERE id = ANY(%s) AND status = 'active'
    UNION
    SELECT o.id, o.parent_id FROM branch b JOIN objectives_objective o ON o.id = b.parent_id WHERE o.status = 'active'
)
SELECT id, parent_id FROM branch ORDER BY id
"""
ENSURE = """
INSERT INTO objectives_objectivestate (objective_id, band, coverage, with_data, total, on_track, at_risk, off_track,
    terms, computed_at)
SELECT id, '', 0, 0, 0, 0, 0, 0, '[]', %(now)s FROM unnest(%(ids)s::bigint[]) AS wanted(id) ORDER BY id
ON CONFLICT (objective_id) DO NOTHING
"""
LOCK = """
SELECT objective_id FROM objectives_objectivestate WHERE objective_id = ANY(%(ids)s) ORDER BY objective_id FOR UPDATE
"""
KPI_CHILDREN = """
SELECT k.objective_id, k.id, k.name, s.score, coalesce(s.band, ''), w.weight
FROM kpis_kpi k
LEFT JOIN kpis_kpistate s ON s.kpi_id = k.id
LEFT JOIN LATERAL (
    SELECT weight FROM kpis_kpiweight w WHERE w.kpi_id = k.id AND w.effective_from <= %(today)s
    ORDER BY effective_from DESC, recorded_at DESC LIMIT 1
) AS w ON true
WHERE k.objective_id = ANY(%(ids)s) AND k.status = 'active' AND k.polarity <> 'unscored'
ORDER BY k.objective_id, k.position, k.code
"""
OBJECTIVE_CHILDREN = """
SELECT o.parent_id, o.id, o.name, s.score, coalesce(s.band, ''), w.weight
FROM objectives_objective o
LEFT JOIN objectives_objectivestate s ON s.objective_id = o.id
LEFT JOIN LATERAL (
    SELECT weight FROM objectives_objectiveweight w WHERE w.objective_id = o.id AND w.effective_from <= %(today)s
    ORDER BY effective_from DESC, recorded_at DESC LIMIT 1
) AS w ON true
WHERE o.parent_id = ANY(%(ids)s) AND o.status = 'active'
"""


def roll_up_objectives(*, objective_ids: Iterable[int], now: datetime) -> None:
    """Compute the state of the objectives and of all above them, in ten queries at most per call.

    Takes the state rows in ascending order before it reads any score, so that of two writers the later sees
    what the earlier wrote.
    """
    with connection.cursor() as cursor:
        cursor.execute(BRANCH, [list(objective_ids)])
        parents: dict[int, int | None] = dict(cursor.fetchall())
        ids = list(parents)
        if not ids:
            return
        cursor.execute(ENSURE, {"ids": ids, "now": now})
        cursor.execute(LOCK, {"ids": ids})
    today = now.date()
    children = _children(ids, today)
    objectives = {objective.pk: objective for objective in Objective.objects.filter(pk__in=ids)}
    manual = _manual_scores(ids, today)
    done: dict[int, RollUp] = {}
    for pk in _leaves_first(ids, parents):
        objective = objectives[pk]
        own = [_updated(child, done) for child in children[pk]]
        done[pk] = roll_up(own, cast("Method", objective.roll_up_method), objective.minimum_coverage, manual.get(pk))
    ObjectiveState.objects.bulk_create(
        [_state(pk, done[pk], now) for pk in ids],
        update_conflicts=True,
        unique_fields=["objective"],
        update_fields=[field.name for field in ObjectiveState._meta.concrete_fields if not field.primary_key],
    )


def rolled_up_if(*, objective: Objective, kpi_id: int, score: Decimal | None, band: str, today: date) -> RollUp:
    """Return what the objective would be if one of its KPIs had this score and band. Writes nothing."""
    key = f"kpi:{kpi_id}"
    children = [
        replace(child, score=score, band=band) if child.key == key else child
        for child in _children([objective.pk], today)[objective.pk]
    ]
    manual = _manual_scores([objective.pk], today).get(objective.pk)
    return roll_up(children, cast("Method", objective.roll_up_method), objective.minimum_coverage, manual)


def _leaves_first(ids: Sequence[int], parents: Mapping[int, int | None]) -> list[int]:
    def depth(pk: int) -> int:
        steps, step = 0, parents.get(pk)
        while step is not None and steps <= len(parents):
            steps, step = steps + 1, parents.get(step)
        return steps

    return sorted(ids, key=depth, reverse=True)


def _children(ids: Sequence[int], today: date) -> dict[int, list[Child]]:
    children: dict[int, list[Child]] = defaultdict(list)
    with connection.cursor() as cursor:
        for statement, prefix in ((KPI_CHILDREN, "kpi"), (OBJECTIVE_CHILDREN, "objective")):
            cursor.execute(statement, {"ids": list(ids), "today": today})
            for parent, pk, name, score, band, weight in cursor.fetchall():
                children[parent].append(
                    Child(
                        key=f"{prefix}:{pk}",
                        name=name,
                        score=score,
                        weight=ONE if weight is None else weight,
                        band=band,
                    )
                )
    return children


def _updated(child: Child, done: dict[int, RollUp]) -> Child:
    """Return a child objective with the score just computed for it."""
    kind, _, pk = child.key.partition(":")
    if kind != "objective" or int(pk) not in done:
        return child
    fresh = done[int(pk)]
    return Child(
        key=child.key, name=child.name, score=fresh.score if fresh.band else None, weight=child.weight, band=fresh.band
    )


def _manual_scores(ids: Sequence[int], today: date) -> dict[int, Decimal]:
    rows = ManualScore.objects.filter(objective_id__in=ids, effective_from__lte=today).order_by(
        "objective_id", "effective_from", "recorded_at"
    )
    return dict(rows.values_list("objective_id", "score"))


def _state(pk: int, result: RollUp, now: datetime) -> ObjectiveState:
    return ObjectiveState(
        objective_id=pk,
        score=result.score,
        band=result.band,
        average=result.average,
        worst_score=result.worst_score,
        coverage=result.coverage,
        with_data=result.with_data,
        total=result.total,
        on_track=result.counts["on_track"],
        at_risk=result.counts["at_risk"],
        off_track=result.counts["off_track"],
        terms=[
            {"key": term.key, "share": str(term.share), "contribution": str(term.contribution)} for term in result.terms
        ],
        computed_at=now,
    )
