"""A dry run: what each line of a list would become or change, or why it can't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from django.db.models.functions import Lower
from django.utils.text import slugify
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.kpi_list.aims import AimRefused, aim_of
from kpiplatform.dashboards.kpi_list.cells import Said, limits_of, values_of
from kpiplatform.dashboards.kpi_list.columns import TEXTS, USUAL
from kpiplatform.dashboards.kpi_new.steps import CODE
from kpiplatform.sent_files.reading import Rows
from kpis.domain.judged import Rules
from kpis.domain.replay import Proposal
from kpis.models import Kpi
from kpis.queries import calendars_of_units
from kpis.services.defining import VERSIONED
from objectives.models import Objective, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a list is to be read: which column of the file is which of ours, and what is done where something lacks.

    What changes of KPIs that exist holds from `effective_from` on, for the `reason`.
    """

    columns: Mapping[int, str]
    create_objectives: bool
    perspective_id: int | None
    owner: User | None
    unit: Unit
    activate: bool
    effective_from: date
    reason: str
    by: User
    locale: str
    now: datetime
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What another value of a column replaces."""

    column: str
    old: Any
    new: Any


@dataclass(slots=True, kw_only=True)
class Line:
    """A line of the list, by its number in the file: the KPI it would become or change, and what speaks against it.

    `values` are those of a new KPI, or of `kpi` those that change.
    """

    number: int
    name: str
    code: str = ""
    kpi: Kpi | None = None
    changes: list[Change] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Decimal] = field(default_factory=dict)
    proposal: Proposal | None = None
    owner: User | None = None
    unit: str = ""
    objective: str = ""
    new_objective: str = ""
    refused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.refused

    @property
    def is_new(self) -> bool:
        """Whether it becomes a KPI."""
        return self.is_good and self.kpi is None

    @property
    def is_change(self) -> bool:
        """Whether it changes a KPI; a line that says what stands does not."""
        return self.is_good and bool(self.changes)

    @property
    def needs_reason(self) -> bool:
        """Whether it changes what is kept version by version, or who answers for the KPI."""
        if self.kpi is None or not self.is_change:
            return False
        return self.kpi.status in VERSIONED or any(change.column == "owner" for change in self.changes)

    @property
    def is_complete(self) -> bool:
        """Whether it can be judged as it is: with limits, or not scored."""
        return self.proposal is not None or self.values.get("polarity") == Kpi.Polarity.UNSCORED


class Places:
    """The objectives, units and people that lines name: by code and address, and by a name that only one has."""

    def __init__(self) -> None:
        self.objectives = _by_code_and_name(Objective.objects.filter(status=Objective.Status.ACTIVE))
        self.units = _by_code_and_name(Unit.objects.filter(is_active=True))
        people = list(User.objects.filter(is_active=True).annotate(address=Lower("email")))
        names = [person.name.lower() for person in people]
        self.people = {person.address: person for person in people}
        self.people |= {person.name.lower(): person for person in people if names.count(person.name.lower()) == 1}


class NewLines:
    """Reads lines whose code nobody has against what is there; nothing is written."""

    def __init__(self, wanted: Wanted, places: Places, codes_said: set[str]) -> None:
        self.wanted, self.places, self.codes_said = wanted, places, codes_said
        kpis = list(Kpi.objects.order_by("-pk").values_list("code", "name", "unit_id"))
        self.codes = {code for code, _name, _unit in kpis}
        self.named = {(name.lower(), unit): code for code, name, unit in kpis}
        self.made_up: set[str] = set()
        self.calendars = calendars_of_units([*places.units.values(), *([wanted.unit] if wanted.unit else [])])

    def read(self, line: Line, said: Said) -> None:
        """Let the line say which KPI it would become."""
        if not line.name:
            line.refused.append(_("It has no name."))
        self._code(line, said)
        values, not_read = values_of(said, locale=self.wanted.locale)
        line.values |= dict.fromkeys(TEXTS, "") | USUAL | {"decimals": 1} | values
        line.refused += not_read
        is_share = (
            line.values["measure_unit"] == "%" and line.values["time_aggregation"] == Kpi.Aggregation.RATIO_OF_SUMS
        )
        if is_share and "ratio_factor" not in said:
            line.values["ratio_factor"] = Decimal(100)
            line.notes.append(_("Its ratio is multiplied by 100, to be percent."))
        self._place(line, {name: cell.text for name, cell in said.items()})
        if "code" not in said:
            self._once(line)
        line.limits, no_numbers = limits_of(said, locale=self.wanted.locale)
        line.refused += no_numbers
        if not not_read and not no_numbers:
            self._limits(line)

    def _code(self, line: Line, said: Said) -> None:
        code = said["code"].text.upper() if "code" in said else self._free_code(line.name)
        if not CODE.fullmatch(code) or len(code) > 40:
            line.refused.append(_("“%(code)s” is no code: capitals, digits and hyphens only.") % {"code": code[:40]})
        self.made_up.add(code)
        line.code = code[:40]

    def _once(self, line: Line) -> None:
        """Refuse a second KPI of a name in a unit: without a code, a list that is sent again would make each twice."""
        known = self.named.setdefault((line.name.lower(), line.values.get("unit_id")), line.code)
        if line.name and known != line.code:
            words = {"code": known, "unit": line.unit}
            line.refused.append(_("%(code)s is called so already in %(unit)s: give this one its own code.") % words)

    def _free_code(self, name: str) -> str:
        base = slugify(name).upper()[:36].strip("-") or "KPI"
        taken = (self.codes, self.codes_said, self.made_up)
        numbered = (base if number == 1 else f"{base}-{number}" for number in count(1))
        return next(code for code in numbered if not any(code in codes for codes in taken))

    def _place(self, line: Line, texts: Mapping[str, str]) -> None:
        """Find the objective, the unit, the calendar and the owner."""
        named = texts.get("objective", "")
        objective = self.places.objectives.get(named.lower())
        if objective is not None:
            line.values["objective_id"], line.objective = objective.pk, objective.name
        elif named and self.wanted.create_objectives:
            line.new_objective = named[:160]
        else:
            line.refused.append(no_objective(named) if named else _("It names no objective."))
        unit = self.places.units.get(texts["unit"].lower()) if "unit" in texts else self.wanted.unit
        if unit is None:
            line.refused.append(no_unit(texts["unit"]))
        elif unit.pk not in self.calendars:
            line.refused.append(_("There is no calendar yet."))
        else:
            line.values |= {"unit_id": unit.pk, "calendar_id": self.calendars[unit.pk].pk}
            line.unit = unit.name
        named = texts.get("owner", "")
        line.owner = self.places.people.get(named.lower()) or self.wanted.owner
        if line.owner is not None and named and named.lower() not in self.places.people:
            line.notes.append(nobody(named))
        if line.owner is None:
            line.refused.append(nobody(named) if named else _("It names no owner."))

    def _limits(self, line: Line) -> None:
        polarity, wanted = line.values["polarity"], self.wanted
        rules, first = Rules(polarity=polarity), wanted.today.replace(day=1)
        try:
            aim = aim_of(line.limits, polarity=polarity, rules=rules, day=first, now=wanted.now)
        except AimRefused as why:
            line.refused.append(str(why))
        else:
            line.proposal = aim.proposal if aim else None


def no_objective(name: str) -> str:
    """Say that an objective is not there."""
    return _("There is no objective “%(name)s”.") % {"name": name[:80]}


def no_unit(name: str) -> str:
    """Say that a unit is not there."""
    return _("There is no unit “%(name)s”.") % {"name": name[:80]}


def nobody(name: str) -> str:
    """Say that a person is not there."""
    return _("Nobody active is called “%(name)s”.") % {"name": name[:80]}


def rows_said(rows: Rows, *, head: int, columns: Mapping[int, str]) -> list[tuple[int, Said]]:
    """Return, for each row below the heads that holds anything, its number and its cells by our columns."""
    said = [
        (number, {name: cell for at, name in columns.items() if at < len(row) and (cell := row[at])})
        for number, row in enumerate(rows[head + 1 :], start=head + 2)
    ]
    return [(number, cells) for number, cells in said if cells]


def _by_code_and_name(rows: Any) -> dict[str, Any]:
    """Return things by their code, and by their name where it is the only one of that name."""
    found = list(rows)
    names = [one.name.lower() for one in found]
    unique: Sequence[Any] = [one for one, name in zip(found, names, strict=True) if names.count(name) == 1]
    return {one.name.lower(): one for one in unique} | {one.code.lower(): one for one in found}
