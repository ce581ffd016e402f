"""What lines change of KPIs that exist: nothing that the file has no column for, and nothing where a cell is empty."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from kpiplatform.dashboards.kpi_list.aims import AimRefused, aim_of, refuse_unless_judging
from kpiplatform.dashboards.kpi_list.cells import Said, limits_of, values_of
from kpiplatform.dashboards.kpi_list.lines import Change, Line, Places, Wanted, no_objective, no_unit, nobody
from kpiplatform.dashboards.kpi_setup.forms import same_name, why_no_part
from kpiplatform.dashboards.limits.preview import locked_that_move
from kpis.dates import day as day_of
from kpis.domain.judged import Rules
from kpis.domain.limits import in_force
from kpis.models import Kpi
from kpis.queries import kpis_configured_by, rules_of
from kpis.services.closing import judged_otherwise, refuse_to_compute_anew
from kpis.services.defining import RHYTHM
from kpis.services.formulas import COMPUTES
from kpis.services.refusal import Refused
from kpis.services.rhythm import Place, refuse_to_falsify
from objectives.models import Unit

TOGETHER = ("objective", "unit", "calendar", "owner", "part_of__unit")
DAY = timedelta(days=1)


class ChangeLines:
    """Reads lines whose code is that of a KPI against what it is now; nothing is written."""

    def __init__(self, wanted: Wanted, places: Places, codes: Collection[str]) -> None:
        self.wanted, self.places = wanted, places
        mine = kpis_configured_by(wanted.by, today=wanted.today)
        kpis = list(mine.filter(code__in=codes).select_related(*TOGETHER))
        self.kpis = {kpi.code: kpi for kpi in kpis}
        self.rules = rules_of(kpis)

    def read(self, line: Line, said: Said) -> None:
        """Let the line say what it changes."""
        kpi = self.kpis[line.code]
        line.kpi, line.name = kpi, line.name or kpi.name
        line.objective, line.unit, line.owner = kpi.objective.name, kpi.unit.name, kpi.owner
        values, refused = values_of(said, locale=self.wanted.locale, kpi=kpi)
        limits, no_numbers = limits_of(said, locale=self.wanted.locale)
        line.refused += [*refused, *no_numbers]
        for name, value in values.items():
            self._note(line, name, getattr(kpi, name), value)
        self._place(line, kpi, {name: cell.text for name, cell in said.items()})
        if line.is_good:
            line.limits = limits
            self._aim(line, kpi)
            self._refuse_what_can_not_change(line, kpi)
        if kpi.status == Kpi.Status.RETIRED and line.changes:
            line.notes.append(_("It is retired."))

    def _note(self, line: Line, name: str, old: Any, new: Any) -> None:
        if old != new:
            line.changes.append(Change(column=name, old=old, new=new))
            line.values[name] = new

    def _place(self, line: Line, kpi: Kpi, texts: dict[str, str]) -> None:
        named = texts.get("objective", "").lower()
        if named and named not in {kpi.objective.code.lower(), kpi.objective.name.lower()}:
            found = self.places.objectives.get(named)
            if found is None:
                line.refused.append(no_objective(texts["objective"]))
            else:
                line.values["objective_id"], line.objective = found.pk, found.name
                line.changes.append(Change(column="objective", old=kpi.objective.name, new=found.name))
        named = texts.get("unit", "").lower()
        if named and named not in {kpi.unit.code.lower(), kpi.unit.name.lower()}:
            self._move(line, kpi, self.places.units.get(named), texts["unit"])
        named = texts.get("owner", "").lower()
        if named and named not in {kpi.owner.email.lower(), kpi.owner.name.lower()}:
            owner = self.places.people.get(named)
            if owner is None:
                line.refused.append(nobody(texts["owner"]))
            elif owner.pk == kpi.deputy_id:
                line.refused.append(_("%(name)s is its deputy, who stands in for the owner.") % {"name": owner.name})
            elif owner.pk != kpi.owner_id:
                line.owner = owner
                line.changes.append(Change(column="owner", old=kpi.owner.name, new=owner.name))

    def _move(self, line: Line, kpi: Kpi, unit: Unit | None, named: str) -> None:
        if unit is None:
            line.refused.append(no_unit(named))
        elif unit.pk != kpi.unit_id:
            line.values["unit_id"], line.unit = unit.pk, unit.name
            line.changes.append(Change(column="unit", old=kpi.unit.name, new=unit.name))

    def _aim(self, line: Line, kpi: Kpi) -> None:
        polarity, rules, day = line.values.get("polarity", kpi.polarity), self.rules[kpi.pk], self.wanted.effective_from
        rules = Rules(polarity=polarity, targets=rules.targets, thresholds=rules.thresholds)
        try:
            aim = aim_of(line.limits, polarity=polarity, rules=rules, day=day, now=self.wanted.now)
            if aim is None and "polarity" in line.values:
                refuse_unless_judging(polarity, in_force(rules.targets, day), in_force(rules.thresholds, day))
        except AimRefused as why:
            line.refused.append(str(why))
            return
        if aim is not None:
            line.proposal = aim.proposal
            line.changes += [Change(column=name, old=old, new=new) for name, (old, new) in aim.changed.items()]
            later = [row.effective_from for row in (*rules.targets, *rules.thresholds) if row.effective_from > day]
            if later:
                line.notes.append(
                    _("From %(day)s on other limits hold, as was set before.") % {"day": day_of(min(later))}
                )
            moved = locked_that_move(kpi, aim.proposal, now=self.wanted.now)
            if moved:
                line.refused.append(judged_otherwise(kpi, moved))

    def _refuse_what_can_not_change(self, line: Line, kpi: Kpi) -> None:
        """Say what would falsify or open what is recorded; the rest is refused where it is written."""
        changed, wanted = set(line.values), self.wanted
        then = Kpi.objects.select_related(*TOGETHER).get(pk=kpi.pk) if changed else kpi
        for name, value in line.values.items():
            setattr(then, name, value)
        if then.minimum is not None and then.maximum is not None and then.minimum >= then.maximum:
            line.refused.append(_("The highest possible value must lie above the lowest."))
        if changed & RHYTHM and then.part_of is not None:
            line.refused += filter(None, [why_no_part(then.part_of, then.unit, then.frequency)])
        try:
            if changed & RHYTHM:
                refuse_to_falsify(then, Place(unit=kpi.unit, calendar=kpi.calendar))
            if kpi.entry == Kpi.Entry.DERIVED and changed & COMPUTES:
                refuse_to_compute_anew(kpi, wanted.effective_from, now=wanted.now)
        except Refused as why:
            line.refused.append(str(why))
        twin = same_name(then.name, but=kpi) if "name" in changed else None
        if twin is not None:
            line.notes.append(_("%(code)s is called so, too.") % {"code": twin.code})
