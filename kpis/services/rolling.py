"""Rolling KPI scores up to objectives, and objectives up to their parents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, cast

from django.db import connection, transaction

from kpis.bulk import as_array, as_arrays
from objectives.domain.rollup import Child, Method, RollUp, roll_up
from objectives.models import Objective
from objectives.queries import organisations_day

# Score and band of a KPI or objective, as they are now.
type Now = tuple[str, str]
# The objectives that wait for their roll-up, while somebody changes many things at once.
_WAITING: ContextVar[set[int] | None] = ContextVar("waiting", default=None)

# Whatever a strategy holds, only the branch that was touched is read; UNION ends a circle of parents, too. Its state
# rows are held in ascending order; one that is missing is left out.
BRANCH = """
WITH RECURSIVE branch AS (
    SELECT id, parent_id, roll_up_method, minimum_coverage FROM objectives_objective
    WHERE id = ANY(%(ids)s::bigint[]) AND status = 'active'
    UNION
    SELECT above.* FROM branch b CROSS JOIN LATERAL (
        SELECT id, parent_id, roll_up_method, minimum_coverage FROM objectives_objective
        WHERE id = b.parent_id AND status = 'active' OFFSET 0
    ) AS above
)
"""
HOLD = f"""
{BRANCH}
SELECT b.*, s.made_of, s.made_of_until, (
        SELECT (%(now)s::timestamptz AT TIME ZONE time_zone)::date FROM objectives_organisation LIMIT 1
    ), (SELECT count(*) FROM branch)
FROM objectives_objectivestate s JOIN branch b ON b.id = s.objective_id
WHERE s.objective_id = ANY(ARRAY(SELECT id FROM branch)) ORDER BY s.objective_id FOR UPDATE OF s
"""
ENSURE = f"""
{BRANCH}
INSERT INTO objectives_objectivestate (objective_id, band, coverage, with_data, total, on_track, at_risk, off_track,
    computed_at)
