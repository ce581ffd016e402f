"""Where values stand in the spreadsheet: the KPIs a person fills in, and the latest periods of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from kpiplatform.dashboards.my_kpis import queries
from kpiplatform.dashboards.my_kpis.sheet import Viewer
from kpiplatform.dashboards.my_kpis.slots import Line, Slot
from kpis.domain.entry_checks import typed_text
from kpis.domain.periods import Period
from kpis.forms import recent_periods
from kpis.models import Kpi, Measurement
from kpis.readings import NOT_APPLICABLE
from kpis.services.entry import takes_parts
from objectives.queries import may_configure

VALUE, NUMERATOR, DENOMINATOR = "value", "numerator", "denominator"
NOT_APPLICABLE_MARK = "n/a"
MINE, ALL = "mine", "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One number that a period of a KPI takes: its value, or one of the two parts of a ratio."""

    name: str
    label: str


def fillable(viewer: Viewer, whose: str = MINE) -> list[Kpi]:
    """Return the KPIs that the person fills in by hand: their own, or for admins all."""
    everybodys = whose == ALL and may_configure(viewer.user, today=viewer.today)
    read = queries.editable_kpis if everybodys else queries.own_kpis
    return list(read(viewer.user, now=viewer.now, today=viewer.today).filter(entry=Kpi.Entry.MANUAL))


def lines_of(kpis: Sequence[Kpi], viewer: Viewer, count: int) -> list[Line]:
    """Return the KPIs with their latest periods that have begun, oldest first, and the values there."""
    shown: dict[tuple[str, int], list[Period]] = {}
    for kpi in kpis:
        key = (kpi.frequency, kpi.calendar_id)
        if key not in shown:
            shown[key] = recent_periods(kpi, today=viewer.today, count=count)[::-1]
    periods = {kpi.pk: shown[kpi.frequency, kpi.calendar_id] for kpi in kpis}
    values = queries.values_since({pk: own[0].start for pk, own in periods.items()})
    return [
        Line(kpi=kpi, slots=tuple(slot_at(kpi, period, values, viewer.today) for period in periods[kpi.pk]))
        for kpi in kpis
    ]


def slot_at(kpi: Kpi, period: Period, values: dict[tuple[int, date], Measurement], today: date) -> Slot:
    """Return a period of a KPI with the value there; when it is due says nothing here."""
    return Slot(kpi=kpi, period=period, due=period.end, today=today, value=values.get((kpi.pk, period.start)))


def parts_of(kpi: Kpi) -> list[Part]:
    """Return the numbers that a period of the KPI takes."""
    if not takes_parts(kpi):
        return [Part(name=VALUE, label=_("value"))]
    return [
        Part(name=NUMERATOR, label=kpi.numerator_label or _("numerator")),
        Part(name=DENOMINATOR, label=kpi.denominator_label or _("denominator")),
    ]


def stands(slot: Slot, part: str) -> Decimal | None:
    """Return the number that stands in a period."""
    number: Decimal | None = getattr(slot.value, part) if slot.value else None
    return number


def why_none(slot: Slot) -> str:
    """Return why the period does not apply, "" where it does."""
    return slot.value.reason if slot.value and slot.value.state == NOT_APPLICABLE else ""


def in_words(slot: Slot, locale: str) -> str:
    """Return what stands in a period as a person types it: a number, two parts, or that it does not apply."""
    if why_none(slot):
        return f"{NOT_APPLICABLE_MARK} {why_none(slot)}"
    numbers = [stands(slot, part.name) for part in parts_of(slot.kpi)]
    decimals = 0 if len(numbers) > 1 else slot.kpi.decimals
    return " / ".join(typed_text(number, decimals, locale=locale) for number in numbers if number is not None)
