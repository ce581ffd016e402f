"""What a message says, read once and frozen: plain values that can be stored as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
from django.db import connection

from alerts.services.revising import Revision
from initiatives.models import Initiative
from kpis.almanac import Almanac
from kpis.bulk import as_array
from kpis.dates import short_label
from kpis.domain.periods import Calendar, period_of

PERIODS = 12


def _written(number: str) -> str:
    """One more entry of a JSON object in SQL: a number as it is written in a message."""
    return f"""',"{number}":' || coalesce('"' || trim_scale({number}) || '"', 'null')"""


# Who and what each KPI is; its latest incident, the open one or the one just closed; its newest judged periods, latest
# first, and what a message says of each as the inside of a JSON object, since PostgreSQL takes longer to build objects;
# and the work under way, approved or proposed that promised to move it. The distance to a goal range is that to its
# nearer end, 0 inside it. Of a sum to date the parts of one period would not explain the figure.
ABOUT = f"""
SELECT k.id, k.code, k.name, k.measure_unit, k.decimals, k.polarity, k.frequency, k.calendar_id, k.numerator_label,
       k.denominator_label, k.ratio_factor, owner.name, deputy.name, d.name, s.signal, i.id,
       CASE WHEN i.closed_at IS NULL THEN i.explanation_due_on END, p.starts, p.periods,
       trim_scale(v.numerator)::text, trim_scale(v.denominator)::text, (
           SELECT json_agg(json_build_object('name', i.name, 'is_proposed', i.status = 'proposed',
                      'change', trim_scale(e.change)::text, 'full_effect_on', e.full_effect_on)
                  ORDER BY i.starts_on, i.code)::text
           FROM initiatives_expectedimpact e JOIN initiatives_initiative i ON i.id = e.initiative_id
           WHERE e.kpi_id = k.id AND i.status = ANY(%(answering)s))
