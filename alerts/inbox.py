"""The lines of the inbox: what is off, since when, who acts, and what changed lately. Ready strings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from alerts.models import BandCrossing
from alerts.queries import CrossingRead, IncidentRead, crossings_of, grades_of_crossings, inbox_of
from alerts.wording import Wording
from kpiplatform.accounts.models import User
from kpiplatform.paging import Slice, slice_of
from kpis.grades import grades_of
from kpis.models import Kpi

OPEN, RECENT = "open", "recent"
SIZE = {"": (25, 12), OPEN: (50, 0), RECENT: (0, 50)}  # open and recent lines on a page, by what was chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the reader chose to see; anything else in the address is taken as the whole inbox."""

    mine: bool
    show: str
    after: str

    @classmethod
    def from_query(cls, query: QueryDict) -> Choice:
        """Return what the address asks for."""
        show = query.get("show", "")
        known = show if show in SIZE else ""
        return cls(mine=query.get("mine") == "1", show=known, after=query.get("after", "") if known else "")

    def url(self, **change: Any) -> str:
        """The address with a change; a page further on belongs to one choice only."""
        said: dict[str, Any] = {"mine": "1" if self.mine else "", "show": self.show, "after": ""} | change
        query = urlencode({key: value for key, value in said.items() if value})
        return reverse("alerts:inbox") + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLine:
    """An open incident."""

    url: str
    name: str
    unit: str
    old: str
    new: str
    value: str
    grade: str
    since: str
    opened: str
    who: str
    is_own: bool
    acknowledged: str
    explanation: str
    is_late: bool
    acknowledge_url: str
    asks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossingLine:
    """A change of band, for the worse or for the better."""

    url: str
    name: str
    unit: str
    old: str
    new: str
    value: str
    grade: str
    period: str
    at: str
    why: str


def inbox_page(*, user: User, choice: Choice, wording: Wording, today: date, editable: bool) -> dict[str, Any]:
    """Return the context of the inbox; `today` is the person's day, by which roles hold."""
    open_size, recent_size = SIZE[choice.show]
    troubles: Slice[IncidentRead] = Slice(rows=[], after="")
    grades: dict[int, str] = {}
    crossings: Slice[CrossingRead] = Slice(rows=[], after="")
    if open_size:
        rows = inbox_of(user, today=today, mine=choice.mine)
        troubles = slice_of(rows, order=("-is_own", "-opened_at", "-pk"), after=choice.after, size=open_size)
        grades = grades_of(
            {one.kpi_id: _standing(one.kpi, one.opened_by)[2] for one in troubles.rows}, today=wording.today
        )
    if recent_size:
        rows_of_change = crossings_of(user, today=today, mine=choice.mine)
        order = ("-recorded_at", "-period_start", "-pk")
        crossings = slice_of(rows_of_change, order=order, after=choice.after, size=recent_size)
    noted = grades_of_crossings(crossings.rows, now=wording.now)
    return {
        "choice": choice,
        "chips": _chips(choice),
        "troubles": [_open_line(one, user, wording, grades.get(one.kpi_id, ""), editable) for one in troubles.rows],
        "more_troubles": choice.url(show=OPEN, after=troubles.after) if troubles.after else "",
        "crossings": [crossing_line(one, noted.get(one.pk, ""), wording) for one in crossings.rows],
        "more_crossings": choice.url(show=RECENT, after=crossings.after) if crossings.after else "",
        "shows_open": bool(open_size),
        "shows_recent": bool(recent_size),
    }


def _chips(choice: Choice) -> Sequence[Sequence[dict[str, Any]]]:
    whose = ((False, _("All I may see")), (True, _("Mine")))
    what = (("", _("Open and recent")), (OPEN, _("Open")), (RECENT, _("Recent changes")))
    return (
        [
            {"label": label, "url": choice.url(mine="1" if mine else ""), "current": mine == choice.mine}
            for mine, label in whose
        ],
        [{"label": label, "url": choice.url(show=show), "current": show == choice.show} for show, label in what],
    )


def _open_line(incident: IncidentRead, user: User, wording: Wording, grade: str, editable: bool) -> OpenLine:
    kpi, crossing, state = incident.kpi, incident.opened_by, incident.kpi.alert_state
    is_own = bool(incident.is_own)
    waits = incident.acknowledged_at is None
    due = incident.explanation_due_on
    answers = editable and is_own
    return OpenLine(
        url=reverse("alerts:incident", args=[incident.pk]),
        name=kpi.name,
        unit=kpi.unit.name,
        old=crossing.from_band,
        new=state.confirmed_band,
        value=_latest(kpi, crossing, wording),
        grade=grade,
        since=wording.period(kpi, crossing.period_start),
        opened=wording.date_of(incident.opened_at),
        who=_("you") if kpi.owner_id == user.pk else kpi.owner.name,
        is_own=is_own,
        acknowledged=_acknowledged(incident, user, wording),
        explanation=wording.explanation(due, is_explained=incident.is_explained),
        is_late=not incident.is_explained and due is not None and due < wording.today,
        acknowledge_url=reverse("alerts:acknowledge", args=[incident.pk]) if answers and waits else "",
        asks=answers and not incident.is_explained,
    )


def _standing(kpi: Kpi, crossing: BandCrossing) -> tuple[Decimal | None, Decimal | None, date]:
    """The latest value with its goal and period, or that of the crossing where it was withdrawn since."""
    state = getattr(kpi, "state", None)
    if state is None or state.value is None or state.period_start is None:
        return crossing.value, crossing.goal, crossing.period_start
    return state.value, state.goal, state.period_start


def _latest(kpi: Kpi, crossing: BandCrossing, wording: Wording) -> str:
    value, goal, start = _standing(kpi, crossing)
    return f"{wording.against(kpi, value, goal)}, {wording.period(kpi, start)}"


def _acknowledged(incident: IncidentRead, user: User, wording: Wording) -> str:
    if incident.acknowledged_at is None or incident.acknowledged_by is None:
        return ""
    when = wording.date_of(incident.acknowledged_at)
    if incident.acknowledged_by_id == user.pk:
        return _("Acknowledged by you on %(day)s.") % {"day": when}
    return _("Acknowledged by %(who)s on %(day)s.") % {"who": incident.acknowledged_by.name, "day": when}


def crossing_line(crossing: CrossingRead, grade: str, wording: Wording) -> CrossingLine:
    """Return a change of band as one line."""
    kpi, incident_id = crossing.kpi, crossing.incident_id
    return CrossingLine(
        url=reverse("alerts:incident", args=[incident_id]) if incident_id else reverse("kpi", args=[kpi.code]),
        name=kpi.name,
        unit=kpi.unit.name,
        old=crossing.from_band,
        new=crossing.to_band,
        value=wording.against(kpi, crossing.value, crossing.goal),
        grade=grade,
        period=wording.period(kpi, crossing.period_start),
        at=wording.moment(crossing.recorded_at),
        why=cause_words(crossing.cause),
    )


def cause_words(cause: str) -> str:
    """Say what a change of band came from; a new value is the rule and needs no word."""
    words: dict[str, str] = {
        BandCrossing.Cause.CORRECTION: _("after a correction"),
        BandCrossing.Cause.EDIT: _("after a change of target or limits"),
        BandCrossing.Cause.FIRST: _("first judgement"),
    }
    return words.get(cause, "")
