"""A dry run: what each line of a list would become, or why it can't."""

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
from kpiplatform.dashboards.kpi_list.columns import BY_NAME, CHOICES, USUAL, choice_of, words_for
from kpiplatform.dashboards.kpi_new.steps import CODE
from kpiplatform.dashboards.kpi_setup.fields import why_not_a_number
from kpiplatform.sent_files.reading import Cell, Rows
from kpis.domain.entry_checks import EntryRefused, storable, typed_number
from kpis.domain.limits import LimitsRefused, TargetRow, ThresholdRow, validate_thresholds
from kpis.models import Kpi
from kpis.queries import calendars_of_units
from kpis.words import why_no_limits
from objectives.models import Objective, Unit

LONG = ("purpose", "decision_informed", "formula_in_words")
LONGEST = {"name": 160, "code": 40, "measure_unit": 20}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a list is to be read: which column of the file is which of ours, and what is done where something lacks."""

    columns: Mapping[int, str]
    create_objectives: bool
    perspective_id: int | None
    owner: User | None
    unit: Unit
    activate: bool
    locale: str
    now: datetime
    today: date


@dataclass(slots=True, kw_only=True)
class Line:
    """A line of the list, by its number in the file: the KPI it would become, and what speaks against it."""

    number: int
    name: str
    code: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    owner: User | None = None
    unit: str = ""
    objective: str = ""
    new_objective: str = ""
    target: Decimal | None = None
    red_flag: Decimal | None = None
    refused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.refused

    @property
    def is_complete(self) -> bool:
        """Whether it can be judged as it is: with target and red flag, or not scored."""
        return self.target is not None or self.values.get("polarity") == Kpi.Polarity.UNSCORED


class DryRun:
    """Reads the lines against what is there; nothing is written."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        kpis = list(Kpi.objects.order_by("-pk").values_list("code", "name", "unit_id"))
        self.codes = {code for code, _name, _unit in kpis}
        self.named = {(name.lower(), unit): code for code, name, unit in kpis}
        self.codes_said: set[str] = set()
        self.said_in: dict[str, int] = {}
        self.objectives = _by_code_and_name(Objective.objects.filter(status=Objective.Status.ACTIVE))
        self.units = _by_code_and_name(Unit.objects.filter(is_active=True))
        people = list(User.objects.filter(is_active=True).annotate(address=Lower("email")))
        self.people = {person.address: person for person in people}
        names = [person.name.lower() for person in people]
        self.people |= {person.name.lower(): person for person in people if names.count(person.name.lower()) == 1}
        self.calendars = calendars_of_units([*self.units.values(), *([wanted.unit] if wanted.unit else [])])

    def lines(self, rows: Rows, *, head: int) -> list[Line]:
        """Return a line for each row below the heads that holds anything."""
        said = [
            (number, {name: row[at] for at, name in self.wanted.columns.items() if at < len(row) and row[at]})
            for number, row in enumerate(rows[head + 1 :], start=head + 2)
        ]
        # A code that is made up for one line is none that another says.
        self.codes_said = {cells["code"].text.upper() for _number, cells in said if cells.get("code")}
        return [self._line(number, cells) for number, cells in said if cells]

    def _line(self, number: int, said: Mapping[str, Cell | None]) -> Line:
        texts = {name: cell.text for name, cell in said.items() if cell}
        line = Line(number=number, name=texts.get("name", ""))
        if not line.name:
            line.refused.append(_("It has no name."))
        for name, most in LONGEST.items():
            if len(texts.get(name, "")) > most:
                line.refused.append(
                    _("%(column)s is longer than %(most)d characters.") % {"column": BY_NAME[name].label, "most": most}
                )
        self._code(line, texts)
        line.values |= {"name": line.name, "measure_unit": texts.get("measure_unit", "")}
        line.values |= {name: texts.get(name, "") for name in LONG}
        for column in CHOICES:
            self._choice(line, column, texts.get(column, ""))
        self._decimals(line, texts.get("decimals", ""))
        self._place(line, texts)
        if not texts.get("code"):
            self._once(line)
        line.target, line.red_flag = (self._number(line, said.get(name)) for name in ("target", "red_flag"))
        if (line.target is None, line.red_flag is None) == ("target" not in said, "red_flag" not in said):
            self._limits(line)
        return line

    def _code(self, line: Line, texts: Mapping[str, str]) -> None:
        code = texts.get("code", "").upper() or self._free_code(line.name)
        if not CODE.fullmatch(code):
            line.refused.append(_("“%(code)s” is no code: capitals, digits and hyphens only.") % {"code": code[:40]})
        elif code in self.codes:
            line.refused.append(_("%(code)s exists already and stays as it is.") % {"code": code})
        elif code in self.said_in:
            words = {"code": code, "line": self.said_in[code]}
            line.refused.append(_("%(code)s is the code of line %(line)d.") % words)
        else:
            self.said_in[code] = line.number
        line.code = code[:40]

    def _once(self, line: Line) -> None:
        """Refuse a second KPI of a name in a unit: without a code, a list that is sent again would make each twice."""
        known = self.named.setdefault((line.name.lower(), line.values.get("unit_id")), line.code)
        if line.name and known != line.code:
            words = {"code": known, "unit": line.unit}
            line.refused.append(_("%(code)s is called so already in %(unit)s: give this one its own code.") % words)

    def _free_code(self, name: str) -> str:
        base = slugify(name).upper()[:36].strip("-") or "KPI"
        taken = (self.codes, self.codes_said, self.said_in)
        numbered = (base if number == 1 else f"{base}-{number}" for number in count(1))
        return next(code for code in numbered if not any(code in codes for codes in taken))

    def _choice(self, line: Line, column: str, text: str) -> None:
        chosen = choice_of(column, text) if text else USUAL[column]
        if chosen is None:
            words = {"text": text[:40], "words": words_for(column)}
            line.refused.append(_("“%(text)s” is none of: %(words)s.") % words)
        line.values[column] = chosen

    def _decimals(self, line: Line, text: str) -> None:
        if text and not (text.isdecimal() and int(text) <= 8):
            line.refused.append(_("“%(text)s” is no number of decimals from 0 to 8.") % {"text": text[:40]})
            return
        line.values["decimals"] = int(text) if text else 1

    def _place(self, line: Line, texts: Mapping[str, str]) -> None:
        """Find the objective, the unit, the calendar and the owner."""
        named = texts.get("objective", "")
        objective = self.objectives.get(named.lower())
        if objective is not None:
            line.values["objective_id"], line.objective = objective.pk, objective.name
        elif named and self.wanted.create_objectives:
            line.new_objective = named[:160]
        else:
            words = {"name": named[:80]}
            line.refused.append(
                _("There is no objective “%(name)s”.") % words if named else _("It names no objective.")
            )
        unit = self.units.get(texts.get("unit", "").lower()) if texts.get("unit") else self.wanted.unit
        if unit is None:
            line.refused.append(_("There is no unit “%(name)s”.") % {"name": texts["unit"][:80]})
        elif unit.pk not in self.calendars:
            line.refused.append(_("There is no calendar yet."))
        else:
            line.values |= {"unit_id": unit.pk, "calendar_id": self.calendars[unit.pk].pk}
            line.unit = unit.name
        line.owner = self.people.get(texts.get("owner", "").lower()) or self.wanted.owner
        named = texts.get("owner", "")
        words = {"name": named[:80]}
        if line.owner is not None and named and named.lower() not in self.people:
            line.notes.append(_("Nobody active is called “%(name)s”.") % words)
        if line.owner is None:
            line.refused.append(_("Nobody active is called “%(name)s”.") % words if named else _("It names no owner."))

    def _number(self, line: Line, cell: Cell | None) -> Decimal | None:
        if cell is None:
            return None
        try:
            number = cell.number
            return storable(
                typed_number(cell.text, locale=self.wanted.locale, percent=True) if number is None else number
            )
        except EntryRefused as refused:
            line.refused.append(why_not_a_number(refused, cell.text, self.wanted.locale))
            return None

    def _limits(self, line: Line) -> None:
        if line.target is None and line.red_flag is None:
            return
        if line.values["polarity"] == Kpi.Polarity.RANGE:
            line.refused.append(_("Limits of a range are set on the page of the KPI: leave them empty here."))
        elif line.target is None or line.red_flag is None:
            line.refused.append(_("Target and red flag come together, or neither."))
        elif line.values["polarity"]:
            target, threshold = aim_of(line, self.wanted)
            try:
                validate_thresholds(polarity=line.values["polarity"], threshold=threshold, target=target)
            except LimitsRefused as refused:
                line.refused.append(why_no_limits(refused))


def aim_of(line: Line, wanted: Wanted) -> tuple[TargetRow, ThresholdRow]:
    """Return target and thresholds of a line as the judgement takes them: from the first of this month on."""
    common: dict[str, Any] = {"effective_from": wanted.today.replace(day=1), "recorded_at": wanted.now}
    return TargetRow(**common, value=line.target), ThresholdRow(**common, mode="absolute", red_flag=line.red_flag)


def _by_code_and_name(rows: Any) -> dict[str, Any]:
    """Return things by their code, and by their name where it is the only one of that name."""
    found = list(rows)
    names = [one.name.lower() for one in found]
    unique: Sequence[Any] = [one for one, name in zip(found, names, strict=True) if names.count(name) == 1]
    return {one.name.lower(): one for one in unique} | {one.code.lower(): one for one in found}
