"""Reading the scorecard: objectives with their roll-up, and the KPIs below each."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from kpiplatform.api.queries import Caller, kpis_readable_by, objectives_readable_by
from kpiplatform.api.v1.access import READ
from kpiplatform.api.v1.form import PAGE, Day, Most, Number, Words, following, refuse_other_names
from kpiplatform.api.v1.kpis import Person, person
from kpis.as_known import define_as_known, states_as_known
from kpis.domain.periods import period_of
from kpis.grades import grades_of
from kpis.objectives_as_known import objectives_as_known
from kpis.queries import active_then, calendars, objective_of, of_objectives
from objectives.models import Objective
from objectives.queries import organisation

router = Router(tags=["Scorecard"])
DAY = timedelta(days=1)


class AskedBoard(Schema):
    """As known when, and from where on."""

    known_on: Day | None = Field(None, description="as known at the end of this day; empty for now")
    after: Words = Field("", description="code of the last objective of the page before")
    limit: Most = PAGE


class KpiOnBoard(Schema):
    """A KPI below an objective; those that the token may not read are counted in the roll-up and not named."""

    code: str
    name: str
    period: str | None = Field(None, description="of the value: the latest closed one that has any")
    value: Number | None = None
    score: Number | None = None
    band: str = ""
    confidence: str = Field("", description="grade of the value, A to E")


class ObjectiveOut(Schema):
    """An objective with its roll-up: the score by its method, and always average, worst child and coverage."""

    code: str
    name: str
    perspective: str
    unit: str
    parent: str | None
    owner: Person
    method: str
    score: Number | None = None
    band: str = ""
    average: Number | None = None
    worst_score: Number | None = None
    coverage: Number | None = Field(None, description="share of the weight that has data, 0 to 1")
    with_data: int = 0
    total: int = 0
    on_track: int = 0
    at_risk: int = 0
    off_track: int = 0
    kpis: list[KpiOnBoard]


class Board(Schema):
    """Some objectives, by code; `next` leads on, and is empty at the end."""

    items: list[ObjectiveOut]
    next: str = ""


@router.get("/scorecard", response=Board, auth=READ, url_name="scorecard", summary="Read the scorecard")
def scorecard(request: HttpRequest, said: Query[AskedBoard]) -> dict[str, Any]:
    """Objectives that the token may read, with their roll-up and their KPIs, now or as known on a past day.

    A token that is limited to KPIs reads none: read its KPIs one by one.
    """
    refuse_other_names(request, said)
    caller: Caller = request.auth
    rows = objectives_readable_by(caller).select_related("perspective", "unit", "parent", "owner", "state")
    found = list(rows.filter(code__gt=said.after).order_by("code")[: said.limit + 1])
    page = found[: said.limit]
    known_at = None
    if said.known_on:
        known_at = datetime.combine(said.known_on + DAY, time.min, ZoneInfo(organisation().time_zone))
    rolled = _rolled(page, said.known_on, known_at)
    below = _below(caller, page, said.known_on, known_at)
    items = [_objective(row) | rolled[row.pk] | {"kpis": below[row.pk]} for row in page]
    return {"items": items, "next": following(request, page[-1].code) if len(found) > len(page) else ""}


def _objective(row: Objective) -> dict[str, Any]:
    return {
        "code": row.code,
        "name": row.name,
        "perspective": row.perspective.code,
        "unit": row.unit.code,
        "parent": row.parent.code if row.parent else None,
        "owner": person(row.owner),
        "method": row.roll_up_method,
    }


def _rolled(page: list[Objective], known_on: date | None, known_at: datetime | None) -> dict[int, dict[str, Any]]:
    names = ("score", "band", "average", "worst_score", "coverage", "with_data", "total")
    bands = ("on_track", "at_risk", "off_track")
    if known_on is None:
        stored = {row.pk: getattr(row, "state", None) for row in page}
        return {
            pk: {name: getattr(state, name) for name in (*names, *bands)} if state else {}
            for pk, state in stored.items()
        }
    asked = {"before": known_on + DAY, "known_at": known_at, "on": known_on}
    then = objectives_as_known(objective_ids=[row.pk for row in page], **asked)
    return {
        pk: {name: getattr(rolled, name) for name in names} | {band: rolled.counts[band] for band in bands}
        for pk, rolled in then.items()
    }


def _below(
    caller: Caller, page: list[Objective], known_on: date | None, known_at: datetime | None
) -> dict[int, list[dict[str, Any]]]:
    readable = of_objectives(kpis_readable_by(caller, known_at=known_at), [row.pk for row in page], known_at)
    readable = active_then(readable, known_at)
    kpis = list(readable.select_related("state").order_by("position", "code"))
    define_as_known(kpis, known_at)
    then = states_as_known(kpis=kpis, before=known_on + DAY, known_at=known_at) if known_on else {}
    standing: dict[int, Any] = {
        kpi.pk: getattr(kpi, "state", None) if known_on is None else then[kpi.pk][0].last if kpi.pk in then else None
        for kpi in kpis
    }
    latest = {pk: stands.period_start if stands else None for pk, stands in standing.items()}
    grades = grades_of(latest, today=known_on or caller.today, known_at=known_at)
    by_calendar = calendars()
    below: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for kpi in kpis:
        stands = standing[kpi.pk]
        figures = {name: getattr(stands, name) for name in ("value", "score", "band")} if stands else {}
        said = {"code": kpi.code, "name": kpi.name, "confidence": grades.get(kpi.pk, "")}
        if start := latest[kpi.pk]:
            said["period"] = period_of(start, kpi.frequency, by_calendar[kpi.calendar_id]).key
        below[objective_of(kpi)].append(said | figures)
    return below
