"""Rolling KPI scores up to objectives, and objectives up to their parents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, cast

import orjson
from django.db import connection

from kpis.bulk import as_array
from objectives.domain.rollup import Child, Method, RollUp, roll_up
from objectives.models import Objective

ONE = Decimal(1)

# Whatever a strategy holds, only the branch that was touched is read; UNION ends a circle of parents, too.
BRANCH = """
WITH RECURSIVE branch AS (
    SELECT id, parent_id, roll_up_method, minimum_coverage FROM objectives_objective
    WHERE id = ANY(%s) AND status = 'active'
    UNION
    SELECT o.id, o.parent_id, o.roll_up_method, o.minimum_coverage
    FROM branch b JOIN objectives_objective o ON o.id = b.parent_id WHERE o.status = 'active'
)
SELECT * FROM branch ORDER BY id
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
# In the order of the scorecard, KPIs before objectives; the score that a person gave comes along as a child of its own.
CHILDREN = """
SELECT k.objective_id, 'kpi', k.id, k.name, s.score, coalesce(s.band, ''), w.weight, k.position, k.code
FROM kpis_kpi k
LEFT JOIN kpis_kpistate s ON s.kpi_id = k.id
LEFT JOIN LATERAL (
    SELECT weight FROM kpis_kpiweight w WHERE w.kpi_id = k.id AND w.effective_from <= %(today)s
    ORDER BY effective_from DESC, recorded_at DESC LIMIT 1
) AS w ON true
WHERE k.objective_id = ANY(%(ids)s) AND k.status = 'active' AND k.polarity <> 'unscored'
UNION ALL
SELECT o.parent_id, 'objective', o.id, o.name, s.score, coalesce(s.band, ''), w.weight, 0, ''
FROM objectives_objective o
LEFT JOIN objectives_objectivestate s ON s.objective_id = o.id
LEFT JOIN LATERAL (
    SELECT weight FROM objectives_objectiveweight w WHERE w.objective_id = o.id AND w.effective_from <= %(today)s
    ORDER BY effective_from DESC, recorded_at DESC LIMIT 1
) AS w ON true
WHERE o.parent_id = ANY(%(ids)s) AND o.status = 'active'
UNION ALL
SELECT m.objective_id, 'manual', m.id, '', m.score, '', NULL, 0, ''
FROM unnest(%(ids)s::bigint[]) AS of(id) CROSS JOIN LATERAL (
    SELECT * FROM objectives_manualscore m WHERE m.objective_id = of.id AND m.effective_from <= %(today)s
    ORDER BY m.effective_from DESC, m.recorded_at DESC LIMIT 1
) AS m
ORDER BY 1, 2, 8, 9, 3
"""
STORED = {
    "objective_id": "bigint",
    "score": "numeric(6,4)",
    "band": "text",
    "average": "numeric(6,4)",
    "worst_score": "numeric(6,4)",
    "coverage": "numeric(5,4)",
    "with_data": "int",
    "total": "int",
    "on_track": "int",
    "at_risk": "int",
    "off_track": "int",
    "terms": "jsonb",
}
STORE = f"""
UPDATE objectives_objectivestate s
SET {", ".join(f"{name} = n.{name}" for name in STORED if name != "objective_id")}, computed_at = %s
FROM jsonb_to_recordset(%s::jsonb) AS n({", ".join(f"{name} {kind}" for name, kind in STORED.items())})
WHERE s.objective_id = n.objective_id
"""


class Branch(NamedTuple):
    """An objective that was touched, or stands above one."""

    pk: int
    parent_id: int | None
    method: Method
    minimum_coverage: Decimal


def roll_up_objectives(*, objective_ids: Iterable[int], now: datetime) -> None:
    """Compute the state of the objectives and of all above them, in six queries at most per call.

    Takes the state rows in ascending order before it reads any score, so that of two writers the later sees
    what the earlier wrote.
    """
    with connection.cursor() as cursor:
        cursor.execute(BRANCH, [as_array(objective_ids)])
        branches = {row[0]: Branch(*row) for row in cursor.fetchall()}
    if not branches:
        return
    _lock(list(branches), now)
    children, manual = _children(list(branches), now.date())
    done: dict[int, RollUp] = {}
    for branch in _leaves_first(branches):
        own = [_updated(child, done) for child in children[branch.pk]]
        done[branch.pk] = roll_up(own, branch.method, branch.minimum_coverage, manual.get(branch.pk))
    with connection.cursor() as cursor:
        cursor.execute(STORE, [now, orjson.dumps([_state(pk, result) for pk, result in done.items()]).decode()])


def rolled_up_if(*, objective: Objective, kpi_id: int, score: Decimal | None, band: str, today: date) -> RollUp:
    """Return what the objective would be if one of its KPIs had this score and band. Writes nothing."""
    key = f"kpi:{kpi_id}"
    children, manual = _children([objective.pk], today)
    own = [replace(child, score=score, band=band) if child.key == key else child for child in children[objective.pk]]
    method = cast("Method", objective.roll_up_method)
    return roll_up(own, method, objective.minimum_coverage, manual.get(objective.pk))


def _lock(ids: list[int], now: datetime) -> None:
    wanted: dict[str, str | datetime] = {"ids": as_array(ids), "now": now}
    with connection.cursor() as cursor:
        cursor.execute(LOCK, wanted)
        if len(cursor.fetchall()) < len(ids):
            cursor.execute(ENSURE, wanted)
            cursor.execute(LOCK, wanted)


def _leaves_first(branches: Mapping[int, Branch]) -> list[Branch]:
    def depth(branch: Branch) -> int:
        steps, above = 0, branch.parent_id
        while above is not None and above in branches and steps <= len(branches):
            steps, above = steps + 1, branches[above].parent_id
        return steps

    return sorted(branches.values(), key=depth, reverse=True)


def _children(ids: list[int], today: date) -> tuple[dict[int, list[Child]], dict[int, Decimal]]:
    """Return what each objective is composed of, and the scores that people gave."""
    children: dict[int, list[Child]] = defaultdict(list)
    manual: dict[int, Decimal] = {}
    with connection.cursor() as cursor:
        cursor.execute(CHILDREN, {"ids": as_array(ids), "today": today})
        for parent, kind, pk, name, score, band, weight, *_ in cursor.fetchall():
            if kind == "manual":
                manual[parent] = score
                continue
            children[parent].append(
                Child(key=f"{kind}:{pk}", name=name, score=score, weight=ONE if weight is None else weight, band=band)
            )
    return children, manual


def _updated(child: Child, done: dict[int, RollUp]) -> Child:
    """Return a child objective with the score just computed for it."""
    kind, _, pk = child.key.partition(":")
    if kind != "objective" or int(pk) not in done:
        return child
    fresh = done[int(pk)]
    return Child(
        key=child.key, name=child.name, score=fresh.score if fresh.band else None, weight=child.weight, band=fresh.band
    )


def _state(pk: int, result: RollUp) -> dict[str, object]:
    return {
        "objective_id": pk,
        "score": _text(result.score),
        "band": result.band,
        "average": _text(result.average),
        "worst_score": _text(result.worst_score),
        "coverage": _text(result.coverage),
        "with_data": result.with_data,
        "total": result.total,
        "on_track": result.counts["on_track"],
        "at_risk": result.counts["at_risk"],
        "off_track": result.counts["off_track"],
        "terms": [
            {"key": term.key, "share": str(term.share), "contribution": str(term.contribution)} for term in result.terms
        ],
    }


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)
