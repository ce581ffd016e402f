"""Reading a source while it is being connected: its first rows, its groups, the values that figures would give.

What asks the source does not run inside a transaction. What is found is plain data, to be stored: figures and periods
are written as whoever reads them writes them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as say

from kpiplatform.dashboards.configuration.sources.showing import cut_words
from kpiplatform.dashboards.source_wizard.finishing import Wanted
from kpiplatform.dashboards.source_wizard.looking import with_sentences
from kpis.domain.figures import number
from kpis.domain.limits import Limits
from kpis.domain.periods import Calendar, period_of, previous_period
from kpis.domain.scoring import band_for
from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.forms import period_name
from kpis.models import DataSource, Kpi
from kpis.queries import calendars, calendars_of_units
from kpis.readings import Reading
from kpis.services.pulling import cut_days
from kpis.services.reaching import reached
from kpis.services.recording import locked_periods
from kpis.sources.base import Kind, SourceError, Window
from kpis.sources.mapping import MappedKpi, parse_mapping, wanted_columns
from kpis.sources.measures import Measure
from objectives.models import Unit

PERIODS_SHOWN = 6
GROUPS_AT_MOST = 200
REFUSALS_SHOWN = 5
DAYS_FOR_GROUPS = timedelta(days=400)


def groups(source: DataSource, measure: Measure, *, today: date) -> list[dict[str, Any]]:
    """Return the contents of the column that tells KPIs apart with their number of rows, the most frequent first."""
    if not measure.group_by:
        return [{"value": None, "rows": 0}]
    window = Window(since=today - DAYS_FOR_GROUPS, until=today + timedelta(days=1))
    day = today if source.is_snapshot else None
    with reached(source) as reader:
        rows = reader.fetch(window=window, columns=frozenset({(measure.group_by, Kind.TEXT)}), snapshot_day=day)
    counted = rows.column(measure.group_by, Kind.TEXT).value_counts().head(GROUPS_AT_MOST)
    found = [{"value": str(value), "rows": int(count)} for value, count in counted.items() if count]
    if not found:
        says = _("The column %(name)s is empty in every row of the last %(days)s days.")
        raise SourceError(Sentence(says, {"name": measure.group_by, "days": DAYS_FOR_GROUPS.days}))
    return found


def values(source: DataSource, chosen: Sequence[Wanted], *, today: date, now: datetime) -> dict[str, Any]:
    """Return the latest values that each chosen KPI would have, and the first lines that were refused.

    Those in locked periods are marked: they would not be taken.
    """
    from kpis.sources.computing import compute_readings  # pandas: only who asks for values waits for it

    by_calendar = calendars()
    of_units = calendars_of_units(Unit.objects.filter(pk__in=[one.common.get("unit") for one in chosen]))
    existing = {kpi.pk: kpi for kpi in Kpi.objects.filter(pk__in=[one.kpi_id for one in chosen if one.kpi_id])}
    mapped, written = [], []
    for place, one in enumerate(chosen):
        kpi = existing.get(one.kpi_id or 0)
        calendar_id = kpi.calendar_id if kpi else of_units[one.common["unit"]].pk
        mapped.append(
            MappedKpi(
                kpi_id=place,
                code=kpi.code if kpi else one.name,
                frequency=kpi.frequency if kpi else one.common["frequency"],
                calendar=by_calendar[calendar_id],
                mapping=parse_mapping(one.spec),
                ratio_factor=kpi.ratio_factor if kpi else Decimal(one.measure.factor),
            )
        )
        decimals = kpi.decimals if kpi else one.common.get("decimals") or 0
        limits = {} if kpi else {name: one.common[name] for name in ("goal", "red_flag") if one.common.get(name)}
        written.append({"decimals": decimals, "frequency": mapped[place].frequency, "calendar": calendar_id, **limits})
    window = _window(mapped, today)
    with reached(source) as reader:
        rows = reader.fetch(
            window=window,
            columns=wanted_columns(one.mapping for one in mapped),
            snapshot_day=today if source.is_snapshot else None,
        )
    computed = compute_readings(rows, mapped, window)
    by_kpi = defaultdict(list)
    for reading in computed.readings:
        by_kpi[reading.kpi_id].append(reading)
    known = [
        reading._replace(kpi_id=chosen[reading.kpi_id].kpi_id)
        for reading in computed.readings
        if chosen[reading.kpi_id].kpi_id
    ]
    locked = set(locked_periods(readings=known, now=now))
    shown = [
        sorted(by_kpi[place], key=lambda reading: reading.period_start, reverse=True)[:PERIODS_SHOWN]
        for place in range(len(chosen))
    ]
    first, last = cut_days(source, rows.distinct_days.tolist(), mapped, window)
    begins_on, ends_on = _if_shown(first, shown), _if_shown(last, shown)
    refusals = [*computed.refusals, *rows.refusals]
    return {
        "rows": rows.read,
        "refused": len(computed.refusals) + rows.lines_refused,
        "begins_on": begins_on.isoformat() if begins_on else None,
        "ends_on": ends_on.isoformat() if ends_on else None,
        "refusals": [{"line": one.line, "why": one.why.to_store()} for one in refusals[:REFUSALS_SHOWN]],
        "kpis": [
            {
                "name": existing[one.kpi_id].name if one.kpi_id else one.name,
                "is_new": not one.kpi_id,
                "group": "" if one.group is None else str(one.group),
                **written[place],
                "values": [
                    {
                        "start": reading.period_start.isoformat(),
                        "value": None if reading.value is None else str(reading.value),
                        "open": reading.state == "provisional",
                        "locked": (one.kpi_id, reading.period_start) in locked,
                    }
                    for reading in shown[place]
                ],
            }
            for place, one in enumerate(chosen)
        ],
    }


def _if_shown(day: date | None, shown: Sequence[Sequence[Reading]]) -> date | None:
    """Return the day if a value of its period is among those shown."""
    is_shown = day and any(one.period_start <= day < one.period_end for readings in shown for one in readings)
    return day if is_shown else None


def values_shown(found: Mapping[str, Any], *, locale: str) -> dict[str, Any]:
    """Return what was kept of values with its sentences, and its figures as `locale` writes them."""
    if "kpis" not in found:
        return with_sentences(found)
    by_calendar = calendars()
    begins_on, ends_on = (
        date.fromisoformat(day) if (day := found[name]) else None for name in ("begins_on", "ends_on")
    )
    rhythms = [(kpi["frequency"], by_calendar[kpi["calendar"]]) for kpi in found["kpis"]]
    return with_sentences(found) | {
        "cuts": cut_words(begins_on, ends_on, rhythms),
        "rows": number(Decimal(found["rows"]), 0, locale=locale),
        "refused": number(Decimal(found["refused"]), 0, locale=locale),
        "kpis": [
            kpi | {"values": _shown(kpi, by_calendar[kpi["calendar"]], locale), "judged_by": _judged_by(kpi, locale)}
            for kpi in found["kpis"]
        ],
    }


def _shown(kpi: Mapping[str, Any], calendar: Calendar, locale: str) -> list[dict[str, Any]]:
    return [
        {
            "period": period_name(period_of(date.fromisoformat(one["start"]), kpi["frequency"], calendar)),
            "value": number(None if one["value"] is None else Decimal(one["value"]), kpi["decimals"], locale=locale),
            "open": one["open"],
            "locked": one.get("locked", False),
            "band": _band(kpi, one["value"]),
        }
        for one in kpi["values"]
    ]


def _limits(kpi: Mapping[str, Any]) -> Limits | None:
    """Return what a new KPI will be judged by, if that is known."""
    if not kpi.get("goal") or not kpi.get("red_flag"):
        return None
    return Limits(goal=Decimal(kpi["goal"]), red_flag=Decimal(kpi["red_flag"]))


def _band(kpi: Mapping[str, Any], value: str | None) -> str:
    limits = _limits(kpi)
    return "" if limits is None or value is None else band_for(Decimal(value), limits)


def _judged_by(kpi: Mapping[str, Any], locale: str) -> str:
    limits = _limits(kpi)
    if limits is None:
        return ""
    goal, red_flag = (number(one, kpi["decimals"], locale=locale) for one in (limits.goal, limits.red_flag))
    words = {"goal": goal, "red_flag": red_flag}
    if limits.goal > limits.red_flag:
        return say("goal %(goal)s or more, red flag below %(red_flag)s") % words
    return say("goal %(goal)s or less, red flag above %(red_flag)s") % words


def _window(mapped: Sequence[MappedKpi], today: date) -> Window:
    """Return the days of the last few periods of every KPI."""
    since = today
    for frequency, calendar in {(one.frequency, one.calendar) for one in mapped}:
        period = period_of(today, frequency, calendar)
        for _back in range(PERIODS_SHOWN):
            period = previous_period(period, calendar)
        since = min(since, period.start)
    return Window(since=since, until=today)
