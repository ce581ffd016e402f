"""The restatements in words, and as lines of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from kpiplatform.cells import Cell
from kpiplatform.dashboards.restatements.queries import Restated
from kpis.dates import day, moment, short_label
from kpis.domain.figures import number, with_unit
from kpis.domain.periods import Calendar, period_of
from kpis.revision_words import who_revised, why_revised

HEAD = (
    "kpi", "name", "unit", "period", "first_day", "was", "is", "measure", "band before", "band after", "recorded_at",
    "who", "why", "shown in", "reopened by", "confidence before", "confidence after",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One restatement, ready to print."""

    kpi: Any
    url: str
    period: str
    was: str
    was_grade: str
    now: str
    now_grade: str
    old: str
    new: str
    moved: bool
    at: str
    who: str
    why: str
    pack: str
    pack_url: str
    reopening: str


def rows_of(found: Restated, calendars: Mapping[int, Calendar], *, locale: str, zone: tzinfo) -> list[Row]:
    """Return the lines of the page."""
    return [_row(one, found, calendars, locale, zone) for one in found.rows]


def _row(one: Any, found: Restated, calendars: Mapping[int, Calendar], locale: str, zone: tzinfo) -> Row:
    kpi, (old, new) = one.kpi, found.bands[one.pk]
    pack, reopening = found.packs.get(one.pk), found.reopened.get(one.pk)
    return Row(
        kpi=kpi,
        url=reverse("kpis:correct", args=[kpi.code, one.period_start]),
        period=_period(one, calendars),
        was=_value(one.was, kpi, locale),
        was_grade=found.grades[one.pk][0],
        now=_value(one.value, kpi, locale, kpi.measure_unit),
        now_grade=found.grades[one.pk][1],
        old=old,
        new=new,
        moved=old != new,
        at=moment(one.recorded_at, zone),
        who=who_revised(one),
        why=_why(one),
        pack=_("%(forum)s, %(day)s") % {"forum": pack.forum, "day": day(pack.held_on)} if pack else "",
        pack_url=reverse("reviews:pack", args=[pack.review_id]) if pack else "",
        reopening=_("reopened by %(name)s") % {"name": reopening.approved_by.name} if reopening else "",
    )


def lines_of(found: Restated, calendars: Mapping[int, Calendar]) -> Iterator[list[Cell]]:
    """Yield the lines of the file, with exact numbers."""
    for one in found.rows:
        kpi, (old, new) = one.kpi, found.bands[one.pk]
        pack, reopening = found.packs.get(one.pk), found.reopened.get(one.pk)
        yield [
            kpi.code,
            kpi.name,
            kpi.unit.name,
            period_of(one.period_start, kpi.frequency, calendars[kpi.calendar_id]).key,
            one.period_start,
            one.was,
            one.value,
            kpi.measure_unit,
            old,
            new,
            one.recorded_at,
            who_revised(one),
            _why(one),
            f"{pack.forum} {pack.held_on}" if pack else "",
            reopening.approved_by.name if reopening and reopening.approved_by else "",
            *found.grades[one.pk],
        ]


def _period(one: Any, calendars: Mapping[int, Calendar]) -> str:
    return short_label(period_of(one.period_start, one.kpi.frequency, calendars[one.kpi.calendar_id]))


def _value(value: Decimal | None, kpi: Any, locale: str, unit: str = "") -> str:
    return _("none") if value is None else with_unit(number(value, kpi.decimals, locale=locale), unit)


def _why(one: Any) -> str:
    return why_revised(kind=one.kind, note=one.note, state=one.state, state_before=one.was_state, reason=one.reason)
