"""What an owner does first: values due, reds to explain, alerts to acknowledge, what was promised. Ready strings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.models import Incident
from kpiplatform.dashboards.my_kpis import links, words
from kpiplatform.dashboards.my_kpis.approving import Proposed
from kpiplatform.dashboards.my_kpis.owed import OwedItem
from kpiplatform.dashboards.my_kpis.sheet import Key, Viewer, cell_id, cell_url, place_of
from kpiplatform.dashboards.my_kpis.slots import Line, Slot
from kpis.domain.bands import Band, severity
from kpis.domain.figures import with_unit
from kpis.domain.periods import period_of
from kpis.models import Kpi
from kpis.queries import calendar_of

SHOWN_APPROVALS = 4
SHOWN_ALERTS = 4
SHOWN_OWED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DueItem:
    """Values that are owed for one KPI, or for KPIs of one name in several units.

    `latest` are the values that stand, each with its grade of confidence; they are read between `text` and `then`.
    """

    when: str
    is_late: bool
    what: str
    text: str
    url: str
    count: int
    verb: str
    latest: tuple[tuple[str, str], ...] = ()
    then: str = ""
    cell: str = ""
    confirm_url: str = ""
    confirm_seq: int = 0
    confirm_value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedItem:
    """A KPI off track that nobody has explained since."""

    when: str
    is_late: bool
    what: str
    figure: str
    grade: str
    text: str
    url: str
    explain_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertItem:
    """A change of band that nobody has acknowledged."""

    when: str
    old: str
    new: str
    what: str
    text: str
    grade: str
    url: str
    acknowledge_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed:
    """A provisional value of a period that is over: the field of the grid that it is typed into, and what it says."""

    name: str
    what: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """The columns, and the sentence that counts them; approvals and what is owed have one only if there is any.

    `unconfirmed` are the values that can be confirmed together, none where it is but one.
    """

    approvals: list[Proposed]
    due: list[DueItem]
    unconfirmed: list[Unconfirmed]
    reds: list[RedItem]
    alerts: list[AlertItem]
    owed: list[OwedItem]
    lede: str
    next_due: str
    types_values: bool

    @property
    def first_approvals(self) -> list[Proposed]:
        return self.approvals[:SHOWN_APPROVALS]

    @property
    def first_alerts(self) -> list[AlertItem]:
        return self.alerts[:SHOWN_ALERTS]

    @property
    def more_alerts(self) -> list[AlertItem]:
        return self.alerts[SHOWN_ALERTS:]

    @property
    def first_owed(self) -> list[OwedItem]:
        return self.owed[:SHOWN_OWED]

    @property
    def more_owed(self) -> list[OwedItem]:
        return self.owed[SHOWN_OWED:]

    @property
    def values_due(self) -> int:
        return sum(item.count for item in self.due)


def todo(
    lines: Sequence[Line],
    incidents: Sequence[Incident],
    owed: list[OwedItem],
    approvals: list[Proposed],
    grades: Mapping[int, str],
    provisional: Mapping[Key, str],
    viewer: Viewer,
) -> Todo:
    """Return what is to be done first.

    `grades` are those of the latest values, by the KPI, `provisional` those of the values that wait to be confirmed.
    """
    by_kpi = {line.kpi.pk: line for line in lines}
    asked = [slot for line in lines for slot in line.slots if slot.is_asked or slot.kept]
    due = _due(asked, grades, provisional, viewer)
    reds = [_red(by_kpi[one.kpi_id].kpi, one, grades, viewer) for one in _to_explain(incidents, by_kpi)]
    alerts = [_alert(by_kpi[one.kpi_id].kpi, one, grades, viewer) for one in _to_acknowledge(incidents, by_kpi, viewer)]
    return Todo(
        approvals=approvals,
        due=due,
        unconfirmed=_unconfirmed(asked, viewer),
        reds=reds,
        alerts=alerts,
        owed=owed,
        lede=_lede(lines, asked, reds, alerts, owed, approvals, viewer),
        next_due=_next_due(lines),
        types_values=any(line.kpi.entry == Kpi.Entry.MANUAL for line in lines),
    )


def _unconfirmed(asked: Sequence[Slot], viewer: Viewer) -> list[Unconfirmed]:
    found = [
        Unconfirmed(
            name=place_of(slot, slot.seq),
            what=f"{words.full_name(slot.kpi)}, {words.name_of(slot.period)}",
            value=words.typed_value(slot.value, slot.kpi, viewer.locale),
        )
        for slot in asked
        if slot.state == "provisional" and slot.kept is None and not slot.is_open
    ]
    return found if len(found) > 1 else []


def _to_explain(incidents: Sequence[Incident], by_kpi: dict[int, Line]) -> list[Incident]:
    reds = [one for one in incidents if not one.is_explained and by_kpi[one.kpi_id].kpi.state.band == Band.OFF_TRACK]
    return sorted(reds, key=lambda one: (one.explanation_due_on or date.max, one.opened_at))


def _to_acknowledge(incidents: Sequence[Incident], by_kpi: dict[int, Line], viewer: Viewer) -> list[Incident]:
    """Return the worst first, then the latest. The steward of a KPI answers for its data, not for its band."""
    waiting = [
        one
        for one in incidents
        if one.acknowledged_at is None
        and viewer.user.pk in {by_kpi[one.kpi_id].kpi.owner_id, by_kpi[one.kpi_id].kpi.deputy_id}
    ]
    return sorted(waiting, key=lambda one: (-severity(one.worst_band), -one.opened_at.timestamp()))


def _due(
    asked: Sequence[Slot], grades: Mapping[int, str], provisional: Mapping[Key, str], viewer: Viewer
) -> list[DueItem]:
    by_name: dict[str, list[Slot]] = defaultdict(list)
    for slot in asked:
        # What is kept is explained one by one.
        by_name[cell_id(slot) if slot.kept else words.name_in_unit(slot.kpi)].append(slot)
    groups = sorted(by_name.values(), key=lambda slots: min(slot.due for slot in slots))
    return [_due_item(slots, grades, provisional, viewer) for slots in groups]


def _due_item(
    slots: Sequence[Slot], grades: Mapping[int, str], provisional: Mapping[Key, str], viewer: Viewer
) -> DueItem:
    first = min(slots, key=lambda slot: slot.due)
    periods = sorted({slot.period.start: slot.period for slot in slots}.items())
    late = words.days_late(first.due, viewer.today)
    single = len(slots) == 1
    confirms = single and first.state == "provisional" and first.kept is None
    text, latest, then = _due_text(slots, first, grades, provisional, viewer)
    return DueItem(
        when=late or words.weekday_of(first.due),
        is_late=bool(late),
        what=f"{words.name_in_unit(first.kpi)}, {words.names_of([period for _start, period in periods])}",
        text=text,
        latest=latest,
        then=then,
        url=cell_url(first) if first.kept else _cell_in_grid(first),
        verb=_("Explain") if first.kept else _("Enter"),
        count=len(slots),
        cell=f"#{cell_id(first)}",
        confirm_url=cell_url(first) if confirms else "",
        confirm_seq=first.seq,
        confirm_value=words.typed_value(first.value, first.kpi, viewer.locale) if confirms else "",
    )


def _cell_in_grid(slot: Slot) -> str:
    """Return the address of a cell of the whole grid: what one chose to see may leave it out."""
    return f"{reverse('my:kpis')}#value-{slot.kpi.code}-{slot.period.start}"


def _due_text(
    slots: Sequence[Slot], first: Slot, grades: Mapping[int, str], provisional: Mapping[Key, str], viewer: Viewer
) -> tuple[str, tuple[tuple[str, str], ...], str]:
    """Return what is said of what is owed, the values that stand with their grades, and what is said after them."""
    by_unit = {slot.kpi.unit_id: slot for slot in slots}
    units = words.listed([slot.kpi.unit.name for slot in by_unit.values()])
    if first.kept is not None:
        facts = {"units": units, "value": words.typed_value(first.kept, first.kpi, viewer.locale)}
        return _("%(units)s. Your %(value)s is kept, and counts once it is saved with its explanation.") % facts, (), ""
    if first.state == "provisional" and first.value is not None and len(slots) == 1:
        stands = (_value(first.value.value, first.kpi, viewer), provisional.get(first.key, ""))
        then = _("Confirm it or type the final value.")
        return _("%(units)s. Provisionally:") % {"units": units}, (stands,), then
    if all(slot.state == "provisional" for slot in slots) and first.value is not None:
        stand = tuple(
            (_value(slot.value.value if slot.value else None, slot.kpi, viewer), provisional.get(slot.key, ""))
            for slot in slots
        )
        then = _("Confirm them or type the final values.")
        return _("%(units)s. Provisionally:") % {"units": units}, stand, then
    known = tuple(
        (_value(slot.kpi.state.value, slot.kpi, viewer), grades.get(slot.kpi.pk, ""))
        for slot in by_unit.values()
        if _has_state(slot.kpi) and slot.kpi.state.value is not None
    )
    if not known:
        return _("%(units)s. Typed by hand; no value yet.") % {"units": units}, (), ""
    return _("%(units)s. Typed by hand; last:") % {"units": units}, known, ""


def _red(kpi: Kpi, incident: Incident, grades: Mapping[int, str], viewer: Viewer) -> RedItem:
    late = words.days_late(incident.explanation_due_on, viewer.today) if incident.explanation_due_on else ""
    due = words.weekday_of(incident.explanation_due_on) if incident.explanation_due_on else ""
    since = kpi.state.band_since
    text = _("Off track since %(period)s.") % {"period": _period(kpi, since)} if since is not None else ""
    return RedItem(
        when=late or due,
        is_late=bool(late),
        what=words.full_name(kpi),
        figure=_against(kpi, kpi.state.value, kpi.state.goal, kpi.state.red_flag, viewer),
        text=" ".join(filter(None, [text, _("Cause, action and recovery date are asked for.")])),
        grade=grades.get(kpi.pk, ""),
        url=links.kpi_page(kpi.code),
        explain_url=links.explain(incident.pk),
    )


def _alert(kpi: Kpi, incident: Incident, grades: Mapping[int, str], viewer: Viewer) -> AlertItem:
    crossing = incident.opened_by
    text = _("%(value)s in %(period)s") % {
        "value": _against(kpi, crossing.value, crossing.goal, crossing.red_flag, viewer),
        "period": _period(kpi, crossing.period_start),
    }
    # The grade beside it is that of the value that stands: of a corrected one, too.
    if (kpi.state.period_start, kpi.state.value) != (crossing.period_start, crossing.value):
        text += _(", now %(value)s") % {"value": _value(kpi.state.value, kpi, viewer)}
    return AlertItem(
        when=words.clock(incident.opened_at, viewer.now, viewer.tz),
        old=crossing.from_band,
        new=incident.worst_band,
        what=words.full_name(kpi),
        text=f"{text}.",
        grade=grades.get(kpi.pk, ""),
        url=links.kpi_page(kpi.code),
        acknowledge_url=links.acknowledge(incident.pk),
    )


def _against(kpi: Kpi, value: Decimal | None, goal: Decimal | None, red_flag: Decimal | None, viewer: Viewer) -> str:
    """Return the value beside its limits, like “4.3 % against 3.0, red flag 4.0”."""
    text = _value(value, kpi, viewer)
    if goal is not None:
        text += _(" against %(goal)s") % {"goal": words.shown(goal, kpi, viewer.locale)}
    if red_flag is not None:
        text += _(", red flag %(red_flag)s") % {"red_flag": words.shown(red_flag, kpi, viewer.locale)}
    return text


def _value(value: Decimal | None, kpi: Kpi, viewer: Viewer) -> str:
    return with_unit(words.shown(value, kpi, viewer.locale), kpi.measure_unit)


def _period(kpi: Kpi, start: date) -> str:
    return words.name_of(period_of(start, kpi.frequency, calendar_of(kpi.calendar)))


def _has_state(kpi: Kpi) -> bool:
    return hasattr(kpi, "state")


def _lede(
    lines: Sequence[Line],
    asked: Sequence[Slot],
    reds: Sequence[RedItem],
    alerts: Sequence[AlertItem],
    owed: Sequence[OwedItem],
    approvals: Sequence[Proposed],
    viewer: Viewer,
) -> str:
    """Return the sentence over the page: how many KPIs, and what waits."""
    count = len(lines)
    start = ngettext("%(count)s KPI is yours.", "%(count)s KPIs are yours.", count) % {"count": count}
    waiting = [
        text
        for number, text in (
            (
                len(approvals),
                ngettext("%(n)s value waits for your approval", "%(n)s values wait for your approval", len(approvals)),
            ),
            (len(asked), _due_words(asked, viewer)),
            (
                len(reds),
                ngettext("%(n)s red waits for an explanation", "%(n)s reds wait for an explanation", len(reds)),
            ),
            (
                len(alerts),
                ngettext("%(n)s alert for your acknowledgement", "%(n)s alerts for your acknowledgement", len(alerts)),
            ),
            (
                len(owed),
                ngettext("%(n)s milestone, action or decision", "%(n)s milestones, actions and decisions", len(owed)),
            ),
        )
        if number
    ]
    if not waiting:
        return f"{start} {_('Nothing waits for you.')}"
    numbers = (len(approvals), len(asked), len(reds), len(alerts), len(owed))
    counts = iter([words.counted(number) for number in numbers if number])
    said = words.listed([text % {"n": next(counts)} for text in waiting])
    return f"{start} {said[0].upper()}{said[1:]}."


def _due_words(asked: Sequence[Slot], viewer: Viewer) -> str:
    if not asked:
        return ""
    late = sum(slot.due < viewer.today for slot in asked)
    if late == len(asked):
        return ngettext("%(n)s value is late", "%(n)s values are late", late)
    days = {slot.due for slot in asked}
    if len(days) == 1:
        day = words.weekday_of(days.pop())
        return ngettext("%(n)s value is due on ", "%(n)s values are due on ", len(asked)) + day
    return ngettext("%(n)s value is due", "%(n)s values are due", len(asked))


def _next_due(lines: Sequence[Line]) -> str:
    """Return when the next value by hand will be asked for, for the empty list."""
    days = [slot.due for line in lines for slot in line.slots if slot.is_typed and slot.is_open and slot.value is None]
    return words.weekday_of(min(days)) if days else ""