SELECT id, '', 0, 0, 0, 0, 0, 0, %(now)s FROM branch ORDER BY id
ON CONFLICT (objective_id) DO NOTHING
"""
# With each the day on which another weight takes effect. A score that a person gave comes along as one more child.
CHILDREN = """
SELECT k.objective_id, 'kpi', k.id, s.score, coalesce(s.band, ''), w.weight, (
    SELECT min(effective_from) FROM kpis_kpiweight w WHERE w.kpi_id = k.id AND w.effective_from > %(today)s
)
FROM kpis_kpi k
LEFT JOIN kpis_kpistate s ON s.kpi_id = k.id
LEFT JOIN LATERAL (
    SELECT weight FROM kpis_kpiweight w WHERE w.kpi_id = k.id AND w.effective_from <= %(today)s
    ORDER BY effective_from DESC, recorded_at DESC LIMIT 1
) AS w ON true
WHERE k.objective_id = ANY(%(ids)s::bigint[]) AND k.status = 'active' AND k.polarity <> 'unscored'
UNION ALL
SELECT o.parent_id, 'objective', o.id, CASE WHEN s.band <> '' THEN s.score END, coalesce(s.band, ''), w.weight, (
    SELECT min(effective_from) FROM objectives_objectiveweight w
    WHERE w.objective_id = o.id AND w.effective_from > %(today)s
)
FROM objectives_objective o
LEFT JOIN objectives_objectivestate s ON s.objective_id = o.id
LEFT JOIN LATERAL (
    SELECT weight FROM objectives_objectiveweight w WHERE w.objective_id = o.id AND w.effective_from <= %(today)s
    ORDER BY effective_from DESC, recorded_at DESC LIMIT 1
) AS w ON true
WHERE o.parent_id = ANY(%(ids)s::bigint[]) AND o.status = 'active'
UNION ALL
SELECT asked.id, 'manual', asked.id, (
    SELECT score FROM objectives_manualscore m WHERE m.objective_id = asked.id AND m.effective_from <= %(today)s
    ORDER BY m.effective_from DESC, m.recorded_at DESC LIMIT 1
), '', NULL, (
    SELECT min(effective_from) FROM objectives_manualscore m
    WHERE m.objective_id = asked.id AND m.effective_from > %(today)s
)
FROM unnest(%(ids)s::bigint[]) AS asked(id)
ORDER BY 1, 2, 3
"""
# A weight or manual score has taken effect since the objectives were rolled up.
DUE = """
SELECT s.objective_id FROM objectives_objectivestate s JOIN objectives_objective o ON o.id = s.objective_id
WHERE s.made_of_until <= %s AND o.status = 'active'
"""
STORED = {
    "objective_id": "bigint",
    "score": "numeric",
    "band": "text",
    "average": "numeric",
    "worst_score": "numeric",
    "coverage": "numeric",
    "with_data": "int",
    "total": "int",
    "on_track": "int",
    "at_risk": "int",
    "off_track": "int",
    "made_of": "text",
    "made_of_until": "date",
}
STORE = f"""
UPDATE objectives_objectivestate s
SET {", ".join(f"{name} = n.{name}" for name in STORED if name != "objective_id")}, computed_at = %s
FROM unnest({", ".join(f"%s::{kind}[]" for kind in STORED.values())}) AS n({", ".join(STORED)})
WHERE s.objective_id = n.objective_id
"""


class Branch(NamedTuple):
    """An objective that was touched, or stands above one; its state row is held."""

    pk: int
    parent_id: int | None
    method: Method
    minimum_coverage: Decimal
    made_of: str
    made_of_until: date | None


class Standing(NamedTuple):
    """The score and band that a KPI has now, or none."""

    kpi_id: int
    objective_id: int
    score: Decimal | None
    band: str


class Part(NamedTuple):
    """A KPI or lower objective that counts for an objective, its numbers as text: most are only passed on."""

    key: str
    weight: str
    score: str
    band: str


@dataclass(slots=True)
class Family:
    """What an objective is made of, the score that a person gave it, and the day before which no weight changes."""

    parts: list[Part] = field(default_factory=list)
    manual: str = ""
    until: date | None = None

    def rolled_up(self, method: Method, minimum_coverage: Decimal) -> RollUp:
        """Return the roll-up of the objective by a method."""
        children = [
            Child(key=key, name=key, score=_number(score), weight=Decimal(weight), band=band)
            for key, weight, score, band in self.parts
        ]
        return roll_up(children, method, minimum_coverage, _number(self.manual))


def roll_up_objectives(*, objective_ids: Iterable[int], now: datetime) -> None:
    """Compute the state of the objectives and of all above them from what they are made of now.

    For whoever changes what that is: which KPIs and objectives, their weights, the method. In six queries at most.
    """
    waiting = _WAITING.get()
    if waiting is None:
        _roll_up(objective_ids, now)
    else:
        waiting.update(objective_ids)


@contextmanager
def rolled_up_together(*, now: datetime) -> Iterator[None]:
    """Let the roll-ups that changes inside ask for be made once, at the end. Belongs into the transaction of these."""
    waiting: set[int] = set()
    token = _WAITING.set(waiting)
    try:
        yield
    finally:
        _WAITING.reset(token)
    _roll_up(waiting, now)


def roll_up_due(*, now: datetime) -> int:
    """Roll up the objectives of which a weight or manual score has taken effect by today, and return how many.

    A judgement below would find out, too, but none may come for months. Safe to repeat.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(DUE, [organisations_day(now)])
            due = [pk for (pk,) in cursor.fetchall()]
        if due:
            _roll_up(due, now)
    return len(due)


def roll_up_judged(*, standings: Sequence[Standing], now: datetime) -> None:
    """Bring the objectives of KPIs that were judged, and all above them, up to date.

    What an objective is made of it keeps from one time to the next, so that only what differs is put in; where that
    is not known, or a weight took effect since, it is read anew. An objective that stays as it was is not written.
    """
    judged: dict[int, dict[str, Now]] = defaultdict(dict)
    for row in standings:
        judged[row.objective_id][f"kpi:{row.kpi_id}"] = (_text(row.score), row.band)
    _roll_up(judged, now, judged)


def rolled_up_if(*, objective: Objective, kpi_id: int, score: Decimal | None, band: str, today: date) -> RollUp:
    """Return what the objective would be if one of its KPIs had this score and band. Writes nothing."""
    family = _read([objective.pk], today)[objective.pk]
    family.parts = [_updated(part, {f"kpi:{kpi_id}": (_text(score), band)}) for part in family.parts]
    return family.rolled_up(cast("Method", objective.roll_up_method), objective.minimum_coverage)