FROM jsonb_to_recordset(%(told)s::jsonb) AS told(kpi_id bigint, newest date)
JOIN kpis_kpi k ON k.id = told.kpi_id
JOIN accounts_user owner ON owner.id = k.owner_id LEFT JOIN accounts_user deputy ON deputy.id = k.deputy_id
LEFT JOIN kpis_sourcemapping m ON m.kpi_id = k.id LEFT JOIN kpis_datasource d ON d.id = m.source_id
LEFT JOIN LATERAL (
    SELECT * FROM alerts_incident WHERE kpi_id = k.id ORDER BY opened_at DESC, id DESC LIMIT 1
) AS i ON true
CROSS JOIN LATERAL (
    SELECT max(period_start) AS latest, string_agg(to_char(period_start, 'YYYY-MM-DD'), ',') AS starts,
           string_agg('"band":"' || band || '","value":"' || trim_scale(value) || '"' || {_written("to_goal")}
               || {_written("goal")} || {_written("red_flag")} || {_written("goal_high")} || {_written("red_high")}, ';'
           ) AS periods
    FROM (
        SELECT *, CASE WHEN goal IS NULL OR red_flag IS NULL THEN NULL
                       WHEN goal_high IS NULL OR red_high IS NULL THEN value - goal
                       ELSE value - least(greatest(value, goal), goal_high) END AS to_goal
        FROM kpis_evaluation e
        WHERE e.kpi_id = k.id AND e.value IS NOT NULL
          AND (e.period_start = told.newest OR (e.period_start < told.newest AND NOT e.is_provisional))
        ORDER BY e.period_start DESC LIMIT %(periods)s
    ) AS e
) AS p
LEFT JOIN kpis_kpistate s ON s.kpi_id = k.id AND s.period_start = p.latest
LEFT JOIN kpis_measurement v ON v.kpi_id = k.id AND v.period_start = p.latest AND NOT k.is_cumulative
"""
ANSWERING = [Initiative.Status.RUNNING.value, Initiative.Status.APPROVED.value, Initiative.Status.PROPOSED.value]


class Confirmed(NamedTuple):
    """The band that is told of, and the newest period it was confirmed by."""

    band: str
    through: date | None


class About(NamedTuple):
    """What is said of a KPI whatever happened, its latest incident, and as JSON its periods and initiatives.

    Where the periods start is told by commas, what is said of them by semicolons.
    """

    pk: int
    code: str
    name: str
    measure_unit: str
    decimals: int
    polarity: str
    frequency: str
    calendar_id: int
    numerator_label: str
    denominator_label: str
    ratio_factor: Decimal
    owner: str
    deputy: str | None
    source: str | None
    signal: str | None
    incident: int | None
    explain_by: date | None
    starts: str
    periods: str
    numerator: str | None
    denominator: str | None
    initiatives: str | None


class Labels:
    """What periods are called. Those of one rhythm are the same for every KPI of it."""

    def __init__(self, calendars: Mapping[int, Calendar]) -> None:
        self._calendars = calendars
        self._lists: dict[tuple[int, str, str], str] = {}

    def of(self, kpi: About, start: str) -> dict[str, str]:
        """Return key, label, first and last day of the period of the KPI that holds a day."""
        period = period_of(date.fromisoformat(start), kpi.frequency, self._calendars[kpi.calendar_id])
        return {
            "key": period.key,
            "label": short_label(period),
            "start": period.start.isoformat(),
            "last_day": period.last_day.isoformat(),
        }

    def periods(self, kpi: About) -> orjson.Fragment:
        """Return the periods of the KPI, oldest first, as JSON."""
        rhythm = (kpi.calendar_id, kpi.frequency, kpi.starts)
        if rhythm not in self._lists:
            called = [_json(self.of(kpi, start)) for start in reversed(kpi.starts.split(","))]
            inside = [text.removesuffix("}").replace("%", "%%") for text in called]
            self._lists[rhythm] = f"[{','.join([text + ',%s}' for text in inside])}]"
        return orjson.Fragment(self._lists[rhythm] % tuple(reversed(kpi.periods.split(";"))))


def facts_of(
    *, confirmed: Mapping[int, Confirmed], revisions: Mapping[int, Revision], almanac: Almanac, now: datetime
) -> dict[int, dict[str, Any]]:
    """Return what is said of each KPI to everybody alike as it is known now, in one query for any number.

    Long lists are JSON already: they only pass through.
    """
    labels = Labels(almanac.calendars)
    common: dict[str, Any] = {"organisation": almanac.organisation, "confirmed_at": now.isoformat()}
    facts = {}
    for kpi in _about(confirmed):
        facts[kpi.pk] = common | {
            "kpi": _kpi(kpi),
            "band": confirmed[kpi.pk].band,
            "periods": labels.periods(kpi),
            "numerator": kpi.numerator,
            "denominator": kpi.denominator,
            "signal": kpi.signal or "",
            "initiatives": orjson.Fragment(kpi.initiatives or "[]"),
            "incident": kpi.incident,
            "explain_by": _day(kpi.explain_by),
            "correction": _correction(revisions.get(kpi.pk), kpi, labels),
        }
    return facts


def _about(confirmed: Mapping[int, Confirmed]) -> list[About]:
    with connection.cursor() as cursor:
        cursor.execute(
            ABOUT,
            {
                "told": _json([{"kpi_id": kpi_id, "newest": one.through} for kpi_id, one in confirmed.items()]),
                "periods": PERIODS,
                "answering": as_array(ANSWERING),
            },
        )
        return [About(*row) for row in cursor.fetchall()]


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


def _correction(revision: Revision | None, kpi: About, labels: Labels) -> dict[str, Any] | None:
    if revision is None:
        return None
    return {
        "label": labels.of(kpi, revision.period_start.isoformat())["label"],
        "was": _plain(revision.was),
        "value": _plain(revision.value),
        "by": revision.person or revision.source or "",
        "note": revision.note if revision.person else "",
        "at": revision.recorded_at.isoformat(),
    }


def _json(rows: object) -> str:
    return orjson.dumps(rows).decode()


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
