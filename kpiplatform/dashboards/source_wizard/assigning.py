"""Which group of rows goes to which KPI, and what new KPIs have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.kpi_setup.fields import SUGGESTED, NumberField, read_in
from kpiplatform.dashboards.models import SourceSetup
from kpis.models import Kpi
from kpis.sources.measures import ROWS, Measure
from objectives.models import Objective, Unit

LEAVE_OUT, NEW, OTHER = "", "new", "other"
# With more KPIs than this, a choice of all of them beside every group would be most of the page.
LISTED_AT_MOST = 60
# What new KPIs cannot be without, and so what a further figure takes over from the one before.
NEEDED = ("objective", "unit", "owner", "frequency")
COMMON = ("objective", "unit", "owner", "frequency", "measure_unit", "decimals", "goal", "red_flag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The rows with one content of the column that tells KPIs apart; None where one KPI takes all."""

    value: str | int | float | None
    rows: int

    @property
    def label(self) -> str:
        return _("all rows") if self.value is None else str(self.value)


class AssignForm(forms.Form):
    """A KPI for each group; a group without one is left out."""

    objective = forms.ModelChoiceField(
        label=gettext_lazy("Objective"), queryset=Objective.objects.none(), required=False
    )
    unit = forms.ModelChoiceField(
        label=gettext_lazy("Unit of the organisation"), queryset=Unit.objects.none(), required=False
    )
    by_name = forms.BooleanField(label=gettext_lazy("Each to the unit that is called like its group"), required=False)
    owner = forms.ModelChoiceField(label=gettext_lazy("Owner"), queryset=User.objects.none(), required=False)
    frequency = forms.ChoiceField(
        label=gettext_lazy("Frequency"), choices=Kpi.Frequency.choices, required=False, initial=Kpi.Frequency.MONTH
    )
    measure_unit = forms.CharField(
        label=gettext_lazy("Measured in"),
        max_length=20,
        required=False,
        help_text=gettext_lazy("Like %, min or flights."),
    )
    decimals = forms.IntegerField(label=gettext_lazy("Decimals"), min_value=0, max_value=8, required=False, initial=1)
    goal = NumberField(
        label=gettext_lazy("Goal"),
        required=False,
        help_text=gettext_lazy("With a red flag, values are judged at once; else they are watched until you set both."),
    )
    red_flag = NumberField(label=gettext_lazy("Red flag"), required=False)

    def __init__(
        self,
        data: Any = None,
        *,
        measure: Measure,
        groups: Sequence[Group],
        kpis: QuerySet[Kpi],
        initial: dict[str, Any],
        locale: str,
    ) -> None:
        super().__init__(data, auto_id="assign-%s", initial=initial)
        for name in NEEDED:
            self.fields[name].is_needed = True
        self.groups, self.open = groups, kpis
        has_all = kpis.count() <= LISTED_AT_MOST
        listed = kpis if has_all else kpis.exclude(mapping=None)
        named = self._named(groups, measure)
        choices = [
            (LEAVE_OUT, _("leave out")),
            (NEW, _("a new KPI called")),
            *([] if has_all else [(OTHER, _("another KPI, with the code"))]),
            *{str(kpi.pk): kpi.name for kpi in (*listed, *named.values())}.items(),
        ]
        active = Objective.objects.filter(status=Objective.Status.ACTIVE).select_related("perspective")
        self.fields["objective"].queryset = active.order_by("perspective__position", "position", "code")
        self.fields["unit"].queryset = Unit.objects.filter(is_active=True)
        self.fields["owner"].queryset = User.objects.filter(is_active=True).order_by("name")
        for place, group in enumerate(groups):
            alike = named.get(_name(group, measure).casefold())
            self.fields[f"to-{place}"] = forms.ChoiceField(
                label=_("KPI for %(group)s") % {"group": group.label},
                choices=choices,
                required=False,
                initial=str(alike.pk) if alike else NEW,
            )
            called = _("Name of the new KPI for %(group)s")
            self.fields[f"name-{place}"] = forms.CharField(
                label=(called if has_all else _("Name or code of the KPI for %(group)s")) % {"group": group.label},
                max_length=160,
                required=False,
                initial=_name(group, measure)[:160],
                widget=forms.TextInput() if has_all else forms.TextInput(attrs=SUGGESTED),
            )
        self.is_typed = not has_all
        self._units = self._called_like(groups)
        if self._units:
            self.fields["by_name"].help_text = _("Found: %(units)s. Other groups go to the unit that is chosen.") % {
                "units": ", ".join(unit.name for unit in self._units.values())
            }
        else:
            del self.fields["by_name"]
        for name in ("objective", "unit", "owner"):
            only = list(self.fields[name].queryset[:2])
            if len(only) == 1:
                self.initial.setdefault(name, only[0].pk)
        read_in(self, locale)

    def _called_like(self, groups: Sequence[Group]) -> dict[str, Unit]:
        """Return the units that are called like a group, by its label; a name that two of them have says nothing."""
        named: dict[str, list[Unit]] = {}
        for unit in self.fields["unit"].queryset:
            named.setdefault(unit.name.casefold(), []).append(unit)
        found = {group.label: named.get(group.label.strip().casefold(), []) for group in groups}
        return {label: units[0] for label, units in found.items() if len(units) == 1}

    @property
    def rows(self) -> Iterator[dict[str, Any]]:
        """The groups with their two fields."""
        for place, group in enumerate(self.groups):
            yield {"group": group, "to": self[f"to-{place}"], "name": self[f"name-{place}"]}

    @property
    def common(self) -> list[Any]:
        """The fields that all new KPIs share."""
        return [self[name] for name in (*COMMON[:2], "by_name", *COMMON[2:]) if name in self.fields]

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        for place in range(len(self.groups)):
            self._find(place, said)
        chosen = [said.get(f"to-{place}", "") for place in range(len(self.groups))]
        if not any(chosen):
            self.add_error(None, _("Choose a KPI for at least one group."))
        for place, to in enumerate(chosen):
            if to not in {LEAVE_OUT, NEW} and chosen.index(to) != place:
                self.add_error(f"to-{place}", _("Another group has this KPI already."))
            if to == NEW and not said.get(f"name-{place}"):
                self.add_error(f"name-{place}", _("Say what the new KPI is called."))
        if NEW in chosen:
            of_groups = self._of_groups()
            everywhere = all(
                group.label in of_groups for group, to in zip(self.groups, chosen, strict=True) if to == NEW
            )
            for name in NEEDED:
                if not said.get(name) and not (name == "unit" and everywhere):
                    self.add_error(name, _("New KPIs need it."))
            self._limits(said)
        return said

    def _find(self, place: int, said: dict[str, Any]) -> None:
        """Put the KPI whose code was typed in the place of the choice."""
        if said.get(f"to-{place}") != OTHER:
            return
        code = said.get(f"name-{place}", "").strip()
        found = self.open.filter(code__iexact=code).first()
        if found is None:
            self.add_error(f"name-{place}", _("No KPI that this source may feed has the code “%s”.") % code[:40])
        else:
            said[f"to-{place}"] = str(found.pk)

    def _limits(self, said: dict[str, Any]) -> None:
        goal, red_flag = said.get("goal"), said.get("red_flag")
        if self.errors.keys() & {"goal", "red_flag"}:
            return
        if (goal is None) != (red_flag is None):
            missing = "red_flag" if red_flag is None else "goal"
            self.add_error(missing, _("Goal and red flag judge together: give both or neither."))
        elif goal is not None and goal == red_flag:
            self.add_error("red_flag", _("The red flag differs from the goal; on which side says what is good."))

    def _of_groups(self) -> dict[str, Unit]:
        return self._units if self.cleaned_data.get("by_name") else {}

    def assigned(self) -> list[dict[str, Any]]:
        """Return what was chosen for each group, as it is stored."""
        said, of_groups = self.cleaned_data, self._of_groups()
        found = []
        for place, group in enumerate(self.groups):
            to = said[f"to-{place}"]
            if to == NEW:
                unit = of_groups.get(group.label)
                own = {"unit": unit.pk} if unit else {}
                found.append({"group": group.value, "new": said[f"name-{place}"], **own})
            elif to:
                found.append({"group": group.value, "kpi": int(to)})
        return found

    def stored_common(self) -> dict[str, Any]:
        """Return what new KPIs have in common, as it is stored."""
        said = self.cleaned_data
        plain = {name: getattr(said.get(name), "pk", said.get(name)) for name in COMMON}
        return plain | {name: str(plain[name]) for name in ("goal", "red_flag") if plain[name] is not None}

    def _named(self, groups: Sequence[Group], measure: Measure) -> dict[str, Kpi]:
        """Return the KPIs that are called like the new ones would be, by their names."""
        names = [Lower(Value(_name(group, measure))) for group in groups]
        alike = self.open.annotate(called=Lower("name")).filter(called__in=names)
        return {kpi.name.casefold(): kpi for kpi in alike}


