"""What a message says, read once and frozen: plain values that can be stored as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from alerts.services.revising import Revision
from initiatives.models import Initiative
from kpis.almanac import Almanac
from kpis.bulk import as_array
from kpis.dates import short_label
from kpis.domain.periods import Calendar, period_of

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


# Who and what the KPI is, and its latest incident: the open one, or the one just closed.
ABOUT = """
SELECT k.id, k.code, k.name, k.measure_unit, k.decimals, k.polarity, k.frequency, k.calendar_id, k.is_cumulative,
       k.numerator_label, k.denominator_label, k.ratio_factor, owner.name, deputy.name, d.name, s.signal,
       s.period_start, i.id, i.explanation_due_on, i.closed_at IS NULL
FROM kpis_kpi k JOIN accounts_user owner ON owner.id = k.owner_id
LEFT JOIN accounts_user deputy ON deputy.id = k.deputy_id
LEFT JOIN kpis_sourcemapping m ON m.kpi_id = k.id LEFT JOIN kpis_datasource d ON d.id = m.source_id
LEFT JOIN kpis_kpistate s ON s.kpi_id = k.id
LEFT JOIN LATERAL (
    SELECT * FROM alerts_incident WHERE kpi_id = k.id ORDER BY opened_at DESC, id DESC LIMIT 1
) AS i ON true
WHERE k.id = ANY(%s)
"""
# The work under way, approved or proposed that promised to move each KPI.
INITIATIVES = """
SELECT e.kpi_id, i.name, i.status = 'proposed', e.change, e.full_effect_on
FROM initiatives_expectedimpact e JOIN initiatives_initiative i ON i.id = e.initiative_id
WHERE e.kpi_id = ANY(%s) AND i.status = ANY(%s)
ORDER BY i.starts_on, i.code
"""


class Confirmed(NamedTuple):
    """The band that is told of, and the newest period it was confirmed by."""

    band: str
    through: date | None


class About(NamedTuple):
    """What is said of a KPI whatever happened, and its latest incident."""

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
    incident: int | None
    explanation_due_on: date | None
    incident_is_open: bool | None


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


def facts_of(
    *, confirmed: Mapping[int, Confirmed], revisions: Mapping[int, Revision], almanac: Almanac, now: datetime
) -> dict[int, dict[str, Any]]:
    """Return what is said of each KPI to everybody alike as it is known now, in as many queries for any number."""
    labels, latest = Labels(almanac.calendars), _latest(confirmed)
    initiatives = _initiatives(confirmed)
    common: dict[str, Any] = {"organisation": almanac.organisation, "confirmed_at": now.isoformat()}
    facts = {}
    for kpi in (About(*row) for row in _rows(ABOUT, [as_array(confirmed)])):
        rows = latest[kpi.pk]
        facts[kpi.pk] = common | {
            "kpi": _kpi(kpi),
            "band": confirmed[kpi.pk].band,
            "periods": [_period(row, labels.of(kpi, row.period_start)) for row in rows],
            # Of a sum to date the parts of one period would not explain the figure.
            "numerator": None if kpi.is_cumulative else rows[-1].numerator,
            "denominator": None if kpi.is_cumulative else rows[-1].denominator,
            "signal": _signal(kpi, rows[-1]),
            "initiatives": initiatives[kpi.pk],
            "incident": kpi.incident,
            "explain_by": _day(kpi.explanation_due_on) if kpi.incident_is_open else None,
            "correction": _correction(revisions.get(kpi.pk), kpi, labels),
        }
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


def _latest(confirmed: Mapping[int, Confirmed]) -> dict[int, list[Latest]]:
    latest: dict[int, list[Latest]] = defaultdict(list)
    newest = as_array(one.through for one in confirmed.values())
    for kpi_id, *columns in _rows(LATEST, [as_array(confirmed), newest, PERIODS]):
        latest[kpi_id].append(Latest(*columns))
    return latest


def _initiatives(kpi_ids: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    answering = [Initiative.Status.RUNNING, Initiative.Status.APPROVED, Initiative.Status.PROPOSED]
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for kpi_id, name, is_proposed, change, full_effect_on in _rows(
        INITIATIVES, [as_array(kpi_ids), as_array(status.value for status in answering)]
    ):
        found[kpi_id].append(
            {
                "name": name,
                "is_proposed": is_proposed,
                "change": _plain(change),
                "full_effect_on": _day(full_effect_on),
            }
        )
    return found


def _rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
