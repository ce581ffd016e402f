"""Reading for the scorecard: a constant number of queries, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, cast

import orjson
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, Q, QuerySet

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.scorecard.restated import Restated, restated_since
from kpiplatform.dashboards.scorecard.selection import Selection
from kpiplatform.dashboards.scorecard.surroundings import (
    Answer,
    DueDecision,
    FailingSource,
    LastReview,
    ObjectiveStanding,
    answered_then,
    surroundings,
)
from kpis.as_known import definitions_then, standing_before, states_as_known
from kpis.domain.state import State
from kpis.models import Kpi
from kpis.queries import kpis_visible_to, there_at
from objectives.queries import opens_objective, scope_of


class Line(NamedTuple):
    """A KPI as its row shows it, with its state as stored: the columns of COLUMNS, None for what is not there."""

    pk: int
    code: str
    name: str
    polarity: str
    frequency: str
    decimals: int
    measure_unit: str
    is_cumulative: bool
    calendar_id: int
    owner_id: int
    owner_name: str
    unit_code: str
    unit_name: str
    unit_path: str
    objective_id: int
    objective_name: str
    objective_owner_name: str
    objective_code: str
    perspective_id: int
    perspective_name: str
    theme_code: str | None
    theme_name: str | None
    period_start: date | None
    value: Decimal | None
    previous_value: Decimal | None
    goal: Decimal | None
    goal_high: Decimal | None
    score: Decimal | None
    band: str | None
    no_band_reason: str | None
    band_since: date | None
    signal: str | None
    spark: dict[str, str]
    health: str | None
    days_late: int | None
    next_due_on: date | None
    recorded_at: datetime | None
    opens_objective: bool


# In the order of Line, and at the end what tells whether the reader may open the objective. Written as SQL because the
# page is read often: compiling forty columns of eight models costs several times the statement itself.
STATEMENT = """
SELECT k.id, k.code, k.name, k.polarity, k.frequency, k.decimals, k.measure_unit, k.is_cumulative, k.calendar_id,
    k.owner_id, w.name, u.code, u.name, u.path, o.id, o.name, ow.name, o.code, o.perspective_id, p.name,
    t.code, t.name, s.period_start, s.value, s.previous_value, s.goal, s.goal_high, s.score, s.band, s.no_band_reason,
    s.band_since, s.signal, s.spark, s.health, s.days_late, s.next_due_on, s.recorded_at,
    o.status, o.owner_id, ou.path
