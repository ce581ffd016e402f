"""What a message says, read once and frozen: plain values that can be stored as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from alerts.models import AlertState, BandCrossing, Incident
from alerts.services.revising import Revision
from initiatives.models import ExpectedImpact, Initiative
from kpis.dates import short_label
from kpis.domain.limits import AnyLimits, Limits, RangeLimits
from kpis.domain.periods import Calendar, period_of
from kpis.models import Kpi
from kpis.queries import calendars
from objectives.queries import organisation

PERIODS = 12

# The newest judged periods of each KPI, newest first.
LATEST = """
SELECT k.kpi_id, e.period_start, e.value, e.band, e.goal, e.red_flag, e.goal_high, e.red_high,
       m.numerator, m.denominator
FROM unnest(%s::bigint[], %s::date[]) AS k(kpi_id, newest)
CROSS JOIN LATERAL (
    SELECT * FROM kpis_evaluation e
    WHERE e.kpi_id = k.kpi_id AND e.value IS NOT NULL
      AND (e.period_start = k.newest OR (e.period_start < k.newest AND NOT e.is_provisional))
    ORDER BY e.period_start DESC LIMIT %s
) AS e
LEFT JOIN kpis_measurement m ON m.kpi_id = e.kpi_id AND m.period_start = e.period_start
ORDER BY k.kpi_id, e.period_start
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is said of one KPI to everybody alike, and the crossing it is about."""

    crossing_id: int | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Latest:
    """One judged period with the limits it was judged by."""

    period_start: date
    value: Decimal
    band: str
    goal: Decimal | None
    red_flag: Decimal | None
    goal_high: Decimal | None
    red_high: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None


def facts_of(*, states: Mapping[int, AlertState], revisions: Mapping[int, Revision], now: datetime) -> dict[int, Facts]:
    """Return the facts of each KPI as they are known now, in a number of queries that does not grow with them."""
    kpi_ids = list(states)
    people_and_source = ("owner", "deputy", "state", "mapping__source")
    kpis = Kpi.objects.filter(pk__in=kpi_ids).select_related(*people_and_source)
    by_calendar, latest = calendars(), _latest(states)
    initiatives, incidents, crossings = _initiatives(kpi_ids), _incidents(kpi_ids), _crossings(states)
    common = {"organisation": organisation().name, "confirmed_at": now.isoformat()}
    facts = {}
    for kpi in kpis:
        calendar, rows = by_calendar[kpi.calendar_id], latest[kpi.pk]
        incident = incidents.get(kpi.pk)
        data = common | {
            "kpi": _kpi(kpi),
            "band": states[kpi.pk].confirmed_band,
            "periods": [_period(row, kpi, calendar) for row in rows],
            # Of a sum to date the parts of one period would not explain the figure.
            "numerator": None if kpi.is_cumulative else _plain(rows[-1].numerator),
            "denominator": None if kpi.is_cumulative else _plain(rows[-1].denominator),
            "signal": _signal(kpi, rows[-1]),
            "initiatives": initiatives[kpi.pk],
            "incident": incident.pk if incident else None,
            "explain_by": _day(incident.explanation_due_on) if incident and not incident.closed_at else None,
            "correction": _correction(revisions.get(kpi.pk), kpi, calendar),
        }
        facts[kpi.pk] = Facts(crossing_id=crossings.get(kpi.pk), data=data)
    return facts


def _kpi(kpi: Kpi) -> dict[str, Any]:
    mapping = getattr(kpi, "mapping", None)
    return {
        "code": kpi.code,
        "name": kpi.name,
        "unit": kpi.measure_unit,
        "decimals": kpi.decimals,
        "polarity": kpi.polarity,
        "frequency": kpi.frequency,
        "numerator_label": kpi.numerator_label,
        "denominator_label": kpi.denominator_label,
        "is_share": kpi.ratio_factor == 100,
        "owner": kpi.owner.name,
        "deputy": kpi.deputy.name if kpi.deputy else "",
        "source": mapping.source.name if mapping else "",
    }


def _period(row: Latest, kpi: Kpi, calendar: Calendar) -> dict[str, Any]:
    period = period_of(row.period_start, kpi.frequency, calendar)
    return {
        "key": period.key,
        "label": short_label(period),
        "start": period.start.isoformat(),
        "last_day": period.last_day.isoformat(),
        "band": row.band,
        "value": _plain(row.value),
        "to_goal": _plain(_to_goal(row)),
        "goal": _plain(row.goal),
        "red_flag": _plain(row.red_flag),
        "goal_high": _plain(row.goal_high),
        "red_high": _plain(row.red_high),
    }


def _to_goal(row: Latest) -> Decimal | None:
    """How far the value lies from the goal, or from the nearer end of a goal range; 0 inside it."""
    match _limits(row):
        case Limits(goal=goal):
            return row.value - goal
        case RangeLimits(goal_low=low, goal_high=high):
            return row.value - min(max(row.value, low), high)
        case _:
            return None


def _limits(row: Latest) -> AnyLimits | None:
    if row.goal is None or row.red_flag is None:
        return None
    if row.goal_high is None or row.red_high is None:
        return Limits(goal=row.goal, red_flag=row.red_flag)
    return RangeLimits(goal_low=row.goal, goal_high=row.goal_high, red_low=row.red_flag, red_high=row.red_high)


def _signal(kpi: Kpi, newest: Latest) -> str:
    """The state's verdict, if it is about the period of the message."""
    state = getattr(kpi, "state", None)
    return state.signal if state is not None and state.period_start == newest.period_start else ""


def _correction(revision: Revision | None, kpi: Kpi, calendar: Calendar) -> dict[str, Any] | None:
    if revision is None:
        return None
    return {
        "label": short_label(period_of(revision.period_start, kpi.frequency, calendar)),
        "was": _plain(revision.was),
        "value": _plain(revision.value),
        "by": revision.person or revision.source or "",
        "note": revision.note if revision.person else "",
        "at": revision.recorded_at.isoformat(),
    }


def _latest(states: Mapping[int, AlertState]) -> dict[int, list[Latest]]:
    latest: dict[int, list[Latest]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(LATEST, [list(states), [state.folded_through for state in states.values()], PERIODS])
        for kpi_id, *columns in cursor.fetchall():
            latest[kpi_id].append(Latest(*columns))
    return latest


def _initiatives(kpi_ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    """The work under way, approved or proposed that promised to move each KPI."""
    answering = [Initiative.Status.RUNNING, Initiative.Status.APPROVED, Initiative.Status.PROPOSED]
    impacts = ExpectedImpact.objects.filter(kpi_id__in=kpi_ids, initiative__status__in=answering)
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for impact in impacts.select_related("initiative").order_by("initiative__starts_on", "initiative__code"):
        found[impact.kpi_id].append(
            {
                "name": impact.initiative.name,
                "is_proposed": impact.initiative.status == Initiative.Status.PROPOSED,
                "change": _plain(impact.change),
                "full_effect_on": _day(impact.full_effect_on),
            }
        )
    return found


def _incidents(kpi_ids: list[int]) -> dict[int, Incident]:
    """The latest incident of each KPI: the open one, or the one just closed."""
    latest = Incident.objects.filter(kpi_id__in=kpi_ids).order_by("kpi_id", "-opened_at", "-pk").distinct("kpi_id")
    return {incident.kpi_id: incident for incident in latest}


def _crossings(states: Mapping[int, AlertState]) -> dict[int, int]:
    latest = BandCrossing.objects.filter(kpi_id__in=states).order_by("kpi_id", "-seq").distinct("kpi_id")
    return dict(latest.values_list("kpi_id", "pk"))


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
