"""Reading KPIs: what each is, who answers for it, what judges it now, and how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from ninja.errors import ValidationError
from pydantic import Field

from kpiplatform.accounts.models import User
from kpiplatform.api.queries import Caller, kpis_readable_by
from kpiplatform.api.v1.access import READ
from kpiplatform.api.v1.form import PAGE, Most, Number, Words, following, refuse_other_names
from kpiplatform.api.v1.problems import not_there
from kpis.domain.judged import Rules
from kpis.domain.limits import Limits, RangeLimits, in_force, limits_for
from kpis.domain.periods import Calendar, period_of
from kpis.grades import grades_of
from kpis.models import Kpi
from kpis.queries import calendars, rules_of
from objectives.queries import units_visible_to

router = Router(tags=["KPIs"])
WITH = ("objective", "unit", "calendar", "owner", "deputy", "steward", "state")


class Person(Schema):
    """Somebody who answers for something."""

    name: str
    email: str


class LimitsNow(Schema):
    """What judges the present period; of a range, goal and red flag are the lower ends."""

    goal: Number | None = None
    red_flag: Number | None = None
    goal_high: Number | None = None
    red_flag_high: Number | None = None
    none_because: str = Field("", description="why there are no limits, such as no_target")


class Standing(Schema):
    """The latest closed period with a value, and whether the number is there in time."""

    period: str | None = None
    value: Number | None = None
    score: Number | None = None
    band: str = Field("", description="on_track, at_risk, off_track, or empty without band")
    none_because: str = Field("", description="why there is no band")
    confidence: str = Field("", description="grade of the value, A to E")
    health: str = Field("never", description="fresh, late, stale, never or source_error")


class KpiInShort(Schema):
    """A KPI as a list shows it."""

    code: str
    name: str
    objective: str = Field(description="code of the objective")
    unit: str = Field(description="code of the unit of the organisation")
    tier: str
    frequency: str
    measure_unit: str
    status: str
    owner: Person
    standing: Standing


class KpiInFull(KpiInShort):
    """A KPI with its definition."""

    purpose: str
    decision_informed: str
    formula_in_words: str
    inclusions: str
    indicator_type: str
    polarity: str
    time_aggregation: str
    is_cumulative: bool
    ratio_factor: Number
    numerator_label: str
    denominator_label: str
    entry: str = Field(description="source, manual or derived")
    calendar: str
    version: int = Field(description="of the definition")
    deputy: Person | None
    steward: Person | None
    baseline: Number | None
    limits: LimitsNow


class KpiPage(Schema):
    """Some KPIs, by code; `next` leads on, and is empty at the end."""

    items: list[KpiInShort]
    next: str = ""


class Selection(Schema):
    """Which KPIs, and from where on."""

    tier: Literal["", "strategic", "operational"] = Field("", description="empty for both")
    unit: Words = Field("", description="code of a unit: its KPIs and those of the units below")
    after: Words = Field("", description="code of the last KPI of the page before")
    limit: Most = PAGE


@router.get("/kpis", response=KpiPage, auth=READ, url_name="kpis", summary="List KPIs")
def kpis(request: HttpRequest, said: Query[Selection]) -> dict[str, Any]:
    """KPIs that the token may read, by code, each with its owner and how it stands."""
    refuse_other_names(request, said)
    rows = kpis_readable_by(request.auth).select_related(*WITH).order_by("code").filter(code__gt=said.after)
    if said.tier:
        rows = rows.filter(tier=said.tier)
    if said.unit:
        inside = Q(unit__path__contains=f"/{said.unit}/")
        _refuse_unknown_unit(request.auth, said.unit, inside)
        rows = rows.filter(inside)
    found, by_calendar = list(rows[: said.limit + 1]), calendars()
    page = found[: said.limit]
    more = following(request, page[-1].code) if len(found) > len(page) else ""
    grades = _grades(page, request.auth)
    items = [in_short(kpi, by_calendar[kpi.calendar_id], grades.get(kpi.pk, "")) for kpi in page]
    return {"items": items, "next": more}


def _refuse_unknown_unit(caller: Caller, code: str, inside: Q) -> None:
    """Refuse a unit that the person neither sees nor has KPIs in: a slip would read as a unit without any."""
    units = units_visible_to(caller.user, today=caller.today)
    if not units.filter(code=code).exists() and not kpis_readable_by(caller).filter(inside).exists():
        raise ValidationError([{"type": "unit", "loc": ("query", "unit"), "msg": _("There is no such unit.")}])


@router.get("/kpis/{code}", response=KpiInFull, auth=READ, url_name="kpi", summary="Read one KPI")
def kpi(request: HttpRequest, code: str) -> dict[str, Any]:
    """One KPI with its definition, the people who answer for it, and the limits in force today."""
    caller: Caller = request.auth
    row = kpi_or_problem(caller, code)
    calendar = calendars()[row.calendar_id]
    start = period_of(caller.today, row.frequency, calendar).start
    names = (
        "purpose", "decision_informed", "formula_in_words", "inclusions", "indicator_type", "polarity",
        "time_aggregation", "is_cumulative", "ratio_factor", "numerator_label", "denominator_label", "entry", "version",
    )  # fmt: skip
    return (
        in_short(row, calendar, _grades([row], caller).get(row.pk, ""))
        | {name: getattr(row, name) for name in names}
        | {
            "calendar": row.calendar.name,
            "deputy": person(row.deputy),
            "steward": person(row.steward),
            "baseline": row.baseline_value,
            "limits": _limits(rules_of([row])[row.pk], start),
        }
    )


def kpi_or_problem(caller: Caller, code: str, *, known_at: datetime | None = None) -> Kpi:
    """Return the KPI, or the same answer for one that does not exist and for one that is not for this token.

    As known at a moment one is there that was retired later.
    """
    rows: QuerySet[Kpi] = kpis_readable_by(caller, known_at=known_at).select_related(*WITH)
    found = None if "\0" in code else rows.filter(code=code).first()
    if found is None:
        raise not_there(_("KPI %(code)s") % {"code": code[:40]})
    return found


def in_short(kpi: Kpi, calendar: Calendar, grade: str) -> dict[str, Any]:
    """Return a KPI as lists show it, with the grade of its value; it comes with what WITH names."""
    state = getattr(kpi, "state", None)
    started: date | None = state.period_start if state else None
    return {
        "code": kpi.code,
        "name": kpi.name,
        "objective": kpi.objective.code,
        "unit": kpi.unit.code,
        "tier": kpi.tier,
        "frequency": kpi.frequency,
        "measure_unit": kpi.measure_unit,
        "status": kpi.status,
        "owner": person(kpi.owner),
        "standing": {
            "period": period_of(started, kpi.frequency, calendar).key if started else None,
            "value": state.value,
            "score": state.score,
            "band": state.band,
            "none_because": state.no_band_reason,
            "confidence": grade,
            "health": state.health,
        }
        if state
        else {},
    }


def _grades(kpis: Sequence[Kpi], caller: Caller) -> dict[int, str]:
    """Return the grade of confidence in the value that each KPI stands by."""
    latest = {kpi.pk: kpi.state.period_start for kpi in kpis if hasattr(kpi, "state")}
    return grades_of(latest, today=caller.today)


def person(user: User | None) -> dict[str, str] | None:
    """Return somebody, or nobody."""
    return {"name": user.name, "email": user.email} if user else None


def _limits(rules: Rules, start: date) -> dict[str, Any]:
    target = in_force(rules.targets, start)
    limits, why = limits_for(rules.polarity, target, in_force(rules.thresholds, start))
    match limits:
        case Limits():
            return {"goal": limits.goal, "red_flag": limits.red_flag}
        case RangeLimits():
            ends = {"goal": limits.goal_low, "goal_high": limits.goal_high}
            return ends | {"red_flag": limits.red_low, "red_flag_high": limits.red_high}
    return {"none_because": why}
