"""The definition sheet, the people and the life of one KPI, as an admin changes them."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import escape
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import seen, seen_field
from kpiplatform.dashboards.kpi_setup.changing import OneChangeForm
from kpiplatform.dashboards.kpi_setup.fields import NumberField, read_in
from kpiplatform.dashboards.kpi_setup.sheet import OTHERS, SECTIONS, in_columns, sheet_fields
from kpis.forms import DayField
from kpis.models import Kpi
from kpis.services.defining import PEOPLE
from objectives.models import Unit

NAMES = tuple(name for _key, _title, names in SECTIONS for name in names)


def refuse_disorder(form: forms.Form) -> None:
    """Refuse what the sheet can't say: bounds in disorder, a benchmark of nobody, a part of something beside it."""
    said = form.cleaned_data
    low, high = said.get("minimum"), said.get("maximum")
    if low is not None and high is not None and low >= high:
        form.add_error("maximum", _("The highest possible value must lie above the lowest."))
    if said.get("benchmark_value") is not None and not said.get("benchmark_source"):
        form.add_error("benchmark_source", _("Say whose benchmark it is: without a source it can't be checked."))
    if said.get("decimals") is not None and said["decimals"] > 8:
        form.add_error("decimals", _("At most eight decimals are kept."))
    whole = said.get("part_of")
    why = why_no_part(whole, said.get("unit"), said.get("frequency")) if whole is not None else ""
    if why:
        form.add_error("part_of", why)


def why_no_part(whole: Kpi, unit: Unit | None, frequency: str | None) -> str:
    """Say why a KPI of that unit and frequency can be no part of another one, "" where it can."""
    if unit is not None and (unit.path == whole.unit.path or not unit.path.startswith(whole.unit.path)):
        self_or_above = {"unit": whole.unit.name, "name": whole.name}
        return _("“%(name)s” is of %(unit)s: a part belongs to a unit below it.") % self_or_above
    if frequency and frequency != whole.frequency:
        return _("Whole and part need the same frequency: “%s” has another.") % whole.name
    return ""


def same_name(name: str, *, but: Kpi | None = None) -> Kpi | None:
    """Return another KPI that is called the same, however it is written."""
    others = Kpi.objects.filter(name__iexact=" ".join(name.split())).exclude(status=Kpi.Status.RETIRED)
    return others.exclude(pk=but.pk if but else None).first()


class DefinitionForm(OneChangeForm):
    """The whole sheet of a KPI, and from when and why it changes."""

    same_name_is_meant = forms.BooleanField(label=gettext_lazy("Two KPIs may share this name"), required=False)

    def __init__(self, data: Any = None, *, kpi: Kpi, today: date, locale: str) -> None:
        initial = {name: getattr(kpi, name) for name in NAMES}
        super().__init__(data, kpi=kpi, today=today, auto_id="sheet-%s", initial=initial)
        self.fields = sheet_fields(NAMES) | self.fields
        for name in OTHERS:
            self._name_present(self.fields[name], getattr(kpi, name))
        if kpi.objective_id and not self.fields["objective"].queryset.filter(pk=kpi.objective_id).exists():
            self.fields["objective"].queryset = type(kpi.objective).objects.filter(pk=kpi.objective_id)
        read_in(self, locale)
        self.asks_for_name = False

    def _name_present(self, field: forms.Field, present: Kpi | None) -> None:
        field.itself, field.present = self.kpi, present
        if present is not None:
            field.help_text = format_lazy(
                "{} {}", field.help_text, _("Now: %(name)s.") % {"name": escape(present.name)}
            )

    @property
    def sections(self) -> list[dict[str, Any]]:
        """The fields of the sheet under their headings."""
        return [{"id": key, "title": title, "fields": [self[name] for name in names]} for key, title, names in SECTIONS]

    @property
    def values(self) -> dict[str, Any]:
        """What the sheet says, by column."""
        return in_columns({name: self.cleaned_data[name] for name in NAMES})

    def clean(self) -> dict[str, Any]:
        refuse_disorder(self)
        said, kpi = self.cleaned_data, self.kpi
        if said.get("entry") == Kpi.Entry.DERIVED and not kpi.formula:
            self.add_error("entry", _("A derived KPI needs its calculation: write it on the page “Calculation”."))
        twin = same_name(said.get("name", ""), but=kpi)
        if twin is not None and said["name"] != kpi.name and not said["same_name_is_meant"]:
            self.asks_for_name = True
            self.add_error("name", _("%(code)s is called so, too. Say below that you mean it.") % {"code": twin.code})
        if kpi.status != Kpi.Status.ACTIVE or self.errors:
            return said
        changed = {name for name in NAMES if said[name] != getattr(kpi, name)}
        if changed:
            self.ask_for_reason()
        return said


