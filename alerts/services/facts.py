"""What a message says, read once and frozen: plain values that can be stored as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from alerts.models import AlertState, BandCrossing, Incident
from alerts.services.revising import Revision
from initiatives.models import ExpectedImpact, Initiative
from kpis.dates import short_label
from kpis.domain.periods import Calendar, period_of
from kpis.models import Kpi
from kpis.queries import calendars
from objectives.queries import organisation

PERIODS = 12

# The newest judged periods of each KPI, oldest first, with their numbers as they are written in a message. The distance
# to a goal range is that to its nearer end, 0 inside it.
LATEST = """
SELECT k.kpi_id, e.period_start, e.band, trim_scale(e.value)::text,
       trim_scale(CASE WHEN e.goal IS NULL OR e.red_flag IS NULL THEN NULL
                       WHEN e.goal_high IS NULL OR e.red_high IS NULL THEN e.value - e.goal
                       ELSE e.value - least(greatest(e.value, e.goal), e.goal_high) END)::text,
       trim_scale(e.goal)::text, trim_scale(e.red_flag)::text, trim_scale(e.goal_high)::text,
       trim_scale(e.red_high)::text, trim_scale(m.numerator)::text, trim_scale(m.denominator)::text
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


class About(NamedTuple):
    """What is said of a KPI whatever happened."""

    pk: int
    code: str
    name: str
    measure_unit: str
    decimals: int
    polarity: str
    frequency: str
    calendar_id: int
    is_cumulative: bool
    numerator_label: str
    denominator_label: str
    ratio_factor: Decimal
    owner: str
    deputy: str | None
    source: str | None
    signal: str | None
    signal_of: date | None


# The same by the names of the ORM.
READ_ALONG = ("owner__name", "deputy__name", "mapping__source__name", "state__signal", "state__period_start")
ABOUT = (*About._fields[: -len(READ_ALONG)], *READ_ALONG)


class Latest(NamedTuple):
    """One judged period with the limits it was judged by, numbers as text."""

    period_start: date
    band: str
    value: str
    to_goal: str | None
    goal: str | None
    red_flag: str | None
    goal_high: str | None
    red_high: str | None
    numerator: str | None
    denominator: str | None


class Labels:
    """What periods are called. Those of one rhythm are the same for every KPI of it."""

    def __init__(self, calendars: Mapping[int, Calendar]) -> None:
        self._calendars = calendars
        self._known: dict[tuple[int, str, date], dict[str, str]] = {}

    def of(self, kpi: About, start: date) -> dict[str, str]:
        """Return key, label, first and last day of the period of the KPI that holds a day."""
        rhythm = (kpi.calendar_id, kpi.frequency, start)
        if rhythm not in self._known:
            period = period_of(start, kpi.frequency, self._calendars[kpi.calendar_id])
            self._known[rhythm] = {
                "key": period.key,
                "label": short_label(period),
                "start": period.start.isoformat(),
                "last_day": period.last_day.isoformat(),
            }
        return self._known[rhythm]


def facts_of(*, states: Mapping[int, AlertState], revisions: Mapping[int, Revision], now: datetime) -> dict[int, Facts]:
    """Return the facts of each KPI as they are known now, in a number of queries that does not grow with them."""
    kpi_ids = list(states)
    kpis = [About(*row) for row in Kpi.objects.filter(pk__in=kpi_ids).values_list(*ABOUT)]
    labels, latest = Labels(calendars()), _latest(states)
    initiatives, incidents, crossings = _initiatives(kpi_ids), _incidents(kpi_ids), _crossings(states)
    common = {"organisation": organisation().name, "confirmed_at": now.isoformat()}
    facts = {}
    for kpi in kpis:
        rows = latest[kpi.pk]
        incident = incidents.get(kpi.pk)
        data = common | {
            "kpi": _kpi(kpi),
            "band": states[kpi.pk].confirmed_band,
            "periods": [_period(row, labels.of(kpi, row.period_start)) for row in rows],
            # Of a sum to date the parts of one period would not explain the figure.
            "numerator": None if kpi.is_cumulative else rows[-1].numerator,
            "denominator": None if kpi.is_cumulative else rows[-1].denominator,
            "signal": _signal(kpi, rows[-1]),
            "initiatives": initiatives[kpi.pk],
            "incident": incident.pk if incident else None,
            "explain_by": _day(incident.explanation_due_on) if incident and not incident.closed_at else None,
            "correction": _correction(revisions.get(kpi.pk), kpi, labels),
        }
        facts[kpi.pk] = Facts(crossing_id=crossings.get(kpi.pk), data=data)
    return facts


def _kpi(kpi: About) -> dict[str, Any]:
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
        "owner": kpi.owner,
        "deputy": kpi.deputy or "",
        "source": kpi.source or "",
    }


def _period(row: Latest, label: dict[str, str]) -> dict[str, Any]:
    return label | {
        "band": row.band,
        "value": row.value,
        "to_goal": row.to_goal,
        "goal": row.goal,
        "red_flag": row.red_flag,
        "goal_high": row.goal_high,
        "red_high": row.red_high,
    }


def _signal(kpi: About, newest: Latest) -> str:
    """The state's verdict, if it is about the period of the message."""
    return kpi.signal or "" if kpi.signal_of == newest.period_start else ""


def _correction(revision: Revision | None, kpi: About, labels: Labels) -> dict[str, Any] | None:
    if revision is None:
        return None
    return {
        "label": labels.of(kpi, revision.period_start)["label"],
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