def _roll_up(
    objective_ids: Iterable[int], now: datetime, judged: Mapping[int, Mapping[str, Now]] | None = None
) -> None:
    """Roll up a branch. What an objective is made of is read anew, or kept but for the given KPIs that were judged.

    Takes the state rows in ascending order before it reads any score, so that of two writers the later sees what the
    earlier wrote.
    """
    branches, today = _held(objective_ids, now)
    kept = {} if judged is None else _kept(branches, judged, today)
    families = kept | _read([pk for pk in branches if pk not in kept], today)
    news = {key: value for values in (judged or {}).values() for key, value in values.items()}
    rows = []
    for branch in _leaves_first(branches):
        family = families[branch.pk]
        parts = [_updated(part, news) for part in family.parts]
        if branch.pk in kept and parts == family.parts:
            continue
        family.parts = parts
        result = family.rolled_up(branch.method, branch.minimum_coverage)
        # Below its minimum of coverage its score stands for too little to count above.
        news[f"objective:{branch.pk}"] = (_text(result.score) if result.band else "", result.band)
        rows.append(_state(branch.pk, result, family))
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(STORE, [now, *as_arrays(rows)])


def _held(objective_ids: Iterable[int], now: datetime) -> tuple[dict[int, Branch], date]:
    """Return the active ones of the objectives and what is above them, their state rows held, and the day of now.

    The day is that of the organisation, read along: every judgement asks for it.
    """
    wanted: dict[str, str | datetime] = {"ids": as_array(objective_ids), "now": now}
    with connection.cursor() as cursor:
        cursor.execute(HOLD, wanted)
        rows = cursor.fetchall()
        if len(rows) < (rows[0][-1] if rows else 1):
            cursor.execute(ENSURE, wanted)
            cursor.execute(HOLD, wanted)
            rows = cursor.fetchall()
    today = rows[0][-2] if rows else None
    return {row[0]: Branch(*row[:-2]) for row in rows}, today or now.date()


def _leaves_first(branches: Mapping[int, Branch]) -> list[Branch]:
    def depth(branch: Branch) -> int:
        steps, above = 0, branch.parent_id
        while above is not None and above in branches and steps <= len(branches):
            steps, above = steps + 1, branches[above].parent_id
        return steps

    return sorted(branches.values(), key=depth, reverse=True)


def _read(ids: Sequence[int], today: date) -> dict[int, Family]:
    """Return what each objective is made of."""
    families = {pk: Family() for pk in ids}
    if not ids:
        return families
    with connection.cursor() as cursor:
        cursor.execute(CHILDREN, {"ids": as_array(ids), "today": today})
        for parent, kind, pk, score, band, weight, until in cursor.fetchall():
            family = families[parent]
            if until is not None:
                family.until = min(until, family.until or until)
            if kind == "manual":
                family.manual = _text(score)
            else:
                family.parts.append(Part(f"{kind}:{pk}", _text(weight) or "1", _text(score), band))
    return families


def _kept(branches: Mapping[int, Branch], judged: Mapping[int, Mapping[str, Now]], today: date) -> dict[int, Family]:
    """Return what the state rows say that objectives are made of, where that still holds and has the KPIs judged."""
    kept = {}
    for pk, row in branches.items():
        if not row.made_of or (row.made_of_until is not None and row.made_of_until <= today):
            continue
        manual, *parts = row.made_of.split(";")
        family = Family([Part(*part.split(" ")) for part in parts], manual, row.made_of_until)
        known = {part.key for part in family.parts}
        if all(key in known or not band for key, (_, band) in judged.get(pk, {}).items()):
            kept[pk] = family
    return kept


def _updated(part: Part, news: Mapping[str, Now]) -> Part:
    """Return a part with the score and band that it has now."""
    return Part(part.key, part.weight, *news[part.key]) if part.key in news else part


def _state(pk: int, result: RollUp, family: Family) -> tuple[object, ...]:
    """Return the columns of a state row, in the order of `STORED`."""
    return (
        pk,
        result.score,
        result.band,
        result.average,
        result.worst_score,
        result.coverage,
        result.with_data,
        result.total,
        result.counts["on_track"],
        result.counts["at_risk"],
        result.counts["off_track"],
        ";".join([family.manual, *map(" ".join, family.parts)]),
        family.until,
    )


def _text(number: Decimal | None) -> str:
    return "" if number is None else str(number)


def _number(text: str) -> Decimal | None:
    return Decimal(text) if text else None