class PeopleForm(forms.Form):
    """Who answers for a KPI; another owner takes over on a day, for a reason."""

    owner = forms.ModelChoiceField(label=gettext_lazy("Owner"), queryset=User.objects.none(), empty_label=None)
    deputy = forms.ModelChoiceField(
        label=gettext_lazy("Deputy"),
        queryset=User.objects.none(),
        required=False,
        help_text=gettext_lazy("Enters and explains values while the owner is away."),
    )
    steward = forms.ModelChoiceField(
        label=gettext_lazy("Data steward"),
        queryset=User.objects.none(),
        required=False,
        help_text=gettext_lazy("Answers for where the number comes from."),
    )
    effective_from = DayField(label=gettext_lazy("Hand-over on"))
    reason = forms.CharField(label=gettext_lazy("Reason of the hand-over"), max_length=200, required=False)
    seen = seen_field()

    def __init__(self, data: Any = None, *, kpi: Kpi, today: date) -> None:
        initial = {name.removesuffix("_id"): getattr(kpi, name) for name in PEOPLE}
        super().__init__(
            data, auto_id="people-%s", initial=initial | {"effective_from": today, "seen": seen(kpi, PEOPLE)}
        )
        self.kpi, self.today = kpi, today
        people = User.objects.filter(is_active=True).order_by("name")
        for name in ("owner", "deputy", "steward"):
            self.fields[name].queryset = people
            self.fields[name].label_from_instance = lambda person: person.name

    def clean_effective_from(self) -> date:
        chosen: date = self.cleaned_data["effective_from"]
        if chosen > self.today:
            raise ValidationError(_("A hand-over is recorded on the day it happens, not before."))
        if chosen.year < self.today.year - 5:
            raise ValidationError(_("Choose a day within the last five years."))
        return chosen

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        owner, deputy = said.get("owner"), said.get("deputy")
        if owner and deputy and owner == deputy:
            self.add_error("deputy", _("The deputy stands in for the owner, so it is somebody else."))
        if owner and owner.pk != self.kpi.owner_id and not said.get("reason"):
            self.add_error("reason", _("Say why the KPI changes hands."))
        return said


class WeightForm(forms.Form):
    """How much a KPI counts in its objective, from a day on."""

    weight = NumberField(label=gettext_lazy("Weight"), help_text=gettext_lazy("Relative to the others: 2 is twice 1."))
    effective_from = DayField(label=gettext_lazy("Effective from"))

    def __init__(self, data: Any = None, *, weight: Any, today: date, locale: str) -> None:
        super().__init__(data, auto_id="weight-%s", initial={"weight": weight, "effective_from": today})
        self.today = today
        read_in(self, locale)

    def clean_weight(self) -> Any:
        weight = self.cleaned_data["weight"]
        if weight < 0 or weight > 1000:
            raise ValidationError(_("A weight lies between 0 and 1,000; 0 counts for nothing."))
        return weight

    def clean_effective_from(self) -> date:
        chosen: date = self.cleaned_data["effective_from"]
        if abs(chosen.year - self.today.year) > 5:
            raise ValidationError(_("Choose a day within five years of today."))
        return chosen
