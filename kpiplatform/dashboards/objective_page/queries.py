"""Reading all that the page of an objective shows, in a number of queries that does not grow with its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from django.db.models import Exists, F, Model, OuterRef, Prefetch, Q, QuerySet, Subquery

from initiatives.domain.status import OPEN
from initiatives.models import Initiative, Milestone
from initiatives.queries import initiatives_visible_to
from kpiplatform.accounts.models import User
from kpiplatform.dashboards.as_known import NOW, AsKnown
from kpis.domain.periods import Calendar, period_of, previous_period
from kpis.grades import grades_of
from kpis.models import Kpi, KpiWeight
from kpis.objectives_as_known import objectives_over_time, stand_as_known
from kpis.queries import calendars, kpis_visible_to, of_objectives, there_at
from objectives.domain.rollup import Child, RollUp
from objectives.models import ManualScore, Objective, ObjectiveState, ObjectiveWeight
from objectives.queries import may_configure, objectives_visible_to, units_visible_to

WEEKS = 26
WEIGHTS_AT_MOST = 20
ONE, DAY = Decimal(1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How the objective stood at the end of a week."""

    week: str
    ends_on: date
    rolled: RollUp


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightChange:
    """A weight of a child from a day on."""

    name: str
    weight: Decimal
    since: date
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the page shows. Children, links and initiatives carry `opens`: whether the reader may open them.

    Everything of the objective is here: what the reader may not open is counted, never named.
    """

    objective: Objective
    state: ObjectiveState | None
    manual: ManualScore | None
    kpis: list[Any]
    children: list[Any]
    initiatives: list[Any]
    links_in: list[Any]
    links_out: list[Any]
    opens_parent: bool
    may_configure: bool
    family: list[Child]
    history: list[Moment]
    weights: list[WeightChange]
    calendars: dict[int, Calendar]
    grades: dict[int, str]
    today: date
    locale: str
    known: AsKnown


def objective_facts(*, user: User, code: str, today: date, known: AsKnown = NOW) -> Facts:
    """Return what the page of the objective shows to `user`; Objective.DoesNotExist for those who may not see it.

    As known on a past day, what has no history is left out.
    """
    visible = objectives_visible_to(user, today=today)
    shown_with_it = ("perspective", "theme", "unit", "owner", "parent", "state")
    of_unit = Exists(units_visible_to(user, today=today).filter(pk=OuterRef("unit_id")))
    objective: Any = visible.select_related(*shown_with_it).annotate(opens_unit=of_unit).get(code=code)
    opened = Exists(visible.filter(pk=OuterRef("pk")))
    on = known.on or today
    there = there_at(of_objectives(Kpi.objects.all(), [objective.pk], known.at), known.at)
    kpis = list(
        _weighed(there, KpiWeight, "kpi", on, known.at)
        .annotate(opens=Exists(kpis_visible_to(user, today=today, known_at=known.at).filter(pk=OuterRef("pk"))))
        .select_related("state", "owner", "unit")
        .order_by("position", "code")
    )
    children = list(
        _weighed(objective.children.filter(status=Objective.Status.ACTIVE), ObjectiveWeight, "objective", on, known.at)
        .annotate(opens=opened)
        .select_related("state", "owner", "unit")
    )
    by_calendar = calendars()
    links_in, links_out = _links(objective.links_in, "source", visible), _links(objective.links_out, "target", visible)
    if known.on is not None and known.at is not None:
        linked = [*(link.source for link in links_in), *(link.target for link in links_out)]
        then = {"before": known.on + DAY, "known_at": known.at, "on": known.on}
        stand_as_known(objectives=[objective, *children, *linked], kpis=kpis, **then)
    return Facts(
        objective=objective,
        state=cast("ObjectiveState | None", getattr(objective, "state", None)),
        manual=objective.manual_scores.filter(_recorded_by(known.at), effective_from__lte=on)
        .select_related("recorded_by")
        .order_by("effective_from", "recorded_at")
        .last(),
        kpis=kpis,
        children=children,
        initiatives=[] if known.on else _initiatives(objective, user, today),
        links_in=links_in,
        links_out=links_out,
        opens_parent=objective.parent_id is not None and visible.filter(pk=objective.parent_id).exists(),
        may_configure=may_configure(user, today=today),
        family=[_child("kpi", kpi) for kpi in kpis if kpi.polarity != Kpi.Polarity.UNSCORED]
        + [_child("objective", child) for child in children],
        history=[] if known.on else _history(objective, next(iter(by_calendar.values()), Calendar()), today),
        weights=_weight_changes(kpis, children, known.at),
        calendars=by_calendar,
        grades=_grades(kpis, on, known.at),
        today=today,
        locale=user.locale,
        known=known,
    )


def _recorded_by(known_at: datetime | None) -> Q:
    return Q() if known_at is None else Q(recorded_at__lt=known_at)


def _weighed(rows: QuerySet[Any], weights: type[Model], key: str, on: date, known_at: datetime | None) -> QuerySet[Any]:
    """Add the weight in force on a day, by what was known."""
    in_force = weights._default_manager.filter(_recorded_by(known_at), **{key: OuterRef("pk")}, effective_from__lte=on)
    return rows.annotate(weight=Subquery(in_force.order_by("-effective_from", "-recorded_at").values("weight")[:1]))


def _weight(row: Any) -> Decimal:
    return ONE if row.weight is None else row.weight


def _child(kind: str, row: Any) -> Child:
    """A lower objective counts only with a band: below its minimum of coverage its score stands for too little."""
    state = getattr(row, "state", None)
    band = state.band if state else ""
    return Child(
        key=f"{kind}:{row.pk}",
        name=row.name,
        score=state.score if state and (band or kind == "kpi") else None,
        weight=_weight(row),
        band=band,
    )


def _grades(kpis: Sequence[Any], today: date, known_at: datetime | None) -> dict[int, str]:
    """Return the grade of confidence in the value of each KPI that the reader may open."""
    latest = {kpi.pk: kpi.state.period_start for kpi in kpis if kpi.opens and hasattr(kpi, "state")}
    return grades_of(latest, today=today, known_at=known_at)


def _links(links: Any, other: str, visible: QuerySet[Objective]) -> list[Any]:
    """Return the links with the objective at their other end, and whether the reader may open that one."""
    opened = Exists(visible.filter(pk=OuterRef(other)))
    rows = links.filter(**{f"{other}__status": Objective.Status.ACTIVE}).annotate(opens=opened)
    return list(rows.select_related(f"{other}__state").order_by(f"{other}__position", f"{other}__code"))


def _initiatives(objective: Objective, user: User, today: date) -> list[Any]:
    opened = Exists(initiatives_visible_to(user, today=today).filter(pk=OuterRef("pk")))
    open_steps = Milestone.objects.filter(done_on__isnull=True).order_by("due_on")
    return list(
        Initiative.objects.filter(objective=objective, status__in=OPEN)
        .annotate(opens=opened)
        .select_related("owner")
        .prefetch_related(Prefetch("milestones", open_steps, to_attr="open_steps"))
    )


def _history(objective: Objective, calendar: Calendar, today: date) -> list[Moment]:
    weeks = [previous_period(period_of(today, "week", calendar), calendar)]
    while len(weeks) < WEEKS:
        weeks.append(previous_period(weeks[-1], calendar))
    weeks.reverse()
    rolled = objectives_over_time(objective_ids=[objective.pk], ends=[week.end for week in weeks])
    return [Moment(week=week.key, ends_on=week.last_day, rolled=rolled[week.end][objective.pk]) for week in weeks]


def _weight_changes(kpis: Sequence[Any], children: Sequence[Any], known_at: datetime | None) -> list[WeightChange]:
    """Return the latest weights of those children that the reader may open."""
    known = _recorded_by(known_at)
    of_kpis = KpiWeight.objects.filter(known, kpi__in=[kpi.pk for kpi in kpis if kpi.opens])
    of_objectives = ObjectiveWeight.objects.filter(known, objective__in=[row.pk for row in children if row.opens])
    rows: list[Any] = [
        *of_kpis.annotate(name=F("kpi__name")).select_related("recorded_by"),
        *of_objectives.annotate(name=F("objective__name")).select_related("recorded_by"),
    ]
    rows.sort(key=lambda row: (row.effective_from, row.recorded_at, row.name), reverse=True)
    return [
        WeightChange(name=row.name, weight=row.weight, since=row.effective_from, by=row.recorded_by.name)
        for row in rows[:WEIGHTS_AT_MOST]
    ]