FROM ({seen}) AS seen(id)
JOIN kpis_kpi k ON k.id = seen.id
JOIN accounts_user w ON w.id = k.owner_id
JOIN objectives_unit u ON u.id = k.unit_id
JOIN objectives_objective o ON o.id = {objective}
JOIN accounts_user ow ON ow.id = o.owner_id
JOIN objectives_unit ou ON ou.id = o.unit_id
JOIN objectives_perspective p ON p.id = o.perspective_id
LEFT JOIN objectives_theme t ON t.id = o.theme_id
LEFT JOIN kpis_kpistate s ON s.kpi_id = k.id
ORDER BY {order}
"""
SPARK = Line._fields.index("spark")  # comes as text
BY_OBJECTIVE = "p.position, o.position, o.id, k.position, k.code"
OBJECTIVE_THEN = """coalesce((
    SELECT (definition ->> 'objective_id')::bigint FROM kpis_kpiversion
    WHERE kpi_id = k.id AND recorded_at < %s ORDER BY version DESC LIMIT 1
), k.objective_id)"""
BY_UNIT = "u.path, p.position, o.position, k.position, k.code"


@dataclass(slots=True, kw_only=True)
class Board:
    """Everything the scorecard shows, as read."""

    kpis: list[Line]
    tiers: dict[str, int]
    states: dict[int, tuple[State, date]] | None
    objective_states: dict[int, ObjectiveStanding]
    review: LastReview | None
    then: dict[int, tuple[str, Any, Any]]
    initiatives: dict[int, Answer]
    restated: list[Restated]
    decisions: list[DueDecision]
    failing: list[FailingSource]
    units: list[tuple[str, str]] = field(default_factory=list)
    themes: list[tuple[str, str]] = field(default_factory=list)
    owners: list[tuple[int, str]] = field(default_factory=list)


def board(user: User, chosen: Selection, *, visible: QuerySet[Kpi], tiers: dict[str, int], now: datetime) -> Board:
    """Return the scorecard of `user`, to whom these KPIs are visible, so many of each of the tiers."""
    of_tier = visible.filter(tier=chosen.tier)
    kpis = lines(_filtered(of_tier, chosen), user, order=BY_OBJECTIVE, today=chosen.today, known_at=chosen.known_at)
    ids = [kpi.pk for kpi in kpis]
    kpis = as_defined(kpis, chosen.known_at)
    judged = cast("list[Kpi]", kpis)  # judging asks for nothing that a line lacks
    states = None
    if not chosen.is_now:
        states = states_as_known(kpis=judged, before=chosen.reads_to, known_at=chosen.known_at)
    around = surroundings(
        kpi_ids=ids,
        objective_ids={kpi.objective_id for kpi in kpis},
        tier=chosen.tier,
        today=chosen.today,
        now=now,
        before=chosen.reads_to,
    )
    review = around.review
    return Board(
        kpis=kpis,
        tiers=tiers,
        states=states,
        objective_states=around.objectives,
        review=review,
        then=standing_before(kpis=judged, before=review.held_on, known_at=chosen.known_at) if review else {},
        initiatives=around.answers if chosen.known_at is None else answered_then(ids, chosen.known),
        restated=_restated(ids, review, chosen, now) if review else [],
        # What has no history is left out of a past day.
        decisions=[] if chosen.known_on else around.decisions,
        failing=[] if chosen.known_on else around.failing,
        **_choices(_choosable(of_tier) if chosen.is_filtered else map(_of_line, kpis)),
    )


def _restated(kpi_ids: list[int], review: LastReview, chosen: Selection, now: datetime) -> list[Restated]:
    asked = {"kpi_ids": kpi_ids, "since": review.closed_at, "known_at": chosen.known_at}
    return restated_since(**asked, before=chosen.reads_to, now=now, zone=chosen.zone)


def active_kpis_visible_to(user: User, *, today: date, known_at: datetime | None = None) -> QuerySet[Kpi]:
    """Return the KPIs that scorecards of `user` are made of, by what was known at a moment, None for now."""
    return there_at(kpis_visible_to(user, today=today, known_at=known_at), known_at)


def tiers_of(kpis: QuerySet[Kpi]) -> dict[str, int]:
    """Return how many KPIs there are of each tier."""
    return dict(kpis.order_by().values_list("tier").annotate(Count("pk")))


def sees_strategy(user: User, tiers: Mapping[str, int], *, today: date) -> bool:
    """Return whether a person reads the strategy: by their role, or because a strategic KPI is theirs to see."""
    scope = scope_of(user, today=today)
    return scope.everything or scope.strategic or Kpi.Tier.STRATEGIC in tiers


def lines(kpis: QuerySet[Kpi], user: User, *, order: str, today: date, known_at: datetime | None = None) -> list[Line]:
    """Return the KPIs as their rows show them to `user`, in one query; `order` is BY_OBJECTIVE or BY_UNIT.

    Each is below the objective that it belonged to by what was known at a moment, None for now.
    """
    try:
        seen, parameters = kpis.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return []
    with connection.cursor() as cursor:
        objective, moment = ("k.objective_id", []) if known_at is None else (OBJECTIVE_THEN, [known_at])
        cursor.execute(STATEMENT.format(seen=seen, objective=objective, order=order), [*parameters, *moment])
        rows = cursor.fetchall()
    # The same objective stands in many rows.
    opens = {row[-3:]: False for row in rows}
    for status, owner_id, unit_path in opens:
        of = {"status": status, "owner_id": owner_id, "unit_path": unit_path}
        opens[status, owner_id, unit_path] = opens_objective(user, **of, today=today)
    return [Line(*row[:SPARK], orjson.loads(row[SPARK] or "{}"), *row[SPARK + 1 : -3], opens[row[-3:]]) for row in rows]


def as_defined(kpis: list[Line], known_at: datetime | None) -> list[Line]:
    """Return the lines with what the sheets of their KPIs said by what was known at a moment, None for now."""
    if known_at is None:
        return kpis
    sheets = definitions_then([kpi.pk for kpi in kpis], known_at)
    said = {pk: {name: value for name, value in sheet.items() if name in Line._fields} for pk, sheet in sheets.items()}
    return [kpi._replace(**said.get(kpi.pk, {})) for kpi in kpis]


def _filtered(kpis: QuerySet[Kpi], chosen: Selection) -> QuerySet[Kpi]:
    if chosen.unit:
        kpis = kpis.filter(unit__path__contains=f"/{chosen.unit}/")
    if chosen.theme:
        kpis = kpis.filter(objective__theme__code=chosen.theme)
    if chosen.owner:
        kpis = kpis.filter(owner_id=int(chosen.owner))
    if chosen.band and chosen.is_now:
        wanted = "" if chosen.band == "none" else chosen.band
        condition = Q(state__band=wanted)
        kpis = kpis.filter(condition | Q(state__isnull=True) if not wanted else condition)
    return kpis


def _choosable(kpis: QuerySet[Kpi]) -> Iterable[tuple[Any, ...]]:
    """Read what the filters offer, where the rows shown are only some of the KPIs."""
    theme = ("objective__theme__code", "objective__theme__name")
    rows = kpis.order_by().values_list("unit__code", "unit__name", "unit__path", *theme, "owner", "owner__name")
    return rows.distinct()


def _of_line(kpi: Line) -> tuple[Any, ...]:
    theme = (kpi.theme_code, kpi.theme_name)
    return (kpi.unit_code, kpi.unit_name, kpi.unit_path, *theme, kpi.owner_id, kpi.owner_name)


def _choices(rows: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    units, themes, owners = {}, {}, {}
    for unit, unit_name, path, theme, theme_name, owner, owner_name in rows:
        units[path] = (unit, unit_name)
        if theme:
            themes[theme] = theme_name
        owners[owner] = owner_name
    return {
        "units": [units[path] for path in sorted(units)],
        "themes": sorted(themes.items(), key=lambda item: item[1]),
        "owners": sorted(owners.items(), key=lambda item: item[1]),
    }
