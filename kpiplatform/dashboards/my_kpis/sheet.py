"""Whose sheet it is, what was typed into it, and what its rows are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal

from django.urls import reverse

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.my_kpis import words
from kpiplatform.dashboards.my_kpis.queries import Change
from kpiplatform.dashboards.my_kpis.slots import Slot
from kpis.models import Kpi


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Whose page it is and when."""

    user: User
    now: datetime
    today: date
    tz: tzinfo

    @property
    def locale(self) -> str:
        return self.user.locale


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A value that was typed and isn't saved, and what can be done about it.

    `kind` is refused, conflict, reason, sure or explain; `seq` is the revision a second try replaces. `answers` are
    those already given, which go along with the next; `told` is what was typed of an explanation. `reopen_url` is where
    one asks to write into a locked period.
    """

    kind: str
    text: str
    sentence: str
    headline: str = ""
    theirs: str = ""
    seq: int = 0
    answers: tuple[tuple[str, str], ...] = ()
    told: Mapping[str, str] = field(default_factory=dict)
    leads_to_form: bool = False
    reopen_url: str = ""

    @property
    def css(self) -> str:
        return {"refused": "invalid", "conflict": "conflict"}.get(self.kind, "asking")

    @property
    def is_asking(self) -> bool:
        """Whether there is something to answer; a plain refusal is answered by typing again."""
        return self.kind != "refused" or self.leads_to_form or bool(self.reopen_url)


Key = tuple[int, date]  # of a cell: KPI, first day of the period
Attempts = Mapping[Key, Attempt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What the rows are made from."""

    viewer: Viewer
    changes: Mapping[int, Sequence[Change]]
    goals: Mapping[int, tuple[Decimal | None, Decimal | None]]
    attempts: Attempts = field(default_factory=dict)
    grades: Mapping[int, str] = field(default_factory=dict)


def grid_id(kpi: Kpi) -> str:
    """Return the id of the grid that a KPI stands in."""
    return f"grid-{kpi.frequency}-{kpi.calendar_id}"


def form_id(kpi: Kpi) -> str:
    """Return the id of the form that a grid is, for browsers without scripts and for pasted blocks."""
    return f"{grid_id(kpi)}-form"


def cell_id(slot: Slot) -> str:
    """Return the id of a cell."""
    return f"cell-{slot.kpi.code}-{slot.period.start}"


def cell_url(slot: Slot) -> str:
    """Return the address of a cell's form."""
    return reverse("my:cell", args=[slot.kpi.code, slot.period.start])


def title_of(slot: Slot) -> str:
    """Return the cell's name in a list of what isn't saved."""
    return f"{words.full_name(slot.kpi)}, {words.name_of(slot.period)}"


def place_of(slot: Slot, seq: int) -> str:
    """Return what the field of a slot is named: KPI, period, and the revision that stood there when it was shown."""
    return f"{slot.kpi.code}@{slot.period.start}@{seq}"
