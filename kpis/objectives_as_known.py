"""Objectives as they stood at the end of past periods, or as they were known on a past day."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import cast

from django.db.models import Q

from kpis.as_known import define_as_known, states_as_known
from kpis.domain.judged import Judged
from kpis.models import Evaluation, Kpi, KpiState, KpiWeight
from kpis.queries import active_then, objective_of, of_objectives
from objectives.domain.rollup import Child, Method, RollUp, roll_up
from objectives.models import ManualScore, Objective, ObjectiveState, ObjectiveWeight
from objectives.queries import active_objectives

ONE = Decimal(1)
DAY = timedelta(days=1)
STANDS_FOR = timedelta(days=400)  # a yearly value stands until the next one


def stand_as_known(
    *, objectives: Iterable[Objective], kpis: Sequence[Kpi], before: date, known_at: datetime, on: date
) -> None:
    """Give the objectives and KPIs, in memory alone, the states and definitions that they had by what was known then.

    So a page that shows how things stand shows how they stood. A constant number of queries.
    """
    define_as_known(kpis, known_at)
    states = states_as_known(kpis=kpis, before=before, known_at=known_at)
    for kpi in kpis:
        kpi.state = _kpi_state(kpi, states[kpi.pk][0].last if kpi.pk in states else None)
    rows = {row.pk: row for row in objectives}
    rolled = objectives_as_known(objective_ids=rows, before=before, known_at=known_at, on=on)
    for pk, row in rows.items():
        row.state = _objective_state(row, rolled[pk], known_at) if pk in rolled else ObjectiveState(objective=row)


def _kpi_state(kpi: Kpi, last: Judged | None) -> KpiState:
    if last is None:
        return KpiState(kpi=kpi)
    same = ("period_start", "value", "goal", "goal_high", "red_flag", "red_high", "score", "band", "no_band_reason")
    return KpiState(kpi=kpi, **{name: getattr(last, name) for name in same})


def _objective_state(row: Objective, rolled: RollUp, known_at: datetime) -> ObjectiveState:
    same = ("score", "band", "average", "worst_score", "coverage", "with_data", "total")
    said = {name: getattr(rolled, name) for name in same}
    bands = {band: rolled.counts[band] for band in ("on_track", "at_risk", "off_track")}
    return ObjectiveState(objective=row, computed_at=known_at, **said, **bands)


def objectives_as_known(
    *, objective_ids: Iterable[int], before: date, known_at: datetime | None, on: date | None = None
) -> dict[int, RollUp]:
    """Return the roll-up of each objective over all KPIs below it, with values, limits and weights of that time.

    Weights and scores by hand are those in force on the day `on`, else on `before`. A constant number of queries.
    """
    weighed_on = on or before
    objectives = {row.pk: row for row in active_objectives(known_at)}
    below: dict[int | None, list[int]] = defaultdict(list)
    for row in objectives.values():
        below[row.parent_id].append(row.pk)
    wanted = _with_descendants([pk for pk in objective_ids if pk in objectives], below)
    there = list(active_then(of_objectives(Kpi.objects.all(), wanted, known_at), known_at))
    define_as_known(there, known_at)
    kpis = [kpi for kpi in there if kpi.polarity != Kpi.Polarity.UNSCORED]
    states = states_as_known(kpis=kpis, before=before, known_at=known_at)
    known = Q() if known_at is None else Q(recorded_at__lt=known_at)
    kpi_weights = _in_force(KpiWeight.objects.filter(known, kpi__in=kpis, effective_from__lte=weighed_on), "kpi_id")
    weights = _in_force(
        ObjectiveWeight.objects.filter(known, objective_id__in=wanted, effective_from__lte=weighed_on), "objective_id"
    )
    manual_rows = ManualScore.objects.filter(known, objective_id__in=wanted, effective_from__lte=weighed_on)
    manual = {row.objective_id: row.score for row in manual_rows.order_by("effective_from", "recorded_at")}
    children: dict[int, list[Child]] = defaultdict(list)
    for kpi in kpis:
        last = states[kpi.pk][0].last if kpi.pk in states else None
        children[objective_of(kpi)].append(
            Child(
                key=f"kpi:{kpi.pk}",
                name=kpi.name,
                score=last.score if last else None,
                weight=kpi_weights.get(kpi.pk, ONE),
                band=last.band if last else "",
            )
        )
    return _rolled(wanted, objectives, children, weights, manual)


def objectives_over_time(*, objective_ids: Iterable[int], ends: Sequence[date]) -> dict[date, dict[int, RollUp]]:
    """Return the roll-ups of what ended by each of `ends`, by the judgements that stand today.

    Weights and scores by hand are those of the last day before.

    A constant number of queries, whatever the number of days. Values restated since are as restated; what was known
    on a past day is `objectives_as_known`.
    """
    objectives = {row.pk: row for row in Objective.objects.filter(status=Objective.Status.ACTIVE)}
    below: dict[int | None, list[int]] = defaultdict(list)
    for row in objectives.values():
        below[row.parent_id].append(row.pk)
    wanted = _with_descendants([pk for pk in objective_ids if pk in objectives], below)
    active = Kpi.objects.filter(objective_id__in=wanted, status=Kpi.Status.ACTIVE)
    kpis = list(active.exclude(polarity=Kpi.Polarity.UNSCORED).order_by("objective_id", "position", "code"))
    judged: dict[int, list[tuple[date, Decimal | None, str]]] = defaultdict(list)
    rows = Evaluation.objects.filter(
        kpi_id__in=[kpi.pk for kpi in kpis],
        period_end__gt=min(ends) - STANDS_FOR,
        period_end__lte=max(ends),
        is_provisional=False,
        value__isnull=False,
    )
    for kpi_id, ended, score, band in rows.order_by("period_end").values_list("kpi_id", "period_end", "score", "band"):
        judged[kpi_id].append((ended, score, band))
    kpi_weights = _steps(KpiWeight.objects.filter(kpi__in=kpis), "kpi_id", "weight")
    weights = _steps(ObjectiveWeight.objects.filter(objective_id__in=wanted), "objective_id", "weight")
    manual = _steps(ManualScore.objects.filter(objective_id__in=wanted), "objective_id", "score")
    found = {}
    for end in ends:
        last_day = end - DAY
        children: dict[int, list[Child]] = defaultdict(list)
        for kpi in kpis:
            place = bisect_right(judged[kpi.pk], end, key=lambda row: row[0])
            _, score, band = judged[kpi.pk][place - 1] if place else (end, None, "")
            weight = _on(kpi_weights[kpi.pk], last_day)
            children[kpi.objective_id].append(
                Child(
                    key=f"kpi:{kpi.pk}",
                    name=kpi.name,
                    score=score,
                    weight=ONE if weight is None else weight,
                    band=band,
                )
            )
        found[end] = _rolled(
            wanted,
            objectives,
            children,
            {pk: weight for pk, rows in weights.items() if (weight := _on(rows, last_day)) is not None},
            {pk: score for pk, rows in manual.items() if (score := _on(rows, last_day)) is not None},
        )
    return found


def _steps(rows: object, key: str, value: str) -> dict[int, list[tuple[date, Decimal]]]:
    """Return what took effect when, in order; of what took effect on the same day the latest recorded comes last."""
    steps: dict[int, list[tuple[date, Decimal]]] = defaultdict(list)
    ordered = rows.order_by("effective_from", "recorded_at")  # type: ignore[attr-defined]
    for pk, since, number in ordered.values_list(key, "effective_from", value):
        steps[pk].append((since, number))
    return steps


def _on(steps: Sequence[tuple[date, Decimal]], day: date) -> Decimal | None:
    place = bisect_right(steps, day, key=lambda step: step[0])
    return steps[place - 1][1] if place else None


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