def _name(group: Group, measure: Measure) -> str:
    return measure.name if group.value is None else f"{measure.name}, {group.value}"


def chosen(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was chosen for the groups of a figure before, for the fields of the form."""
    by_group = {str(one["group"]): one for one in entry.get("assigned", [])}
    by_name = not by_group or any("unit" in one for one in by_group.values())
    initial = {"by_name": by_name, **entry.get("common", {})}
    for place, group in enumerate(entry["groups"] if by_group else []):
        one = by_group.get(str(group["value"]))
        initial[f"to-{place}"] = LEAVE_OUT if one is None else str(one.get("kpi", NEW))
        if one and "new" in one:
            initial[f"name-{place}"] = one["new"]
    initial |= {name: Decimal(initial[name]) for name in ("goal", "red_flag") if initial.get(name)}
    return {name: value for name, value in initial.items() if value is not None}


def assign(setup: SourceSetup, place: int, *, assigned: list[dict[str, Any]], common: dict[str, Any]) -> None:
    """Let the figure at `place` feed what was chosen for its groups; a KPI that another figure fed leaves that one."""
    taken = {one["kpi"] for one in assigned if "kpi" in one}
    for entry in setup.measures:
        if "assigned" in entry:
            entry["assigned"] = [one for one in entry["assigned"] if one.get("kpi") not in taken]
    setup.measures[place] |= {"assigned": assigned, "common": common}


def read_again(known: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the groups that are there now: those that were known keep their places, new ones follow."""
    rows = {group["value"]: group["rows"] for group in found}
    places = list(dict.fromkeys([*(group["value"] for group in known), *rows]))
    return [{"value": value, "rows": rows.get(value, 0)} for value in places]


def suggested_common(setup: SourceSetup, place: int) -> dict[str, Any]:
    """Return what new KPIs of a figure most likely have: what the figure before has, and the unit of a percentage."""
    before = [entry["common"] for entry in setup.measures[:place] if entry.get("common")]
    found = {name: before[-1][name] for name in NEEDED if before and before[-1].get(name) is not None}
    measure = Measure.stored(setup.measures[place]["measure"])
    if measure.denominator is not None and Decimal(measure.factor) == 100:
        found["measure_unit"] = "%"
    elif measure.denominator is None and measure.numerator.agg in {ROWS, "nunique"}:
        found["decimals"] = 0
    return found
